//! What a server says of its content (RFC 4533), and a refresh: collected apart, in force at once.

use std::collections::HashSet;

use uuid::Uuid;

use super::set::{Person, Set};

/// Where a server can go on, in its own words.
pub type Cookie = Vec<u8>;

/// Where a server can go on after a connection was lost.
#[derive(Clone, Debug)]
pub struct Position {
    /// The server's name: its words mean nothing to another one.
    pub server: String,
    /// What it said last.
    pub cookie: Cookie,
}

/// One message of the server.
#[derive(Clone, Debug)]
pub struct Message<P> {
    /// What it says.
    pub said: Said<P>,
    /// From now on this is where to go on.
    pub cookie: Option<Cookie>,
}

/// What a message says; `P` is an entry's content.
#[derive(Clone, Debug)]
pub enum Said<P> {
    /// The entry is new, or otherwise than before.
    Is(Uuid, P),
    /// These entries are as they were.
    Present(Vec<Uuid>),
    /// These entries are gone, or do not match any more.
    Gone(Vec<Uuid>),
    /// All entries that are present were named: any other one is gone.
    PresentPhaseOver(Rest),
    /// All entries that are gone were named.
    DeletePhaseOver(Rest),
    /// Nothing but the cookie.
    Nothing,
}

/// What follows the end of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// More of the refresh.
    More,
    /// Changes as they happen: the refresh is complete.
    Changes,
}

/// How a refresh began. The words are values of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without a cookie: everything is told.
    Full,
    /// With a cookie: what has changed since is told.
    Resumed,
}

impl Kind {
    /// The label of `mailhold_directory_mirror_refreshes_total`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
        }
    }
}

/// A refresh on its way. The set in use stays as it is until the one of
/// [`Refresh::make`] takes its place.
#[derive(Debug)]
pub struct Refresh {
    kind: Kind,
    told: Set,
    present: HashSet<Uuid>,
    gone: HashSet<Uuid>,
    /// The present phase is over: what was not named until then is gone.
    all_named: bool,
}

impl Refresh {
    /// How it began.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Begins one.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            told: Set::default(),
            present: HashSet::new(),
            gone: HashSet::new(),
            all_named: false,
        }
    }

    /// Takes a message; says what follows it.
    pub fn take(&mut self, said: Said<Person>) -> Rest {
        match said {
            Said::Is(id, person) => {
                self.gone.remove(&id);
                self.told.put(id, person);
            }
            Said::Present(ids) if !self.all_named => self.present.extend(ids),
            Said::Present(_) | Said::Nothing => {}
            Said::Gone(ids) => {
                for id in ids {
                    self.told.remove(id);
                    self.gone.insert(id);
                }
            }
            Said::PresentPhaseOver(rest) => {
                self.all_named = true;
                return rest;
            }
            Said::DeletePhaseOver(rest) => return rest,
        }
        Rest::More
    }

    /// Whether an entry was named as it was before, where there was nothing before.
    pub fn has_untold(&self) -> bool {
        let is_untold = |id: &Uuid| !self.told.has(id) && !self.gone.contains(id);
        self.kind == Kind::Full && self.present.iter().any(is_untold)
    }

    /// Makes the set that was told; `before` gives the one that it goes out from.
    pub fn make(self, before: impl FnOnce() -> Set) -> Set {
        if self.kind == Kind::Full {
            return self.told;
        }
        let mut set = before();
        if self.all_named {
            set.retain(|id| self.present.contains(id) || self.told.has(id));
        }
        self.gone.into_iter().for_each(|id| set.remove(id));
        set.absorb(self.told);
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{super::set::Names, *};
    use crate::directory::reading::Answered;

    type Model = BTreeMap<u128, (String, Vec<u8>)>;

    fn person(content: u8) -> Person {
        let entry = Answered {
            name: format!("person {content}"),
            values: Vec::new(),
        };
        Person::new(&entry, &[vec![content]], Names::Sure)
    }

    fn told(set: &Set) -> Model {
        let entries = set.entries();
        let entries = entries.map(|(id, entry)| {
            let content: u8 = entry.name.rsplit(' ').next().unwrap().parse().unwrap();
            let found = set.find(&[content]);
            assert!(found.contains(&entry), "{} has its key", entry.name);
            (id.as_u128(), (entry.name, vec![content]))
        });
        entries.collect()
    }

    /// What a server can say of a few entries, whose content is a number.
    fn words() -> impl Strategy<Value = Said<u8>> {
        let id = || (0..6_u128).prop_map(Uuid::from_u128);
        let ids = || proptest::collection::vec(id(), 0..4);
        prop_oneof![
            4 => (id(), 0..9_u8).prop_map(|(id, content)| Said::Is(id, content)),
            2 => ids().prop_map(Said::Present),
            2 => ids().prop_map(Said::Gone),
            1 => Just(Said::PresentPhaseOver(Rest::More)),
            1 => Just(Said::DeletePhaseOver(Rest::More)),
            1 => Just(Said::Nothing),
        ]
    }

    /// Each message takes effect at once, as RFC 4533, section 3.3, tells it.
    fn model(model: &mut Model, messages: &[Said<u8>]) {
        let mut named: Option<Vec<u128>> = Some(Vec::new());
        for said in messages {
            match said {
                Said::Is(id, content) => {
                    model.insert(id.as_u128(), (format!("person {content}"), vec![*content]));
                    named.iter_mut().for_each(|named| named.push(id.as_u128()));
                }
                Said::Present(ids) => {
                    let ids = ids.iter().map(Uuid::as_u128);
                    named.iter_mut().for_each(|named| named.extend(ids.clone()));
                }
                Said::Gone(ids) => ids.iter().for_each(|id| {
                    model.remove(&id.as_u128());
                }),
                Said::PresentPhaseOver(_) => {
                    // There is one present phase.
                    if let Some(named) = named.take() {
                        model.retain(|id, _| named.contains(id));
                    }
                }
                Said::DeletePhaseOver(_) | Said::Nothing => {}
            }
        }
    }

    fn packed(said: &Said<u8>) -> Said<Person> {
        match said.clone() {
            Said::Is(id, content) => Said::Is(id, person(content)),
            Said::Present(ids) => Said::Present(ids),
            Said::Gone(ids) => Said::Gone(ids),
            Said::PresentPhaseOver(rest) => Said::PresentPhaseOver(rest),
            Said::DeletePhaseOver(rest) => Said::DeletePhaseOver(rest),
            Said::Nothing => Said::Nothing,
        }
    }

    proptest! {
        #[test]
        fn any_refreshes_leave_what_the_messages_say_one_by_one(
            refreshes in proptest::collection::vec(proptest::collection::vec(words(), 0..12), 1..4)
        ) {
            let (mut set, mut expected) = (Set::default(), Model::new());
            for messages in &refreshes {
                let before = told(&set);
                let mut refresh = Refresh::new(Kind::Resumed);
                for said in messages {
                    refresh.take(packed(said));
                    prop_assert_eq!(&told(&set), &before, "nothing acts before the end");
                }
                set = refresh.make(|| set.clone());
                model(&mut expected, messages);
                prop_assert_eq!(told(&set), expected.clone());
            }
        }

        #[test]
        fn a_full_refresh_leaves_what_it_told_alone(
            messages in proptest::collection::vec(words(), 0..12)
        ) {
            let mut set = Set::default();
            set.put(Uuid::from_u128(77), person(7));
            let mut refresh = Refresh::new(Kind::Full);
            for said in &messages {
                refresh.take(packed(said));
            }
            let set = refresh.make(|| set);
            let mut ids = Vec::new();
            for said in &messages {
                if let Said::Is(id, _) = said {
                    ids.push(id.as_u128());
                }
            }
            prop_assert!(told(&set).keys().all(|id| ids.contains(id)));
        }
    }

    #[test]
    fn the_end_of_a_phase_says_what_follows() {
        let mut refresh = Refresh::new(Kind::Resumed);
        assert_eq!(refresh.take(Said::PresentPhaseOver(Rest::More)), Rest::More);
        let end = Said::DeletePhaseOver(Rest::Changes);
        assert_eq!(refresh.take(end), Rest::Changes);
    }

    #[test]
    fn who_is_named_where_all_should_be_told_must_have_been_told() {
        let (known, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (kind, named, wanted) in [
            (Kind::Full, known, false),
            (Kind::Full, other, true),
            (Kind::Resumed, other, false),
        ] {
            let mut refresh = Refresh::new(kind);
            refresh.take(Said::Present(vec![named]));
            refresh.take(Said::Is(known, person(1)));
            assert_eq!(refresh.has_untold(), wanted, "{kind:?} {named}");
        }
    }
}
