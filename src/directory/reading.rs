//! Makes a standing of what a server answered. One flagged value of one entry flags.

use crate::domain::person::{Entry, FlagReading, FlagValues, Standing};

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
    let mut flagged = None;
    for Answered { name, values } in entries {
        for (attribute, value) in values {
            let Some(reading) = known.read(&value) else {
                continue;
            };
            let flag = format!("{attribute}={}", String::from_utf8_lossy(&value));
            let found = Entry {
                name: name.clone(),
                flag,
                reading,
            };
            // A doubtful value among good ones still raises its alarm.
            if flagged.is_none() || reading == FlagReading::Doubtful {
                flagged = Some(found);
            }
        }
    }
    flagged.map_or(Standing::NotFlagged, Standing::Flagged)
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
        assert_eq!(nobody, Standing::NotFlagged);
        assert_eq!(read(&[]), Standing::NotFlagged);
        assert_eq!(read(&["N", ""]), Standing::NotFlagged);
    }

    #[test]
    fn a_doubtful_value_is_told_before_a_known_one() {
        for values in [["Y", "perhaps"], ["perhaps", "Y"]] {
            let Standing::Flagged(entry) = read(&values) else {
                panic!("not flagged")
            };
            assert_eq!(entry.flag, "f=perhaps");
        }
    }

    #[test]
    fn an_attribute_has_all_the_names_of_its_type() {
        let surname = b"( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'RFC2256: last name' SUP name )";
        assert!(is_named(surname, "sn") && is_named(surname, "SurName"));
        assert!(!is_named(surname, "name") && !is_named(surname, "n"));
    }
}
