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
        if super::ldap::is_filter(&template.render(b"a@b.test")) {
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

    /// The filter for any of several values.
    pub fn render_any(&self, values: &[Vec<u8>]) -> String {
        let filters: Vec<String> = values.iter().map(|value| self.render(value)).collect();
        match filters.as_slice() {
            [only] => only.clone(),
            several => format!("(|{})", several.concat()),
        }
    }
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
fn escape(value: &[u8]) -> String {
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
        let values = [b"a@b.test".to_vec(), b"*".to_vec()];
        assert_eq!(
            template.render_any(&values),
            "(|(mail=a@b.test)(mail=\\2a))"
        );
        assert_eq!(template.render_any(&values[..1]), "(mail=a@b.test)");
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

    proptest! {
        #[test]
        fn any_value_renders_to_a_filter(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let template = FilterTemplate::new("(|(mail={address})(uid={address}))", "{address}").unwrap();
            prop_assert!(super::super::ldap::is_filter(&template.render(&value)));
        }
    }
}
