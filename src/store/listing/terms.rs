//! What is searched of one message, written once beside its outline. Never reads a message.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::{postgres::PgConnection, types::Uuid};

use crate::domain::{
    capture_id::CaptureId,
    grams::{Mark, folded, grams},
    person::{folded_entry, with_those_above},
};
use crate::mail::outline::{Body, Mailbox, Outline, Part};

use super::super::row;

/// Between the four texts of a row; no folded text holds it.
pub(super) const BETWEEN: char = '\u{1e}';

/// The longest of the four texts in bytes. PostgreSQL takes 1 MiB of grams, and a text has at most three
/// times its own length of them. Nothing beyond is found.
const LONGEST_BYTES: usize = 60_000;

/// What an outline adds to what the database knows of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    senders: Vec<String>,
    recipients: Vec<String>,
    subject: Option<String>,
    names: Vec<String>,
    n_attachments: i32,
    has_html: bool,
    has_image: bool,
    is_doubtful: bool,
    language: Option<String>,
    snippet: String,
}

impl Terms {
    /// Those of an outline. A message that could not be outlined has [`Terms::default`]: it is found by
    /// its envelope and subject.
    pub fn of(outline: &Outline) -> Self {
        let from = [&outline.from, &outline.sender, &outline.reply_to];
        let files = outline.files().count();
        Self {
            senders: from.into_iter().flatten().flat_map(spellings).collect(),
            recipients: outline.to.iter().flat_map(spellings).collect(),
            subject: outline.subject.clone(),
            names: outline
                .parts
                .iter()
                .filter_map(|part| part.name.clone())
                .collect(),
            n_attachments: i32::try_from(files).unwrap_or(i32::MAX),
            has_html: outline.parts.iter().any(is_html),
            has_image: outline.parts.iter().any(is_image),
            is_doubtful: outline.is_doubtful(),
            language: outline.language.clone(),
            snippet: outline.snippet.clone(),
        }
    }
}

fn spellings(mailbox: &Mailbox) -> impl Iterator<Item = String> {
    let Mailbox {
        name,
        address,
        ascii,
    } = mailbox.clone();
    [Some(name), Some(address), ascii].into_iter().flatten()
}

fn is_html(part: &Part) -> bool {
    match part.body {
        Body::Html { .. } => true,
        Body::Multipart | Body::Message { .. } | Body::Text { .. } | Body::File { .. } => false,
    }
}

fn is_image(part: &Part) -> bool {
    let types = [Some(part.media_type.as_str()), part.real_type.as_deref()];
    let mut types = types.into_iter().flatten();
    types.any(|name| name.starts_with("image/"))
}

struct Facts {
    captured_at: DateTime<Utc>,
    size_bytes: i64,
    sender: String,
    subject: Option<String>,
    matched_entry: String,
}

/// Lists a message for the search, in the transaction of its outline, under the outline's login. One
/// message in a transaction: it locks the message's record, and whoever locks several does so in an
/// order of its own.
pub async fn insert(
    connection: &mut PgConnection,
    capture_id: CaptureId,
    terms: &Terms,
) -> Result<(), sqlx::Error> {
    let facts = sqlx::query_as!(
        Facts,
        "select captured_at, size_bytes, sender, subject, matched_entry
        from capture
        where capture_id = $1",
        capture_id.uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    let recipients = sqlx::query_scalar!(
        "select recipient
        from capture_recipient
        where capture_id = $1
        order by ordinal",
        capture_id.uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;
    write(connection, capture_id.uuid(), &facts, &recipients, terms).await
}

async fn write(
    connection: &mut PgConnection,
    capture_id: Uuid,
    facts: &Facts,
    recipients: &[String],
    terms: &Terms,
) -> Result<(), sqlx::Error> {
    let subject = terms.subject.as_ref().or(facts.subject.as_ref());
    let senders = [&facts.sender].into_iter().chain(&terms.senders);
    let texts = [
        lines(senders),
        lines(recipients.iter().chain(&terms.recipients)),
        cut(folded(subject.map_or("", String::as_str))),
        lines(&terms.names),
    ];
    let entry = folded_entry(&facts.matched_entry);
    let grams: Vec<String> = all_grams(&texts, &entry, facts, terms)
        .into_iter()
        .collect();
    sqlx::query!(
        "insert into listing (
            capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful,
            entry, texts, language, snippet, grams
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, array_to_tsvector($12))
        on conflict do nothing",
        capture_id,
        facts.captured_at,
        facts.size_bytes,
        terms.n_attachments,
        terms.has_html,
        terms.has_image,
        terms.is_doubtful,
        entry,
        texts.join(&BETWEEN.to_string()),
        terms.language,
        row::text(&terms.snippet),
        &grams,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn all_grams(texts: &[String; 4], entry: &str, facts: &Facts, terms: &Terms) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = texts.iter().flat_map(|text| grams(text)).collect();
    let marks = [
        (terms.n_attachments > 0).then_some(Mark::Attachment),
        terms.has_html.then_some(Mark::Html),
        terms.has_image.then_some(Mark::Image),
        terms.is_doubtful.then_some(Mark::Doubt),
        Some(Mark::Size(row::size(facts.size_bytes))),
    ];
    all.extend(marks.into_iter().flatten().map(Mark::as_gram));
    let above = with_those_above(entry).into_iter();
    all.extend(above.map(|name| Mark::Entry(name).as_gram()));
    all
}

/// Folded values, each between two line feeds and only once.
fn lines<'a>(values: impl IntoIterator<Item = &'a String>) -> String {
    let mut seen = BTreeSet::new();
    let mut text = String::from("\n");
    for value in values {
        let value = folded(value);
        if text.len() + value.len() > LONGEST_BYTES {
            break;
        }
        if !value.is_empty() && seen.insert(value.clone()) {
            text.push_str(&value);
            text.push('\n');
        }
    }
    text
}

fn cut(text: String) -> String {
    match text.len() > LONGEST_BYTES {
        true => text.chars().take(LONGEST_BYTES / 4).collect(),
        false => text,
    }
}
