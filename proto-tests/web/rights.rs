//! Every route of the desk, as the router has them, for everybody: nobody, each role, and a reviewer
//! whose own mail it is. A route that is not tried here fails the test.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    domain::{person::folded_entry, rights::Act},
    web::router::{Needs, ROUTES, Route},
};

use super::house::{Held, House};
use crate::{
    lab::{Lab, http::Ask, review_desk::Sitter},
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
    /// A reviewer, and the message is their own.
    Sender,
}

const ALL: [Who; 5] = [
    Who::Nobody,
    Who::Reviewer,
    Who::Auditor,
    Who::Administrator,
    Who::Sender,
];

impl Who {
    fn sitter(self, house: &House) -> Option<&Sitter> {
        match self {
            Self::Nobody => None,
            Self::Reviewer => Some(&house.rita),
            Self::Auditor => Some(&house.otto),
            Self::Administrator => Some(&house.ada),
            Self::Sender => Some(&house.sven),
        }
    }

    /// Whether the rights of the house let this one through, by what the route needs.
    fn may(self, needs: Needs) -> bool {
        let is_reviewer = matches!(self, Self::Reviewer | Self::Sender);
        match needs {
            Needs::Nothing => true,
            Needs::Session => self != Self::Nobody,
            Needs::Right(Act::List) => is_reviewer,
            Needs::Right(Act::SeeLog) => self == Self::Auditor,
            Needs::Right(Act::SeeHealth | Act::SeeStrays | Act::SeeSettings) => {
                self == Self::Administrator
            }
            Needs::RightOver(Act::SeeTimeline) => {
                matches!(self, Self::Reviewer | Self::Auditor)
            }
            Needs::RightOver(_) => self == Self::Reviewer,
            Needs::Right(act) => panic!("no rule for {act:?}"),
        }
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

async fn every_route_lets_those_in_whom_it_must_and_nobody_else(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = message(house).await;
    let mut faults = Vec::new();
    for route in ROUTES {
        for who in ALL {
            let path = path(route, &held);
            let ask = match route.method {
                "get" => Ask::get(&path),
                "post" => Ask::post(&path, &[("token", "none"), ("decision", "release")]),
                other => panic!("a method of no page: {other}"),
            };
            let answer = match who.sitter(house) {
                Some(sitter) => house.session(sitter).await.send(ask).await,
                None => ask.send(house.plain.address).await,
            };
            let is_in = match (route.method, route.needs) {
                // Not found, and not asked who it is.
                ("get", Needs::Nothing) => matches!(answer.status, 200 | 404),
                ("get", _) if route.path == "/" => {
                    answer.status == 303 && answer.header("location") != Some("/sign-in")
                }
                ("get", _) => answer.status == 200,
                // Behind the rights stands the token, which is none here: the message is that of tokens.
                (_, Needs::Nothing) => true,
                (_, _) => answer
                    .text()
                    .contains("The form was too old or came from elsewhere"),
            };
            if is_in != who.may(route.needs) {
                faults.push(format!(
                    "{} {} as {who:?}: {}",
                    route.method, route.path, answer.status
                ));
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
