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
    page::render(StatusCode::OK, &Page::new(&desk, &seat))
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
        let mut page = Page::new(&desk, &seat);
        page.faults = vec![page.frame.words.say("keys-fault")];
        page.fill_in(&kept, &given);
        return page::render(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let cookie = kept.cookie();
    seat.visitor.taste.preferences = kept;
    let mut page = Page::new(&desk, &seat);
    page.told = Some(page.frame.words.say("preferences-saved"));
    let page = page::render(StatusCode::OK, &page)?;
    Ok((jar.add(cookie), page).into_response())
}

/// The one sign of a text.
fn only(text: &str) -> Option<char> {
    let mut signs = text.chars();
    signs.next().filter(|_| signs.next().is_none())
}

impl Page {
    fn new(desk: &Desk, seat: &Seat) -> Self {
        let frame = seat.frame(desk);
        let preferences = &seat.visitor.taste.preferences;
        Self {
            languages: frame.languages(),
            themes: frame.themes(),
            keys: page::keys(&frame.words, preferences),
            keys_on: !preferences.keys.is_empty(),
            told: None,
            faults: Vec::new(),
            token: seat.session.form_token(ACT),
            frame,
        }
    }

    /// Shows what was chosen and typed, which is not kept because of its fault.
    fn fill_in(&mut self, chosen: &Preferences, given: &HashMap<String, String>) {
        for language in &mut self.languages {
            language.is_here = chosen.language == Some(language.tag);
        }
        for theme in &mut self.themes {
            theme.is_here = chosen.theme.as_str() == theme.tag;
        }
        // Keys that are off have no fault.
        self.keys_on = true;
        for key in &mut self.keys {
            let typed = given.get(&format!("key_{}", key.name));
            key.value = typed.cloned().unwrap_or_default();
        }
    }
}
