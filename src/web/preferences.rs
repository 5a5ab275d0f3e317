//! How one reader likes the desk: language, theme, keys. Kept in a cookie of the browser, for it says
//! nothing about anybody's mail; whatever is odd in it counts as not said.

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};

use super::words::LANGUAGES;

/// The cookie's name: for this host alone (RFC 6265bis, section 4.1.3.2).
const COOKIE: &str = "__Host-preferences";

/// What keys can do, and the keys that do it from the start.
pub const KEYS: [(&str, char); 9] = [
    ("next", 'j'),
    ("previous", 'k'),
    ("open", 'o'),
    ("release", 'r'),
    ("discard", 'd'),
    ("return", 'b'),
    ("note", 'n'),
    ("search", '/'),
    ("help", '?'),
];

/// How the desk looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the browser says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word in the page, the form and the cookie.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of such a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word)
    }
}

/// One reader's preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The language by its tag; none: as the browser says.
    pub language: Option<&'static str>,
    /// The theme.
    pub theme: Theme,
    /// The key of each act of [`KEYS`], in its order; empty if keys are switched off.
    pub keys: Vec<char>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            language: None,
            theme: Theme::default(),
            keys: KEYS.map(|(_, key)| key).to_vec(),
        }
    }
}

impl Preferences {
    /// Reads the cookie.
    pub fn of(jar: &CookieJar) -> Self {
        jar.get(COOKIE)
            .map(|cookie| Self::parse(cookie.value()))
            .unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for pair in text.split('&') {
            match pair.split_once('=').unwrap_or_default() {
                ("language", tag) => found.language = language(tag),
                ("theme", word) => found.theme = Theme::named(word).unwrap_or_default(),
                ("keys", list) => {
                    let keys = list
                        .split('.')
                        .filter(|code| !code.is_empty())
                        .map(|code| u32::from_str_radix(code, 16).ok().and_then(char::from_u32))
                        .collect::<Option<Vec<char>>>();
                    if let Some(keys) = keys.and_then(usable) {
                        found.keys = keys;
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The cookie that keeps them.
    pub fn cookie(&self) -> Cookie<'static> {
        let keys: Vec<String> = self
            .keys
            .iter()
            .map(|key| format!("{:x}", u32::from(*key)))
            .collect();
        let value = format!(
            "language={}&theme={}&keys={}",
            self.language.unwrap_or_default(),
            self.theme.as_str(),
            keys.join(".")
        );
        Cookie::build((COOKIE, value))
            .path("/")
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Strict)
            .permanent()
            .build()
    }

    /// For the script: `next:j previous:k`.
    pub fn key_map(&self) -> String {
        let pairs = KEYS.iter().zip(&self.keys);
        let pairs: Vec<String> = pairs
            .map(|((name, _), key)| format!("{name}:{key}"))
            .collect();
        pairs.join(" ")
    }

    /// The key of an act; nothing if keys are switched off.
    pub fn key(&self, act: &str) -> String {
        let mut pairs = KEYS.iter().zip(&self.keys);
        let found = pairs.find(|((name, _), _)| *name == act);
        found.map(|(_, key)| key.to_string()).unwrap_or_default()
    }
}

/// A language that there is, by its tag.
pub fn language(tag: &str) -> Option<&'static str> {
    let found = LANGUAGES.iter().find(|(known, ..)| *known == tag);
    found.map(|(known, ..)| *known)
}

/// One key for each act and each key for one act; none at all means that keys are off.
pub fn usable(keys: Vec<char>) -> Option<Vec<char>> {
    let is_typed = |key: &char| !key.is_control() && !key.is_whitespace() && *key != ':';
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let is_whole = keys.is_empty() || (keys.len() == KEYS.len() && sorted.len() == keys.len());
    (is_whole && keys.iter().all(is_typed)).then_some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut keys = Preferences::default().keys;
        keys[3] = 'ä';
        let kept = Preferences {
            language: Some("zh-Hant-TW"),
            theme: Theme::Dark,
            keys,
        };
        assert_eq!(Preferences::parse(kept.cookie().value()), kept);
        let off = Preferences {
            keys: Vec::new(),
            ..kept
        };
        assert_eq!(Preferences::parse(off.cookie().value()), off);
    }

    #[test]
    fn an_odd_cookie_says_nothing() {
        for odd in [
            "",
            "keys=6a.6a.6a.6a.6a.6a.6a.6a.6a",
            "keys=zz",
            "theme=pink&language=tlh",
        ] {
            assert_eq!(Preferences::parse(odd), Preferences::default(), "{odd}");
        }
    }

    #[test]
    fn one_key_never_does_two_things() {
        let mut keys = Preferences::default().keys;
        keys[0] = 'r';
        assert_eq!(usable(keys), None);
    }
}
