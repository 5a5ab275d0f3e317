//! The houses in which the cases of docs/policy.md happen: the settings that the page gives, a Postfix
//! and a directory of their own, and two people.

use std::collections::{BTreeMap, btree_map::Entry};

use tokio::sync::OnceCell;
use toml::Value;

use super::{
    case::{Case, Way},
    cases::TABLES,
    clock::Now,
    house::House,
    page,
};
use crate::lab::{Lab, place::random_text, settings::Settings};

/// A host of the house, as the page's settings have it.
pub const INSIDE: &str = "192.0.2.9";
/// A host of somebody else.
pub const OUTSIDE: &str = "198.51.100.7";

/// The realm of a login that names none: Postfix's `myhostname`.
const REALM: &str = "mail.corp.test";

/// A house, by how its settings differ from those of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Not at all.
    Usual,
    /// `header_from = "always"` and `protected_mix = "hold"`.
    Strict,
    /// `mode = "watch"` and `header_from = "never"`.
    Watching,
    /// The directory is away: `outage = "tempfail"`.
    Waiting,
    /// The directory is away: `outage = "hold"`.
    Holding,
    /// The directory is away: `outage = "pass"`.
    Passing,
}

static OPEN: [OnceCell<Open>; 6] = [const { OnceCell::const_new() }; 6];

/// A house at work.
pub struct Open {
    /// Its servers.
    pub house: House,
    /// Its people.
    pub cast: Cast,
}

/// Who takes part in the cases of a house.
pub struct Cast {
    flagged: String,
    other: String,
    /// By login and realm.
    passwords: BTreeMap<String, String>,
}

impl Site {
    /// The house at work; the first case to ask starts it.
    pub async fn open(self, lab: &Lab) -> &'static Open {
        OPEN[self as usize].get_or_init(|| self.start(lab)).await
    }

    async fn start(self, lab: &Lab) -> Open {
        let now = Now::look().await;
        let adjust = |settings: &mut Settings| self.adjust(settings, &now);
        let house = House::start(lab, self.name(), adjust).await;
        let networks = "mynetworks=127.0.0.0/8, 192.0.2.0/24";
        house.postfix.set(&[networks]).await;
        let cast = self.cast(&house).await;
        if matches!(self, Self::Waiting | Self::Holding | Self::Passing) {
            house.slapd.kill();
        }
        Open { house, cast }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Strict => "strict",
            Self::Watching => "watching",
            Self::Waiting => "away-waiting",
            Self::Holding => "away-holding",
            Self::Passing => "away-passing",
        }
    }

    fn adjust(self, settings: &mut Settings, now: &Now) {
        let mut policy = page::house();
        let Some(Value::Array(rules)) = policy.remove("rule") else {
            unreachable!("the house has rules")
        };
        for (key, value) in policy {
            settings.set(&format!("policy.{key}"), value);
        }
        settings.set("policy.rule", now.place(rules));
        let differences: &[(&str, &str)] = match self {
            Self::Usual => &[],
            Self::Strict => &[
                ("policy.header_from", "always"),
                ("policy.protected_mix", "hold"),
            ],
            Self::Watching => &[("policy.mode", "watch"), ("policy.header_from", "never")],
            Self::Waiting => &[("directory.outage", "tempfail")],
            Self::Holding => &[("directory.outage", "hold")],
            Self::Passing => &[("directory.outage", "pass")],
        };
        for (key, value) in differences {
            settings.set(key, *value);
        }
    }

    async fn cast(self, house: &House) -> Cast {
        let flagged = format!("w{}", &random_text()[..8]);
        let [address, alias, book] = [
            format!("{flagged}@corp.test"),
            format!("alias.{flagged}@corp.test"),
            format!("{flagged}@xn--bcher-kva.test"),
        ];
        let addresses = [address.as_str(), &alias, &book];
        house.slapd.add_person(&flagged, &addresses, &["Y"]).await;
        let mut cast = Cast {
            flagged,
            other: house.person(&["N"]).await.login,
            passwords: BTreeMap::new(),
        };
        for login in logins(self) {
            let account = account(&cast.fill(login, ""));
            if let Entry::Vacant(none) = cast.passwords.entry(account) {
                let password = house.postfix.add_login(none.key()).await;
                none.insert(password);
            }
        }
        cast
    }
}

impl Cast {
    /// A text of a case with its names filled in; `new` is a word that no other mail has.
    pub fn fill(&self, text: &str, new: &str) -> String {
        text.replace("{flagged}", &self.flagged)
            .replace("{FLAGGED}", &self.flagged.to_uppercase())
            .replace("{other}", &self.other)
            .replace("{new}", new)
    }

    /// The password of a login.
    pub fn password(&self, login: &str) -> &str {
        &self.passwords[&account(login)]
    }
}

/// The logins with which the cases of a house submit.
fn logins(site: Site) -> impl Iterator<Item = &'static str> {
    let cases = TABLES.iter().flat_map(|(_, cases)| cases.iter());
    let here = cases.filter(move |case: &&Case| case.site == site);
    here.filter_map(|case| match case.way {
        Way::Submission(login) | Way::Roaming(login) => Some(login),
        Way::Proxy(_)
        | Way::Inside
        | Way::Outside
        | Way::Loopback
        | Way::Sendmail
        | Way::SendmailByHeader => None,
    })
}

fn account(login: &str) -> String {
    match login.contains('@') {
        true => login.to_owned(),
        false => format!("{login}@{REALM}"),
    }
}
