//! Reads Subject, From, To, Date and Message-ID out of a header section, for the list of reviews.
//! Never sees a body, and never stops a record: what cannot be read is left out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use mail_parser::{Addr, Address, HeaderName, HeaderValue, Message, MessageParser};

/// No list shows more of a field than this, in bytes.
const LONGEST_FIELD: usize = 2_000;

/// More addresses than these are not decoded one by one.
const MOST_ADDRESSES: usize = 50;

/// The decoded fields; each `None` if the message has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Subject.
    pub subject: Option<String>,
    /// From: the addresses of all From fields, for there may be several.
    pub from: Option<String>,
    /// To.
    pub to: Option<String>,
    /// Date, as the sender wrote it.
    pub date: Option<String>,
    /// Message-ID, as the sender wrote it.
    pub message_id: Option<String>,
}

/// Reads a header section: rendered fields, with or without the empty line at the end.
pub fn fields(section: &[u8]) -> Fields {
    // The parser is somebody else's, and its input the sender's: a panic in it costs the fields.
    catch_unwind(AssertUnwindSafe(|| read(section))).unwrap_or_default()
}

fn read(section: &[u8]) -> Fields {
    let Some(message) = MessageParser::default().parse_headers(section) else {
        return Fields::default();
    };
    Fields {
        subject: message.subject().and_then(shown),
        from: addresses(&message, HeaderName::From),
        to: addresses(&message, HeaderName::To),
        date: message.header_raw(HeaderName::Date).and_then(shown),
        message_id: message.header_raw(HeaderName::MessageId).and_then(shown),
    }
}

fn addresses(message: &Message<'_>, name: HeaderName<'static>) -> Option<String> {
    let mut texts = Vec::new();
    for value in message.header_values(name) {
        if let HeaderValue::Address(Address::List(list)) = value {
            texts.extend(list.iter().map(mailbox));
        } else if let HeaderValue::Address(Address::Group(groups)) = value {
            let members = groups.iter().flat_map(|group| &group.addresses);
            texts.extend(members.map(mailbox));
        } else if let HeaderValue::Text(text) = value {
            texts.push(text.to_string());
        }
    }
    let n_more = texts.len().saturating_sub(MOST_ADDRESSES);
    texts.truncate(MOST_ADDRESSES);
    if n_more > 0 {
        texts.push(format!("and {n_more} more"));
    }
    shown(&texts.join(", "))
}

fn mailbox(address: &Addr<'_>) -> String {
    let mailbox = address.address().unwrap_or_default();
    match address.name() {
        Some(name) if !name.is_empty() => format!("{name} <{mailbox}>"),
        _ => mailbox.to_owned(),
    }
}

/// A text fit for a list: no control characters, NUL among them, and not too long.
fn shown(text: &str) -> Option<String> {
    let visible = |sign: char| if sign.is_control() { ' ' } else { sign };
    let text: String = text.trim().chars().map(visible).collect();
    if text.is_empty() {
        return None;
    }
    let end = text.floor_char_boundary(LONGEST_FIELD);
    Some(text.get(..end).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words_are_decoded() {
        let fields = fields(
            b"From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@corp.test>\r\n\
              To: \"B, Bob\" <bob@elsewhere.test>, eve@elsewhere.test\r\n\
              Subject: =?gb2312?B?xOO6ww==?=\r\n\
              Date: Fri, 21 Nov 2025 10:00:00 +0900\r\nMessage-Id: <1@corp.test>\r\n\r\n",
        );
        assert_eq!(
            fields.from.as_deref(),
            Some("\u{5c71}\u{7530} <yamada@corp.test>")
        );
        assert_eq!(
            fields.to.as_deref(),
            Some("B, Bob <bob@elsewhere.test>, eve@elsewhere.test")
        );
        assert_eq!(fields.subject.as_deref(), Some("\u{4f60}\u{597d}"));
        assert_eq!(
            fields.date.as_deref(),
            Some("Fri, 21 Nov 2025 10:00:00 +0900")
        );
        assert_eq!(fields.message_id.as_deref(), Some("<1@corp.test>"));
    }

    #[test]
    fn every_from_field_is_shown() {
        let fields = fields(b"From: a@corp.test\r\nFrom: b@corp.test\r\n\r\n");
        assert_eq!(fields.from.as_deref(), Some("a@corp.test, b@corp.test"));
    }

    #[test]
    fn a_message_without_fields_has_none() {
        assert_eq!(fields(b"\r\n"), Fields::default());
        assert_eq!(fields(b""), Fields::default());
    }

    #[test]
    fn control_characters_never_get_into_a_list() {
        let fields = fields(b"Subject: =?utf-8?Q?a=00b=1B[31m?=\r\n\r\n");
        assert_eq!(fields.subject.as_deref(), Some("a b [31m"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(section in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let read = fields(&section);
            prop_assert!(!read.subject.unwrap_or_default().contains('\0'));
        }
    }
}
