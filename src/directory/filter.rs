//! Search filters from a template: whatever a sender writes stays one value in it.

/// A filter with a place for one value, such as `(mail={address})`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTemplate {
    template: String,
    place: &'static str,
}

/// A template that cannot become a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTemplate {
    /// The place for the value is missing: every look-up would ask the same.
    #[error("the filter has no {0}")]
    NoPlace(&'static str),
    /// Not a filter after RFC 4515.
    #[error("not a search filter; try (mail={0})")]
    Syntax(&'static str),
}

impl FilterTemplate {
    /// Takes a template whose value stands at `place`.
    pub fn new(template: &str, place: &'static str) -> Result<Self, BadTemplate> {
        if !template.contains(place) {
            return Err(BadTemplate::NoPlace(place));
        }
        let template = Self {
            template: template.to_owned(),
            place,
        };
        // The second begins with an escape: with the half of one before it, `\2{address}`, there would
        // be none.
        let values = [&b"a@b.test"[..], b"*"];
        if values
            .map(|value| template.render(value))
            .iter()
            .all(|text| super::ldap::is_filter(text))
        {
            Ok(template)
        } else {
            Err(BadTemplate::Syntax(place))
        }
    }

    /// The template, and the place for the value in it.
    pub fn parts(&self) -> (&str, &'static str) {
        (&self.template, self.place)
    }

    /// The filter for one value, any bytes.
    pub fn render(&self, value: &[u8]) -> String {
        self.template.replace(self.place, &escape(value))
    }

    /// The filter for values that begin and end so, whatever stands between.
    pub fn render_between(&self, before: &[u8], after: &[u8]) -> String {
        let value = format!("{}*{}", escape(before), escape(after));
        self.template.replace(self.place, &value)
    }

    /// Whether it can search for a part of a value: not every kind of match can.
    pub fn can_search_parts(&self) -> bool {
        super::ldap::is_filter(&self.render_between(b"a+", b"@b.test"))
            && !self.template.contains(&format!(":={}", self.place))
    }

    /// The attributes that are compared with the value.
    pub fn attributes(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = self.template.split(self.place).collect();
        parts.pop();
        parts
            .iter()
            .filter_map(|before| {
                let item = before.rsplit('(').next().unwrap_or_default();
                let end = item.find(|sign: char| !is_name(sign))?;
                item.get(..end)
            })
            .filter(|name| !name.is_empty())
            .collect()
    }
}

/// The filter that finds what any of these finds.
pub fn any_of(filters: Vec<String>) -> String {
    match filters.as_slice() {
        [only] => only.clone(),
        several => format!("(|{})", several.concat()),
    }
}

fn is_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "-.".contains(sign)
}

impl Default for FilterTemplate {
    /// Finds a person by the address alone.
    fn default() -> Self {
        Self {
            template: "(mail={address})".to_owned(),
            place: "{address}",
        }
    }
}

/// Escapes a value after RFC 4515, section 3. On bytes: an address need not be UTF-8, and each byte
/// that is not plain ASCII may be written as `\xx`.
pub(in crate::directory) fn escape(value: &[u8]) -> String {
    value
        .iter()
        .fold(String::with_capacity(value.len()), |mut text, byte| {
            match byte {
                b'*' | b'(' | b')' | b'\\' => text.push_str(&format!("\\{byte:02x}")),
                0x20..=0x7e => text.push(char::from(*byte)),
                _ => text.push_str(&format!("\\{byte:02x}")),
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_cannot_leave_its_place() {
        let template = FilterTemplate::new("(mail={address})", "{address}").unwrap();
        let filter = template.render(b"*)(uid=*))(|(uid=*\\\0\xe9");
        assert_eq!(
            filter,
            "(mail=\\2a\\29\\28uid=\\2a\\29\\29\\28|\\28uid=\\2a\\5c\\00\\e9)"
        );
    }

    #[test]
    fn several_values_become_one_filter() {
        let template = FilterTemplate::new("(mail={address})", "{address}").unwrap();
        let filters = [&b"a@b.test"[..], b"*"].map(|value| template.render(value));
        let both = any_of(filters.to_vec());
        assert_eq!(both, "(|(mail=a@b.test)(mail=\\2a))");
        assert_eq!(any_of(filters[..1].to_vec()), "(mail=a@b.test)");
    }

    #[test]
    fn a_template_without_its_place_is_refused() {
        let refused = FilterTemplate::new("(mail=anna@corp.test)", "{address}");
        assert_eq!(refused, Err(BadTemplate::NoPlace("{address}")));
    }

    #[test]
    fn a_template_that_is_no_filter_is_refused() {
        let refused = FilterTemplate::new("(mail={address}", "{address}");
        assert_eq!(refused, Err(BadTemplate::Syntax("{address}")));
    }

    #[test]
    fn a_template_with_half_an_escape_before_the_value_is_refused() {
        let refused = FilterTemplate::new("(mail=\\2{address})", "{address}");
        assert_eq!(refused, Err(BadTemplate::Syntax("{address}")));
    }

    #[test]
    fn only_what_we_put_there_stands_for_anything() {
        let template = FilterTemplate::new("(mail={address})", "{address}").unwrap();
        let filter = template.render_between(b"a*)(+", b"@b*.test");
        assert_eq!(filter, "(mail=a\\2a\\29\\28+*@b\\2a.test)");
        assert!(template.can_search_parts());
        let exact = FilterTemplate::new("(mail:caseIgnoreMatch:={address})", "{address}").unwrap();
        assert!(!exact.can_search_parts());
    }

    #[test]
    fn the_attributes_of_a_filter_are_those_that_are_compared_with_the_value() {
        for (template, wanted) in [
            ("(mail={address})", &["mail"][..]),
            (
                "(&(objectClass=person)(|(mail={address})(proxyAddresses=smtp:{address})))",
                &["mail", "proxyAddresses"],
            ),
            ("(2.5.4.4={address})", &["2.5.4.4"]),
            ("(mail:caseIgnoreMatch:={address})", &["mail"]),
            ("(mail;x-a={address})", &["mail"]),
        ] {
            let template = FilterTemplate::new(template, "{address}").unwrap();
            assert_eq!(template.attributes(), wanted);
        }
    }

    proptest! {
        #[test]
        fn any_parts_render_to_a_filter(
            before in proptest::collection::vec(any::<u8>(), 0..100),
            after in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let template = FilterTemplate::new("(|(mail={address})(uid={address}))", "{address}").unwrap();
            let filter = template.render_between(&before, &after);
            prop_assert!(super::super::ldap::is_filter(&filter));
            prop_assert_eq!(filter.matches('*').count(), 2);
            prop_assert_eq!(filter.matches('(').count(), 3);
        }

        #[test]
        fn any_value_renders_to_a_filter(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let template = FilterTemplate::new("(|(mail={address})(uid={address}))", "{address}").unwrap();
            prop_assert!(super::super::ldap::is_filter(&template.render(&value)));
        }
    }
}
