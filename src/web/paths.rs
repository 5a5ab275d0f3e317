//! Where things are at the desk. Never a host: links lead from page to page, whatever name a browser
//! knows us by.

use super::pane::Tab;

/// A view of the inbox: all that the page shows follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inbox<'a> {
    /// The search.
    pub query: &'a str,
    /// Where the page of the list begins.
    pub after: Option<&'a str>,
    /// The message that is open.
    pub id: Option<&'a str>,
    /// Its tab.
    pub tab: Option<Tab>,
    /// What was just done.
    pub told: Option<&'a str>,
}

impl Inbox<'_> {
    /// Its address.
    pub fn path(self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        let named = [
            ("q", Some(self.query).filter(|query| !query.is_empty())),
            ("after", self.after),
            ("at", self.id),
            ("tab", self.tab.map(Tab::as_str)),
            ("told", self.told),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        with("/inbox", &pairs.finish())
    }
}

/// All that was done with a message.
pub fn timeline(id: &str) -> String {
    format!("/review/{id}/timeline")
}

/// The record from a number on.
pub fn log_after(seq: i64) -> String {
    format!("/log?after={seq}")
}

fn with(path: &str, pairs: &str) -> String {
    match pairs {
        "" => path.to_owned(),
        pairs => format!("{path}?{pairs}"),
    }
}

/// The safe page of an HTML part.
pub fn page(id: &str, part: u32) -> String {
    format!("/review/{id}/page/{part}")
}

/// A file of a message.
pub fn file(id: &str, part: u32) -> String {
    format!("/review/{id}/file/{part}")
}

/// The message as it was captured.
pub fn raw(id: &str) -> String {
    format!("/review/{id}/raw")
}

/// The sign-in, and where to go on from there.
pub fn sign_in(next: &str) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    pairs.append_pair("next", next);
    with("/sign-in", &pairs.finish())
}

/// The page that has the form of this address, if it is one that is worth going back to.
pub fn page_of_form(path: &str) -> Option<String> {
    let review = path.strip_prefix("/review/");
    if let Some(id) = review.and_then(|rest| rest.strip_suffix("/decide")) {
        let id = Some(id);
        return Some(
            Inbox {
                id,
                ..Inbox::default()
            }
            .path(),
        );
    }
    (path == "/preferences").then(|| path.to_owned())
}

/// A path of ours to go on to after the sign-in; anything else leads to the start.
pub fn onward(next: &str) -> &str {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(['\\', '\r', '\n', '\t'])
        && next.is_ascii();
    if is_ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_stays_in_the_path() {
        assert_eq!(Inbox::default().path(), "/inbox");
        let view = Inbox {
            query: "from:a&b 見積",
            id: Some("x"),
            tab: Some(Tab::Html),
            ..Inbox::default()
        };
        assert_eq!(
            view.path(),
            "/inbox?q=from%3Aa%26b+%E8%A6%8B%E7%A9%8D&at=x&tab=html"
        );
    }

    #[test]
    fn nobody_is_sent_elsewhere_after_the_sign_in() {
        for next in [
            "//evil.test",
            "https://evil.test",
            "/\\evil.test",
            "evil",
            "",
        ] {
            assert_eq!(onward(next), "/", "{next}");
        }
        assert_eq!(onward("/inbox?q=a"), "/inbox?q=a");
    }
}
