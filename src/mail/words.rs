//! Encoded words (RFC 2047) and raw eight-bit text in header fields, as Unicode. Never joins the
//! base64 of two words: each may end in its own padding.

use super::{
    charset::{Decoded, decode, decode_near},
    transfer,
};

/// A word that was found in a value.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    charset: &'a [u8],
    is_base64: bool,
    payload: &'a [u8],
}

/// A decoded value, and whether some of it meant nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// The text.
    pub text: String,
    /// Whether a byte or a word meant nothing.
    pub has_errors: bool,
}

/// Decodes an unfolded value; `near` is the character set of the text beside it.
pub(super) fn decode_value(value: &[u8], near: Option<&str>) -> Value {
    let mut out = Value::default();
    let mut plain_from = 0;
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut ends = Ends::default();
    let mut at = 0;
    while let Some(found) = next_mark(value, at) {
        let Some((word, end)) = word_at(value, found, &mut ends) else {
            at = found + 2;
            continue;
        };
        let between = value.get(plain_from..found).unwrap_or_default();
        // White space between two words is only there to fold.
        if words.is_empty() || !between.trim_ascii().is_empty() {
            flush(&mut words, &mut out);
            raw(between, near, &mut out);
        }
        words.push(word);
        plain_from = end;
        at = end;
    }
    flush(&mut words, &mut out);
    raw(value.get(plain_from..).unwrap_or_default(), near, &mut out);
    out
}

/// The end of an encoded word that begins here, if one does.
pub(super) fn end_of_word(value: &[u8], start: usize, ends: &mut Ends) -> Option<usize> {
    word_at(value, start, ends).map(|(_, end)| end)
}

/// Where the next word of a value ends, whichever it is. Many words without an end are looked
/// through once and not each by itself, if they are asked for in their order.
#[derive(Debug, Default)]
pub(super) struct Ends {
    next: Option<usize>,
}

impl Ends {
    /// The place of the first `?=` from here on, or the end of the value.
    fn next(&mut self, value: &[u8], from: usize) -> usize {
        if let Some(next) = self.next.filter(|next| from <= *next) {
            return next;
        }
        let rest = value.get(from..).unwrap_or_default();
        let length = rest.windows(2).position(|pair| pair == b"?=");
        let next = length.map_or(value.len(), |length| from + length);
        self.next = Some(next);
        next
    }
}

fn next_mark(value: &[u8], from: usize) -> Option<usize> {
    let rest = value.get(from..)?;
    rest.windows(2)
        .position(|pair| pair == b"=?")
        .map(|at| from + at)
}

/// A word, however long: the limit of 75 characters is broken daily. It ends with its line.
fn word_at<'a>(value: &'a [u8], start: usize, ends: &mut Ends) -> Option<(Word<'a>, usize)> {
    /// No character set has a longer name; the search for its end stops here.
    const LONGEST_NAME: usize = 64;
    /// A longer word is none, its `?=` included.
    const LONGEST_WORD: usize = 1_024;

    let rest = value.get(start..)?.strip_prefix(b"=?")?;
    let mark = rest
        .iter()
        .take(LONGEST_NAME)
        .position(|byte| *byte == b'?')?;
    let (charset, rest) = (rest.get(..mark)?, rest.get(mark + 1..)?);
    let is_name = |byte: &u8| byte.is_ascii_graphic() && !b"\"<>@,;".contains(byte);
    if charset.is_empty() || !charset.iter().all(is_name) {
        return None;
    }
    let (kind, rest) = rest.split_first()?;
    let is_base64 = match kind.to_ascii_lowercase() {
        b'b' => true,
        b'q' => false,
        _ => return None,
    };
    let rest = rest.strip_prefix(b"?")?;
    let payload_at = start + 2 + mark + 1 + 2;
    let length = ends.next(value, payload_at) - payload_at;
    if length + 2 > LONGEST_WORD.min(rest.len()) {
        return None;
    }
    let payload = rest.get(..length)?;
    let end = payload_at + length + 2;
    Some((
        Word {
            charset,
            is_base64,
            payload,
        },
        end,
    ))
}

fn raw(bytes: &[u8], near: Option<&str>, out: &mut Value) {
    if bytes.is_empty() {
        return;
    }
    take(decode_near(bytes, near), out);
}

fn take(decoded: Decoded, out: &mut Value) {
    out.has_errors |= decoded.has_errors || decoded.is_unknown;
    out.text.push_str(&decoded.text);
}

/// Decodes words that stand side by side.
fn flush(words: &mut Vec<Word<'_>>, out: &mut Value) {
    let mut rest = words.as_slice();
    while let Some(first) = rest.first() {
        let same = |word: &&Word<'_>| word.charset.eq_ignore_ascii_case(first.charset);
        let n_same = rest.iter().take_while(same).count();
        let (run, behind) = rest.split_at(n_same);
        decode_run(run, out);
        rest = behind;
    }
    words.clear();
}

/// Words of one character set: each by itself, or, where that fails, their bytes in one; a
/// character may be cut between two words.
fn decode_run(run: &[Word<'_>], out: &mut Value) {
    let Some(first) = run.first() else { return };
    // RFC 2231 puts a language behind a star.
    let name = first
        .charset
        .split(|byte| *byte == b'*')
        .next()
        .unwrap_or_default();
    let name = String::from_utf8_lossy(name);
    let unpacked: Vec<transfer::Unpacked> = run.iter().map(unpack).collect();
    out.has_errors |= unpacked.iter().any(|word| !word.is_clean);
    let alone: Vec<Decoded> = unpacked
        .iter()
        .map(|word| decode(&word.bytes, Some(&name)))
        .collect();
    let (_, before_last) = alone
        .split_last()
        .map_or((None, &[][..]), |(last, rest)| (Some(last), rest));
    let is_cut =
        alone.iter().any(|word| word.has_errors) || before_last.iter().any(|word| word.is_open);
    if run.len() > 1 && is_cut {
        let joined: Vec<u8> = unpacked.into_iter().flat_map(|word| word.bytes).collect();
        let joined = decode(&joined, Some(&name));
        if !joined.has_errors {
            return take(joined, out);
        }
    }
    alone.into_iter().for_each(|word| take(word, out));
}

fn unpack(word: &Word<'_>) -> transfer::Unpacked {
    match word.is_base64 {
        true => {
            // A missing padding is common, and harms nobody.
            let mut read = transfer::base64(word.payload);
            read.is_clean = true;
            read
        }
        false => transfer::q(word.payload),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of header fields and what a person must read.
    pub(in crate::mail) const VALUES: [(&str, &[u8], &str); 19] = [
        ("one word", b"=?utf-8?B?5L2g5aW9?=", "\u{4f60}\u{597d}"),
        (
            "words and text",
            b"Re: =?utf-8?q?caf=C3=A9?= open",
            "Re: caf\u{e9} open",
        ),
        (
            "white space between words",
            b"=?utf-8?q?a?=  =?utf-8?q?b?= =?utf-8?q?c?= d",
            "abc d",
        ),
        (
            "a character cut across two words of UTF-8",
            b"=?utf-8?B?5L2g5Q==?= =?utf-8?B?pb0=?=",
            "\u{4f60}\u{597d}",
        ),
        (
            "a character cut across two words of GB 2312",
            b"=?gb2312?B?xOO6?= =?gb2312?B?ww==?=",
            "\u{4f60}\u{597d}",
        ),
        (
            "a character cut across words of Q",
            b"=?utf-8?Q?=E4=BD?= =?UTF-8?Q?=A0?=",
            "\u{4f60}",
        ),
        (
            "ISO-2022-JP with padding in each word",
            b"=?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?=",
            "\u{5c71}\u{7530}\u{5c71}\u{7530}",
        ),
        (
            "ISO-2022-JP cut within its state",
            b"=?iso-2022-jp?B?GyRCOzM=?= =?iso-2022-jp?B?RUQbKEI=?=",
            "\u{5c71}\u{7530}",
        ),
        (
            "ISO-2022-JP by Q",
            b"=?ISO-2022-JP?Q?=1B$B;3ED=1B(B?=",
            "\u{5c71}\u{7530}",
        ),
        (
            "raw GB 18030",
            b"\xc4\xe3\xba\xc3\xa3\xac\xbb\xe1\xd2\xe9",
            "\u{4f60}\u{597d}\u{ff0c}\u{4f1a}\u{8bae}",
        ),
        ("raw UTF-8", b"caf\xc3\xa9", "caf\u{e9}"),
        ("raw ISO-2022-JP", b"\x1b$B;3ED\x1b(B", "\u{5c71}\u{7530}"),
        ("a language in the word", b"=?us-ascii*en?Q?a_b?=", "a b"),
        ("EUC-KR", b"=?euc-kr?B?sKGzqg==?=", "\u{ac00}\u{b098}"),
        (
            "KS C 5601",
            b"=?ks_c_5601-1987?B?jGPG7MXP?=",
            "\u{b620}\u{d3b4}\u{d134}",
        ),
        (
            "Big5 and UTF-8 side by side",
            b"=?big5?B?p0Gmbg==?= =?utf-8?Q?=21?=",
            "\u{4f60}\u{597d}!",
        ),
        (
            "padding forgotten",
            b"=?utf-8?B?5L2g5aW9IQ?=",
            "\u{4f60}\u{597d}!",
        ),
        (
            "what looks like a word",
            b"=?x =?utf-8?z?a?= =?utf-8?q?open",
            "=?x =?utf-8?z?a?= =?utf-8?q?open",
        ),
        ("spaces in a word", b"=?utf-8?Q?a b=20c?=", "a b c"),
    ];

    #[test]
    fn every_value_is_read_as_it_was_meant() {
        for (name, value, text) in VALUES {
            let read = decode_value(value, None);
            assert_eq!(read.text, text, "{name}");
            assert!(!read.has_errors, "{name}: {read:?}");
        }
    }

    #[test]
    fn raw_bytes_are_read_as_the_text_beside_them() {
        let read = decode_value(b"\xb0\xa1\xb3\xaa", Some("euc-kr"));
        assert_eq!(read.text, "\u{ac00}\u{b098}");
    }

    #[test]
    fn a_word_that_means_nothing_is_told() {
        assert!(decode_value(b"=?utf-8?Q?=FF?=", None).has_errors);
        assert!(decode_value(b"=?utf-8?Q?=F?=", None).has_errors);
        assert!(decode_value(b"=?x-nobody-knows?Q?a?=", None).has_errors);
    }

    #[test]
    fn many_marks_without_an_end_cost_little() {
        let value = b"=?a?q?x".repeat(20_000);
        assert_eq!(decode_value(&value, None).text.len(), value.len());
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!decode_value(&value, Some("gb2312")).text.contains('\0'));
        }
    }
}
