//! Every role with every act, with mail of one's own, of others, and out of scope.

use super::*;

const RITA: &str = "uid=rita,ou=sales,dc=corp,dc=test";
const ANNA: &str = "uid=anna,ou=sales,dc=corp,dc=test";

fn person(roles: &[DeskRole]) -> Principal {
    let names = [&b"rita"[..], b"rita@corp.test", b"r.west@corp.test"];
    Principal {
        login: "rita".to_owned(),
        display_name: "Rita West".to_owned(),
        entry: Some(RITA.to_owned()),
        roles: roles.iter().copied().collect(),
        scope: Scope::Unit {
            suffix: folded_entry("ou=sales,dc=corp,dc=test"),
        },
        names: own_names(&Folding::default(), names),
    }
}

fn matter(sender: &str, login: &str, entry: &str) -> Matter {
    let sender = Address::from_envelope(sender.as_bytes());
    Matter::new(&Folding::default(), &sender, [login.as_bytes()], entry)
}

fn foreign() -> Matter {
    matter("anna@corp.test", "anna", ANNA)
}

/// Mail acts are a reviewer's, the record an auditor's, the house an administrator's.
fn whose(act: Act) -> &'static [DeskRole] {
    match act {
        Act::List | Act::View | Act::ViewRaw | Act::Download | Act::Decide(_) => {
            &[DeskRole::Reviewer]
        }
        Act::SeeTimeline => &[DeskRole::Reviewer, DeskRole::Auditor],
        Act::SeeLog => &[DeskRole::Auditor],
        Act::SeeHealth | Act::SeeStrays | Act::SeeSettings => &[DeskRole::Administrator],
    }
}

#[test]
fn each_role_does_its_own_acts_and_no_others() {
    let foreign = foreign();
    for role in DeskRole::ALL {
        for act in Act::ALL {
            let wanted = match whose(act).contains(&role) {
                true => Ok(()),
                false => Err(Refusal::NotYourRole),
            };
            let found = may(&person(&[role]), act, Some(&foreign));
            assert_eq!(found, wanted, "{role} {act:?}");
        }
    }
}

#[test]
fn without_a_role_nothing_is_allowed() {
    for act in Act::ALL {
        for matter in [None, Some(&foreign())] {
            let found = may(&person(&[]), act, matter);
            assert_eq!(found, Err(Refusal::NotYourRole), "{act:?}");
        }
    }
}

#[test]
fn several_roles_add_up_but_lift_no_bound_of_mail() {
    let all = person(&DeskRole::ALL);
    for act in Act::ALL {
        assert_eq!(may(&all, act, Some(&foreign())), Ok(()), "{act:?}");
        let own = may(&all, act, Some(&matter("rita@corp.test", "", RITA)));
        let wanted = match whose(act) {
            [DeskRole::Reviewer] => Err(Refusal::OwnMail),
            _ => Ok(()),
        };
        assert_eq!(own, wanted, "{act:?}");
    }
}

#[test]
fn a_reviewer_touches_no_mail_of_his_own_under_any_name() {
    for own in [
        matter("rita@corp.test", "", ""),
        matter("<RITA+list@Corp.Test>", "", ANNA),
        matter("R.West@corp.test", "anna", ANNA),
        matter("anna@corp.test", "rita", ANNA),
        matter("anna@corp.test", "Rita@corp.test", ANNA),
        matter("", "", "UID=Rita, OU=Sales,dc=corp,dc=test"),
    ] {
        for act in Act::ALL
            .into_iter()
            .filter(|act| whose(*act).contains(&DeskRole::Reviewer))
        {
            let found = may(&person(&[DeskRole::Reviewer]), act, Some(&own));
            assert_eq!(found, Err(Refusal::OwnMail), "{act:?} {own:?}");
        }
    }
}

#[test]
fn a_reviewer_touches_no_mail_out_of_scope() {
    for outside in [
        matter("olaf@corp.test", "olaf", "uid=olaf,ou=law,dc=corp,dc=test"),
        matter("olaf@corp.test", "olaf", ""),
    ] {
        for act in Act::ALL
            .into_iter()
            .filter(|act| whose(*act).contains(&DeskRole::Reviewer))
        {
            let found = may(&person(&[DeskRole::Reviewer]), act, Some(&outside));
            assert_eq!(found, Err(Refusal::OutOfScope), "{act:?}");
        }
    }
}

#[test]
fn a_message_of_which_nothing_is_known_is_touched_by_nobody() {
    let reviewer = person(&[DeskRole::Reviewer]);
    for act in Act::ALL {
        let wanted = match act {
            Act::List => Ok(()),
            Act::View | Act::ViewRaw | Act::Download | Act::Decide(_) | Act::SeeTimeline => {
                Err(Refusal::NothingKnown)
            }
            Act::SeeLog | Act::SeeHealth | Act::SeeStrays | Act::SeeSettings => {
                Err(Refusal::NotYourRole)
            }
        };
        assert_eq!(may(&reviewer, act, None), wanted, "{act:?}");
    }
}

#[test]
fn an_auditor_sees_the_record_of_any_message_and_none_of_its_content() {
    let auditor = person(&[DeskRole::Auditor]);
    let outside = matter("olaf@corp.test", "olaf", "");
    for matter in [None, Some(&outside)] {
        assert_eq!(may(&auditor, Act::SeeTimeline, matter), Ok(()));
        assert_eq!(may(&auditor, Act::SeeLog, matter), Ok(()));
        let viewed = may(&auditor, Act::View, matter);
        assert_eq!(viewed, Err(Refusal::NotYourRole));
    }
}

#[test]
fn a_person_without_an_entry_is_known_by_names_alone() {
    let mut reviewer = person(&[DeskRole::Reviewer]);
    reviewer.entry = None;
    reviewer.scope = Scope::All;
    let nobodys = matter("anna@corp.test", "", "");
    assert_eq!(may(&reviewer, Act::View, Some(&nobodys)), Ok(()));
    let own = matter("rita@corp.test", "", "");
    assert_eq!(may(&reviewer, Act::View, Some(&own)), Err(Refusal::OwnMail));
}

#[test]
fn who_sent_a_message_and_for_whom_it_is_held_make_the_matter() {
    let sender = Path {
        argument: b"<anna@corp.test>".to_vec(),
        rewritten: Some(b"<a.other@corp.test>".to_vec()),
        ..Path::default()
    };
    let matched = Matched {
        identity: "Matched@corp.test".to_owned(),
        entry: ANNA.to_owned(),
        ..Matched::default()
    };
    let author = Address::from_envelope(b"author@corp.test").unwrap();
    let folding = Folding::default();
    let found = Matter::sent(&folding, &sender, Some(b"sent-by"), &matched, &[author]);
    let names: Vec<&str> = found.names.iter().map(String::as_str).collect();
    let wanted = [
        "a.other@corp.test",
        "anna@corp.test",
        "author@corp.test",
        "matched@corp.test",
        "sent-by",
    ];
    assert_eq!(names, wanted);
    assert_eq!(found.entry, folded_entry(ANNA));
}
