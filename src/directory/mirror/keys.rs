//! Under which names an entry is found in memory: what the search filters of the settings say, read
//! as attributes. A filter that says more than that is left to the server.

use super::set::Key;
use crate::{
    directory::filter::FilterTemplate,
    domain::{address::Address, folding::Folding, identity::Identity},
};

/// How entries are found without a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What an entry must fulfil besides; the server sees to it.
    conditions: Vec<String>,
    /// Where an address is.
    address: Vec<Place>,
    /// Where a login is.
    login: Vec<Place>,
}

/// A place for a name: an attribute whose value has it between two fixed texts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    attribute: String,
    before: String,
    after: String,
}

/// Why a filter cannot be answered from memory.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMirrored {
    /// A part of the filter is more than the comparison of an attribute.
    #[error("{0:?} is neither (attribute={1}) nor (|...) of such, with (&...) around all at most")]
    Part(String, &'static str),
    /// The two filters find different people.
    #[error("filter and login_filter have different conditions in (&...)")]
    Conditions,
}

impl Plan {
    /// Reads the templates of the settings.
    ///
    /// # Errors
    /// A template that only a server can answer.
    pub fn of(
        filter: &FilterTemplate,
        login_filter: Option<&FilterTemplate>,
    ) -> Result<Self, NotMirrored> {
        let (conditions, address) = read(filter)?;
        let mut login = Vec::new();
        if let Some(filter) = login_filter {
            let (others, places) = read(filter)?;
            if others != conditions {
                return Err(NotMirrored::Conditions);
            }
            login = places;
        }
        Ok(Self {
            conditions,
            address,
            login,
        })
    }

    /// Finds everyone who has the flag's attribute at all.
    pub fn filter(&self, flag: &str) -> String {
        match self.conditions.as_slice() {
            [] => format!("({flag}=*)"),
            conditions => format!("(&({flag}=*){})", conditions.concat()),
        }
    }

    /// The attributes that have names, each once.
    pub fn attributes(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for place in self.address.iter().chain(&self.login) {
            let is_it = |name: &&str| name.eq_ignore_ascii_case(&place.attribute);
            if !names.iter().any(is_it) {
                names.push(&place.attribute);
            }
        }
        names
    }

    /// Every key of an entry that has this value in an attribute.
    pub fn keys(&self, attribute: &str, value: &[u8], folding: &Folding) -> Vec<Key> {
        let value = squeezed(value);
        let names = |places| names_in(places, attribute, &value);
        let addresses = names(&self.address).filter_map(Address::from_envelope);
        let addresses = addresses.map(|address| key(ADDRESS, &folding.fold(&address)));
        let logins = names(&self.login).map(|login| key(LOGIN, &folding.fold_login(login)));
        addresses.chain(logins).collect()
    }
}

/// The names that a value has in some of the places.
fn names_in<'a>(
    places: &'a [Place],
    attribute: &'a str,
    value: &'a [u8],
) -> impl Iterator<Item = &'a [u8]> {
    let is_it = |place: &&Place| place.attribute.eq_ignore_ascii_case(attribute);
    let places = places.iter().filter(is_it);
    places.filter_map(|place| place.name_in(value))
}

/// Whether every server compares this text as we do: by its bytes, without case, and with spaces as in
/// [`squeezed`]. Of other letters it may take several for one (RFC 4518).
pub fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

/// The keys under which an identity is found: two of a login that may have a realm.
pub fn keys_of(identity: &Identity, folding: &Folding) -> Vec<Key> {
    let kind = match identity {
        Identity::Login(_) => LOGIN,
        Identity::Sender(_) | Identity::Author(_) => ADDRESS,
    };
    let names = identity.fold(folding).into_iter();
    names.map(|name| key(kind, &name)).collect()
}

/// The kinds of names: what is only a login must not flag an address that is spelt alike.
const ADDRESS: u8 = b'@';
const LOGIN: u8 = b'l';

fn key(kind: u8, name: &[u8]) -> Key {
    let mut key = vec![kind];
    key.extend(squeezed(name));
    key
}

/// Spaces as servers compare them (RFC 4518, section 2.6.1): none around, one where there are more.
fn squeezed(text: &[u8]) -> Vec<u8> {
    let words = text.split(|byte| *byte == b' ').filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

impl Place {
    /// The name in a value; `None` if the fixed texts are not around it.
    fn name_in<'a>(&self, value: &'a [u8]) -> Option<&'a [u8]> {
        let (before, rest) = value.split_at_checked(self.before.len())?;
        let name_length = rest.len().checked_sub(self.after.len())?;
        let (name, after) = rest.split_at_checked(name_length)?;
        let is_around = before.eq_ignore_ascii_case(self.before.as_bytes())
            && after.eq_ignore_ascii_case(self.after.as_bytes());
        (is_around && !name.is_empty()).then_some(name)
    }
}

/// The conditions of a template, and its places.
fn read(template: &FilterTemplate) -> Result<(Vec<String>, Vec<Place>), NotMirrored> {
    let (text, mark) = template.parts();
    let mut conditions = Vec::new();
    let mut named = vec![text];
    if let Some(parts) = parts_of(text, '&') {
        (named, conditions) = parts.into_iter().partition(|part| part.contains(mark));
    }
    let [named] = named.as_slice() else {
        return Err(NotMirrored::Part(text.to_owned(), mark));
    };
    let mut places = Vec::new();
    read_places(named, mark, &mut places)?;
    let conditions = conditions.into_iter().map(str::to_owned).collect();
    Ok((conditions, places))
}

fn read_places(text: &str, mark: &'static str, places: &mut Vec<Place>) -> Result<(), NotMirrored> {
    if let Some(parts) = parts_of(text, '|') {
        return parts
            .into_iter()
            .try_for_each(|part| read_places(part, mark, places));
    }
    let place = place(text, mark).ok_or_else(|| NotMirrored::Part(text.to_owned(), mark))?;
    places.push(place);
    Ok(())
}

/// The filters within `(&...)` or `(|...)`. The text is known to be a filter: a parenthesis in a
/// value would be escaped.
fn parts_of(text: &str, sign: char) -> Option<Vec<&str>> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let inner = inner.trim_start().strip_prefix(sign)?;
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, letter) in inner.char_indices() {
        match letter {
            '(' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    parts.push(inner.get(start..=at)?);
                }
            }
            _ => {}
        }
    }
    Some(parts)
}

/// Reads `(attribute=before{mark}after)`.
fn place(text: &str, mark: &str) -> Option<Place> {
    let bare = text.trim();
    let bare = bare
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
        .unwrap_or(bare);
    let (attribute, value) = bare.split_once('=')?;
    let (before, after) = value.split_once(mark)?;
    let is_name = attribute.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && attribute
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_plain = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['*', '\\', '(', ')'])
    };
    let is_it = is_name && is_plain(before) && is_plain(after) && !after.contains(mark);
    is_it.then(|| Place {
        attribute: attribute.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> FilterTemplate {
        FilterTemplate::new(text, "{address}").unwrap()
    }

    fn plan(text: &str) -> Result<Plan, NotMirrored> {
        Plan::of(&template(text), None)
    }

    fn sender(address: &[u8]) -> Identity {
        Identity::Sender(Address::from_envelope(address).unwrap())
    }

    #[test]
    fn the_filters_of_common_servers_are_understood() {
        let common =
            "(|(mail={address})(mailAlternateAddress={address})(proxyAddresses=smtp:{address}))";
        let plan = plan(common).unwrap();
        let names = ["mail", "mailAlternateAddress", "proxyAddresses"];
        assert_eq!(plan.attributes(), names);
        assert_eq!(plan.filter("flag"), "(flag=*)");
        let folding = Folding::default();
        let anna = keys_of(&sender(b"anna@corp.test"), &folding).remove(0);
        for (attribute, value) in [
            ("Mail", "Anna@Corp.Test"),
            ("mailAlternateAddress", " anna+x@corp.test "),
            ("proxyaddresses", "SMTP:anna@corp.test"),
        ] {
            let keys = plan.keys(attribute, value.as_bytes(), &folding);
            assert_eq!(keys.as_slice(), std::slice::from_ref(&anna), "{attribute}");
        }
        assert!(
            plan.keys("proxyAddresses", b"sip:anna@corp.test", &folding)
                .is_empty()
        );
        assert!(plan.keys("uid", b"anna", &folding).is_empty());
    }

    #[test]
    fn a_condition_around_all_is_left_to_the_server() {
        let plan = plan("(&(objectClass=person)(!(locked=Y))(|(mail={address})(alias={address})))");
        let filter = plan.unwrap().filter("flag");
        assert_eq!(filter, "(&(flag=*)(objectClass=person)(!(locked=Y)))");
    }

    #[test]
    fn a_filter_that_only_a_server_can_answer_is_refused() {
        for odd in [
            "(mail=*{address}*)",
            "(|(mail={address})(objectClass=person))",
            "(|(mail={address})(&(uid={address})(x=y)))",
            "(&(mail={address})(uid={address}))",
            "(!(mail={address}))",
            "(mail:caseExactMatch:={address})",
            "(mail;lang-de={address})",
            "(mail~={address})",
            "(mail=\\41{address})",
            "(mail={address}{address})",
        ] {
            assert!(matches!(plan(odd), Err(NotMirrored::Part(..))), "{odd}");
        }
    }

    #[test]
    fn both_filters_must_find_the_same_people() {
        let filter = template("(&(objectClass=person)(mail={address}))");
        let login = FilterTemplate::new("(uid={login})", "{login}").unwrap();
        let plan = Plan::of(&filter, Some(&login));
        assert_eq!(plan, Err(NotMirrored::Conditions));
    }

    #[test]
    fn a_login_is_no_address() {
        let login = FilterTemplate::new("(uid={login})", "{login}").unwrap();
        let plan = Plan::of(&template("(mail={address})"), Some(&login)).unwrap();
        let folding = Folding::default();
        let keys = plan.keys("uid", b"Anna", &folding);
        assert_eq!(keys, keys_of(&Identity::Login(b"anna".to_vec()), &folding));
        assert_ne!(keys, keys_of(&sender(b"anna"), &folding));
    }

    /// Letters of which mailboxes with all their oddities are made.
    fn name() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[aAb+ @]{1,6}").unwrap()
    }

    fn domain() -> impl Strategy<Value = &'static str> {
        prop_oneof![
            Just("corp.test"),
            Just("CORP.Test"),
            Just("corp.example.com"),
            Just("b\u{fc}cher.test"),
            Just("xn--bcher-kva.test"),
            Just(""),
        ]
    }

    /// As a server compares: without case, and spaces as above.
    fn compared(value: &[u8]) -> Vec<u8> {
        squeezed(value).to_ascii_lowercase()
    }

    proptest! {
        #[test]
        fn whom_a_search_would_find_memory_finds_too(
            local in name(), domain in domain(), as_login in any::<bool>()
        ) {
            // `anna@` is no mailbox, and read back it is another one.
            prop_assume!(!domain.is_empty() || !local.contains('@'));
            let aliases = [("corp.example.com", "corp.test")];
            let folding = Folding::new(b"+", aliases).unwrap();
            let text = match domain {
                "" => local,
                domain => format!("{local}@{domain}"),
            };
            let login = FilterTemplate::new("(uid={login})", "{login}").unwrap();
            let plan = Plan::of(&template("(mail={address})"), Some(&login)).unwrap();
            let (identity, attribute) = match Address::from_envelope(text.as_bytes()) {
                Some(address) if !as_login => (Identity::Sender(address), "mail"),
                _ => (Identity::Login(text.into_bytes()), "uid"),
            };
            let key = keys_of(&identity, &folding).remove(0);
            for value in identity.spellings(&folding) {
                if compared(&value).is_empty() {
                    continue;
                }
                let keys = plan.keys(attribute, &compared(&value), &folding);
                prop_assert!(keys.contains(&key), "{:?} is not found", String::from_utf8_lossy(&value));
            }
        }
    }
}
