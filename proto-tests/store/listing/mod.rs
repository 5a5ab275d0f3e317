//! The search for reviewers: what is found, by whom, and in which order.

mod standing;
mod terms;

use std::sync::Arc;

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        capture::Capture, capture_id::CaptureId, person::folded_entry, query::Query, scope::Scope,
    },
    mail::outline::{Body, Mailbox, Outline, Part},
    store::{
        captures::{HeaderFields, Record},
        listing::{self, Count, Search, Terms},
    },
};

use super::fixture::{Fixture, MAIL};
use crate::trials::Trials;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = terms::tests(trials);
    tests.extend(standing::tests(trials));
    tests
}

/// A message before it is recorded.
struct Mail {
    pub capture: Capture,
    pub outline: Outline,
}

fn mail(fixture: &Fixture<'_>, subject: &str) -> Mail {
    let outline = Outline {
        subject: Some(subject.to_owned()),
        ..Outline::default()
    };
    Mail {
        capture: fixture.capture(),
        outline,
    }
}

/// What is at or below an entry.
fn below(entry: &str) -> Scope {
    Scope::Unit {
        suffix: folded_entry(entry),
    }
}

fn part(media_type: &str, name: Option<&str>, body: Body) -> Part {
    Part {
        parent: Some(0),
        depth: 1,
        media_type: media_type.to_owned(),
        charset: None,
        encoding: None,
        disposition: None,
        name: name.map(str::to_owned),
        content_id: None,
        size_bytes: 1,
        sha256: String::new(),
        real_type: None,
        body,
    }
}

fn file(media_type: &str, name: &str) -> Part {
    let body = Body::File {
        archive: None,
        is_inline: false,
    };
    part(media_type, Some(name), body)
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox {
        name: name.to_owned(),
        address: address.to_owned(),
        ascii: None,
    }
}

/// Records and confirms it.
async fn hold(fixture: &Fixture<'_>, mail: &Mail) -> CaptureId {
    let header = HeaderFields {
        subject: mail.outline.subject.clone(),
        ..HeaderFields::default()
    };
    let mut records = [Record {
        capture: mail.capture.clone(),
        header,
        content: Bytes::from_static(MAIL),
    }];
    fixture.milter().record(&mut records).await.unwrap();
    let id = mail.capture.id;
    fixture.worker().confirm(&[id]).await.unwrap();
    id
}

/// Lists it as the outline process does.
async fn list(fixture: &Fixture<'_>, mail: &Mail) {
    let mut session = fixture.sign_in("mailhold_outline").await;
    let terms = Terms::of(&mail.outline);
    listing::insert(session.connection(), mail.capture.id, &terms)
        .await
        .unwrap();
}

async fn hold_and_list(fixture: &Fixture<'_>, mail: &Mail) -> CaptureId {
    let id = hold(fixture, mail).await;
    list(fixture, mail).await;
    id
}

fn search(query: &str, scope: Scope) -> Search {
    Search::new(Query::parse(query).unwrap(), scope)
}

async fn found(fixture: &Fixture<'_>, search: &Search) -> Vec<CaptureId> {
    let found = fixture.web().search(search).await.unwrap();
    found.lines.iter().map(|line| line.capture_id).collect()
}

async fn finds(fixture: &Fixture<'_>, query: &str) -> Vec<CaptureId> {
    let search = search(query, Scope::All);
    let found = found(fixture, &search).await;
    let count = fixture.web().count(&search).await.unwrap();
    assert_eq!(count, Count::Exact(found.len() as u64), "{query}");
    found
}
