//! What the pages say, in the reader's language, out of a message catalogue (Project Fluent). Never
//! joins a sentence from pieces: a language may order them otherwise.

use std::sync::Arc;

use fluent_bundle::{
    FluentArgs, FluentResource, FluentValue,
    concurrent::FluentBundle,
    types::{FluentNumber, FluentNumberOptions},
};
use unic_langid::LanguageIdentifier;

type Bundle = FluentBundle<FluentResource>;

/// The languages that there are, by their BCP 47 tags.
pub const LANGUAGES: [(&str, &str, &str); 2] = [
    ("en", "English", include_str!("words/en.ftl")),
    (
        "zh-Hant-TW",
        "繁體中文",
        include_str!("words/zh-Hant-TW.ftl"),
    ),
];

/// The catalogues of all languages.
#[derive(Clone)]
pub struct Catalogues(Arc<Vec<Catalogue>>);

struct Catalogue {
    tag: &'static str,
    bundle: Bundle,
}

/// One reader's language.
#[derive(Clone)]
pub struct Words {
    catalogues: Catalogues,
    at: usize,
}

/// A value within a message.
pub type Value<'a> = FluentValue<'a>;

impl Catalogues {
    /// Reads the catalogues that are part of the program.
    #[expect(
        clippy::expect_used,
        reason = "the catalogues are constants; a test reads them"
    )]
    pub fn new() -> Self {
        let read = |(tag, _, text): (&'static str, &str, &str)| {
            let language: LanguageIdentifier = tag.parse().expect("a language tag");
            let mut bundle = Bundle::new_concurrent(vec![language]);
            // Names stand in elements of their own, which isolate them.
            bundle.set_use_isolating(false);
            bundle.set_formatter(Some(|value, _| grouped(value)));
            let resource = FluentResource::try_new(text.to_owned()).expect("a catalogue");
            bundle.add_resource(resource).expect("each message once");
            Catalogue { tag, bundle }
        };
        Self(Arc::new(LANGUAGES.map(read).into()))
    }

    /// The words of a language by its tag; of the first one if there is no such language.
    pub fn of(&self, tag: &str) -> Words {
        let at = LANGUAGES.iter().position(|(known, ..)| *known == tag);
        Words {
            catalogues: self.clone(),
            at: at.unwrap_or_default(),
        }
    }

    /// The words of the language that a browser prefers (RFC 9110, section 12.5.4): the first that
    /// there is, in the order of its weights.
    pub fn preferred(&self, accepted: &str) -> Words {
        let mut wanted: Vec<(u32, &str)> = accepted.split(',').filter_map(weighed).collect();
        wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let found = wanted.iter().find_map(|(_, range)| language(range));
        self.of(found.unwrap_or_default())
    }
}

impl Default for Catalogues {
    fn default() -> Self {
        Self::new()
    }
}

/// A language range and its weight in thousandths.
fn weighed(part: &str) -> Option<(u32, &str)> {
    let (range, weight) = part.split_once(';').unwrap_or((part, "q=1"));
    let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
    let weight = (weight.clamp(0.0, 1.0) * 1_000.0).round();
    // A float that was clamped fits.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within 0 to 1000"
    )]
    let weight = weight as u32;
    (weight > 0).then_some((weight, range.trim()))
}

/// Our language for a range of a browser.
fn language(range: &str) -> Option<&'static str> {
    let range = range.to_ascii_lowercase();
    let traditional = ["zh-tw", "zh-hk", "zh-mo", "zh-hant"];
    if traditional.iter().any(|start| range.starts_with(start)) {
        return Some("zh-Hant-TW");
    }
    (range == "en" || range.starts_with("en-")).then_some("en")
}

impl Words {
    /// The language's tag.
    pub fn tag(&self) -> &'static str {
        self.catalogue().map_or("en", |catalogue| catalogue.tag)
    }

    /// A message.
    pub fn say(&self, id: &str) -> String {
        self.format(id, None)
    }

    /// A message about one thing: its `$it`.
    pub fn say_of(&self, id: &str, it: impl ToString) -> String {
        self.say_with(id, [("it", Value::from(it.to_string()))])
    }

    /// A message about a number: its `$n`.
    pub fn count(&self, id: &str, n: u64) -> String {
        self.say_with(id, [("n", number(n))])
    }

    /// A message with values.
    pub fn say_with<'a>(
        &self,
        id: &str,
        values: impl IntoIterator<Item = (&'static str, Value<'a>)>,
    ) -> String {
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(name, value);
        }
        self.format(id, Some(&arguments))
    }

    fn catalogue(&self) -> Option<&Catalogue> {
        self.catalogues.0.get(self.at)
    }

    fn format(&self, id: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let first = self.catalogues.0.first();
        let found = self
            .catalogue()
            .into_iter()
            .chain(first)
            .find_map(|catalogue| {
                let pattern = catalogue.bundle.get_message(id)?.value()?;
                let mut faults = Vec::new();
                let text = catalogue
                    .bundle
                    .format_pattern(pattern, arguments, &mut faults);
                debug_assert!(faults.is_empty(), "{id}: {faults:?}");
                Some(text.into_owned())
            });
        // A test compares what is asked for with the catalogues; a page of a test build without it fails.
        debug_assert!(found.is_some(), "no message {id}");
        found.unwrap_or_else(|| id.to_owned())
    }
}

/// A whole number with a comma after each three digits, as all our languages have it.
fn grouped(value: &Value<'_>) -> Option<String> {
    let Value::Number(number) = value else {
        return None;
    };
    let digits = number.as_string();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    Some(grouped)
}

/// A number as a value.
pub fn number(n: u64) -> Value<'static> {
    // Exact to 2^53, which no count of ours reaches.
    #[expect(clippy::cast_precision_loss, reason = "no count of ours is that large")]
    let value = n as f64;
    Value::Number(FluentNumber::new(value, FluentNumberOptions::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_number_is_read_in_groups() {
        let words = Catalogues::new().of("en");
        for (n, shown) in [
            (1, "1 message"),
            (999, "999 messages"),
            (1_000, "1,000 messages"),
            (1_234_567, "1,234,567 messages"),
        ] {
            assert_eq!(words.count("list-count", n), shown);
        }
    }
}
