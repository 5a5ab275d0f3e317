//! Reads an entry that a server answered: is it flagged, until when, and which groups is it in.
//!
//! One place for look-ups and for whoever keeps the entries. What cannot be understood flags.

use chrono::{DateTime, Utc};

use super::generalized_time;
use crate::domain::person::{Entry, Flag, FlagReading, FlagValues, Group};

/// By what an entry is known to be flagged: the attributes to ask for, and how to read them.
#[derive(Clone, Debug)]
pub struct Marks {
    /// The attribute that carries the flag.
    pub attribute: String,
    /// How its values read.
    pub values: FlagValues,
    /// The attribute with the end of the flag, as GeneralizedTime; `None`: flags do not end.
    pub until: Option<String>,
    /// The attribute in which an entry names its groups, under the name that the server gives it.
    pub member_of: String,
    /// The group whose members are flagged.
    pub flag_group: Option<Group>,
    /// Further groups that somebody wants to know of.
    pub groups: Vec<Group>,
}

/// One entry of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// The entry's distinguished name.
    pub name: String,
    /// The values that were asked for, each with the attribute's name as the server spells it.
    pub values: Vec<(String, Vec<u8>)>,
}

impl Default for Marks {
    /// The attribute `IsMailMonitor` alone.
    fn default() -> Self {
        Self {
            attribute: "IsMailMonitor".to_owned(),
            values: FlagValues::default(),
            until: None,
            member_of: "memberOf".to_owned(),
            flag_group: None,
            groups: Vec::new(),
        }
    }
}

impl Marks {
    /// Every group of which somebody wants to know the members.
    pub fn all_groups(&self) -> impl Iterator<Item = &Group> {
        self.flag_group.iter().chain(&self.groups)
    }

    fn is_until(&self, value: &Value) -> bool {
        self.until.as_ref().is_some_and(|name| is_of(value, name))
    }

    fn is_membership(&self, value: &Value) -> bool {
        self.all_groups().next().is_some() && is_of(value, &self.member_of)
    }

    /// A server may call the flag by another of its names, so what is nothing else is the flag.
    fn is_flag(&self, value: &Value) -> bool {
        is_of(value, &self.attribute) || !(self.is_until(value) || self.is_membership(value))
    }
}

/// A value, with the name of its attribute.
type Value = (String, Vec<u8>);

/// Whether a value is one of this attribute, whatever its options.
fn is_of((attribute, _): &Value, name: &str) -> bool {
    let bare = attribute.split(';').next().unwrap_or_default();
    bare.eq_ignore_ascii_case(name)
}

/// Reads one entry at the time `now`. Nothing but the attributes of the marks may have been asked
/// for. A membership that was learnt elsewhere stands among the values as one of `member_of`.
pub fn entry(marks: &Marks, answered: Answered, now: DateTime<Utc>) -> Entry {
    let values = || answered.values.iter();
    let memberships: Vec<_> = values()
        .filter(|value| marks.is_membership(value))
        .map(|value| (value, group(&value.1)))
        .collect();
    let is_in = |wanted: &&Group| {
        let groups = memberships.iter().filter_map(|(_, group)| group.as_ref());
        groups.into_iter().any(|group| group == *wanted)
    };
    let mut flag = said(marks, values().filter(|value| marks.is_flag(value)));
    let flagging = memberships.iter().find_map(|(value, group)| {
        let reading = match group {
            Some(group) if Some(group) == marks.flag_group.as_ref() => FlagReading::Known,
            // What nobody can read may be the group as well.
            None if marks.flag_group.is_some() => FlagReading::Doubtful,
            Some(_) | None => return None,
        };
        Some(raised(value, reading))
    });
    if let (None, Some(membership)) = (flag.reading(), flagging) {
        flag = membership;
    }
    Entry {
        flag: ended(flag, values().filter(|value| marks.is_until(value)), now),
        groups: marks.groups.iter().filter(is_in).cloned().collect(),
        name: answered.name,
    }
}

/// What the flag's values say together: one that flags is enough, and a doubtful one among good ones
/// still raises its alarm.
fn said<'a>(marks: &Marks, values: impl Iterator<Item = &'a Value>) -> Flag {
    let mut said = Flag::Absent;
    for value in values {
        match (marks.values.read(&value.1), said.reading()) {
            (Some(reading), None) | (Some(reading @ FlagReading::Doubtful), Some(_)) => {
                said = raised(value, reading);
            }
            (None, None) => said = Flag::Lowered(shown(value)),
            (Some(FlagReading::Known) | None, Some(_)) => {}
        }
    }
    said
}

/// What is left of a flag when its end is looked at. The latest end counts; one that cannot be read
/// ends nothing, and raises an alarm.
fn ended<'a>(flag: Flag, ends: impl Iterator<Item = &'a Value>, now: DateTime<Utc>) -> Flag {
    if flag.reading().is_none() {
        return flag;
    }
    let mut latest = None;
    for value in ends {
        let Some(end) = generalized_time::parse(&value.1) else {
            return raised(value, FlagReading::Doubtful);
        };
        latest = latest.max(Some(end));
    }
    match latest {
        Some(until) if until <= now => Flag::Expired {
            shown: flag.shown().to_owned(),
            until,
        },
        Some(_) | None => flag,
    }
}

/// Reads the name of a group; `None` if it is no text.
pub fn group(value: &[u8]) -> Option<Group> {
    std::str::from_utf8(value).ok().map(Group::new)
}

fn raised(value: &Value, reading: FlagReading) -> Flag {
    Flag::Raised {
        shown: shown(value),
        reading,
    }
}

fn shown((attribute, value): &Value) -> String {
    format!("{attribute}={}", String::from_utf8_lossy(value))
}

/// The names of one of a schema's `attributeTypes` (RFC 4512, section 4.1.2), the first one first.
pub fn names(attribute_type: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(attribute_type);
    let Some((_, rest)) = text.split_once(" NAME ") else {
        return Vec::new();
    };
    let rest = rest.trim_start();
    let (list, n_names) = match rest.strip_prefix('(') {
        Some(list) => (list.split(')').next().unwrap_or_default(), usize::MAX),
        None => (rest, 1),
    };
    let quoted = list.split('\'').skip(1).step_by(2);
    quoted.take(n_names).map(str::to_owned).collect()
}

/// Whether one of a schema's `attributeTypes` has this name.
pub fn is_named(attribute_type: &[u8], name: &str) -> bool {
    let names = names(attribute_type);
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "cn=monitored,ou=groups,dc=corp,dc=test";

    fn marks() -> Marks {
        Marks {
            until: Some("mailMonitorUntil".to_owned()),
            flag_group: Some(Group::new(GROUP)),
            groups: vec![Group::new("cn=brokers,dc=test")],
            ..Marks::default()
        }
    }

    fn read(values: &[(&str, &[u8])]) -> Entry {
        let values = values.iter();
        let answered = Answered {
            name: "uid=anna".to_owned(),
            values: values
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
        };
        let now = generalized_time::parse(b"20300101000000Z").unwrap();
        entry(&marks(), answered, now)
    }

    fn flag(values: &[(&str, &[u8])]) -> (Option<FlagReading>, String) {
        let flag = read(values).flag;
        (flag.reading(), flag.shown().to_owned())
    }

    #[test]
    fn no_value_and_false_ones_do_not_flag() {
        assert_eq!(read(&[]).flag, Flag::Absent);
        let lowered = read(&[("f", b"N"), ("f", b"")]).flag;
        assert_eq!(lowered, Flag::Lowered("f=".to_owned()));
    }

    #[test]
    fn a_doubtful_value_is_told_before_a_known_one() {
        for values in [[b"Y", &b"perhaps"[..]], [b"perhaps", b"Y"]] {
            let (_, shown) = flag(&values.map(|value| ("f", value)));
            assert_eq!(shown, "f=perhaps");
        }
    }

    #[test]
    fn a_member_of_the_group_is_flagged_whatever_the_attribute_says() {
        let member: (&str, &[u8]) = ("MEMBEROF", b"CN=Monitored, OU=groups,dc=corp,dc=test");
        for flag in [None, Some(("f", &b"N"[..]))] {
            let values: Vec<_> = flag.into_iter().chain([member]).collect();
            let read = read(&values).flag;
            assert_eq!(read.reading(), Some(FlagReading::Known));
            assert!(read.shown().starts_with("MEMBEROF=CN=Mon"), "{read:?}");
        }
        let both = flag(&[member, ("f", b"Y")]);
        assert_eq!(both, (Some(FlagReading::Known), "f=Y".to_owned()));
        let other = flag(&[("memberOf", b"cn=monitored,ou=groups,dc=corp")]);
        assert_eq!(other.0, None);
    }

    #[test]
    fn a_group_that_nobody_can_read_flags_and_is_doubtful() {
        assert_eq!(
            flag(&[("memberOf", b"cn=\xff")]).0,
            Some(FlagReading::Doubtful)
        );
    }

    #[test]
    fn the_groups_that_are_asked_for_are_told() {
        let entry = read(&[
            ("memberOf", b"cn=Brokers,dc=test"),
            ("memberOf", b"cn=a,dc=test"),
        ]);
        assert_eq!(entry.groups, [Group::new("cn=brokers,dc=test")]);
        assert_eq!(entry.flag, Flag::Absent);
    }

    #[test]
    fn a_flag_ends_at_its_latest_end() {
        let past = ("mailMonitorUntil", &b"20300101000000Z"[..]);
        let coming = ("MAILMONITORUNTIL;x-a", &b"20300101000000.1Z"[..]);
        let until = generalized_time::parse(past.1).unwrap();
        let shown = "f=Y".to_owned();
        assert_eq!(
            read(&[("f", b"Y"), past]).flag,
            Flag::Expired { shown, until }
        );
        assert_eq!(
            flag(&[("f", b"Y"), past, coming]).0,
            Some(FlagReading::Known)
        );
        assert_eq!(read(&[past]).flag, Flag::Absent);
        let member = ("memberOf", GROUP.as_bytes());
        assert!(matches!(read(&[member, past]).flag, Flag::Expired { .. }));
    }

    #[test]
    fn an_end_that_is_no_time_ends_nothing_and_is_doubtful() {
        for values in [
            [&b"soon"[..], b"20200101000000Z"],
            [b"20200101000000Z", b"soon"],
        ] {
            let [first, second] = values.map(|value| ("mailMonitorUntil", value));
            let read = flag(&[first, ("f", b"Y"), second]);
            let wanted = "mailMonitorUntil=soon".to_owned();
            assert_eq!(read, (Some(FlagReading::Doubtful), wanted));
        }
    }

    #[test]
    fn an_attribute_has_all_the_names_of_its_type() {
        let surname = b"( 2.5.4.4 NAME ( 'sn' 'surname' ) DESC 'RFC2256: last name' SUP name )";
        assert!(is_named(surname, "sn") && is_named(surname, "SurName"));
        assert!(!is_named(surname, "name") && !is_named(surname, "n"));
        let one = b"( 1.2 NAME 'a' DESC 'not ''b'' (c)' X-ORIGIN 'd' )";
        assert_eq!(names(one), ["a"]);
        assert_eq!(names(b"( 1.2 DESC 'x' )"), [""; 0]);
    }
}
