//! What a message is made of, for people: its parts, decoded texts, attachments, links, and what is
//! doubtful about it. Plain values that are kept in the database; how they are made is beside this file.
//!
//! No text in here holds NUL: PostgreSQL takes none.

use serde::{Deserialize, Serialize};

/// The outline of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The header's fields in order, decoded.
    pub fields: Vec<Field>,
    /// The decoded Subject; of several the first.
    pub subject: Option<String>,
    /// The mailboxes of every From field.
    pub from: Vec<Mailbox>,
    /// The mailbox of Sender.
    pub sender: Vec<Mailbox>,
    /// The mailboxes of Reply-To.
    pub reply_to: Vec<Mailbox>,
    /// The mailboxes of To and Cc.
    pub to: Vec<Mailbox>,
    /// All parts, depth first; a part's number is its place in here.
    pub parts: Vec<Part>,
    /// What is doubtful or cannot be shown.
    pub doubts: Vec<Doubt>,
    /// The links of all HTML parts, in order.
    pub links: Vec<Link>,
    /// The first words of the text, on one line, for the list; at most 200 characters.
    pub snippet: String,
    /// The language of the text as far as its script or character set tells: "ja", "ko", "zh-Hans",
    /// "zh-Hant", or none (BCP 47).
    pub language: Option<String>,
}

/// One header field, decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name as it was written.
    pub name: String,
    /// Its value, unfolded, encoded words decoded (RFC 2047).
    pub value: String,
}

/// One mailbox of a header field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The display name, decoded; empty if there is none.
    pub name: String,
    /// The address, its domain in Unicode.
    pub address: String,
    /// The address with its domain in Punycode, if that differs.
    pub ascii: Option<String>,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The part that this one lies in; none for the message itself.
    pub parent: Option<u32>,
    /// How deep it lies; the message itself is at 0.
    pub depth: u32,
    /// The declared type in small letters, such as `text/plain`.
    pub media_type: String,
    /// The declared character set.
    pub charset: Option<String>,
    /// The declared transfer encoding in small letters.
    pub encoding: Option<String>,
    /// `inline` or `attachment`, if declared.
    pub disposition: Option<String>,
    /// The file name, decoded.
    pub name: Option<String>,
    /// Content-ID without its angle brackets.
    pub content_id: Option<String>,
    /// Length of the decoded content; of a multipart, of all that it holds as it was sent.
    pub size_bytes: u64,
    /// SHA-256 of the same in hexadecimal; empty for a multipart.
    pub sha256: String,
    /// The type that the first bytes tell, where they tell one.
    pub real_type: Option<String>,
    /// What it is.
    pub body: Body,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Holds other parts.
    Multipart,
    /// A message in the message: its fields; its parts follow.
    Message {
        /// The nested header, decoded.
        fields: Vec<Field>,
    },
    /// Text to be read.
    Text {
        /// The text.
        text: Text,
    },
    /// HTML to be read; the safe page is kept beside the outline.
    Html {
        /// What a person reads in it, without the marks.
        text: Text,
        /// Whether there is a safe page.
        has_page: bool,
    },
    /// A file; its content is kept beside the outline.
    File {
        /// What lies in it, if it is an archive that can be listed.
        archive: Option<Archive>,
        /// Whether the text or HTML of the message shows it (by its Content-ID).
        is_inline: bool,
    },
}

/// A decoded text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text with LF between lines.
    pub text: String,
    /// Whether more of it was left out.
    pub is_cut: bool,
    /// The character set that it was read in, by its WHATWG name or our own.
    pub read_as: String,
    /// Its language as [`Outline::language`] has it.
    pub language: Option<String>,
}

/// What lies in an archive, by its own table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its entries, the first 200.
    pub entries: Vec<ArchiveEntry>,
    /// How many more there are.
    pub n_more: u64,
    /// Why it could not be listed as a whole.
    pub fault: Option<String>,
}

/// One entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// Its path as it is written.
    pub name: String,
    /// Its unpacked size as the archive tells it.
    pub size_bytes: u64,
    /// Whether it needs a password.
    pub is_encrypted: bool,
}

/// A link of an HTML part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The part that it stands in.
    pub part: u32,
    /// The text that a person reads.
    pub text: String,
    /// Where it leads, as it is written; at most 2,000 characters.
    pub target: String,
    /// The host, in Unicode; none for mailto: and the like. Places that depend on the program are one text.
    pub host: Option<String>,
    /// The host in Punycode, if that differs.
    pub ascii_host: Option<String>,
    /// Whether the text names a host, and the link may lead to another one.
    pub is_mismatch: bool,
}

/// Something about a message that a reviewer must know before deciding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// What it is.
    pub kind: DoubtKind,
    /// The part that it is about.
    pub part: Option<u32>,
    /// A value out of the message that shows it, such as a name or a boundary; may be empty.
    pub detail: String,
}

/// The kinds of doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoubtKind {
    /// A boundary stands elsewhere than at the start of a line, or is followed by other text.
    BoundaryOutOfPlace,
    /// A parameter is given twice, such as two boundaries.
    TwoParameters,
    /// A multipart without a boundary, or with one that never occurs.
    NoBoundary,
    /// A multipart that does not end.
    Unclosed,
    /// A field that may stand only once stands more often.
    TwoFields,
    /// Something in a header that is no field.
    BadHeader,
    /// Deeper than the limit: the rest is not taken apart.
    TooDeep,
    /// More parts than the limit: the rest is not taken apart.
    TooManyParts,
    /// Two readings of the structure differ.
    TwoReadings,
    /// The content does not follow its transfer encoding.
    BadEncoding,
    /// The character set is not known.
    UnknownCharset,
    /// Bytes that mean nothing in their character set.
    BadText,
    /// The content holds NUL bytes where text stands.
    Nul,
    /// A file format in the text that is not taken apart, such as uuencode or TNEF.
    Unopened,
    /// Encrypted: nobody here can read it.
    Encrypted,
    /// The text and the HTML say different things.
    TextDiffersFromHtml,
    /// The declared type is not what the first bytes tell.
    OtherType,
    /// HTML in which text is hidden from its reader, or that a page loses and some program shows.
    HiddenText,
}

impl DoubtKind {
    /// Whether programs may see another message than the one that is shown here: the raw message is
    /// shown first.
    pub fn is_structural(self) -> bool {
        match self {
            Self::BoundaryOutOfPlace
            | Self::TwoParameters
            | Self::NoBoundary
            | Self::Unclosed
            | Self::TwoFields
            | Self::BadHeader
            | Self::TooDeep
            | Self::TooManyParts
            | Self::TwoReadings
            | Self::BadEncoding => true,
            Self::UnknownCharset
            | Self::BadText
            | Self::Nul
            | Self::Unopened
            | Self::Encrypted
            | Self::TextDiffersFromHtml
            | Self::OtherType
            | Self::HiddenText => false,
        }
    }
}

impl Outline {
    /// Whether programs may read this message in different ways.
    pub fn is_doubtful(&self) -> bool {
        self.doubts.iter().any(|doubt| doubt.kind.is_structural())
    }

    /// The files, with their numbers.
    pub fn files(&self) -> impl Iterator<Item = (u32, &Part)> {
        let numbered = self.parts.iter().zip(0..);
        numbered
            .filter(|(part, _)| matches!(part.body, Body::File { .. }))
            .map(|(part, number)| (number, part))
    }
}

/// An outline and the contents that are kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlined {
    /// The outline.
    pub outline: Outline,
    /// Contents by the number of their part.
    pub contents: Vec<Content>,
}

/// A content that is kept beside an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The part that it belongs to.
    pub part: u32,
    /// What it is.
    pub kind: ContentKind,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What a content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentKind {
    /// The decoded content of a [`Body::File`].
    File,
    /// The safe page of a [`Body::Html`]: a fragment in UTF-8 that needs nothing from elsewhere.
    Page,
}
