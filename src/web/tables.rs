//! A page that is one table: the record, a timeline, health, strays, settings.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    error::WebError,
    page::{self, Frame},
    view::{Table, Value},
};

#[derive(Template)]
#[template(path = "table.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    title: String,
    purpose: String,
    table: Table,
    next: Option<String>,
}

/// What such a page says: messages of the catalogue, rows, and where the next page is.
pub struct Said<const N: usize> {
    /// Its title.
    pub title: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// The names of its columns.
    pub head: [&'static str; N],
    /// Its rows.
    pub rows: Vec<Vec<Value>>,
    /// The next page.
    pub next: Option<String>,
}

/// Makes the page.
pub fn answer<const N: usize>(frame: Frame, said: Said<N>) -> Result<Response, WebError> {
    let words = &frame.words;
    let title = words.say(said.title);
    let page = Page {
        purpose: words.say(said.purpose),
        table: Table {
            name: title.clone(),
            head: said.head.map(|name| words.say(name)).into(),
            rows: said.rows,
        },
        title,
        next: said.next,
        frame,
    };
    page::render(StatusCode::OK, &page)
}
