//! Tags, wherever one may begin, as the tokenizer of a browser reads them (WHATWG HTML, 13.2.5). Never
//! tells whether a tag is really there: a comment has none.

/// What could be a tag.
pub(super) struct Tag<'a> {
    /// From its name to its `>`, or to the end of the HTML.
    pub text: &'a str,
    /// Whether it ends an element.
    pub is_end: bool,
    /// Whether it ends itself.
    pub is_closed: bool,
    /// Its attributes, of which several may have one name.
    pub n_attributes: usize,
}

/// Where in a tag a byte stands.
#[derive(Clone, Copy)]
enum Within {
    Name,
    Blanks,
    Attribute,
    BlanksBehindAttribute,
    BlanksBeforeValue,
    Value,
    /// A value in these quotes.
    Quotes(u8),
}

impl<'a> Tag<'a> {
    /// Reads a tag behind its `<`.
    pub fn read(rest: &'a str) -> Option<Self> {
        let (text, is_end) = match rest.strip_prefix('/') {
            Some(text) => (text, true),
            None => (rest, false),
        };
        if !text.starts_with(|sign: char| sign.is_ascii_alphabetic()) {
            return None;
        }
        let mut n_attributes = 0;
        let mut within = Within::Name;
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'>' && !matches!(within, Within::Quotes(_)) {
                return Some(Self {
                    text: text.get(..=at)?,
                    is_end,
                    is_closed: true,
                    n_attributes,
                });
            }
            let next = within.after(byte);
            n_attributes += usize::from(next.begins_attribute_after(within));
            within = next;
        }
        Some(Self {
            text,
            is_end,
            is_closed: false,
            n_attributes,
        })
    }

    /// The beginning of its name in small letters, up to the first sign that is neither letter nor digit.
    pub fn name(&self) -> String {
        let is_other = |sign: char| !sign.is_ascii_alphanumeric();
        let end = self.text.find(is_other).unwrap_or(self.text.len());
        let name = self.text.get(..end.min(20)).unwrap_or_default();
        name.to_ascii_lowercase()
    }
}

impl Within {
    fn after(self, byte: u8) -> Self {
        let is_blank = byte.is_ascii_whitespace();
        match self {
            Self::Name if is_blank || byte == b'/' => Self::Blanks,
            Self::Name => Self::Name,
            Self::Blanks if is_blank || byte == b'/' => Self::Blanks,
            Self::Attribute if is_blank => Self::BlanksBehindAttribute,
            Self::BlanksBehindAttribute if is_blank => Self::BlanksBehindAttribute,
            Self::Attribute | Self::BlanksBehindAttribute if byte == b'/' => Self::Blanks,
            Self::Attribute | Self::BlanksBehindAttribute if byte == b'=' => {
                Self::BlanksBeforeValue
            }
            Self::Blanks | Self::Attribute | Self::BlanksBehindAttribute => Self::Attribute,
            Self::BlanksBeforeValue if is_blank => Self::BlanksBeforeValue,
            Self::BlanksBeforeValue if matches!(byte, b'"' | b'\'') => Self::Quotes(byte),
            Self::BlanksBeforeValue => Self::Value,
            Self::Value if is_blank => Self::Blanks,
            Self::Value => Self::Value,
            Self::Quotes(quote) if byte == quote => Self::Blanks,
            Self::Quotes(quote) => Self::Quotes(quote),
        }
    }

    fn begins_attribute_after(self, before: Self) -> bool {
        matches!(self, Self::Attribute) && !matches!(before, Self::Attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_counted_as_a_browser_finds_them() {
        for (tag, n_attributes) in [
            ("p>", 0),
            ("p a b\tc\nd\x0ce\rf>", 6),
            ("p/a/b=c/d e>", 3),
            ("p a = b c =\"d e f\"g='h i'j>", 4),
            ("p a=\"> <p b=' c d\" e>", 2),
            ("p a=b\"c d\"e>", 2),
            ("p =a =b \"c 'd <e>", 4),
            ("p a=>b c d>", 1),
            ("/p a b>", 2),
            ("o:p a>", 1),
        ] {
            let read = Tag::read(tag).unwrap();
            assert_eq!(read.n_attributes, n_attributes, "{tag}");
            assert!(read.is_closed, "{tag}");
        }
    }

    #[test]
    fn a_tag_is_its_text_up_to_its_end_and_no_further() {
        for (rest, text) in [
            ("P a='>' b>c>", "P a='>' b>"),
            ("a>", "a>"),
            ("a b=\"c>", "a b=\"c>"),
        ] {
            assert_eq!(Tag::read(rest).unwrap().text, text);
        }
        assert_eq!(Tag::read("P a>").unwrap().name(), "p");
        assert!(!Tag::read("a b=\"c>").unwrap().is_closed);
        assert!(Tag::read("/b>").unwrap().is_end);
        for rest in ["", "1>", " p>", "!-- a -->", "/ p>"] {
            assert!(Tag::read(rest).is_none(), "{rest}");
        }
    }
}
