//! Every route of the desk, as the router has them, for everybody: nobody and each role, with a message of
//! somebody else, of their own and out of their scope. A route that is not tried here fails the test.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    domain::{person::folded_entry, rights::Act},
    web::router::{Needs, ROUTES, Route},
};

use super::house::{Held, House, Session};
use crate::{
    lab::{
        Lab,
        http::{Answer, Ask},
        review_desk::Sitter,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        every_route_lets_those_in_whom_it_must_and_nobody_else,
        a_refused_try_is_on_record,
        own_mail_is_neither_listed_nor_opened,
        what_is_not_in_a_reviewers_scope_is_not_there,
    ]
}

/// Somebody who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Nobody,
    Reviewer,
    Auditor,
    Administrator,
}

const ALL: [Who; 4] = [Who::Nobody, Who::Reviewer, Who::Auditor, Who::Administrator];

/// What the message is to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    /// Somebody else's.
    Foreign,
    /// They have sent it.
    Own,
    /// Mail of somebody whose mail they do not review.
    OutOfScope,
}

const RELATIONS: [Relation; 3] = [Relation::Foreign, Relation::Own, Relation::OutOfScope];

/// How a try ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    In,
    SignIn,
    Refused,
    NotThere,
}

impl Who {
    fn sitter(self, house: &House) -> Option<&Sitter> {
        match self {
            Self::Nobody => None,
            Self::Reviewer => Some(&house.rita),
            Self::Auditor => Some(&house.otto),
            Self::Administrator => Some(&house.ada),
        }
    }

    /// Whether the part that they play does this.
    fn plays(self, act: Act) -> bool {
        match act {
            Act::List | Act::View | Act::ViewRaw | Act::Download | Act::Decide(_) => {
                self == Self::Reviewer
            }
            Act::SeeTimeline => matches!(self, Self::Reviewer | Self::Auditor),
            Act::SeeLog => self == Self::Auditor,
            Act::SeeHealth | Act::SeeStrays | Act::SeeSettings => self == Self::Administrator,
        }
    }

    /// How the rights of the house have it, by what the route needs.
    fn outcome(self, relation: Relation, needs: Needs) -> Outcome {
        if self == Self::Nobody && needs != Needs::Nothing {
            return Outcome::SignIn;
        }
        match needs {
            Needs::Nothing | Needs::Session => Outcome::In,
            Needs::Right(act) | Needs::RightOver(act) if !self.plays(act) => Outcome::Refused,
            // The whole record is an auditor's to read.
            Needs::RightOver(Act::SeeTimeline) if self == Self::Auditor => Outcome::In,
            Needs::Right(_) => Outcome::In,
            Needs::RightOver(_) => match relation {
                Relation::Foreign => Outcome::In,
                Relation::Own => Outcome::Refused,
                Relation::OutOfScope => Outcome::NotThere,
            },
        }
    }

    /// A session in which the message is that to them.
    async fn session<'a>(self, house: &'a House, relation: Relation) -> Option<Session<'a>> {
        let session = house.session(self.sitter(house)?).await;
        let change = match relation {
            Relation::Foreign => "scope = 'all'".to_owned(),
            Relation::Own => format!("names = array['{}']", house.flagged_sven.address),
            Relation::OutOfScope => {
                "scope = 'entries', scope_entries = array['uid=nobody,dc=test']".to_owned()
            }
        };
        session.becomes(&change).await;
        Some(session)
    }
}

/// A message of sven's with a file and a safe page.
async fn message(house: &House) -> Held {
    let content = b"Subject: matrix\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
        <p>page</p>\r\n--b\r\nContent-Type: application/pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n";
    let recipients = ["bob@elsewhere.test"];
    house.held(&house.flagged_sven, &recipients, content).await
}

/// The path of a route for a message; the parts are those of [`message`].
fn path(route: &Route, held: &Held) -> String {
    let part = if route.path.contains("/page/") {
        "1"
    } else {
        "2"
    };
    route
        .path
        .replace("{id}", &held.id.to_string())
        .replace("{part}", part)
        .replace("{name}", "nothing")
}

/// How a try has ended; nothing for an answer that no route may give.
fn seen(route: &Route, answer: &Answer) -> Option<Outcome> {
    let location = answer.header("location").unwrap_or_default();
    let says = |text: &str| answer.text().contains(text);
    match answer.status {
        303 if location.starts_with("/sign-in") => Some(Outcome::SignIn),
        200 | 303 => Some(Outcome::In),
        // Nobody is asked who it is: the file is not there, and the form lacks all its fields.
        400 | 404 if route.needs == Needs::Nothing => Some(Outcome::In),
        404 => Some(Outcome::NotThere),
        // Behind the rights stands the token, which is none here.
        403 if says("The form was too old, or not one of this desk") => Some(Outcome::In),
        403 if says("You may not do that.") => Some(Outcome::Refused),
        _ => None,
    }
}

async fn every_route_lets_those_in_whom_it_must_and_nobody_else(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = message(house).await;
    let mut faults = Vec::new();
    for who in ALL {
        for relation in RELATIONS {
            let session = who.session(house, relation).await;
            for route in ROUTES {
                let path = path(route, &held);
                let ask = match route.method {
                    "get" => Ask::get(&path),
                    "post" => Ask::post(&path, &[("token", "none"), ("decision", "release")]),
                    other => panic!("a method of no page: {other}"),
                };
                let answer = match &session {
                    Some(session) => session.send(ask).await,
                    None => ask.send(house.plain.address).await,
                };
                let (seen, wanted) = (seen(route, &answer), who.outcome(relation, route.needs));
                if seen != Some(wanted) {
                    let (method, path, status) = (route.method, route.path, answer.status);
                    faults.push(format!(
                        "{method} {path} as {who:?}, {relation:?}: {status}, not {wanted:?}"
                    ));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let review = house.desk.held(&held.queue_id).await;
    assert_eq!(review["state"], "held", "nobody has decided anything");
}

async fn a_refused_try_is_on_record(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = message(house).await;
    for who in [&house.sven, &house.otto, &house.ada] {
        let session = house.session(who).await;
        let answer = session.get(&format!("/inbox?at={}", held.id)).await;
        assert_eq!(answer.status, 403, "{}", who.login);
    }
    let sql = format!(
        "select string_agg(distinct actor, ' ' order by actor) from audit_event
        where kind = 'refused' and (capture_id = '{}' or actor in ('otto', 'ada'))",
        held.id
    );
    assert_eq!(
        house.desk.database.execute(&sql).await.trim(),
        "ada otto sven"
    );
}

async fn own_mail_is_neither_listed_nor_opened(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = message(house).await;
    let list = house
        .session(&house.sven)
        .await
        .get("/inbox?q=matrix")
        .await;
    assert_eq!(list.status, 200);
    assert!(!list.text().contains(&held.id.to_string()));
    let list = house
        .session(&house.rita)
        .await
        .get("/inbox?q=matrix")
        .await;
    assert!(
        list.text().contains(&held.id.to_string()),
        "{}",
        list.text()
    );
}

async fn what_is_not_in_a_reviewers_scope_is_not_there(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = message(house).await;
    let session = house.session(&house.simon).await;
    let page = format!("/inbox?at={}", held.id);
    assert_eq!(session.get(&page).await.status, 200);
    // As the directory would have it for somebody else's manager.
    let narrow = |entry: &str| {
        format!(
            "update web_session set scope = 'entries', scope_entries = array['{}']
            where login = 'simon'",
            folded_entry(entry)
        )
    };
    house
        .desk
        .database
        .execute(&narrow("uid=nobody,dc=test"))
        .await;
    assert_eq!(session.get(&page).await.status, 404);
    let list = session.get("/inbox?q=matrix").await.text();
    assert!(!list.contains(&held.id.to_string()), "{list}");
    let sql = format!(
        "select matched_entry from capture where capture_id = '{}'",
        held.id
    );
    let entry = house.desk.database.execute(&sql).await;
    house.desk.database.execute(&narrow(entry.trim())).await;
    assert_eq!(session.get(&page).await.status, 200);
    let list = session.get("/inbox?q=matrix").await.text();
    assert!(list.contains(&held.id.to_string()), "{list}");
}
