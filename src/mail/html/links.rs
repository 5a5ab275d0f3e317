//! Where a link leads, and whether its text says something else. Never resolves a name.

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

/// Ends of file names that look like the end of a host name.
const FILE_ENDS: [&str; 24] = [
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv", "zip", "rar", "png", "jpg",
    "jpeg", "gif", "html", "htm", "xml", "json", "md", "rs", "py", "eml", "exe",
];

/// What targets without a host of their own lead on from.
#[derive(Debug, Default)]
pub(super) struct Base {
    scheme: Option<String>,
    host: Option<Host>,
}

impl Base {
    /// Reads the target of a `base`.
    pub(super) fn read(target: &str) -> Self {
        Self {
            scheme: scheme_of(&plain(target)).0,
            host: host_of(target, &Self::default()),
        }
    }
}

/// What the label of a link says: its host, else its scheme; `None` for one that leads nowhere. The rest
/// of an address without a host is not said: a long one could be cut where it begins to tell the truth.
pub(super) fn place_of(target: &str, base: &Base) -> Option<String> {
    if let Some(host) = host_of(target, base) {
        return Some(host.to_display());
    }
    let scheme = scheme_of(&plain(target)).0?;
    (!WITHOUT_PLACE.contains(&scheme.as_str())).then(|| format!("{scheme}:"))
}

/// The host that a browser would ask, or the program that opens it.
pub(super) fn host_of(target: &str, base: &Base) -> Option<Host> {
    let plain = plain(target);
    let (scheme, rest) = scheme_of(&plain);
    let is_after_slashes = n_slashes(rest) >= 2;
    let leads_on = !is_after_slashes && (scheme.is_none() || scheme == base.scheme);
    match scheme {
        _ if leads_on && base.host.is_some() => base.host.clone(),
        None => is_after_slashes.then(|| authority(rest)).flatten(),
        Some(scheme) if scheme == "file" => host_of_file(rest),
        Some(scheme) if WITH_HOST.contains(&scheme.as_str()) => authority(rest),
        Some(_) => None,
    }
}

/// A target without what a browser drops from it: blanks around it, tabs and line ends.
fn plain(target: &str) -> String {
    let plain: String = target
        .trim()
        .chars()
        .filter(|sign| !"\t\r\n".contains(*sign))
        .collect();
    let begin = plain.trim_start_matches(|sign: char| sign.is_ascii_control() || sign == ' ');
    begin.to_owned()
}

/// The scheme of a target in small letters, and what follows it.
fn scheme_of(plain: &str) -> (Option<String>, &str) {
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
    let is_elsewhere = matches!(n_slashes(rest), 2 | 4..) && !is_drive;
    is_elsewhere.then(|| authority(name)).flatten()
}

/// How many slashes a text begins with; a browser takes a backslash for one.
fn n_slashes(rest: &str) -> usize {
    let is_slash = |sign: &char| "/\\".contains(*sign);
    rest.chars().take_while(is_slash).count()
}

fn authority(rest: &str) -> Option<Host> {
    let rest = rest.trim_start_matches(['/', '\\']);
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => host.split_once(':').map_or(host, |(host, _)| host),
    };
    let decoded = transfer::percent(host.as_bytes()).bytes;
    named(&String::from_utf8_lossy(&decoded))
}

fn named(host: &str) -> Option<Host> {
    let host = host.trim_end_matches('.').to_lowercase();
    let is_name = !host.is_empty()
        && host.len() <= LONGEST_HOST
        && !host.contains(|sign: char| sign.is_control() || sign.is_whitespace());
    is_name.then(|| {
        let (unicode, ascii) = domain_spellings(&host);
        Host { unicode, ascii }
    })
}

/// Whether a text names another host than the one that its link leads to.
pub(super) fn is_mismatch(text: &str, host: Option<&Host>) -> bool {
    let Some(named) = host_in_text(text) else {
        return false;
    };
    let Some(host) = host else { return true };
    let bare = |host: &Host| host.ascii().trim_start_matches("www.").to_owned();
    let (named, real) = (bare(&named), bare(host));
    let is_below = real
        .strip_suffix(named.as_str())
        .is_some_and(|front| front.ends_with('.'));
    named != real && !is_below
}

/// The host that a text names, if it is an address and not a sentence.
fn host_in_text(text: &str) -> Option<Host> {
    let word = text.split_whitespace().find(|word| {
        let word = word.to_ascii_lowercase();
        word.contains("://") || word.starts_with("www.")
    });
    if let Some(word) = word {
        let at = word.find("://").map_or(0, |at| at + 3);
        return authority(word.get(at..)?.trim_start_matches(['(', '<', '"']));
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

    fn host(target: &str) -> Option<String> {
        host_of(target, &Base::default()).map(|host| host.to_display())
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
    fn a_text_that_names_another_host_is_told() {
        let leads = |text: &str, target: &str| {
            is_mismatch(text, host_of(target, &Base::default()).as_ref())
        };
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
            ("report.pdf", "https://files.test/1"),
            ("Click here. Now", "https://evil.test/"),
            ("e.g. this", "https://evil.test/"),
            ("", "https://evil.test/"),
        ] {
            assert!(!leads(text, target), "{text}");
        }
    }
}
