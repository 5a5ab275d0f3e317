//! Messages that hold hostile text in every place that a page shows, each payload of the corpus in each
//! kind of place.

use std::io::{Cursor, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::lab::Person;

/// Signs that a page writes otherwise, wherever they stand.
const SIGNS: [(char, &str); 5] = [
    ('&', "&#38;"),
    ('<', "&#60;"),
    ('>', "&#62;"),
    ('"', "&#34;"),
    ('\'', "&#39;"),
];

/// Where a payload of a message is to be seen.
#[derive(Clone, Debug)]
pub struct Place {
    /// What it stands in.
    pub field: &'static str,
    /// The tab that shows it.
    pub tab: &'static str,
    /// What is shown there.
    pub payload: String,
}

/// A message with what it holds.
#[derive(Clone, Debug)]
pub struct Hostile {
    pub content: Vec<u8>,
    pub places: Vec<Place>,
}

/// The corpus, without what a mail cannot hold on one line.
pub fn all() -> Vec<String> {
    let files: [&[u8]; 2] = [
        include_bytes!("corpus/hostile.txt"),
        include_bytes!("corpus/attributes.txt"),
    ];
    let text = String::from_utf8_lossy(&files.concat()).into_owned();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let all: Vec<String> = lines.map(|line| line.replace('\r', " ")).collect();
    assert!(all.len() >= 200, "{}", all.len());
    all
}

/// A text as a page writes it.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for sign in text.chars() {
        match SIGNS.iter().find(|(other, _)| *other == sign) {
            Some((_, entity)) => escaped.push_str(entity),
            None => escaped.push(sign),
        }
    }
    escaped
}

/// Whether a payload stands in a page just as it is, as the mark or the end of an attribute that it
/// would be.
pub fn stands_in(page: &str, payload: &str) -> bool {
    payload.contains(SIGNS.map(|(sign, _)| sign)) && page.contains(payload)
}

/// Messages that together have the payloads in every field that a page shows: each message has some in
/// each, and two thirds of the corpus stand in a field of which a message has one.
pub fn messages(sender: &Person) -> Vec<Hostile> {
    let all = all();
    let numbers = (0..all.len()).filter(|number| number % 3 != 0);
    numbers
        .map(|number| message(sender, &all, number))
        .collect()
}

fn message(sender: &Person, all: &[String], number: usize) -> Hostile {
    let mut places = Vec::new();
    let mut at = number;
    let mut next = |field: &'static str, tab: &'static str| {
        let payload = all[at % all.len()].clone();
        at += 1;
        let place = Place {
            field,
            tab,
            payload: payload.clone(),
        };
        places.push(place);
        payload
    };
    let mut header = format!(
        "From: {} <{}>\r\n",
        encoded(&next("From", "text")),
        sender.address
    );
    for name in ["Sender", "Reply-To", "To", "Cc"] {
        let value = encoded(&next(name, "text"));
        header.push_str(&format!("{name}: {value} <x@elsewhere.test>\r\n"));
    }
    for (name, tab) in [("Subject", "text"), ("X-Hostile", "header")] {
        header.push_str(&format!("{name}: {}\r\n", encoded(&next(name, tab))));
    }
    let parts = [
        text(&mut next),
        file(&mut next),
        odd_type(&mut next),
        archive(&mut next),
        nested(&mut next),
        links(&mut next),
    ];
    let mut content = header.into_bytes();
    content.extend(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n");
    for part in parts {
        content.extend(format!("--b\r\n{part}\r\n").into_bytes());
    }
    content.extend(b"--b--\r\n");
    Hostile { content, places }
}

/// Takes the next payload for a place.
type Next<'a> = &'a mut dyn FnMut(&'static str, &'static str) -> String;

fn text(next: Next<'_>) -> String {
    let charset = quoted(&next("character set", "structure"));
    let text = next("text", "text");
    // A character set that nobody knows is read as UTF-8 where it is such.
    format!(
        "Content-Type: text/plain; charset=\"{charset}\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
}

fn file(next: Next<'_>) -> String {
    let name = encoded(&next("name of a file", "structure"));
    format!(
        "Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename=\"{name}\"\r\n\r\n%PDF-1.4"
    )
}

fn odd_type(next: Next<'_>) -> String {
    let kind = next("media type", "structure");
    // A parameter begins behind a semicolon.
    let kind = kind.split(';').next().unwrap_or_default();
    format!("Content-Type: application/{kind}\r\n\r\nx")
}

fn archive(next: Next<'_>) -> String {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for at in 0..3 {
        // No two entries have one name.
        let name = next("entry of an archive", "text");
        if writer.start_file(format!("{at} {name}"), plain).is_ok() {
            writer.write_all(b"x").unwrap();
        }
    }
    let bytes = STANDARD.encode(writer.finish().unwrap().into_inner());
    let lines: Vec<&str> = bytes
        .as_bytes()
        .chunks(76)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    let name = encoded(&next("name of an archive", "text"));
    format!(
        "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment;\r\n filename=\"{name}\"\r\n\r\n{}\r\n",
        lines.join("\r\n")
    )
}

fn nested(next: Next<'_>) -> String {
    format!(
        "Content-Type: message/rfc822\r\n\r\nFrom: {} <y@elsewhere.test>\r\nSubject: {}\r\n\r\nnested\r\n",
        encoded(&next("nested From", "text")),
        encoded(&next("nested Subject", "text")),
    )
}

fn links(next: Next<'_>) -> String {
    let text = escaped(&next("text of a link", "html"));
    let target = escaped(&next("target of a link", "html"));
    format!(
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        <p><a href=\"https://tracker.test/{target}\">{text}</a></p>\r\n"
    )
}

/// A text within quotes, in a parameter or in the local part of an address.
pub fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn encoded(text: &str) -> String {
    // Encoded words are short (RFC 2047, section 2), and no letter is cut in two.
    let mut words = Vec::new();
    let mut part = String::new();
    for sign in text.chars() {
        if part.len() + sign.len_utf8() > 40 {
            words.push(STANDARD.encode(std::mem::take(&mut part)));
        }
        part.push(sign);
    }
    words.push(STANDARD.encode(part));
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{word}?="))
        .collect();
    words.join("\r\n ")
}
