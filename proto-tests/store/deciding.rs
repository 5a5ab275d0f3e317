//! Deciding: the first one wins.

use std::sync::Arc;

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::{
        Role,
        decisions::{Answer, Via},
        settlements::{Closing, Undecided},
    },
};

use super::fixture::{Deciding, Fixture, MAIL, ballot, path, record};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_first_decision_wins_and_the_rest_learn_who_won,
        a_captured_message_cannot_be_decided_before_it_is_held,
        a_message_that_is_gone_cannot_be_decided,
        a_settled_decision_still_names_its_winner,
        an_unknown_message_cannot_be_decided,
        a_message_from_the_null_sender_can_be_discarded_but_not_returned,
        a_decision_is_shown_with_who_when_how_and_why,
        a_decision_without_a_reviewer_is_refused,
    ]
}

async fn the_first_decision_wins_and_the_rest_learn_who_won(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let stores: Vec<_> = (0..4)
        .map(|_| fixture.fresh("mailhold_reviews", Role::Reviews))
        .collect();
    let ballots: Vec<_> = (0..32)
        .map(|number: usize| {
            let mut ballot = ballot(&capture, Decision::ALL[number % 3]);
            ballot.reviewer = format!("reviewer{number}");
            ballot
        })
        .collect();

    let votes = ballots
        .iter()
        .enumerate()
        .map(|(number, ballot)| stores[number % 4].decide(ballot));
    let answers: Vec<_> = join_all(votes)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();

    let accepted = |answer: &Answer| matches!(answer, Answer::Accepted { .. });
    assert_eq!(answers.iter().filter(|answer| accepted(answer)).count(), 1);
    let winner = answers.iter().position(accepted).unwrap();
    for answer in answers.iter().filter(|answer| !accepted(answer)) {
        let Answer::AlreadyDecided(told) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(told.reviewer, ballots[winner].reviewer);
        assert_eq!(told.decision, ballots[winner].decision);
        assert_eq!(told.state, State::Decided);
    }
    assert_eq!(fixture.count("decision").await, 1);
    assert_eq!(fixture.count("work").await, 1);
}

async fn a_captured_message_cannot_be_decided_before_it_is_held(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let answer = fixture
        .reviews()
        .decide(&ballot(&capture, Decision::Release))
        .await
        .unwrap();
    assert_eq!(answer, Answer::NotHeldYet);
    assert_eq!(fixture.state(&capture).await, "captured");
}

async fn a_message_that_is_gone_cannot_be_decided(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let end = Undecided::Gone;
    let closing = Closing {
        capture_id: capture.id,
        end,
        evidence: "not in hold".to_owned(),
    };
    fixture
        .worker()
        .settle_undecided("w1", &[closing])
        .await
        .unwrap();

    let answer = fixture
        .reviews()
        .decide(&ballot(&capture, Decision::Release))
        .await
        .unwrap();
    assert_eq!(
        answer,
        Answer::AlreadySettled(State::Settled(Disposition::Gone))
    );
}

async fn a_settled_decision_still_names_its_winner(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Discard).await;
    super::settling::settle_as_decided(&fixture).await;

    let answer = fixture
        .reviews()
        .decide(&ballot(&capture, Decision::Release))
        .await
        .unwrap();
    let Answer::AlreadyDecided(winner) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(winner.decision, Decision::Discard);
    assert_eq!(winner.state, State::Settled(Disposition::Discarded));
}

async fn an_unknown_message_cannot_be_decided(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let answer = fixture
        .reviews()
        .decide(&ballot(&fixture.capture(), Decision::Release))
        .await
        .unwrap();
    assert_eq!(answer, Answer::Unknown);
}

async fn a_message_from_the_null_sender_can_be_discarded_but_not_returned(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    capture.envelope.sender = path("<>");
    fixture
        .milter()
        .record(&mut [record(&capture, MAIL)])
        .await
        .unwrap();
    fixture.worker().confirm(&[capture.id]).await.unwrap();
    let reviews = fixture.reviews();
    let answer = reviews
        .decide(&ballot(&capture, Decision::Return))
        .await
        .unwrap();
    assert_eq!(answer, Answer::NobodyToReturnTo);
    let answer = reviews
        .decide(&ballot(&capture, Decision::Discard))
        .await
        .unwrap();
    assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
}

async fn a_decision_is_shown_with_who_when_how_and_why(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let mut ballot = ballot(&capture, Decision::Return);
    ballot.note = Some("wrong\0 list".to_owned());
    let answer = fixture.reviews().decide(&ballot).await.unwrap();
    let Answer::Accepted { decided_at } = answer else {
        panic!("{answer:?}")
    };

    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    let decided = review.decided.unwrap();
    assert_eq!(
        (decided.decision, decided.decided_at),
        (Decision::Return, decided_at)
    );
    assert_eq!(decided.reviewer, "carla");
    assert_eq!(decided.os_user.as_deref(), Some("carla"));
    assert_eq!(decided.via, Via::Cli);
    assert_eq!(decided.note.as_deref(), Some("wrong\u{fffd} list"));
    assert_eq!(review.pending.unwrap().attempt, 0);
    assert!(review.held_at.is_some());
}

async fn a_decision_without_a_reviewer_is_refused(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let mut ballot = ballot(&capture, Decision::Return);
    ballot.reviewer.clear();
    let error = fixture.reviews().decide(&ballot).await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(fixture.state(&capture).await, "held");
}
