//! Structured values with parameters: Content-Type and Content-Disposition (RFC 2045, 2183), their
//! continued and extended parameters (RFC 2231), and encoded words where they must not be. Never
//! chooses in silence: a parameter that is given twice is told.

use std::collections::BTreeMap;

use crate::mail::{charset, transfer, words::decode_value};

/// More parameters are not read.
const MOST: usize = 200;

/// A value with its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Structured {
    /// What stands before the first semicolon, in small letters.
    pub value: String,
    /// The parameters by their names in small letters, decoded; the first of each.
    parameters: BTreeMap<String, String>,
    /// The same as they were sent.
    raw: BTreeMap<String, Vec<u8>>,
    /// Names that are given more than once.
    pub twice: Vec<String>,
}

impl Structured {
    /// A parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A parameter that is no text, such as a boundary, as it was sent.
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.raw.get(name).map(Vec::as_slice)
    }
}

/// The sections of one parameter by their numbers; a parameter in one piece has one.
#[derive(Debug, Default)]
struct Sections {
    whole: Option<Vec<u8>>,
    extended: Option<Vec<u8>>,
    numbered: BTreeMap<u32, (Vec<u8>, bool)>,
}

/// Reads an unfolded value; `near` is the character set of raw bytes in it.
pub(super) fn read(value: &[u8], near: Option<&str>) -> Structured {
    let mut reader = Reader {
        rest: value,
        is_bare: false,
    };
    let first = reader.until(b";");
    let mut read = Structured {
        value: String::from_utf8_lossy(&first)
            .trim()
            .to_ascii_lowercase()
            .replace('\0', "\u{fffd}"),
        ..Structured::default()
    };
    let mut found: BTreeMap<String, Sections> = BTreeMap::new();
    for _ in 0..MOST {
        if reader.rest.is_empty() {
            break;
        }
        let name = reader.until(b"=;");
        let value = match reader.last(value) {
            Some(b'=') => reader.until(b";"),
            Some(_) | None => continue,
        };
        let name = String::from_utf8_lossy(&name).trim().to_ascii_lowercase();
        let base = name.split('*').next().unwrap_or_default().to_owned();
        let is_new = found
            .entry(base.clone())
            .or_default()
            .add(&name, value.trim_ascii());
        if !is_new && !read.twice.contains(&base) {
            read.twice.push(base);
        }
    }
    for (name, sections) in found {
        read.raw.insert(name.clone(), sections.raw());
        read.parameters.insert(name, sections.decoded(near));
    }
    read
}

impl Sections {
    /// Takes one in; tells whether it was not there yet.
    fn add(&mut self, name: &str, value: &[u8]) -> bool {
        let mut steps = name.split('*').skip(1);
        let (number, mark) = (steps.next(), steps.next());
        match number {
            None => keep(&mut self.whole, value),
            Some("") => keep(&mut self.extended, value),
            Some(number) => {
                let Ok(number) = number.parse() else {
                    return false;
                };
                let is_new = !self.numbered.contains_key(&number);
                self.numbered
                    .entry(number)
                    .or_insert_with(|| (value.to_vec(), mark.is_some()));
                is_new
            }
        }
    }

    fn raw(&self) -> Vec<u8> {
        let numbered = self.numbered.values().flat_map(|(bytes, _)| bytes);
        let whole = self.whole.as_ref().or(self.extended.as_ref());
        whole
            .cloned()
            .unwrap_or_else(|| numbered.copied().collect())
    }

    fn decoded(self, near: Option<&str>) -> String {
        if let Some(extended) = self.extended {
            return decoded(&[(extended, true)]);
        }
        // Numbers begin at 0 and leave none out; what is behind a gap belongs nowhere.
        let in_order = self.numbered.into_iter().zip(0..);
        let sections: Vec<(Vec<u8>, bool)> = in_order
            .take_while(|((number, _), place)| number == place)
            .map(|((_, section), _)| section)
            .collect();
        if sections.iter().any(|(_, is_extended)| *is_extended) {
            return decoded(&sections);
        }
        let plain = sections
            .into_iter()
            .flat_map(|(bytes, _)| bytes)
            .collect::<Vec<u8>>();
        let value = match plain.is_empty() {
            true => self.whole.unwrap_or_default(),
            false => plain,
        };
        decode_value(&value, near).text
    }
}

fn keep(place: &mut Option<Vec<u8>>, value: &[u8]) -> bool {
    let is_new = place.is_none();
    place.get_or_insert_with(|| value.to_vec());
    is_new
}

/// Joins the bytes of all sections before it decodes them: a character may be cut between two.
fn decoded(sections: &[(Vec<u8>, bool)]) -> String {
    let mut bytes = Vec::new();
    let mut set = None;
    for (at, (section, is_extended)) in sections.iter().enumerate() {
        let mut section = section.as_slice();
        if at == 0 && *is_extended {
            let mut steps = section.splitn(3, |byte| *byte == b'\'');
            if let (Some(name), Some(_), Some(rest)) = (steps.next(), steps.next(), steps.next()) {
                set = Some(String::from_utf8_lossy(name).into_owned());
                section = rest;
            }
        }
        match is_extended {
            true => bytes.extend(transfer::percent(section).bytes),
            false => bytes.extend(section),
        }
    }
    charset::decode(&bytes, set.as_deref()).text
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Whether parentheses are no comments.
    is_bare: bool,
}

impl Reader<'_> {
    /// What stands before one of these signs, without quotes and comments; the sign is passed.
    fn until(&mut self, ends: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match byte {
                end if ends.contains(end) => break,
                b'"' => self.quoted(&mut out),
                b'(' if out.last().is_none_or(u8::is_ascii_whitespace) => {
                    self.parenthesis(&mut out)
                }
                other => out.push(*other),
            }
        }
        out
    }

    /// The sign that the reader has passed last.
    fn last(&self, value: &[u8]) -> Option<u8> {
        let at = value.len().checked_sub(self.rest.len() + 1)?;
        value.get(at).copied()
    }

    fn quoted(&mut self, out: &mut Vec<u8>) {
        while let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match (byte, rest.split_first()) {
                (b'"', _) => break,
                // Windows paths are written with bare backslashes: only what must be escaped is.
                (b'\\', Some((next @ (b'"' | b'\\'), behind))) => {
                    out.push(*next);
                    self.rest = behind;
                }
                (other, _) => out.push(*other),
            }
        }
    }

    /// A comment, unless a name goes on behind it, as in `report (1).pdf`.
    fn parenthesis(&mut self, out: &mut Vec<u8>) {
        let from = self.rest;
        let has_end = !self.is_bare && self.comment();
        let is_comment = match self.rest.first() {
            Some(next) => next.is_ascii_whitespace() || b";=".contains(next),
            None => true,
        };
        if has_end && is_comment {
            return;
        }
        out.push(b'(');
        if has_end {
            let length = from.len() - self.rest.len();
            out.extend(from.get(..length).unwrap_or_default());
        } else {
            // Without an end there is none: all parentheses from here on are signs of a name.
            self.is_bare = true;
            self.rest = from;
        }
    }

    /// Passes a comment; tells whether it ends.
    fn comment(&mut self) -> bool {
        let mut depth = 1_u32;
        while let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => return true,
                b')' => depth -= 1,
                b'\\' => self.rest = rest.get(1..).unwrap_or_default(),
                _ => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_in_all_their_forms() {
        let cases: [(&[u8], &str); 18] = [
            (b"a; filename=report (1).pdf", "report (1).pdf"),
            (b"a; filename=b (c.txt", "b (c.txt"),
            (b"a; filename=b.txt", "b.txt"),
            (b"a; filename=\"b c.txt\"", "b c.txt"),
            (b"a; FileName = \"b\\\"c\"", "b\"c"),
            (b"a; filename=\"C:\\new\\b.txt\"", "C:\\new\\b.txt"),
            (b"a;  \t filename=b.txt (a comment; filename=c)", "b.txt"),
            (b"a; filename*=utf-8''%e4%bd%a0.txt", "\u{4f60}.txt"),
            (
                b"a; filename=x.txt; filename*=utf-8'en'%e4%bd%a0.txt",
                "\u{4f60}.txt",
            ),
            (
                b"a; filename*0*=utf-8''%e4%bd; filename*1*=%a0.txt",
                "\u{4f60}.txt",
            ),
            (b"a; filename*1=b.txt; filename*0=a", "ab.txt"),
            (
                b"a; filename*0*=euc-kr''%b0; filename*1*=%a1%b3%aa; filename*2=.hwp",
                "\u{ac00}\u{b098}.hwp",
            ),
            (
                b"a; filename*0*=iso-2022-jp''%1b$B%3b3; filename*1*=ED%1b(B.txt",
                "\u{5c71}\u{7530}.txt",
            ),
            (
                b"a; filename=\"=?utf-8?B?5L2g5aW9?=.txt\"",
                "\u{4f60}\u{597d}.txt",
            ),
            (
                b"a; filename==?iso-2022-jp?B?GyRCOzNFRBsoQg==?=",
                "\u{5c71}\u{7530}",
            ),
            (
                b"a; filename=\"=?gb2312?B?xOO6?= =?gb2312?B?ww==?=\"",
                "\u{4f60}\u{597d}",
            ),
            (b"a; filename=\xe4\xbd\xa0.txt", "\u{4f60}.txt"),
            (b"a; filename=\"a\xe2\x80\xaetxt.exe\"", "a\u{202e}txt.exe"),
        ];
        for (value, name) in cases {
            let read = read(value, None);
            assert_eq!(read.parameter("filename"), Some(name), "{value:?}");
            assert!(read.twice.is_empty(), "{value:?}");
            assert_eq!(read.value, "a");
        }
    }

    #[test]
    fn raw_bytes_of_a_name_are_read_as_the_text_beside_them() {
        let read = read(b"a; filename=\xc4\xe3\xba\xc3.txt", Some("gb2312"));
        assert_eq!(read.parameter("filename"), Some("\u{4f60}\u{597d}.txt"));
    }

    #[test]
    fn a_parameter_given_twice_is_told() {
        for value in [
            "multipart/mixed; boundary=a; boundary=b",
            "multipart/mixed; boundary=a; BOUNDARY=a",
            "multipart/mixed; boundary*0=a; boundary*0=b",
            "multipart/mixed; boundary*x=a",
        ] {
            assert_eq!(read(value.as_bytes(), None).twice, ["boundary"], "{value}");
        }
    }

    #[test]
    fn a_value_without_parameters_has_none() {
        let read = read(b" Text/PLAIN ;;; x ; =y", None);
        assert_eq!(read.value, "text/plain");
        assert_eq!(read.parameter("x"), None);
    }
}
