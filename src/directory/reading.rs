//! Makes a standing of what a server answered. One flagged value of one entry flags.

use std::sync::Arc;

use crate::domain::person::{Entry, Flag, FlagReading, FlagValues, Standing};

/// One entry of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The entry's distinguished name.
    pub name: String,
    /// The values that were asked for, each with the attribute's name as the server spells it.
    pub values: Vec<(String, Vec<u8>)>,
}

/// Reads an answer. Nothing but the flag was asked for, so every value that came is the flag's:
/// a server may call an attribute by another of its names, or add options to it.
pub fn standing(known: &FlagValues, entries: Vec<Answered>) -> Standing {
    let read = |Answered { name, values }: Answered| {
        Arc::new(Entry {
            name,
            flag: flag(known, &values),
            groups: Vec::new(),
        })
    };
    Standing {
        entries: entries.into_iter().map(read).collect(),
    }
}

/// What the values of one entry say together: one that flags is enough, and a doubtful one among
/// good ones still raises its alarm.
fn flag(known: &FlagValues, values: &[(String, Vec<u8>)]) -> Flag {
    let mut said = Flag::Absent;
    for (attribute, value) in values {
        let shown = format!("{attribute}={}", String::from_utf8_lossy(value));
        match (known.read(value), said.reading()) {
            (Some(reading), None) | (Some(reading @ FlagReading::Doubtful), Some(_)) => {
                said = Flag::Raised { shown, reading };
            }
            (None, None) => said = Flag::Lowered(shown),
            (Some(FlagReading::Known) | None, Some(_)) => {}
        }
    }
    said
}

/// Whether one of a schema's `attributeTypes` (RFC 4512, section 4.1.2) has this name.
pub fn is_named(attribute_type: &[u8], name: &str) -> bool {
    let text = String::from_utf8_lossy(attribute_type).to_ascii_lowercase();
    text.contains(&format!("'{}'", name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Standing {
        let values = values.iter().map(|value| ("f".to_owned(), (*value).into()));
        let name = "uid=anna".to_owned();
        let values = values.collect();
        standing(&FlagValues::default(), vec![Answered { name, values }])
    }

    #[test]
    fn no_entry_and_no_value_do_not_flag() {
        let nobody = standing(&FlagValues::default(), Vec::new());
        assert_eq!(nobody, Standing::default());
        assert_eq!(read(&[]).flagged(), None);
        assert_eq!(read(&["N", ""]).flagged(), None);
    }

    #[test]
    fn a_doubtful_value_is_told_before_a_known_one() {
        for values in [["Y", "perhaps"], ["perhaps", "Y"]] {
            let standing = read(&values);
            assert_eq!(standing.flagged().unwrap().flag.shown(), "f=perhaps");
        }
    }

    #[test]
    fn an_attribute_has_all_the_names_of_its_type() {
        let surname = b"( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'RFC2256: last name' SUP name )";
        assert!(is_named(surname, "sn") && is_named(surname, "SurName"));
        assert!(!is_named(surname, "name") && !is_named(surname, "n"));
    }
}
