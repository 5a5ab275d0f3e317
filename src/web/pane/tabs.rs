//! The tabs: text, safe HTML, header, structure, raw.

use super::{Known, TabLink};
use crate::{
    store::outlines::{Archive, Body, Field, Outline, Part, Standing, Text},
    web::{
        paths::{self, Inbox},
        sizes,
        view::{self, Block, Frame, Passage, Table, Value},
        words::Words,
    },
};

/// One way to look at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// Text, that of HTML where there is no other.
    Text,
    /// Safe HTML.
    Html,
    /// The header's fields.
    Header,
    /// The parts.
    Structure,
    /// The message as it was captured.
    Raw,
}

impl Tab {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [
        Self::Text,
        Self::Html,
        Self::Header,
        Self::Structure,
        Self::Raw,
    ];

    /// The word in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Html => "html",
            Self::Header => "header",
            Self::Structure => "structure",
            Self::Raw => "raw",
        }
    }

    /// The tab of such a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.as_str() == word)
    }

    /// What is shown first: where programs may read a message in several ways, the message itself.
    pub fn first(outline: &Standing) -> Self {
        match outline {
            Standing::Made(outline) if !outline.is_doubtful() => Self::Text,
            Standing::Made(_) | Standing::Waits | Standing::Failed(_) => Self::Raw,
        }
    }
}

/// The links to all tabs.
pub fn links(id: &str, words: &Words, here: Tab, view: Inbox<'_>) -> Vec<TabLink> {
    let link = |tab: Tab| TabLink {
        path: Inbox {
            id: Some(id),
            tab: Some(tab),
            ..view
        }
        .path(),
        name: words.say(&format!("tab-{}", tab.as_str())),
        is_here: tab == here,
    };
    Tab::ALL.map(link).into()
}

/// What a tab shows.
pub fn blocks(tab: Tab, words: &Words, known: &Known<'_>) -> Vec<Block> {
    if tab == Tab::Raw {
        return raw(words, known);
    }
    let Standing::Made(outline) = known.outline else {
        return vec![Block::Note(words.say("only-raw"))];
    };
    let id = known.review.capture.id.to_string();
    match tab {
        Tab::Text => {
            let mut blocks = texts(words, outline);
            blocks.extend(files(words, &id, outline));
            blocks
        }
        Tab::Html => {
            let mut blocks = pages(words, &id, outline);
            blocks.extend(files(words, &id, outline));
            blocks
        }
        Tab::Header => vec![fields(words, words.say("tab-header"), &outline.fields)],
        Tab::Structure => structure(words, &id, outline),
        Tab::Raw => Vec::new(),
    }
}

fn raw(words: &Words, known: &Known<'_>) -> Vec<Block> {
    let Some(raw) = known.raw else {
        return Vec::new();
    };
    let passage = Passage {
        pieces: view::pieces(&String::from_utf8_lossy(&raw.bytes).replace("\r\n", "\n")),
        lang: None,
    };
    let path = paths::raw(&known.review.capture.id.to_string());
    let mut cell = Value::text(&sizes::shown(words, known.review.capture.size_bytes));
    cell.path = Some(path);
    let whole = Table {
        name: words.say("raw-whole"),
        head: vec![words.say("column-size")],
        rows: vec![vec![cell]],
    };
    let mut blocks = vec![Block::Table(whole)];
    if raw.is_cut {
        blocks.push(Block::Note(words.say("raw-cut")));
    }
    blocks.push(Block::Raw(passage));
    blocks
}

fn texts(words: &Words, outline: &Outline) -> Vec<Block> {
    let mut blocks = Vec::new();
    for part in &outline.parts {
        match &part.body {
            Body::Text { text } => passage(words, text, &mut blocks),
            Body::Html { text, .. } if !has_text_beside(outline, part) => {
                blocks.push(Block::Note(words.say("text-of-html")));
                passage(words, text, &mut blocks);
            }
            Body::Message { fields: nested } => {
                blocks.push(Block::Heading(words.say("nested-message")));
                blocks.push(fields(words, words.say("nested-header"), nested));
            }
            Body::Html { .. } | Body::Multipart | Body::File { .. } => {}
        }
    }
    if blocks.is_empty() {
        blocks.push(Block::Note(words.say("no-text")));
    }
    blocks
}

/// Whether the same is said as text, in the same multipart/alternative.
fn has_text_beside(outline: &Outline, html: &Part) -> bool {
    let around = html
        .parent
        .and_then(|parent| outline.parts.get(usize::try_from(parent).ok()?));
    around.is_some_and(|around| around.media_type == "multipart/alternative")
        && outline
            .parts
            .iter()
            .any(|part| part.parent == html.parent && matches!(part.body, Body::Text { .. }))
}

fn passage(words: &Words, text: &Text, blocks: &mut Vec<Block>) {
    blocks.push(Block::Text(Passage {
        pieces: view::prose(&text.text),
        lang: text.language.clone(),
    }));
    if text.is_cut {
        blocks.push(Block::Note(words.say("text-cut")));
    }
}

fn pages(words: &Words, id: &str, outline: &Outline) -> Vec<Block> {
    let mut blocks = Vec::new();
    for (part, number) in outline.parts.iter().zip(0_u32..) {
        match &part.body {
            Body::Html { has_page: true, .. } => blocks.push(Block::Page(Frame {
                path: paths::page(id, number),
                title: words.say("html-frame"),
            })),
            Body::Message { .. } => blocks.push(Block::Heading(words.say("nested-message"))),
            Body::Html { .. } | Body::Text { .. } | Body::Multipart | Body::File { .. } => {}
        }
    }
    if !blocks.iter().any(|block| matches!(block, Block::Page(_))) {
        return vec![Block::Note(words.say("no-html"))];
    }
    blocks.push(Block::Note(words.say("html-safe")));
    blocks.extend(links_table(words, outline));
    blocks
}

fn links_table(words: &Words, outline: &Outline) -> Option<Block> {
    let rows = outline.links.iter().map(|link| {
        let host = Value::text(link.host.as_deref().unwrap_or_default());
        let host = match &link.ascii_host {
            Some(ascii) => host.marked("warn", ascii.clone()),
            None => host,
        };
        let host = match link.is_mismatch {
            true => host.marked("bad", words.say("link-mismatch")),
            false => host,
        };
        vec![Value::text(&link.text), host, Value::text(&link.target)]
    });
    let rows: Vec<Vec<Value>> = rows.collect();
    let head = ["column-link-text", "column-link-host", "column-link-target"];
    (!rows.is_empty()).then(|| {
        Block::Table(Table {
            name: words.say("links"),
            head: head.map(|name| words.say(name)).into(),
            rows,
        })
    })
}

fn fields(words: &Words, name: String, fields: &[Field]) -> Block {
    let row = |field: &Field| vec![Value::text(&field.name), Value::text(&field.value)];
    Block::Table(Table {
        name,
        head: vec![words.say("column-field"), words.say("column-value")],
        rows: fields.iter().map(row).collect(),
    })
}

/// The files, with what lies in archives.
fn files(words: &Words, id: &str, outline: &Outline) -> Vec<Block> {
    let head = ["column-name", "column-type", "column-size", "column-sha256"];
    let rows: Vec<Vec<Value>> = outline
        .files()
        .map(|(number, part)| {
            let mut name = Value::text(part.name.as_deref().unwrap_or("–"));
            name.path = Some(paths::file(id, number));
            vec![
                name,
                kind(words, part),
                Value::text(&sizes::shown(words, part.size_bytes)),
                Value::text(&part.sha256),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut blocks = vec![Block::Table(Table {
        name: words.say("attachments"),
        head: head.map(|name| words.say(name)).into(),
        rows,
    })];
    for (_, part) in outline.files() {
        if let Body::File {
            archive: Some(archive),
            ..
        } = &part.body
        {
            blocks.push(Block::Table(listing(words, part, archive)));
        }
    }
    blocks
}

fn kind(words: &Words, part: &Part) -> Value {
    let value = Value::text(&part.media_type);
    match &part.real_type {
        Some(real) if *real != part.media_type => {
            value.marked("warn", words.say_of("real-type", real))
        }
        Some(_) | None => value,
    }
}

fn listing(words: &Words, part: &Part, archive: &Archive) -> Table {
    let mut rows: Vec<Vec<Value>> = archive
        .entries
        .iter()
        .map(|entry| {
            let name = Value::text(&entry.name);
            let name = match entry.is_encrypted {
                true => name.marked("warn", words.say("entry-encrypted")),
                false => name,
            };
            vec![name, Value::text(&sizes::shown(words, entry.size_bytes))]
        })
        .collect();
    if archive.n_more > 0 {
        let more = words.count("more", archive.n_more);
        rows.push(vec![Value::text(&more), Value::default()]);
    }
    if let Some(fault) = &archive.fault {
        let fault = Value::text(&words.say("archive-fault")).marked("bad", fault.clone());
        rows.push(vec![fault, Value::default()]);
    }
    Table {
        name: words.say_of("archive", part.name.as_deref().unwrap_or("–")),
        head: vec![words.say("column-name"), words.say("column-size")],
        rows,
    }
}

fn structure(words: &Words, id: &str, outline: &Outline) -> Vec<Block> {
    let head = [
        "column-part",
        "column-type",
        "column-encoding",
        "column-name",
        "column-size",
        "column-sha256",
    ];
    let rows = outline.parts.iter().zip(0_u32..).map(|(part, number)| {
        let indent = "· ".repeat(usize::try_from(part.depth).unwrap_or_default());
        let encoding = [part.charset.as_deref(), part.encoding.as_deref()];
        let encoding: Vec<&str> = encoding.into_iter().flatten().collect();
        let mut name = Value::text(part.name.as_deref().unwrap_or_default());
        if let Body::File { .. } = part.body {
            name.path = Some(paths::file(id, number));
        }
        vec![
            Value::text(&format!("{indent}{number}")),
            kind(words, part),
            Value::text(&encoding.join(", ")),
            name,
            Value::text(&sizes::shown(words, part.size_bytes)),
            Value::text(&part.sha256),
        ]
    });
    vec![Block::Table(Table {
        name: words.say("tab-structure"),
        head: head.map(|name| words.say(name)).into(),
        rows: rows.collect(),
    })]
}
