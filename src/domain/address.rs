//! Envelope addresses as clients really send them: any bytes, quoted, routed, or no domain at all.

use super::idn::to_lower;

/// A mailbox read out of an envelope argument, folded as far as RFC 5321 allows.
///
/// Reading never fails: a sender can put any bytes there, and an address that cannot be understood
/// must still be looked up (as what it is) and still be classified (as external).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    local: Vec<u8>,
    domain: Vec<u8>,
}

impl Address {
    /// Reads an envelope argument: `<a@b>`, `a@b`, `<@relay:a@b>`, `<"a b"@c>`; `None` for the null
    /// sender (`<>` over SMTP, the empty text from `sendmail`).
    pub fn from_envelope(argument: &[u8]) -> Option<Self> {
        let bare = argument.trim_ascii();
        let bare = match bare {
            [b'<', inner @ .., b'>'] => inner,
            other => other,
        };
        let bare = without_source_route(bare.trim_ascii());
        if bare.is_empty() {
            return None;
        }
        let (local, domain) = divided(bare);
        Some(Self {
            local: unquoted(local),
            domain: folded_domain(domain),
        })
    }

    /// Reads an address as Postfix keeps it in its queue: without quotes, routes and brackets.
    pub fn from_queue(address: &[u8]) -> Self {
        let (local, domain) = divided(address);
        Self {
            local: local.to_vec(),
            domain: folded_domain(domain),
        }
    }

    /// Every word of a text that is a mailbox, in brackets, quotes or bare. One whose local part is quoted
    /// may have white space in it ([`Address::to_text`]).
    pub fn all_in(text: &str) -> impl Iterator<Item = Self> {
        let words = words(text);
        let plain = words.map(|word| word.trim_matches(|sign| "<>,;\"'()".contains(sign)));
        let read = plain.filter_map(|word| Self::from_envelope(word.as_bytes()));
        read.filter(|address| !address.local.is_empty() && !address.domain.is_empty())
    }

    /// The part before the last `@`, without quotes, in the sender's spelling.
    pub fn local(&self) -> &[u8] {
        &self.local
    }

    /// The part after the last `@`, in lower case and without a final dot; empty if there is none.
    pub fn domain(&self) -> &[u8] {
        &self.domain
    }

    /// `local@domain` as bytes, the form that is looked up.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.domain.is_empty() {
            return self.local.clone();
        }
        [self.local.as_slice(), b"@", &self.domain].concat()
    }

    /// `local@domain` as a word of a text, out of which [`Address::all_in`] reads it again: a local part of more
    /// than one word is quoted.
    pub fn to_text(&self) -> String {
        let text = self.to_display();
        let (local, domain) = text.rsplit_once('@').unwrap_or((&text, ""));
        let is_apart = local.contains(char::is_whitespace) && !local.contains(['"', '\\']);
        match is_apart && !domain.is_empty() {
            true => format!("\"{local}\"@{domain}"),
            false => text,
        }
    }

    /// `local@domain` for people; bytes that are not UTF-8 and control characters are replaced.
    pub fn to_display(&self) -> String {
        let bytes = self.to_bytes();
        let text = String::from_utf8_lossy(&bytes);
        match text.contains(char::is_control) {
            true => text.replace(char::is_control, "\u{fffd}"),
            false => text.into_owned(),
        }
    }
}

/// The words of a text; the last one of a quoted local part has all of that before it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    let mut last_quote = None;
    let words = text.split_inclusive(char::is_whitespace);
    words.map(move |word| {
        let start = at;
        at += word.len();
        let end_of_quote = word.find("\"@").unwrap_or_default();
        let n_before = word.bytes().take(end_of_quote);
        let is_open = n_before.filter(|byte| *byte == b'"').count() % 2 == 0;
        let ends_one = word.contains("\"@") && is_open;
        let from = last_quote.filter(|_| ends_one).unwrap_or(start);
        if let Some(quote) = word.rfind('"') {
            last_quote = Some(start + quote);
        }
        text.get(from..at).unwrap_or(word).trim()
    })
}

/// The parts before and after the last `@`.
fn divided(address: &[u8]) -> (&[u8], &[u8]) {
    match address.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let (local, rest) = address.split_at(at);
            (local, rest.get(1..).unwrap_or_default())
        }
        None => (address, &[]),
    }
}

/// RFC 5321, appendix C: a source route may be sent and must be ignored.
fn without_source_route(bare: &[u8]) -> &[u8] {
    if bare.first() != Some(&b'@') {
        return bare;
    }
    match bare.iter().position(|byte| *byte == b':') {
        Some(colon) => bare.get(colon + 1..).unwrap_or_default(),
        None => bare,
    }
}

/// RFC 5321, section 4.1.2: quotes and backslashes are not part of the mailbox's name. In a header
/// parts of it may be quoted (RFC 5322, section 4.4).
fn unquoted(local: &[u8]) -> Vec<u8> {
    let mut bytes = local.iter();
    let mut plain = Vec::with_capacity(local.len());
    let mut is_quoted = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => plain.extend(bytes.next()),
            other => plain.push(*other),
        }
    }
    plain
}

fn folded_domain(domain: &[u8]) -> Vec<u8> {
    let domain = domain.strip_suffix(b".").unwrap_or(domain);
    match std::str::from_utf8(domain) {
        Ok(text) => to_lower(text).into_bytes(),
        Err(_) => domain.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(argument: &str) -> String {
        Address::from_envelope(argument.as_bytes()).map_or("(null)".to_owned(), |a| a.to_display())
    }

    #[test]
    fn every_spelling_of_a_mailbox_reads_alike() {
        for spelling in [
            "<anna@corp.test>",
            "anna@corp.test",
            "<anna@CORP.Test.>",
            "<\"anna\"@corp.test>",
            "<@relay.test,@b.test:anna@corp.test>",
            " <anna@corp.test> ",
            "<\"an\\na\"@corp.test>",
        ] {
            assert_eq!(read(spelling), "anna@corp.test", "{spelling}");
        }
    }

    #[test]
    fn an_address_of_the_queue_is_that_of_the_envelope_without_its_quotes() {
        for (queued, sent) in [
            ("anna@Corp.test", "<anna@corp.test>"),
            ("a b@corp.test", "<\"a b\"@corp.test>"),
            ("a\"b@corp.test", "<\"a\\\"b\"@corp.test>"),
            ("anna", "<anna>"),
        ] {
            let sent = Address::from_envelope(sent.as_bytes());
            assert_eq!(Some(Address::from_queue(queued.as_bytes())), sent);
        }
    }

    #[test]
    fn a_domain_in_capitals_is_the_same_in_every_script() {
        assert_eq!(read("<a@ΕΛΛΑΣ.test>"), "a@ελλασ.test");
    }

    #[test]
    fn the_null_sender_is_no_address() {
        assert_eq!(read("<>"), "(null)");
        assert_eq!(read(""), "(null)");
    }

    #[test]
    fn every_mailbox_of_a_text_is_read() {
        let text = "Anna A <anna@corp.test>, (bob@corp.test) @ x@ @y and \"eve\"@corp.test;";
        let read: Vec<String> = Address::all_in(text).map(|a| a.to_display()).collect();
        assert_eq!(read, ["anna@corp.test", "bob@corp.test", "eve@corp.test"]);
    }

    #[test]
    fn a_quoted_local_part_is_one_word_with_its_domain() {
        for (text, addresses) in [
            ("\"anna smith\"@corp.test", &["anna smith@corp.test"][..]),
            (
                "A <\"an na s\"@corp.test>, b@c.test",
                &["an na s@corp.test", "b@c.test"],
            ),
            (
                "O\"Neil <a@b.test>, x\"@c.test",
                &["a@b.test", "Neil <a@b.test>, x@c.test"],
            ),
            ("x\"@c.test", &["x@c.test"]),
            ("\"A\" \"anna\"@corp.test", &["anna@corp.test"]),
        ] {
            let read: Vec<String> = Address::all_in(text).map(|a| a.to_display()).collect();
            assert_eq!(read, addresses, "{text}");
        }
        let anna = Address::from_queue(b"anna smith@corp.test");
        assert_eq!(anna.to_text(), "\"anna smith\"@corp.test");
        assert_eq!(Address::all_in(&anna.to_text()).next(), Some(anna));
    }

    #[test]
    fn odd_addresses_are_kept_as_they_are() {
        assert_eq!(read("<bad@@x.test>"), "bad@@x.test");
        assert_eq!(read("<postmaster>"), "postmaster");
        assert_eq!(read("<\"a b\"@c.test>"), "a b@c.test");
        assert_eq!(
            Address::from_envelope(b"<\xe9@x.test>").unwrap().local(),
            b"\xe9"
        );
    }
}
