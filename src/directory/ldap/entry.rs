//! Entries of an answer as plain values. Not as the library reads them: it panics on what is none, and
//! of two lists of one attribute it forgets the first.

use ldap3::ResultEntry;

use crate::directory::reading::Answered;

/// An entry that is not one after RFC 4511, section 4.5.2, or not a whole one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// Not an entry at all.
    #[error("an entry of the answer cannot be read")]
    Unreadable,
    /// Further values are elsewhere.
    #[error("the answer has only a part of the values of {0:?}")]
    Part(String),
}

/// Reads one entry.
pub(in crate::directory) fn read(entry: ResultEntry) -> Result<Answered, BadEntry> {
    let answered = plain(entry).ok_or(BadEntry::Unreadable)?;
    let part = answered.values.iter().find(|(name, _)| is_part(name));
    match part {
        Some((name, _)) => Err(BadEntry::Part(name.clone())),
        None => Ok(answered),
    }
}

fn plain(entry: ResultEntry) -> Option<Answered> {
    let mut parts = entry.0.expect_constructed()?.into_iter();
    let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let mut values = Vec::new();
    for attribute in parts.next()?.expect_constructed()? {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        for value in parts.next()?.expect_constructed()? {
            values.push((name.clone(), value.expect_primitive()?));
        }
    }
    Some(Answered { name, values })
}

/// Active Directory gives long lists in parts, such as `memberOf;range=0-1499`, and calls a whole one
/// `0-*` at most.
fn is_part(attribute: &str) -> bool {
    let mut options = attribute.split(';').skip(1);
    options.any(|option| {
        let option = option.to_ascii_lowercase();
        option
            .strip_prefix("range=")
            .is_some_and(|range| range != "0-*")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_values_is_a_part_unless_it_has_them_all() {
        for (attribute, wanted) in [
            ("memberOf", false),
            ("memberOf;range=0-*", false),
            ("memberOf;range=0-1499", true),
            ("memberOf;x-a;Range=1500-*", true),
        ] {
            assert_eq!(is_part(attribute), wanted, "{attribute}");
        }
    }
}
