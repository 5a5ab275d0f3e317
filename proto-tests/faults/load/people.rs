//! Who sends: people of the directory with logins, half of them flagged.

use std::sync::{Arc, Mutex};

use super::super::ledger::Standing;
use crate::lab::{chance::Chance, desk::HOUSE, place::random_text, postfix::Postfix, slapd::Slapd};

/// The value of a flag that is set.
const SET: &str = "TRUE";

/// One of them.
pub struct Person {
    /// The login.
    pub login: String,
    /// The mail address.
    pub address: String,
    /// What the login's password is.
    pub password: String,
    /// What the directory says now; whoever changes it there says so here, *Changing* meanwhile.
    standing: Mutex<Standing>,
    /// Whether somebody may change it. Such people do not use `sendmail`, whose mail Postfix takes
    /// up at a time of its own.
    may_change: bool,
}

/// All that send.
pub struct People {
    people: Vec<Arc<Person>>,
}

impl Person {
    /// What the directory says now.
    pub fn standing(&self) -> Standing {
        *self.standing.lock().unwrap()
    }

    /// Says what the directory says from now on.
    pub fn set_standing(&self, standing: Standing) {
        *self.standing.lock().unwrap() = standing;
    }

    /// Whether the standing may change.
    pub fn may_change(&self) -> bool {
        self.may_change
    }
}

impl People {
    /// Adds so many flagged and as many unflagged people whose standing stays, and so many that may
    /// change, unflagged at first.
    pub async fn add(slapd: &Slapd, postfix: &Postfix, n_pairs: usize, n_changing: usize) -> Self {
        let mut people = Vec::new();
        for number in 0..2 * n_pairs + n_changing {
            let may_change = number >= 2 * n_pairs;
            let is_flagged = !may_change && number.is_multiple_of(2);
            let (standing, flags) = if is_flagged {
                (Standing::Flagged, &[SET][..])
            } else {
                (Standing::Unflagged, &[][..])
            };
            let login = format!("p{}", &random_text()[..8]);
            let address = format!("{login}@{HOUSE}");
            slapd.add_person(&login, &[&address], flags).await;
            let password = postfix.add_login(&login).await;
            people.push(Arc::new(Person {
                login,
                address,
                password,
                standing: Mutex::new(standing),
                may_change,
            }));
        }
        Self { people }
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<Person>] {
        &self.people
    }

    /// One of them.
    pub fn pick(&self, chance: &mut Chance) -> &Arc<Person> {
        chance.pick(&self.people)
    }
}
