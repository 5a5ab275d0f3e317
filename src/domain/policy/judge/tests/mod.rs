//! The table of docs/policy.md, row by row, without a server.

mod recipients;

use std::sync::Arc;

use chrono::Weekday;

use super::*;
use crate::domain::{
    identity::Identity,
    person::{Entry, Flag, FlagReading, Group, Standing},
    policy::{Author, DomainPattern, Schedule, SenderPattern},
};

fn policy(rules: Vec<Rule>) -> Policy {
    let domain = |text| DomainPattern::parse(text).unwrap();
    let recipient = |text| RecipientPattern::parse(text).unwrap();
    Policy {
        exempt: vec![recipient("portal@partner.test"), recipient("@lists.test")],
        protected: vec![recipient("doctor@clinic.test"), recipient("@lawyer.test")],
        rules,
        ..Policy::flagged_external(vec![domain("corp.test"), domain(".corp.test")])
    }
}

fn usual() -> Policy {
    policy(vec![Rule::flagged_external()])
}

fn rule(name: &str, who: Who, to: ToWhom, action: Action) -> Rule {
    Rule {
        name: name.to_owned(),
        who,
        to,
        when: Schedule::default(),
        action,
    }
}

fn listed(text: &str) -> Who {
    Who::Listed(vec![
        SenderPattern::parse(text, &Default::default()).unwrap(),
    ])
}

fn to(text: &str) -> ToWhom {
    ToWhom::Listed(vec![RecipientPattern::parse(text).unwrap()])
}

fn path(argument: &str, rewritten: Option<&str>) -> Path {
    Path {
        argument: argument.as_bytes().to_vec(),
        parameters: Vec::new(),
        rewritten: rewritten.map(|form| form.as_bytes().to_vec()),
    }
}

fn sender(address: &str, flag: Flag, groups: &[&str]) -> Known {
    let identity = Identity::Sender(Address::from_envelope(address.as_bytes()).unwrap());
    let entry = Entry {
        name: "uid=anna".into(),
        flag,
        groups: groups.iter().map(|name| Group::new(name)).collect(),
    };
    let standing = Standing {
        entries: vec![Arc::new(entry)],
    };
    Known { identity, standing }
}

fn raised() -> Flag {
    Flag::Raised {
        shown: "f=Y".into(),
        reading: FlagReading::Known,
    }
}

fn flagged() -> Evidence {
    Evidence {
        known: vec![sender("anna@corp.test", raised(), &[])],
        ..Evidence::default()
    }
}

fn unflagged() -> Evidence {
    Evidence {
        known: vec![sender("ben@corp.test", Flag::Absent, &[])],
        ..Evidence::default()
    }
}

const NOON: Moment = Moment {
    day: Weekday::Wed,
    minute: 720,
};

fn said(policy: &Policy, evidence: &Evidence, recipients: &[&str]) -> String {
    let recipients = recipients.iter().map(|one| path(one, None)).collect();
    said_of(policy, evidence, recipients)
}

fn said_of(policy: &Policy, evidence: &Evidence, recipients: Vec<Path>) -> String {
    let envelope = Envelope {
        sender: path("<anna@corp.test>", None),
        recipients,
    };
    match policy.judge(evidence, &envelope, NOON) {
        Judgement::AwaitsAuthor => "awaits".to_owned(),
        Judgement::Final(verdict) => match verdict {
            Verdict::Hold(grounds) => {
                format!("hold {} {}", grounds.rule, grounds.matched.recipient)
            }
            Verdict::Watch(grounds) => format!("watch {}", grounds.rule),
            Verdict::Pass(grounds) => format!("pass {}", grounds.rule),
            Verdict::Refuse(grounds) => format!("refuse {}", grounds.rule),
            Verdict::Free(freedom) => freedom.as_str().to_owned(),
        },
    }
}

#[test]
fn an_unflagged_persons_mail_is_free() {
    assert_eq!(
        said(&usual(), &unflagged(), &["<b@elsewhere.test>"]),
        "unflagged"
    );
    assert!(!usual().may_concern(&unflagged()));
    assert!(usual().may_concern(&flagged()));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = vec![
        rule("partners", Who::Flagged, to("@partner.test"), Action::Pass),
        rule(
            "trial",
            listed("anna@corp.test"),
            ToWhom::Any,
            Action::Watch,
        ),
        Rule::flagged_external(),
    ];
    let policy = policy(rules);
    assert_eq!(
        said(&policy, &flagged(), &["<x@partner.test>"]),
        "pass partners"
    );
    assert_eq!(
        said(&policy, &flagged(), &["<x@elsewhere.test>"]),
        "watch trial"
    );
    let both = ["<x@partner.test>", "<x@elsewhere.test>"];
    assert_eq!(
        said(&policy, &flagged(), &both),
        "watch trial",
        "pass needs all recipients"
    );
}

#[test]
fn to_let_pass_all_identities_must_be_meant() {
    let pass = rule("boss", listed("boss@corp.test"), ToWhom::Any, Action::Pass);
    let policy = policy(vec![pass, Rule::flagged_external()]);
    let mut evidence = flagged();
    let boss = sender("boss@corp.test", Flag::Absent, &[]);
    evidence.known.push(boss.clone());
    assert!(said(&policy, &evidence, &["<b@elsewhere.test>"]).starts_with("hold"));
    let alone = Evidence {
        known: vec![boss],
        ..Evidence::default()
    };
    assert_eq!(said(&policy, &alone, &["<b@elsewhere.test>"]), "unflagged");
    let nobody = Evidence::default();
    assert_eq!(said(&policy, &nobody, &["<b@elsewhere.test>"]), "unflagged");
}

#[test]
fn of_flagged_peoples_mail_the_login_tells_where_there_is_one() {
    let partners = rule("partners", Who::Flagged, to("@partner.test"), Action::Pass);
    let all = rule("all", Who::Anyone, ToWhom::Any, Action::Hold);
    let policy = policy(vec![partners, all]);
    let login = |flag| {
        let mut login = sender("x@corp.test", flag, &[]);
        login.identity = Identity::Login(b"x".to_vec());
        login
    };
    let (anna, ben) = (
        sender("anna@corp.test", raised(), &[]),
        sender("ben@corp.test", Flag::Absent, &[]),
    );
    for (known, wanted) in [
        (vec![anna.clone(), ben.clone()], "pass partners"),
        (vec![login(raised()), ben.clone()], "pass partners"),
        (vec![login(Flag::Absent), anna], "hold all x@partner.test"),
    ] {
        let evidence = Evidence {
            known,
            ..Evidence::default()
        };
        assert_eq!(said(&policy, &evidence, &["<x@partner.test>"]), wanted);
    }
    let evidence = Evidence {
        known: vec![ben],
        gap: Gap::Outage,
        ..Evidence::default()
    };
    assert!(said(&policy, &evidence, &["<x@partner.test>"]).starts_with("hold"));
}

#[test]
fn everyones_mail_that_leaves_the_house_is_one_rule() {
    let all = rule("all", Who::Anyone, ToWhom::External, Action::Hold);
    let policy = policy(vec![all]);
    for evidence in [unflagged(), flagged(), Evidence::default()] {
        assert!(said(&policy, &evidence, &["<b@elsewhere.test>"]).starts_with("hold all"));
    }
    assert_eq!(said(&policy, &unflagged(), &["<a@corp.test>"]), "unflagged");
    assert!(!policy.needs_directory());
}

#[test]
fn a_group_holds_its_members() {
    let group = Who::Group(Group::new("cn=brokers,dc=corp,dc=test"));
    let policy = policy(vec![rule("brokers", group, ToWhom::External, Action::Hold)]);
    let member = Evidence {
        known: vec![sender(
            "eva@corp.test",
            Flag::Absent,
            &["CN=Brokers, dc=corp,dc=test"],
        )],
        ..Evidence::default()
    };
    assert!(said(&policy, &member, &["<b@elsewhere.test>"]).starts_with("hold brokers"));
    assert_eq!(
        said(&policy, &flagged(), &["<b@elsewhere.test>"]),
        "pass no-rule"
    );
    assert_eq!(policy.groups().len(), 1);
}

#[test]
fn the_header_from_is_awaited_where_it_may_change_the_verdict() {
    let mut evidence = unflagged();
    evidence.author = Author::Awaited;
    assert!(usual().may_concern(&evidence));
    assert_eq!(said(&usual(), &evidence, &["<b@elsewhere.test>"]), "awaits");
    assert_eq!(said(&usual(), &evidence, &["<a@corp.test>"]), "unflagged");
    let mut evidence = flagged();
    evidence.author = Author::Awaited;
    assert!(said(&usual(), &evidence, &["<b@elsewhere.test>"]).starts_with("hold"));
}

#[test]
fn in_an_outage_a_sender_counts_as_flagged_and_as_nobody_to_let_pass() {
    let mut evidence = unflagged();
    evidence.gap = Gap::Outage;
    let held = said(&usual(), &evidence, &["<b@elsewhere.test>"]);
    assert_eq!(held, "hold directory-outage b@elsewhere.test");
    let group = Who::Group(Group::new("cn=brokers"));
    let pass = rule("brokers", group, ToWhom::Any, Action::Pass);
    let policy = policy(vec![pass, Rule::flagged_external()]);
    assert!(said(&policy, &evidence, &["<b@elsewhere.test>"]).starts_with("hold"));
}

#[test]
fn a_site_that_watches_holds_nothing() {
    let mut policy = usual();
    policy.mode = Mode::Watch;
    assert_eq!(
        said(&policy, &flagged(), &["<b@elsewhere.test>"]),
        "watch flagged-external"
    );
}

#[test]
fn a_rule_applies_at_its_hours_only() {
    let mut night = Rule::flagged_external();
    night.when.hours = Some("18:00-08:00".parse().unwrap());
    let policy = policy(vec![night]);
    assert_eq!(
        said(&policy, &flagged(), &["<b@elsewhere.test>"]),
        "pass no-rule"
    );
}
