//! The mirrored people: by the server's own ID of each entry, and by every name that mail may have
//! for them. Pure memory; who may be asked, and how old it is, is not known here.

use std::{
    collections::{BTreeSet, HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use uuid::Uuid;

use super::packed::Packed;
use crate::directory::reading::Answered;

/// One name of a person, as [`super::keys`] makes it.
pub type Key = Vec<u8>;

/// One entry as it is kept: a few hundred bytes in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    keys: Packed,
    /// The entry's name, then attribute and value in turn.
    entry: Packed,
    names: Names,
}

/// Whether an entry is found here under every name under which a server would find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// It is.
    Sure,
    /// It may have names that we may not see, or that a server compares in its own way (RFC 4518).
    Unsure,
}

impl Person {
    /// Takes an entry with the values that count, and its keys. Without a key its names are not sure,
    /// whatever is said of them.
    pub fn new(entry: &Answered, keys: &[Key], names: Names) -> Self {
        let values = entry.values.iter();
        let values = values.flat_map(|(name, value)| [name.as_bytes(), value]);
        Self {
            keys: Packed::of(keys.iter().map(Vec::as_slice)),
            entry: Packed::of([entry.name.as_bytes()].into_iter().chain(values)),
            names: match keys {
                [] => Names::Unsure,
                _ => names,
            },
        }
    }

    /// The entry as it was taken.
    pub fn entry(&self) -> Answered {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut pieces = self.entry.pieces();
        let name = pieces.next().map(text).unwrap_or_default();
        let mut values = Vec::new();
        while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
            values.push((text(name), value.to_vec()));
        }
        Answered { name, values }
    }
}

/// All people of the mirror.
#[derive(Clone, Debug, Default)]
pub struct Set {
    people: HashMap<Uuid, Person>,
    /// The hash of each key with the entry that has it. The key itself is with the person.
    index: BTreeSet<(u64, Uuid)>,
    hasher: RandomState,
    n_unsure: usize,
}

impl Set {
    /// Adds a person, in place of what was known of this entry.
    pub fn put(&mut self, id: Uuid, person: Person) {
        self.remove(id);
        let keys = person.keys.pieces();
        let hashes = keys.map(|key| (self.hasher.hash_one(key), id));
        self.index.extend(hashes);
        self.n_unsure += usize::from(person.names == Names::Unsure);
        self.people.insert(id, person);
    }

    /// Removes a person, if it is there.
    pub fn remove(&mut self, id: Uuid) {
        if let Some(person) = self.people.remove(&id) {
            self.n_unsure -= usize::from(person.names == Names::Unsure);
            for key in person.keys.pieces() {
                self.index.remove(&(self.hasher.hash_one(key), id));
            }
        }
    }

    /// Keeps only the people that `is_kept` names.
    pub fn retain(&mut self, is_kept: impl Fn(&Uuid) -> bool) {
        let gone = self.people.keys().filter(|id| !is_kept(id));
        let gone: Vec<Uuid> = gone.copied().collect();
        gone.into_iter().for_each(|id| self.remove(id));
    }

    /// Takes all people of another set.
    pub fn absorb(&mut self, other: Self) {
        for (id, person) in other.people {
            self.put(id, person);
        }
    }

    /// Whether this entry is here.
    pub fn has(&self, id: &Uuid) -> bool {
        self.people.contains_key(id)
    }

    /// Every entry that has this key.
    pub fn find(&self, key: &[u8]) -> Vec<Answered> {
        let hash = self.hasher.hash_one(key);
        let candidates = self.index.range((hash, Uuid::nil())..=(hash, Uuid::max()));
        let people = candidates.filter_map(|(_, id)| self.people.get(id));
        let people = people.filter(|person| person.keys.pieces().any(|one| one == key));
        people.map(Person::entry).collect()
    }

    /// Every entry, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (&Uuid, Answered)> {
        self.people.iter().map(|(id, person)| (id, person.entry()))
    }

    /// Whether nobody is here who would be found under a name that is not: there is somebody at all,
    /// and everybody's names are sure.
    pub fn is_sure(&self) -> bool {
        self.n_unsure == 0 && !self.people.is_empty()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.people.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(name: &str, keys: &[&str]) -> Person {
        let entry = Answered {
            name: name.to_owned(),
            values: vec![("flag".to_owned(), b"Y".to_vec())],
        };
        let keys: Vec<Key> = keys.iter().map(|key| key.as_bytes().to_vec()).collect();
        Person::new(&entry, &keys, Names::Sure)
    }

    fn names(set: &Set, key: &str) -> Vec<String> {
        let found = set.find(key.as_bytes()).into_iter();
        found.map(|entry| entry.name).collect()
    }

    #[test]
    fn a_person_is_found_by_each_key_with_all_values() {
        let mut set = Set::default();
        set.put(Uuid::from_u128(1), person("anna", &["a@b", "anna"]));
        assert_eq!(names(&set, "a@b"), ["anna"]);
        let found = set.find(b"anna");
        assert_eq!(found[0].values, [("flag".to_owned(), b"Y".to_vec())]);
        assert_eq!(names(&set, "a@"), Vec::<String>::new());
    }

    #[test]
    fn a_key_moves_from_one_person_to_another() {
        let mut set = Set::default();
        set.put(Uuid::from_u128(1), person("anna", &["sales"]));
        set.put(Uuid::from_u128(2), person("ben", &["sales"]));
        assert_eq!(names(&set, "sales"), ["anna", "ben"], "both for a moment");
        set.put(Uuid::from_u128(1), person("anna", &["anna"]));
        assert_eq!(names(&set, "sales"), ["ben"]);
        set.remove(Uuid::from_u128(2));
        assert_eq!(names(&set, "sales"), Vec::<String>::new());
        assert_eq!(set.index.len(), 1, "nothing stays behind");
    }

    #[test]
    fn a_set_is_sure_while_it_has_somebody_and_everybodys_names() {
        let mut set = Set::default();
        assert!(!set.is_sure(), "nobody may mean that nobody is shown");
        set.put(Uuid::from_u128(1), person("anna", &["anna"]));
        assert!(set.is_sure());
        set.put(Uuid::from_u128(2), person("ben", &[]));
        set.put(Uuid::from_u128(2), person("ben", &[]));
        assert!(!set.is_sure());
        set.put(Uuid::from_u128(2), person("ben", &["ben"]));
        assert!(set.is_sure());
        set.put(Uuid::from_u128(3), person("eva", &[]));
        set.remove(Uuid::from_u128(3));
        assert!(set.is_sure());
    }
}
