//! What stands around every page: language, theme, the places that a person may go to. Never shows
//! anything of a mail.

use askama::Template;
use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    assets::ASSETS,
    error::WebError,
    preferences::{KEYS, Preferences, Theme},
    words::{Catalogues, LANGUAGES, Words},
};
use crate::domain::rights::{Act, Principal, may};

/// A place in the menu.
pub struct Place {
    /// Where it is.
    pub path: &'static str,
    /// The message that names it.
    pub name: &'static str,
    /// Whether this page is it.
    pub is_here: bool,
}

/// The places, the message that names each, and what one must be allowed to go there.
const PLACES: [(&str, &str, Option<Act>); 6] = [
    ("/inbox", "place-inbox", Some(Act::List)),
    ("/log", "place-log", Some(Act::SeeLog)),
    ("/health", "place-health", Some(Act::SeeHealth)),
    ("/strays", "place-strays", Some(Act::SeeStrays)),
    ("/settings", "place-settings", Some(Act::SeeSettings)),
    ("/preferences", "place-preferences", None),
];

/// A key and what it does.
pub struct Key {
    /// Its act, for the form.
    pub name: &'static str,
    /// The key.
    pub value: String,
    /// What it does.
    pub title: String,
}

/// What a choice offers.
pub struct Choice {
    /// Its value, such as a language's tag.
    pub tag: &'static str,
    /// Its name.
    pub name: String,
    /// Whether it is chosen.
    pub is_here: bool,
}

/// What stands around a page.
pub struct Frame {
    /// The reader's language.
    pub words: Words,
    /// The theme.
    pub theme: &'static str,
    /// Who is signed in.
    pub who: Option<String>,
    /// What proves that a form came from this session.
    pub token: String,
    /// The menu.
    pub places: Vec<Place>,
    /// The keys, for the script.
    pub keys: String,
    /// The keys, for people.
    pub key_list: Vec<Key>,
    /// Where the style is.
    pub style: &'static str,
    /// Where the script is.
    pub script: &'static str,
    /// Where the icon is.
    pub icon: &'static str,
}

/// Who asks, as far as the page around is concerned.
pub struct Reader<'a> {
    /// Their preferences.
    pub preferences: &'a Preferences,
    /// What their browser says of languages.
    pub accepted: &'a str,
    /// Who they are, with the token of their session.
    pub seat: Option<(&'a Principal, &'a str)>,
}

impl Frame {
    /// The frame of the page at `path`.
    pub fn new(catalogues: &Catalogues, reader: &Reader<'_>, path: &str) -> Self {
        let preferences = reader.preferences;
        let words = match preferences.language {
            Some(tag) => catalogues.of(tag),
            None => catalogues.preferred(reader.accepted),
        };
        let principal = reader.seat.map(|(principal, _)| principal);
        let places = principal.map(|principal| places(principal, path));
        Self {
            theme: preferences.theme.as_str(),
            who: principal.map(|principal| principal.display_name.clone()),
            token: reader
                .seat
                .map(|(_, token)| token.to_owned())
                .unwrap_or_default(),
            places: places.unwrap_or_default(),
            keys: principal.map(|_| preferences.key_map()).unwrap_or_default(),
            key_list: keys(&words, preferences),
            style: &ASSETS.style.path,
            script: &ASSETS.script.path,
            icon: &ASSETS.icon.path,
            words,
        }
    }

    /// The languages, for a form.
    pub fn languages(&self) -> Vec<Choice> {
        let here = self.words.tag();
        let choice = |(tag, name, _): (&'static str, &str, &str)| Choice {
            tag,
            name: name.to_owned(),
            is_here: tag == here,
        };
        LANGUAGES.map(choice).into()
    }

    /// The themes, for a form.
    pub fn themes(&self) -> Vec<Choice> {
        let choice = |theme: Theme| Choice {
            tag: theme.as_str(),
            name: self.words.say(&format!("theme-{}", theme.as_str())),
            is_here: self.theme == theme.as_str(),
        };
        Theme::ALL.map(choice).into()
    }
}

fn places(principal: &Principal, path: &str) -> Vec<Place> {
    let is_allowed = |act: &Option<Act>| act.is_none_or(|act| may(principal, act, None).is_ok());
    let allowed = PLACES.into_iter().filter(|(_, _, act)| is_allowed(act));
    let place = |(place, name, _): (&'static str, &'static str, _)| Place {
        path: place,
        name,
        is_here: place == path,
    };
    allowed.map(place).collect()
}

/// Every act and its key; without a key where keys are switched off.
pub fn keys(words: &Words, preferences: &Preferences) -> Vec<Key> {
    let key = |(name, usual): (&'static str, char)| Key {
        name,
        value: match preferences.keys.is_empty() {
            true => usual.to_string(),
            false => preferences.key(name),
        },
        title: words.say(&format!("key-{name}")),
    };
    KEYS.map(key).into()
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "notice.html", config = "src/web/askama.toml")]
pub struct Notice {
    /// What stands around it.
    pub frame: Frame,
    /// Its title.
    pub title: String,
    /// What it says.
    pub text: String,
    /// What stands in the log.
    pub reference: Option<String>,
    /// Where to go from here.
    pub back: String,
}

/// Renders a page.
pub fn render(status: StatusCode, page: &impl Template) -> Result<Response, WebError> {
    let text = page
        .render()
        .map_err(|error| WebError::Ours(error.to_string()))?;
    let content_type = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    Ok((status, content_type, text).into_response())
}
