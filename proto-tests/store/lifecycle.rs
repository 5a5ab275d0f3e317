//! The database's own guard over the states.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::{Event, State},
};

use super::fixture::Fixture;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_databases_transitions_are_the_codes,
        the_database_knows_the_words_of_the_code_and_no_others,
        a_state_never_moves_outside_the_table,
        no_state_is_reached_without_its_proof,
    ]
}

async fn the_databases_transitions_are_the_codes(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let code: BTreeSet<String> = State::all()
        .into_iter()
        .flat_map(|before| {
            let afters = Event::all()
                .into_iter()
                .filter_map(move |event| before.after(event));
            afters.map(move |after| format!("{before}|{after}"))
        })
        .collect();
    let words: Vec<_> = State::all()
        .iter()
        .map(|state| format!("'{state}'"))
        .collect();
    let pairs = fixture
        .execute(&format!(
            "select before, after
            from unnest(array[{words}]) before cross join unnest(array[{words}]) after
            where state_follows(before, after)",
            words = words.join(",")
        ))
        .await;
    let database: BTreeSet<String> = pairs.lines().map(str::to_owned).collect();
    assert_eq!(database, code);
}

async fn the_database_knows_the_words_of_the_code_and_no_others(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let states = State::all().into_iter().map(State::as_str).collect();
    assert_eq!(words(&fixture, "capture_state_known").await, states);
    let decisions = Decision::ALL.into_iter().map(Decision::as_str).collect();
    assert_eq!(words(&fixture, "decision_known").await, decisions);
    let dispositions = Disposition::ALL
        .into_iter()
        .map(Disposition::as_str)
        .collect();
    assert_eq!(
        words(&fixture, "settlement_disposition_known").await,
        dispositions
    );
}

/// The quoted words of a check constraint.
async fn words(fixture: &Fixture<'_>, constraint: &str) -> BTreeSet<&'static str> {
    let sql = format!(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = '{constraint}'"
    );
    let check = fixture.execute(&sql).await.leak();
    check.split('\'').skip(1).step_by(2).collect()
}

async fn a_state_never_moves_outside_the_table(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.held().await;
    let mut worker = fixture.sign_in("mailhold_worker").await;
    let of = format!("where instance = '{}'", fixture.instance);
    for word in [
        "captured",
        "held",
        "released",
        "discarded",
        "returned",
        "never_queued",
    ] {
        let refusal = worker
            .refusal(&format!("update capture set state = '{word}' {of}"))
            .await;
        assert_eq!(
            refusal,
            ("23514".into(), Some("capture_state_step".into())),
            "{word}"
        );
    }
}

async fn no_state_is_reached_without_its_proof(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let unproven = ("23514".to_owned(), Some("capture_state_proven".to_owned()));
    let mut worker = fixture.sign_in("mailhold_worker").await;
    fixture.held().await;
    let of = format!("where instance = '{}'", fixture.instance);
    for word in ["decided", "gone"] {
        let refusal = worker
            .refusal(&format!("update capture set state = '{word}' {of}"))
            .await;
        assert_eq!(refusal, unproven, "{word} without its row");
    }

    let decided = fixture.decided(Decision::Discard).await;
    worker
        .run(&format!(
            "insert into settlement
                (capture_id, decision_id, disposition, method, worker, evidence)
            select capture_id, decision_id, 'released', 'unhold', 'w', ''
            from decision
            where capture_id = '{}'",
            decided.id
        ))
        .await;
    let release = format!(
        "update capture set state = 'released' where capture_id = '{}'",
        decided.id
    );
    assert_eq!(
        worker.refusal(&release).await,
        unproven,
        "released against the decision"
    );
}
