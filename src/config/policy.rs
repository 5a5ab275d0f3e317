//! Reads the `[policy]` section: the house, its rules, and which spellings of a mailbox are the same.

use std::collections::BTreeSet;

use chrono::Weekday;

use super::section::Section;
use crate::domain::{
    folding::Folding,
    person::Group,
    policy::{
        Action, BadHours, DomainPattern, HeaderFrom, Hours, Mode, Networks, Policy, ProtectedMix,
        RecipientPattern, Rule, Schedule, SenderPattern, ToWhom, Who, parse_network,
    },
};

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// Reads the section.
pub(super) fn policy_settings(section: &Section<'_>) -> Policy {
    let folding = folding(section);
    let internal = section.list("internal_domains", DomainPattern::parse);
    if internal.is_empty() && !section.faulty("internal_domains") {
        let missing = "is missing: name the domains of the house, such as [\"example.com\"]";
        section.refuse("internal_domains", missing);
    }
    let networks = section.list("submitted_networks", parse_network);
    if section.has("submitted_networks")
        && networks.is_empty()
        && !section.faulty("submitted_networks")
    {
        let cure = "is empty: leave it out, or name the networks of Postfix's mynetworks";
        section.refuse("submitted_networks", cure);
    }
    let networks = section.has("submitted_networks").then_some(networks);
    let mixes = [
        ("refuse", ProtectedMix::Refuse),
        ("hold", ProtectedMix::Hold),
    ];
    let uses = [
        ("unauthenticated", HeaderFrom::Unauthenticated),
        ("always", HeaderFrom::Always),
        ("never", HeaderFrom::Never),
    ];
    let modes = [("enforce", Mode::Enforce), ("watch", Mode::Watch)];
    let policy = Policy {
        internal,
        exempt: section.list("exempt_recipients", RecipientPattern::parse),
        protected: section.list("protected_correspondents", RecipientPattern::parse),
        protected_mix: section.word("protected_mix", &mixes).unwrap_or_default(),
        header_from: section.word("header_from", &uses).unwrap_or_default(),
        networks: Networks::new(networks),
        mode: section.word("mode", &modes).unwrap_or_default(),
        rules: rules(section, &folding),
        folding,
    };
    section.refuse_unknown();
    policy
}

fn folding(section: &Section<'_>) -> Folding {
    let read = |text: &str| {
        let is_sign = |sign: &u8| sign.is_ascii_graphic() && !b"@<>\"".contains(sign);
        match text.as_bytes() {
            signs if signs.iter().all(is_sign) => Ok(signs.to_vec()),
            _ => Err(format!("{text:?} are not signs such as \"+\"")),
        }
    };
    let tags = section.parsed("subaddress_delimiter", "+", read);
    let aliases = section.list("domain_aliases", |text| match text.split_once('=') {
        Some((alias, meant)) => Ok((alias.trim().to_owned(), meant.trim().to_owned())),
        None => Err(format!("{text:?} must be \"alias = name\"")),
    });
    let pairs = aliases.iter().map(|(alias, meant)| (&**alias, &**meant));
    let folding = Folding::new(&tags.unwrap_or_default(), pairs).unwrap_or_else(|error| {
        section.refuse("domain_aliases", &error.to_string());
        Folding::default()
    });
    let realms = section.list("login_realms", |text| Ok::<_, String>(text.to_owned()));
    folding.with_realms(&realms).unwrap_or_else(|error| {
        section.refuse("login_realms", &error.to_string());
        Folding::default()
    })
}

/// The rules in their order; without any, the one that the sample file shows.
fn rules(section: &Section<'_>, folding: &Folding) -> Vec<Rule> {
    let sections = section.sections("rule");
    if sections.is_empty() {
        if section.has("rule") {
            section.refuse(
                "rule",
                "is empty: leave it out for the rule of the sample file",
            );
        }
        return vec![Rule::flagged_external()];
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for section in &sections {
        let rule = rule(section, folding);
        let is_name = !rule.name.is_empty();
        if is_name && !names.insert(rule.name.clone()) {
            section.refuse(
                "name",
                "names another rule already: records tell rules by their names",
            );
        }
        rules.push(rule);
    }
    rules
}

fn rule(section: &Section<'_>, folding: &Folding) -> Rule {
    let name = section.required("name");
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    if name.len() > 64 || !name.chars().all(is_plain) {
        section.refuse(
            "name",
            "must be 1 to 64 letters, digits, dashes, dots or underscores",
        );
    }
    if ["directory-outage", "internal-only", "no-rule"].contains(&name.as_str()) {
        section.refuse(
            "name",
            "is a word of mailhold's own records: choose another one",
        );
    }
    let actions = [Action::Hold, Action::Pass, Action::Watch].map(|one| (one.as_str(), one));
    let rule = Rule {
        name,
        who: who(section, folding),
        to: to(section),
        when: Schedule {
            days: days(section),
            hours: hours(section),
        },
        action: section.word("verdict", &actions).unwrap_or(Action::Hold),
    };
    section.refuse_unknown();
    rule
}

/// The words for senders.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Flagged,
    Listed,
    Group,
    Anyone,
}

fn who(section: &Section<'_>, folding: &Folding) -> Who {
    let words = [
        ("flagged", Whose::Flagged),
        ("listed", Whose::Listed),
        ("group", Whose::Group),
        ("anyone", Whose::Anyone),
    ];
    let word = section.word("who", &words).unwrap_or(Whose::Flagged);
    let parse = |text: &str| SenderPattern::parse(text, folding);
    let senders = section.list("senders", parse);
    let group = section.text("group").filter(|name| !name.is_empty());
    belong(
        section,
        "senders",
        ("who = \"listed\"", word == Whose::Listed),
    );
    if group.as_ref().is_some_and(|name| !name.contains('=')) {
        let problem = "is no name of an entry such as \"cn=brokers,ou=groups,dc=example,dc=com\"";
        section.refuse("group", problem);
    }
    belong(section, "group", ("who = \"group\"", word == Whose::Group));
    match word {
        Whose::Flagged => Who::Flagged,
        Whose::Listed => Who::Listed(senders),
        Whose::Group => Who::Group(Group::new(&group.unwrap_or_default())),
        Whose::Anyone => Who::Anyone,
    }
}

/// The words for recipients.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whither {
    External,
    Any,
    Listed,
}

fn to(section: &Section<'_>) -> ToWhom {
    let words = [
        ("external", Whither::External),
        ("any", Whither::Any),
        ("listed", Whither::Listed),
    ];
    let word = section.word("to", &words).unwrap_or(Whither::External);
    let recipients = section.list("recipients", RecipientPattern::parse);
    belong(
        section,
        "recipients",
        ("to = \"listed\"", word == Whither::Listed),
    );
    match word {
        Whither::External => ToWhom::External,
        Whither::Any => ToWhom::Any,
        Whither::Listed => ToWhom::Listed(recipients),
    }
}

/// A list and the word that asks for it stand together, or neither of them.
fn belong(section: &Section<'_>, key: &'static str, (word, is_said): (&str, bool)) {
    match (is_said, section.is_empty(key)) {
        (true, true) if !section.faulty(key) => {
            section.refuse(
                key,
                &format!("is missing: {word} needs it, or the rule never matches"),
            );
        }
        (false, false) => section.refuse(key, &format!("needs {word}, or it means nothing")),
        (true, _) | (false, true) => {}
    }
}

fn days(section: &Section<'_>) -> Option<Vec<Weekday>> {
    let days = section.list("days", |text| {
        let found = DAYS.iter().find(|(name, _)| *name == text);
        let odd = || format!("{text:?} is none of mon, tue, wed, thu, fri, sat, sun");
        found.map(|(_, day)| *day).ok_or_else(odd)
    });
    (!days.is_empty()).then_some(days)
}

fn hours(section: &Section<'_>) -> Option<Hours> {
    let read = |text: &str| match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|error: BadHours| error.to_string()),
    };
    section.parsed("hours", "", read).flatten()
}
