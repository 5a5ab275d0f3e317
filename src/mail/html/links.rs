//! Where a link leads, and whether its text says something else. Never resolves a name.

use std::borrow::Cow;

use crate::mail::{mailboxes::domain_spellings, transfer};

/// A host in its spellings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mail) struct Host {
    /// In Unicode.
    pub unicode: String,
    /// In ASCII, if that differs.
    pub ascii: Option<String>,
}

impl Host {
    /// Both spellings for people.
    fn to_display(&self) -> String {
        match &self.ascii {
            Some(ascii) => format!("{} = {ascii}", self.unicode),
            None => self.unicode.clone(),
        }
    }

    fn ascii(&self) -> &str {
        self.ascii.as_deref().unwrap_or(&self.unicode)
    }
}

/// Schemes whose addresses have a host where a browser or a mail program reads one.
const WITH_HOST: [&str; 24] = [
    "http", "https", "ftp", "ftps", "ws", "wss", "sftp", "smb", "cifs", "nfs", "afp", "dav",
    "davs", "webdav", "ssh", "telnet", "ldap", "ldaps", "vnc", "rdp", "rtsp", "irc", "ircs",
    "nntp",
];

/// Schemes that ask no host: of addresses of people, and of the mail's own parts.
const WITHOUT_PLACE: [&str; 5] = ["mailto", "tel", "sms", "cid", "mid"];

/// No name that can be asked for is longer, in bytes.
const LONGEST_HOST: usize = 512;

/// Signs that no host has, and that would end one, or its label. A program that takes them all the same
/// asks for the whole.
const IN_NO_HOST: &str = "[]/\\?#@:%<>^|\"`{}";

/// Ends of file names that look like the end of a host name.
const FILE_ENDS: [&str; 24] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv", "zip", "rar", "png", "jpg",
    "jpeg", "gif", "html", "htm", "xml", "json", "md", "rs", "py", "eml", "exe",
];

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// To a host.
    Host(Host),
    /// To a program: the scheme. The rest of an address without a host is not said: a long one could be
    /// cut where it begins to tell the truth.
    Scheme(String),
}

impl Place {
    /// The place of a target with this scheme, and with this behind it.
    pub(super) fn of(scheme: &str, rest: &str) -> Option<Self> {
        let host = match scheme {
            "file" => host_of_file(rest),
            _ if is_special(scheme) => authority(rest),
            // Whether the host ends at a backslash, each program has its own mind.
            _ if WITH_HOST.contains(&scheme) && !has_backslash(rest) => authority(rest),
            _ => None,
        };
        let is_place = !WITHOUT_PLACE.contains(&scheme);
        host.map(Self::Host)
            .or_else(|| is_place.then(|| Self::Scheme(scheme.to_owned())))
    }

    /// The place for people.
    pub(super) fn to_display(&self) -> String {
        match self {
            Self::Host(host) => host.to_display(),
            Self::Scheme(scheme) => format!("{scheme}:"),
        }
    }

    fn host(&self) -> Option<&Host> {
        match self {
            Self::Host(host) => Some(host),
            Self::Scheme(_) => None,
        }
    }
}

/// A target without what a browser drops from it: controls and simple blanks around it, and no other
/// blanks; tabs and line ends.
pub(super) fn plain(target: &str) -> String {
    target
        .trim_matches(|sign| sign <= ' ')
        .chars()
        .filter(|sign| !"\t\r\n".contains(*sign))
        .collect()
}

/// Whether a browser reads addresses of this scheme itself, with a backslash as a slash.
pub(super) fn is_special(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ftp" | "ws" | "wss" | "file")
}

/// The scheme of a target in small letters, and what follows it.
pub(super) fn scheme_of(plain: &str) -> (Option<String>, &str) {
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || "+-.".contains(sign);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|sign: char| sign.is_ascii_alphabetic())
            && scheme.chars().all(is_of_name)
    };
    match plain
        .split_once(':')
        .filter(|(scheme, _)| is_scheme(scheme))
    {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, plain),
    }
}

/// The host of a file that is not here: behind two slashes, or behind more than three, as Windows has it.
fn host_of_file(rest: &str) -> Option<Host> {
    let name = rest.trim_start_matches(['/', '\\']);
    let mut signs = name.chars();
    let is_drive = signs.next().is_some_and(|sign| sign.is_ascii_alphabetic())
        && matches!(signs.next(), Some(':' | '|'));
    let is_elsewhere = matches!(n_slashes(rest, Some("file")), 2 | 4..) && !is_drive;
    is_elsewhere.then(|| authority(name)).flatten()
}

/// How many slashes a text begins with, as an address of this scheme or of the page that shows it.
pub(super) fn n_slashes(rest: &str, scheme: Option<&str>) -> usize {
    let slashes = match scheme.is_none_or(is_special) {
        true => "/\\",
        false => "/",
    };
    rest.chars()
        .take_while(|sign| slashes.contains(*sign))
        .count()
}

/// Whether a backslash stands before the end of a host.
fn has_backslash(rest: &str) -> bool {
    let rest = rest.trim_start_matches('/');
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().contains('\\')
}

/// The host at the start of what follows a scheme.
pub(super) fn authority(rest: &str) -> Option<Host> {
    let rest = rest.trim_start_matches(['/', '\\']);
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    if let Some(address) = literal(host) {
        return Some(Host {
            unicode: address.to_lowercase(),
            ascii: None,
        });
    }
    let host = match host.contains(['[', ']']) {
        // Where a port would begin is anybody's guess.
        true => host,
        false => host.split_once(':').map_or(host, |(host, _)| host),
    };
    let decoded = transfer::percent(host.as_bytes()).bytes;
    named(&String::from_utf8_lossy(&decoded))
}

/// The address in brackets that a host is (RFC 3986, section 3.2.2; RFC 6874), without them.
fn literal(host: &str) -> Option<&str> {
    let (address, behind) = host.strip_prefix('[')?.split_once(']')?;
    let (digits, zone) = address.split_once('%').unwrap_or((address, ""));
    let is_digit = |sign: char| sign.is_ascii_hexdigit() || ":.".contains(sign);
    let is_address = digits.matches(':').count() >= 2
        && digits.chars().all(is_digit)
        && zone.chars().all(|sign| sign.is_ascii_alphanumeric());
    (is_address && (behind.is_empty() || behind.starts_with(':'))).then_some(address)
}

fn named(host: &str) -> Option<Host> {
    let host = host.trim_end_matches('.').to_lowercase();
    let is_name = !host.is_empty()
        && host.len() <= LONGEST_HOST
        && !host.contains(|sign: char| sign.is_control() || sign.is_whitespace());
    is_name.then(|| {
        let (unicode, ascii) = domain_spellings(&host);
        let in_ascii = ascii.as_deref().unwrap_or(&unicode);
        match escaped(in_ascii) {
            Cow::Borrowed(_) => Host { unicode, ascii },
            Cow::Owned(unicode) => Host {
                unicode,
                ascii: None,
            },
        }
    })
}

fn escaped(host: &str) -> Cow<'_, str> {
    if !host.contains(|sign| IN_NO_HOST.contains(sign)) {
        return Cow::Borrowed(host);
    }
    let written = |sign: char| match IN_NO_HOST.contains(sign) {
        true => format!("%{:02X}", u32::from(sign)),
        false => sign.to_string(),
    };
    Cow::Owned(host.chars().map(written).collect())
}

/// Whether a text names a host, and not the one that its link leads to, or may lead to as well.
pub(super) fn is_mismatch(text: &str, places: &[Place]) -> bool {
    host_in_text(text).is_some_and(|named| {
        let is_same = |place: &Place| place.host().is_some_and(|host| is_below(host, &named));
        places.is_empty() || !places.iter().all(is_same)
    })
}

/// Whether a host is the one that is named, or one of its own.
fn is_below(host: &Host, named: &Host) -> bool {
    let bare = |host: &Host| host.ascii().trim_start_matches("www.").to_owned();
    let (named, real) = (bare(named), bare(host));
    named == real
        || real
            .strip_suffix(named.as_str())
            .is_some_and(|front| front.ends_with('.'))
}

/// The host that a text names, if it is an address and not a sentence.
fn host_in_text(text: &str) -> Option<Host> {
    let word = text.split_whitespace().find(|word| {
        let word = word.to_ascii_lowercase();
        word.contains("://") || word.starts_with("www.")
    });
    if let Some(word) = word {
        let at = word.find("://").map_or(0, |at| at + 3);
        let begins = word.get(at..)?.trim_start_matches(['(', '<', '"']);
        let ends: &[char] = &[')', '>', ']', '"', '.', ',', ';'];
        return authority(begins.trim_end_matches(ends));
    }
    let mut words = text.split_whitespace();
    let (Some(word), None) = (words.next(), words.next()) else {
        return None;
    };
    let end = word.find(['/', '?', '#', ':']).unwrap_or(word.len());
    let host = word.get(..end)?;
    let (front, last) = host.trim_end_matches('.').rsplit_once('.')?;
    let is_last = last.chars().count() >= 2
        && last.chars().all(char::is_alphabetic)
        && !FILE_ENDS.contains(&last.to_ascii_lowercase().as_str());
    let is_label = |sign: char| sign.is_alphanumeric() || "-.".contains(sign);
    (is_last && !front.is_empty() && front.chars().all(is_label))
        .then(|| named(host))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::html::places::{Bases, places_of};

    fn host(target: &str) -> Option<String> {
        let places = places_of(target, &Bases::default());
        places.first()?.host().map(Host::to_display)
    }

    #[test]
    fn a_host_is_read_as_a_browser_reads_it() {
        for (target, shown) in [
            ("https://corp.test/a?b", "corp.test"),
            ("HTTP://user:word@Corp.TEST:8080#x", "corp.test"),
            ("https:\\\\corp.test\\a", "corp.test"),
            ("https:corp.test", "corp.test"),
            (" ht\ntps://co\trp.test", "corp.test"),
            ("//corp.test", "corp.test"),
            (
                "https://b\u{fc}cher.test",
                "b\u{fc}cher.test = xn--bcher-kva.test",
            ),
            (
                "https://xn--bcher-kva.test",
                "b\u{fc}cher.test = xn--bcher-kva.test",
            ),
            ("https://%63orp.test./", "corp.test"),
            ("https://[2001:db8::1]:1/", "2001:db8::1"),
            ("https://bank.test@evil.test/", "evil.test"),
        ] {
            assert_eq!(host(target).as_deref(), Some(shown), "{target}");
        }
        for target in [
            "mailto:a@corp.test",
            "#x",
            "/a",
            "a/b",
            "javascript:x()",
            "",
            "https://",
        ] {
            assert_eq!(host(target), None, "{target}");
        }
    }

    #[test]
    fn no_sign_of_a_host_ends_its_label_before_it() {
        for (target, shown) in [
            ("smb://bank.test%5D.evil.test/", "bank.test%5D.evil.test"),
            ("smb://bank.test].evil.test/", "bank.test%5D.evil.test"),
            ("smb://[bank.test].evil.test/", "%5Bbank.test%5D.evil.test"),
            ("smb://[::1].evil.test", "%5B%3A%3A1%5D.evil.test"),
            (
                "https://bank.test\u{ff3d}.evil.test",
                "bank.test%5D.evil.test",
            ),
            (
                "smb://bank.test%2Flogin.evil.test",
                "bank.test%2Flogin.evil.test",
            ),
            ("smb://bank.test%3A1.evil.test", "bank.test%3A1.evil.test"),
            ("smb://bank%252Etest", "bank%252etest"),
            ("smb://[FE80::1%25eth0]:1", "fe80::1%25eth0"),
            ("https://[::ffff:192.0.2.1]/", "::ffff:192.0.2.1"),
        ] {
            assert_eq!(host(target).as_deref(), Some(shown), "{target}");
        }
    }

    #[test]
    fn a_text_that_names_another_host_is_told() {
        let leads =
            |text: &str, target: &str| is_mismatch(text, &places_of(target, &Bases::default()));
        for (text, target) in [
            ("https://bank.test/login", "https://evil.test/"),
            ("www.bank.test", "https://evil.test/"),
            ("bank.test", "https://bank.test.evil.test/"),
            ("see https://bank.test now", "https://evil.test/"),
            ("bank.test", "javascript:x()"),
        ] {
            assert!(leads(text, target), "{text}");
        }
        for (text, target) in [
            ("bank.test", "https://www.bank.test/x"),
            ("https://bank.test/", "https://bank.test/other"),
            ("bank.test", "https://login.bank.test/"),
            ("[https://bank.test], new", "https://bank.test/"),
            ("report.pdf", "https://files.test/1"),
            ("Click here. Now", "https://evil.test/"),
            ("e.g. this", "https://evil.test/"),
            ("", "https://evil.test/"),
        ] {
            assert!(!leads(text, target), "{text}");
        }
    }
}
