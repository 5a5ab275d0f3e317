//! Reads a list of milters as `main.cf` has it, and tells which of them are our listeners.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::milter::{ListenerSettings, listener::Socket};

/// One milter of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry as it is written, braces included.
    pub text: String,
    /// Where Postfix connects, such as `unix:mailhold/smtp.sock`.
    pub endpoint: String,
    options: Vec<(String, String)>,
}

impl Entry {
    /// What the entry sets for itself, such as `default_action`.
    pub fn option(&self, name: &str) -> Option<&str> {
        // The last one counts.
        let mut found = self.options.iter().rev().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The path of a UNIX socket, as it is written.
    pub fn path(&self) -> Option<&Path> {
        self.endpoint.strip_prefix("unix:").map(Path::new)
    }

    /// The listener that the entry means, whether it can be reached or not.
    pub fn listener<'a>(
        &self,
        listeners: &'a [ListenerSettings],
        queue_directory: &Path,
    ) -> Option<&'a ListenerSettings> {
        listeners.iter().find(|one| match &one.socket {
            Socket::Unix { path, .. } => self.path().is_some_and(|written| {
                is_same(path, written) || is_same(path, &below(queue_directory, written))
            }),
            Socket::Inet(address) => self.connects_to(*address),
        })
    }

    fn connects_to(&self, address: SocketAddr) -> bool {
        let Some(place) = self.endpoint.strip_prefix("inet:") else {
            return false;
        };
        let (host, port) = place.rsplit_once(':').unwrap_or(("localhost", place));
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_host = match host.parse::<IpAddr>() {
            Ok(ip) => ip == address.ip() || address.ip().is_unspecified(),
            Err(_) => {
                host.is_empty()
                    || address.ip().is_unspecified()
                    || (host == "localhost" && address.ip().is_loopback())
            }
        };
        is_host && port.parse() == Ok(address.port())
    }
}

/// Where a chrooted service finds a path, and any service a relative one: below the queue.
pub fn below(queue_directory: &Path, written: &Path) -> PathBuf {
    queue_directory.join(written.strip_prefix("/").unwrap_or(written))
}

/// Whether two paths lead to the same file; by name if it is not there.
fn is_same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| {
        let directory = path.parent()?.canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    one == other || whole(one).zip(whole(other)).is_some_and(|(a, b)| a == b)
}

/// Reads a list: entries apart by commas or white space, those with options in braces.
pub fn parse(value: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = value.trim_start_matches(is_separator);
    while !rest.is_empty() {
        let end = match rest.starts_with('{') {
            // Without its end Postfix would not take it; then it is all that is left.
            true => rest.find('}').map_or(rest.len(), |at| at + 1),
            false => rest.find(is_separator).unwrap_or(rest.len()),
        };
        let (text, after) = rest.split_at(end);
        entries.push(entry(text));
        rest = after.trim_start_matches(is_separator);
    }
    entries
}

fn entry(text: &str) -> Entry {
    let inner = text.trim_start_matches('{').trim_end_matches('}');
    let mut words = inner.split(is_separator).filter(|word| !word.is_empty());
    let endpoint = words.next().unwrap_or_default().to_owned();
    // `name=value`; Postfix also takes blanks around the sign, within commas.
    let (_, after) = inner.split_once(&endpoint).unwrap_or_default();
    let options = after.split(',').flat_map(|part| {
        let joined = part.split('=').map(str::trim).collect::<Vec<_>>().join("=");
        let pairs: Vec<_> = joined
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        pairs
    });
    Entry {
        text: text.to_owned(),
        options: options.collect(),
        endpoint,
    }
}

fn is_separator(sign: char) -> bool {
    sign == ',' || sign.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "inet:localhost:8891, { unix:mailhold/smtp.sock, default_action=tempfail, \
                        command_timeout = 10s content_timeout=60s },unix:last";

    fn unix(path: &str) -> ListenerSettings {
        ListenerSettings {
            socket: format!("unix:{path}").parse().unwrap(),
            entrance: crate::milter::Entrance::default(),
        }
    }

    #[test]
    fn a_list_has_entries_with_and_without_braces() {
        let endpoints: Vec<_> = parse(LIST).into_iter().map(|one| one.endpoint).collect();
        assert_eq!(
            endpoints,
            [
                "inet:localhost:8891",
                "unix:mailhold/smtp.sock",
                "unix:last"
            ]
        );
        assert_eq!(parse("  "), []);
        assert_eq!(parse("{ unix:a").len(), 1);
        assert_eq!(parse("{}").len(), 1);
    }

    #[test]
    fn options_belong_to_their_entry() {
        let entries = parse(LIST);
        assert_eq!(entries[1].option("default_action"), Some("tempfail"));
        assert_eq!(entries[1].option("command_timeout"), Some("10s"));
        assert_eq!(entries[1].option("content_timeout"), Some("60s"));
        assert_eq!(entries[0].option("default_action"), None);
    }

    #[test]
    fn a_path_is_ours_relative_to_the_queue_and_as_it_stands() {
        let queue = Path::new("/var/spool/postfix");
        let ours = [unix("/var/spool/postfix/mailhold/smtp.sock")];
        for written in [
            "unix:mailhold/smtp.sock",
            "unix:/mailhold/smtp.sock",
            "unix:/var/spool/postfix/mailhold/smtp.sock",
        ] {
            let entries = parse(written);
            assert!(entries[0].listener(&ours, queue).is_some(), "{written}");
        }
        let other = parse("unix:opendkim/opendkim.sock");
        assert!(other[0].listener(&ours, queue).is_none());
    }

    #[test]
    fn a_port_is_ours_by_address_or_name() {
        let queue = Path::new("/var/spool/postfix");
        let ours = [ListenerSettings {
            socket: "inet:127.0.0.1:9460".parse().unwrap(),
            entrance: crate::milter::Entrance::default(),
        }];
        for (written, expected) in [
            ("inet:127.0.0.1:9460", true),
            ("inet:localhost:9460", true),
            ("inet:[127.0.0.1]:9460", true),
            ("inet:127.0.0.1:9461", false),
            ("inet:192.0.2.1:9460", false),
            ("unix:9460", false),
        ] {
            let found = parse(written)[0].listener(&ours, queue).is_some();
            assert_eq!(found, expected, "{written}");
        }
    }
}
