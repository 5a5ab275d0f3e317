//! The page on which readers choose language, theme and keys.

use std::{collections::HashMap, sync::Arc};

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;

use super::{
    Desk,
    error::WebError,
    fields::Sent,
    guard::Seat,
    page::{self, Choice, Frame, Key},
    preferences::{KEYS, Preferences, Theme, language, usable},
};

#[derive(Template)]
#[template(path = "preferences.html", config = "src/web/askama.toml")]
struct Page {
    languages: Vec<Choice>,
    themes: Vec<Choice>,
    keys: Vec<Key>,
    keys_on: bool,
    told: Option<String>,
    faults: Vec<String>,
    token: String,
    frame: Frame,
}

/// What the form is for, in its token.
const ACT: &str = "preferences";

/// The page as it is.
pub async fn show(State(desk): State<Arc<Desk>>, seat: Seat) -> Result<Response, WebError> {
    answer(&desk, &seat, None, Vec::new())
}

/// Keeps what was chosen.
pub async fn save(
    State(desk): State<Arc<Desk>>,
    mut seat: Seat,
    jar: CookieJar,
    Sent(given): Sent<HashMap<String, String>>,
) -> Result<Response, WebError> {
    let text = |name: &str| given.get(name).map(String::as_str).unwrap_or_default();
    seat.check_token(&desk, ACT, text("token"), None).await?;
    let keys: Option<Vec<char>> = match text("keys_on") {
        "yes" => KEYS
            .iter()
            .map(|(name, _)| only(text(&format!("key_{name}"))))
            .collect(),
        _ => Some(Vec::new()),
    };
    let keys = keys.and_then(usable);
    let is_good = keys.is_some();
    let kept = Preferences {
        language: language(text("language")),
        theme: Theme::named(text("theme")).unwrap_or_default(),
        keys: keys.unwrap_or_else(|| seat.visitor.taste.preferences.keys.clone()),
    };
    if !is_good {
        return answer(&desk, &seat, None, vec!["keys-fault"]);
    }
    let cookie = kept.cookie();
    seat.visitor.taste.preferences = kept;
    let page = answer(&desk, &seat, Some("preferences-saved"), Vec::new())?;
    Ok((jar.add(cookie), page).into_response())
}

/// The one sign of a text.
fn only(text: &str) -> Option<char> {
    let mut signs = text.chars();
    signs.next().filter(|_| signs.next().is_none())
}

fn answer(
    desk: &Desk,
    seat: &Seat,
    told: Option<&str>,
    faults: Vec<&str>,
) -> Result<Response, WebError> {
    let frame = seat.frame(desk);
    let preferences = &seat.visitor.taste.preferences;
    let status = match faults.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Page {
        languages: frame.languages(),
        themes: frame.themes(),
        keys: page::keys(&frame.words, preferences),
        keys_on: !preferences.keys.is_empty(),
        told: told.map(|id| frame.words.say(id)),
        faults: faults.into_iter().map(|id| frame.words.say(id)).collect(),
        token: seat.session.form_token(ACT),
        frame,
    };
    page::render(status, &page)
}
