//! The header field From as an identity: when it is looked at, and how far a message comes that is
//! none of our business.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::policy::{HeaderFrom, Policy};

use super::{
    desk::{Desk, Plan, policy},
    mail::Mail,
    mta::{Mta, Stage},
    people,
    people::Trouble,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_flagged_author_without_a_login_is_held,
        an_unflagged_author_is_let_go_before_the_body,
        an_author_is_not_asked_for_where_a_login_tells,
        an_author_counts_beside_a_login_where_that_is_meant,
        an_author_never_counts_where_that_is_meant,
        the_null_sender_with_a_flagged_author_is_held,
        any_author_of_any_from_field_is_enough,
        mail_within_the_house_is_let_go_before_its_body,
        a_flagged_sender_is_held_without_waiting_for_the_author,
        an_outage_at_the_end_of_the_header_asks_mail_to_come_again,
        more_authors_than_can_be_looked_up_come_again,
        a_header_that_never_ends_comes_again,
        more_of_from_than_any_list_of_authors_comes_again,
        no_message_is_held_with_more_of_from_than_is_read,
        each_message_of_a_connection_has_its_own_authors,
    ]
}

async fn desk(header_from: HeaderFrom) -> Desk {
    let policy = Policy {
        header_from,
        ..policy()
    };
    Desk::with(Plan {
        policy,
        ..Plan::default()
    })
    .await
}

async fn usual() -> (Desk, Mta) {
    let desk = desk(HeaderFrom::Unauthenticated).await;
    let mta = desk.mta().await;
    (desk, mta)
}

/// From an unflagged envelope sender.
fn by(author: &str) -> Mail {
    Mail::unflagged().fields(&[("Subject", " x"), ("From", author), ("X-Last", " y")])
}

async fn a_flagged_author_without_a_login_is_held() {
    let (desk, mut mta) = usual().await;
    let mail = by(" Anna <Anna+x@corp.test>");
    mta.send(&mail).await.held();
    let captured = desk.captured().await;
    assert_eq!(captured.content, mail.content());
    let matched = &captured.capture.grounds.matched;
    assert_eq!(matched.identity_kind, "header From");
    assert_eq!(matched.identity, "Anna+x@corp.test");
}

async fn an_unflagged_author_is_let_go_before_the_body() {
    let (desk, mut mta) = usual().await;
    let outcome = mta.send(&by(" ben@corp.test")).await;
    outcome.accepted_at(Stage::EndOfHeader);
    desk.nothing_captured().await;
    desk.shows("milter_verdicts_total{verdict=\"unflagged\"}", 1)
        .await;
}

async fn an_author_is_not_asked_for_where_a_login_tells() {
    let (desk, mut mta) = usual().await;
    let mail = by(" anna@corp.test").login("ben");
    mta.send(&mail).await.accepted_at(Stage::Mail);
    desk.nothing_captured().await;
}

async fn an_author_counts_beside_a_login_where_that_is_meant() {
    let desk = desk(HeaderFrom::Always).await;
    let mail = by(" anna@corp.test").login("ben");
    desk.mta().await.send(&mail).await.held();
}

async fn an_author_never_counts_where_that_is_meant() {
    let desk = desk(HeaderFrom::Never).await;
    let mail = by(" anna@corp.test");
    desk.mta().await.send(&mail).await.accepted_at(Stage::Mail);
}

async fn the_null_sender_with_a_flagged_author_is_held() {
    let (_desk, mut mta) = usual().await;
    let mut mail = by(" anna@corp.test");
    mail.sender = vec![b"<>".to_vec()];
    mta.send(&mail).await.held();
}

async fn any_author_of_any_from_field_is_enough() {
    let (_desk, mut mta) = usual().await;
    let several = " ben@corp.test, \"Anna, A\" <anna@corp.test>";
    mta.send(&by(several)).await.held();
    let fields = [("From", " ben@corp.test"), ("FROM", " anna@corp.test")];
    mta.send(&Mail::unflagged().fields(&fields)).await.held();
}

async fn mail_within_the_house_is_let_go_before_its_body() {
    let (_desk, mut mta) = usual().await;
    let mail = Mail::from("<ben@corp.test>").to("<eve@corp.test>");
    // Postfix waits for one reply less: none at DATA.
    mta.send(&mail).await.accepted_at(Stage::EndOfHeader);
}

async fn a_flagged_sender_is_held_without_waiting_for_the_author() {
    let (desk, mut mta) = usual().await;
    mta.send(&Mail::flagged()).await.held();
    let kind = desk
        .captured()
        .await
        .capture
        .grounds
        .matched
        .identity_kind
        .clone();
    assert_eq!(kind, "envelope sender");
}

async fn an_outage_at_the_end_of_the_header_asks_mail_to_come_again() {
    let plan = Plan {
        directory: people::troubled(Trouble::Unreachable),
        policy: Policy {
            header_from: HeaderFrom::Unauthenticated,
            ..policy()
        },
        ..Plan::default()
    };
    let desk = Desk::with(plan).await;
    let mail = by(" tom@corp.test");
    let outcome = desk.mta().await.send(&mail).await;
    outcome.tries_again_at(Stage::EndOfHeader);
    desk.nothing_captured().await;
}

async fn more_authors_than_can_be_looked_up_come_again() {
    let (desk, mut mta) = usual().await;
    let many: Vec<String> = (0..51).map(|n| format!(" p{n}@corp.test")).collect();
    let outcome = mta.send(&by(&many.join(","))).await;
    outcome.tries_again_at(Stage::EndOfHeader);
    desk.nothing_captured().await;
}

async fn a_header_that_never_ends_comes_again() {
    let (desk, mut mta) = usual().await;
    let filler = "x".repeat(50_000);
    let mut fields = vec![("X-Fill", filler.as_str()); 21];
    fields.push(("From", " anna@corp.test"));
    let mail = Mail::unflagged().fields(&fields);
    mta.send(&mail).await.tries_again_at(Stage::End);
    desk.nothing_captured().await;
}

async fn more_of_from_than_any_list_of_authors_comes_again() {
    let (desk, mut mta) = usual().await;
    let long = format!(" {}", "a@b.test,".repeat(8_000));
    let mail = Mail::unflagged().fields(&[("From", &long), ("From", " anna@corp.test")]);
    mta.send(&mail).await.tries_again_at(Stage::End);
    desk.nothing_captured().await;
}

/// Whoever is behind what is read could decide it.
async fn no_message_is_held_with_more_of_from_than_is_read() {
    let (desk, mut mta) = usual().await;
    let long = format!(" {}", "a@b.test,".repeat(8_000));
    let mail = Mail::flagged().fields(&[("From", &long), ("From", " anna@corp.test")]);
    mta.send(&mail).await.tries_again_at(Stage::End);
    desk.nothing_captured().await;
}

async fn each_message_of_a_connection_has_its_own_authors() {
    let (_desk, mut mta) = usual().await;
    mta.send(&by(" anna@corp.test")).await.held();
    let unflagged = by(" ben@corp.test");
    mta.send(&unflagged).await.accepted_at(Stage::EndOfHeader);
    mta.send(&by(" anna@corp.test")).await.held();
}
