//! Decodes the leaves of a message: texts to be read, HTML, files. Never shows a text that says it is
//! an attachment.

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::{
    Limits, archive, kinds, number, signs,
    tree::{self, Leaf, Tree},
};
use crate::mail::{
    charset::{self, Decoded},
    outline::{Body, DoubtKind, Part, Text},
    transfer::{self, Unpacked},
};

/// A leaf with its content decoded.
#[derive(Debug)]
pub(super) struct Opened {
    /// The number of its part.
    pub part: usize,
    /// Its content.
    pub bytes: Vec<u8>,
    /// Its HTML as Unicode, if it is HTML to be read.
    pub html: Option<Text>,
    /// What the links of that HTML lead on from, beside what it says itself.
    pub bases: Vec<String>,
}

/// Decodes all leaves.
pub(super) fn open(message: &[u8], tree: &mut Tree, limits: &Limits) -> Vec<Opened> {
    let leaves = std::mem::take(&mut tree.leaves);
    let opened = leaves
        .into_iter()
        .filter_map(|leaf| open_one(message, leaf, tree, limits));
    let opened = opened.collect();
    for at in 0..tree.parts.len() {
        if tree
            .parts
            .get(at)
            .is_some_and(|part| part.media_type == "multipart/encrypted")
        {
            tree.doubt(DoubtKind::Encrypted, number(at), "");
        }
    }
    opened
}

fn open_one(message: &[u8], leaf: Leaf, tree: &mut Tree, limits: &Limits) -> Option<Opened> {
    let raw = message.get(leaf.content.clone()).unwrap_or_default();
    let mut part = tree.parts.get(leaf.part)?.clone();
    let at = number(leaf.part);
    let encoding = part.encoding.clone().unwrap_or_default();
    let unpacked = unpack(raw, &encoding);
    if !unpacked.is_clean {
        let kind = match encoding.as_str() {
            "x-uuencode" | "uuencode" | "x-uue" | "x-yenc" | "binhex" => DoubtKind::Unopened,
            _ => DoubtKind::BadEncoding,
        };
        tree.doubt(kind, at, &encoding);
    }
    let bytes = unpacked.bytes;
    part.size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    part.sha256 = sha256(&bytes);
    let mut html = None;
    if is_shown(&part, &bytes) {
        let text = read_text(&part, &bytes, at, tree, limits);
        match part.media_type.as_str() {
            "text/html" => html = Some(text),
            _ => part.body = Body::Text { text },
        }
    } else {
        describe_file(&mut part, &leaf, &bytes, tree);
    }
    if let Some(place) = tree.parts.get_mut(leaf.part) {
        *place = part;
    }
    Some(Opened {
        part: leaf.part,
        bytes,
        html,
        bases: leaf.hints.bases,
    })
}

fn unpack(raw: &[u8], encoding: &str) -> Unpacked {
    match encoding {
        "base64" => transfer::base64(raw),
        "quoted-printable" => transfer::quoted_printable(raw),
        other => Unpacked {
            bytes: raw.to_vec(),
            is_clean: tree::is_identity(other),
        },
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Whether a person reads it as a text of the mail. Bytes that are none are not shown as one.
fn is_shown(part: &Part, bytes: &[u8]) -> bool {
    let is_text = part.media_type.starts_with("text/") && part.media_type != "text/rtf";
    let is_attached = part.disposition.as_deref() == Some("attachment");
    let is_binary = || kinds::real_type(bytes).is_some_and(|real| !real.starts_with("text/"));
    is_text && !is_attached && !is_binary()
}

fn read_text(part: &Part, bytes: &[u8], at: u32, tree: &mut Tree, limits: &Limits) -> Text {
    let (shown, is_cut) = within(bytes, limits.text_bytes);
    let mut decoded = charset::decode(shown, part.charset.as_deref());
    if is_cut {
        // The last character may have been cut.
        decoded.has_errors = false;
    }
    tell(&decoded, part, at, tree);
    let text = decoded.text.replace("\r\n", "\n").replace('\r', "\n");
    if let Some((kind, word)) = signs::in_text(&text) {
        tree.doubt(kind, at, word);
    }
    Text {
        text,
        is_cut,
        read_as: decoded.read_as.to_owned(),
        language: decoded.language.map(str::to_owned),
    }
}

fn tell(decoded: &Decoded, part: &Part, at: u32, tree: &mut Tree) {
    let charset = part.charset.as_deref().unwrap_or_default();
    if decoded.is_unknown {
        tree.doubt(DoubtKind::UnknownCharset, at, charset);
    }
    if decoded.has_errors {
        tree.doubt(DoubtKind::BadText, at, charset);
    }
    if decoded.has_nul {
        tree.doubt(DoubtKind::Nul, at, "");
    }
}

/// So much of a text as is shown, up to the end of a line if there is one near.
fn within(bytes: &[u8], most: usize) -> (&[u8], bool) {
    let Some(short) = bytes.get(..most).filter(|_| bytes.len() > most) else {
        return (bytes, false);
    };
    let end = short
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map(|at| at + 1);
    let end = end.filter(|end| most - end < 4_096).unwrap_or(most);
    (short.get(..end).unwrap_or(short), true)
}

fn describe_file(part: &mut Part, leaf: &Leaf, bytes: &[u8], tree: &mut Tree) {
    let at = number(leaf.part);
    let name = part.name.as_deref();
    let real_type = kinds::real_type(bytes);
    if let Some((kind, word)) = signs::in_file(
        &part.media_type,
        leaf.hints.smime_type.as_deref(),
        name,
        bytes,
    ) {
        tree.doubt(kind, at, word);
    }
    if real_type.is_some_and(|real| kinds::is_pretence(real, &part.media_type, name)) {
        tree.doubt(DoubtKind::OtherType, at, real_type.unwrap_or_default());
    }
    let archive = archive::list(real_type.unwrap_or_default(), bytes);
    let is_locked = archive
        .iter()
        .flat_map(|archive| &archive.entries)
        .any(|entry| entry.is_encrypted);
    if is_locked {
        tree.doubt(DoubtKind::Encrypted, at, name.unwrap_or("zip"));
    }
    part.real_type = real_type.map(str::to_owned);
    let is_inline = false;
    part.body = Body::File { archive, is_inline };
}
