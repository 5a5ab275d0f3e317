//! Makes the outline of a message out of its bytes. Never opens a file, never asks anybody, and never
//! refuses a message: what cannot be read is a doubt.

mod archive;
mod compare;
mod fields;
mod kinds;
mod leaves;
mod parameters;
mod second;
mod signs;
mod splitter;
mod summary;
mod tree;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;

use self::{
    fields::shown,
    leaves::Opened,
    second::Seen,
    tree::{Leaf, Tree},
};
use super::{
    html::{self, Pictures},
    mailboxes::mailboxes,
    outline::{
        Body, Content, ContentKind, DoubtKind, Link, Mailbox, Outline, Outlined, Part, Text,
    },
    words::decode_value,
};

/// Links of all HTML parts of a message.
const MOST_LINKS: usize = 2_000;

/// Bytes of all HTML of a message that is read: each takes its time.
const MOST_HTML: usize = 8 * 1024 * 1024;

/// Bytes of all safe pages of a message, after which no other is made: formatting and labels make them
/// longer than what they are made of.
const MOST_PAGES: usize = 32 * 1024 * 1024;

/// More mailboxes of one field are not kept, but of From: rights depend on each of them.
const MOST_OF_FIELD: usize = 1_000;

/// More mailboxes of all fields of one name are not kept.
const MOST_MAILBOXES: usize = 1_000_000;

/// How far a message is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Parts within parts.
    pub depth: u32,
    /// Parts in all.
    pub parts: u32,
    /// Bytes of each text that are shown.
    pub text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            parts: 1_000,
            text_bytes: 1024 * 1024,
        }
    }
}

/// Makes the outline of a message, and what is kept beside it.
pub fn outline(message: &[u8], limits: &Limits) -> Outlined {
    let mut tree = tree::take_apart(message, limits);
    let near = tree.parts.iter().find_map(|part| part.charset.clone());
    let near = near.as_deref();
    let seen: Vec<Seen> = tree
        .leaves
        .iter()
        .map(|leaf| seen(message, leaf, &tree))
        .collect();
    if let Some(difference) = second::difference(message, &seen) {
        tree.doubt(DoubtKind::TwoReadings, 0, &difference);
    }
    for (part, range) in std::mem::take(&mut tree.nested) {
        let bytes = message.get(range).unwrap_or_default();
        if let Some(part) = tree.parts.get_mut(part) {
            part.sha256 = leaves::sha256(bytes);
            let fields = fields::read(bytes).decoded(near);
            part.body = Body::Message { fields };
        }
    }
    let mut opened = leaves::open(message, &mut tree, limits);
    let (links, mut contents) = pages(&mut opened, &mut tree);
    for opened in opened {
        let is_file = |part: &&Part| matches!(part.body, Body::File { .. });
        if tree.parts.get(opened.part).filter(is_file).is_some() {
            contents.push(Content {
                part: number(opened.part),
                kind: ContentKind::File,
                bytes: opened.bytes,
            });
        }
    }
    contents.sort_by_key(|content| content.part);
    summary::compare_alternatives(&mut tree);
    let mut outline = described(message, near);
    outline.snippet = summary::snippet(&tree.parts);
    outline.language = summary::language(&tree.parts, outline.subject.as_deref());
    outline.parts = tree.parts;
    outline.doubts = tree.doubts;
    outline.links = links;
    Outlined { outline, contents }
}

fn number(part: usize) -> u32 {
    u32::try_from(part).unwrap_or(u32::MAX)
}

fn seen(message: &[u8], leaf: &Leaf, tree: &Tree) -> Seen {
    let name = tree
        .parts
        .get(leaf.part)
        .and_then(|part| part.name.as_deref());
    Seen::new(message, leaf.content.clone(), name)
}

/// What the header of the message tells.
fn described(message: &[u8], near: Option<&str>) -> Outline {
    let section = fields::read(message);
    let mailboxes_of = |name: &str, most: usize| -> Vec<Mailbox> {
        section
            .values(name)
            .flat_map(|value| mailboxes(value, near).take(most))
            .take(MOST_MAILBOXES)
            .collect()
    };
    let some = |name: &str| mailboxes_of(name, MOST_OF_FIELD);
    let subject = section.values("subject").next();
    Outline {
        subject: subject.map(|value| shown(&decode_value(value, near).text)),
        from: mailboxes_of("from", usize::MAX),
        sender: some("sender"),
        reply_to: some("reply-to"),
        to: [some("to"), some("cc")].concat(),
        fields: section.decoded(near),
        ..Outline::default()
    }
}

/// What may still be read of the HTML of a message, and be made of it, in bytes.
struct Room {
    html: usize,
    pages: usize,
}

impl Room {
    fn read(&mut self, html: &str, bases: &[String], pictures: &mut Pictures<'_>) -> html::Read {
        let left = self.html.checked_sub(html.len());
        let Some(left) = left.filter(|_| self.pages > 0) else {
            return html::unread(html);
        };
        self.html = left;
        let read = html::read(html, bases, pictures);
        let length = read.page.as_ref().map_or(0, String::len);
        self.pages = self.pages.saturating_sub(length);
        read
    }
}

/// Reads the HTML parts, with the images that they show.
fn pages(opened: &mut [Opened], tree: &mut Tree) -> (Vec<Link>, Vec<Content>) {
    let (mut links, mut contents) = (Vec::new(), Vec::new());
    let take = |opened: &mut Opened| {
        let html = opened.html.take()?;
        Some((opened.part, html, std::mem::take(&mut opened.bases)))
    };
    let htmls: Vec<(usize, Text, Vec<String>)> = opened.iter_mut().filter_map(take).collect();
    let with_id = |opened: &Opened| tree.parts.get(opened.part)?.content_id.clone();
    let files = opened
        .iter()
        .filter_map(|opened| Some((with_id(opened)?, opened.bytes.as_slice())));
    let mut pictures = Pictures::new(files);
    let mut room = Room {
        html: MOST_HTML,
        pages: MOST_PAGES,
    };
    for (part, text, bases) in htmls {
        let read = room.read(&text.text, &bases, &mut pictures);
        if read.is_too_deep {
            tree.doubt(DoubtKind::TooDeep, number(part), "HTML");
        }
        if read.has_hidden {
            tree.doubt(DoubtKind::HiddenText, number(part), "");
        }
        let n_links = MOST_LINKS.saturating_sub(links.len());
        links.extend(
            read.links
                .into_iter()
                .take(n_links)
                .map(|found| link(part, found)),
        );
        let has_page = read.page.is_some();
        contents.extend(read.page.map(|page| Content {
            part: number(part),
            kind: ContentKind::Page,
            bytes: page.into_bytes(),
        }));
        let text = Text {
            text: read.text.replace('\0', "\u{fffd}"),
            ..text
        };
        set_body(tree, part, Body::Html { text, has_page });
    }
    for part in &mut tree.parts {
        let is_shown = part
            .content_id
            .as_deref()
            .is_some_and(|id| pictures.is_shown(id));
        if let (Body::File { is_inline, .. }, true) = (&mut part.body, is_shown) {
            *is_inline = true;
        }
    }
    (links, contents)
}

fn set_body(tree: &mut Tree, part: usize, body: Body) {
    if let Some(part) = tree.parts.get_mut(part) {
        part.body = body;
    }
}

fn link(part: usize, found: html::Found) -> Link {
    let (host, ascii_host) = match found.host {
        Some(html::Host { unicode, ascii }) => (Some(unicode), ascii),
        None => (None, None),
    };
    let clean = |text: String| text.replace('\0', "\u{fffd}");
    Link {
        part: number(part),
        text: clean(found.text),
        target: clean(found.target),
        host: host.map(clean),
        ascii_host,
        is_mismatch: found.is_mismatch,
    }
}
