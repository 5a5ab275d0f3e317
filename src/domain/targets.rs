//! Strangers' bytes for the types of the trade, and what must hold of each reading. Run as property
//! tests and by the fuzzer (docs/testing.md); never part of the program.

use super::{
    address::Address,
    folding::Folding,
    identity::Identity,
    idn::{to_ascii, to_lower},
    policy::{DomainPattern, RecipientPattern, SenderPattern},
    queue_id::QueueId,
};

/// Cuts one input into the parts that a target needs; parts behind its end are empty.
#[derive(Clone, Copy, Debug)]
pub struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    /// Starts at the beginning of an input.
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    /// The next byte; 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let first = self.0.first().copied().unwrap_or(0);
        self.0 = self.0.get(1..).unwrap_or_default();
        first
    }

    /// The next part: a byte that tells its length, and as many bytes as there are of it.
    pub fn part(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (part, rest) = self.0.split_at(length);
        self.0 = rest;
        part
    }

    /// What is not cut yet.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Whether all is cut.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// An input that [`Cut::part`] cuts into these parts.
pub fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let part = |part: &&[u8]| {
        let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
        let kept = part.get(..usize::from(length)).unwrap_or_default();
        [&[length], kept].concat()
    };
    parts.iter().flat_map(part).collect()
}

/// The queue ID: its own text and nothing that a path, an option or a pattern could be.
pub fn queue_id(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match text.parse::<QueueId>() {
        Ok(id) => id_keeps_its_word(&id, &text),
        Err(refused) => assert!(refused.to_string().len() < 1_000, "{refused}"),
    }
    let mut cut = Cut::new(input);
    let second = number(&mut cut, 4);
    let microsecond = number(&mut cut, 4) % 1_000_000;
    let inode = number(&mut cut, 7);
    let made = written(second, microsecond, inode);
    match made.parse::<QueueId>() {
        Ok(id) => {
            assert_eq!(id.second(), Some(second));
            assert_eq!(id.microsecond().map(u64::from), Some(microsecond));
            assert_eq!(id.inode(), Some(inode));
            id_keeps_its_word(&id, &made);
        }
        Err(refused) => panic!("{refused}"),
    }
}

fn id_keeps_its_word(id: &QueueId, text: &str) {
    assert_eq!(id.as_str(), text);
    assert_eq!(id.to_string(), text);
    assert!((12..=255).contains(&text.len()), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert!(!text.eq_ignore_ascii_case("all"));
    // What was read out of it writes it again, apart from zeros in front.
    if let (Some(second), Some(micros), Some(inode)) = (id.second(), id.microsecond(), id.inode()) {
        let again = written(second, u64::from(micros), inode);
        let bare = |text: &str| {
            let (time, inode) = text.rsplit_once('z').unwrap_or_default();
            let zeros = |text: &str| text.trim_start_matches('0').to_owned();
            (zeros(time), zeros(inode))
        };
        assert_eq!(bare(&again), bare(text));
    }
}

fn number(cut: &mut Cut<'_>, n_bytes: usize) -> u64 {
    (0..n_bytes).fold(0, |sum, _| sum << 8 | u64::from(cut.byte()))
}

/// A queue ID as Postfix writes it: `MQID_LG_ENCODE_SEC` and its like in `src/global/mail_queue.h`.
fn written(second: u64, microsecond: u64, inode: u64) -> String {
    let (second, microsecond) = (digits(second, 52), digits(microsecond, 52));
    format!("{second:0>6}{microsecond:0>4}z{}", digits(inode, 51))
}

fn digits(mut number: u64, base: u64) -> String {
    const ALPHABET: &str = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    let mut digits = Vec::new();
    loop {
        let digit = usize::try_from(number % base).unwrap_or_default();
        digits.extend(ALPHABET.chars().nth(digit));
        number /= base;
        if number == 0 {
            return digits.iter().rev().collect();
        }
    }
}

/// The envelope address: any bytes, and the same mailbox when it is written in quotes.
pub fn address(input: &[u8]) {
    let Some(address) = Address::from_envelope(input) else {
        return;
    };
    let shown = address.to_display();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    // A letter may take more bytes in lower case; quotes and brackets go.
    assert!(address.to_bytes().len() <= 3 * input.len());
    assert!(!address.domain().contains(&b'@'));
    let again = Address::from_envelope(&quoted(address.local(), address.domain()));
    if is_hostname(address.domain()) {
        assert_eq!(again.as_ref(), Some(&address));
    }
}

/// Folding: every spelling of a mailbox has one form, which is its own form.
pub fn folding(input: &[u8]) {
    let mut cut = Cut::new(input);
    let tags = cut.part();
    let (local, tag) = (cut.part(), cut.part());
    let (domain, alias) = (lossy(cut.part()), lossy(cut.part()));
    // Signs that no mailbox has unquoted cannot be told from its name.
    let tags: Vec<u8> = tags
        .iter()
        .copied()
        .filter(|tag| b"+-=#_".contains(tag))
        .collect();
    let made = Folding::new(
        &tags,
        [(&*alias, &*domain), ("corp.example.com", "corp.test")],
    );
    let Ok(folding) = made else {
        return;
    };
    let Some(given) = Address::from_envelope(&quoted(local, domain.as_bytes())) else {
        return;
    };
    // `+x@corp.test` is a mailbox of its own, with whatever behind it.
    let begins_plainly = given
        .local()
        .first()
        .is_some_and(|sign| !tags.contains(sign));
    if begins_plainly && is_hostname(given.domain()) && is_hostname(alias.as_bytes()) {
        let tagged = match tags.first() {
            Some(sign) => [given.local(), &[*sign], tag].concat(),
            None => given.local().to_vec(),
        };
        spellings_fold_alike(&folding, &given, alias.as_bytes(), &tagged);
    }
    let spellings = folding.spellings(&given);
    assert_eq!(spellings.first(), Some(&given.to_bytes()));
    assert!(spellings.len() <= 2 * 2 * 5, "{spellings:?}");
    assert_eq!(
        folding.login_spellings(local).first().map(Vec::as_slice),
        Some(local)
    );
    for (before, _) in folding.tag_places(&spellings) {
        assert!(
            before.last().is_some_and(|sign| tags.contains(sign)),
            "{before:?}"
        );
    }
}

/// The same mailbox at another name of its domain, with a tag, in capitals, and as a directory has it.
fn spellings_fold_alike(folding: &Folding, given: &Address, alias: &[u8], tagged: &[u8]) {
    let form = folding.fold(given);
    let folds_so = |local: &[u8], domain: &[u8], how: &str| {
        let address = Address::from_envelope(&quoted(local, domain));
        let folded = address.map(|address| folding.fold(&address));
        assert_eq!(folded.as_ref(), Some(&form), "{how} of {given:?}");
    };
    let (local, domain) = (given.local(), given.domain());
    folds_so(&local.to_ascii_uppercase(), domain, "capitals");
    folds_so(local, &[domain, b"."].concat(), "final dot");
    folds_so(local, alias, "other domain");
    folds_so(tagged, domain, "tag");
    let (own_local, own_domain) = parts(&form);
    folds_so(own_local, own_domain, "form");
    for spelling in folding.spellings(given) {
        let (local, domain) = parts(&spelling);
        folds_so(local, domain, "spelling");
    }
}

/// The patterns of the policy: each names at least itself, and one domain in both its spellings.
pub fn patterns(input: &[u8]) {
    let text = lossy(input);
    if let Ok(pattern) = DomainPattern::parse(&text) {
        match &pattern {
            DomainPattern::Exactly(name) => {
                assert!(pattern.matches(to_lower(&text).as_bytes()), "{text:?}");
                assert!(pattern.matches(name.as_bytes()), "{name:?}");
                assert!(!pattern.matches(format!("x.{name}").as_bytes()));
            }
            DomainPattern::Below(name) => {
                assert!(!pattern.matches(name.as_bytes()), "{name:?}");
                assert!(pattern.matches(format!("x.{name}").as_bytes()));
            }
        }
    }
    let folding = Folding::default();
    if let Ok(pattern @ RecipientPattern::Mailbox(address)) = &RecipientPattern::parse(&text) {
        assert!(pattern.matches(address), "{address:?}");
        assert!(pattern.may_mean(address, &folding), "{address:?}");
    }
    if let Ok(pattern @ SenderPattern::Name(_)) = SenderPattern::parse(&text, &folding) {
        let login = Identity::Login(input.to_vec());
        assert!(
            text.as_bytes() != input || pattern.matches(&login, &folding),
            "{text:?}"
        );
    }
    let ascii = to_ascii(text.as_bytes()).into_owned();
    assert_eq!(&*to_ascii(&ascii), ascii.as_slice(), "{text:?}");
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn parts(mailbox: &[u8]) -> (&[u8], &[u8]) {
    let at = mailbox.iter().rposition(|byte| *byte == b'@');
    let (local, rest) = mailbox.split_at(at.unwrap_or(mailbox.len()));
    (local, rest.get(1..).unwrap_or_default())
}

/// A mailbox as an envelope argument that can be read in one way only (RFC 5321, section 4.1.2).
fn quoted(local: &[u8], domain: &[u8]) -> Vec<u8> {
    let mut text = b"<\"".to_vec();
    for byte in local {
        if b"\"\\".contains(byte) {
            text.push(b'\\');
        }
        text.push(*byte);
    }
    [text.as_slice(), b"\"@", domain, b">"].concat()
}

/// Whether Postfix would take it for a domain, apart from its length (`valid_hostname`).
fn is_hostname(domain: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        !label.is_empty()
            && label
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-' || !byte.is_ascii())
    };
    std::str::from_utf8(domain).is_ok() && domain.split(|byte| *byte == b'.').all(is_label)
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use super::joined;

    /// Each text as one input.
    pub fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    /// Long queue IDs, and what must not pass for one.
    pub fn queue_id() -> Vec<Vec<u8>> {
        texts(&[
            "4jWkMG56f7z1j",
            "4jWpV34xY7z1X8k0",
            "ALL",
            "-d",
            "D305C34",
            "../hold/4jWkMG56f7z1j",
        ])
    }

    /// Spellings of a mailbox.
    pub fn address() -> Vec<Vec<u8>> {
        texts(&[
            "<anna@corp.test>",
            "<@relay.test,@b.test:anna@corp.test>",
            "<\"a \\\"b\"@CORP.Test.>",
            "<eva@b\u{fc}cher.test>",
            "bad@@x.test",
            "<>",
        ])
    }

    /// Tags, local part, tag, domain, another name of it.
    pub fn folding() -> Vec<Vec<u8>> {
        vec![
            joined(&[b"+", b"Anna", b"news", b"corp.test", b"corp.example.net"]),
            joined(&[b"+", b"a", b"", b"XN--XN--BCHER-KV0s", b"test"]),
            joined(&[
                b"+-",
                b"o'neill",
                b"a-b",
                b"XN--BCHER-KVA.test",
                b"books.test",
            ]),
            joined(&[
                b"",
                "\u{39f}\u{3a3}".as_bytes(),
                b"",
                "b\u{fc}cher.test".as_bytes(),
                "\u{395}\u{3a3}.test".as_bytes(),
            ]),
        ]
    }

    /// Domains, recipients and senders as settings name them.
    pub fn patterns() -> Vec<Vec<u8>> {
        texts(&[
            "corp.test",
            ".corp.test",
            "@corp.test",
            "anna+x@corp.test",
            "b\u{fc}cher.test",
            "anna",
        ])
    }
}
