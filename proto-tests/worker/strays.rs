//! Mail on hold that nobody captured: it is recorded by name, age and size, told, and left alone,
//! until an administrator adopts it.

use std::{fs, os::unix::fs::FileExt, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    capture_id::CaptureId,
    decision::{Decision, Disposition},
    lifecycle::State,
    queue_id::QueueId,
};
use serde_json::Value;

use super::{
    mails::Mail,
    reconcile::{self, is_gone},
    workplace::{ADMINISTRATOR, BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::{eventually, eventually_true},
        postfix::Postfix,
        program::text,
        role::Role,
    },
    store::fixture::Fixture,
    trials::{Trials, tests},
};

const ALARM: &str = "mailhold_alarm{kind=\"stray\"}";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        mail_that_nobody_captured_is_a_stray_until_it_leaves,
        a_late_capture_ends_a_stray,
        two_workers_record_a_stray_once,
        a_stray_is_remembered_by_the_next_worker,
        an_adopted_stray_is_reviewed_and_released_as_any_other,
        a_capture_that_comes_after_the_adoption_is_the_same_message,
        an_adopted_stray_that_cannot_be_read_says_why,
        an_adoption_that_times_out_holds_up_nothing_else,
        only_an_administrator_adopts_and_only_what_stands,
    ]
}

async fn mail_that_nobody_captured_is_a_stray_until_it_leaves(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "strays", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let ours = work.held().await;
    let stray = work.stray().await;
    let worker = work.worker(|_| {}).await;
    let event = found(&worker, &stray).await;
    assert_eq!(event["level"], "WARN");
    eventually_true("the alarm stands", BOUND, async || {
        worker.metric(ALARM).await == 1.0
    })
    .await;
    assert_eq!(worker.metric("mailhold_strays").await, 1.0);
    assert!(worker.is_ready().await, "the worker does its work");

    let row = stray_row(&work, &stray, "size_bytes > 300 and ended is null").await;
    assert_eq!(row, "t");
    let second = stray.id.second().unwrap();
    let arrived = format!("floor(extract(epoch from arrived_at)) = {second}");
    assert_eq!(stray_row(&work, &stray, &arrived).await, "t");
    let listed = listed(&work, &[]).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["queue_id"], stray.id.as_str());
    assert!(!listed[0].to_string().contains("elsewhere"), "{listed:?}");
    work.is_untouched(&stray);

    work.by_hand("-H", &stray).await;
    ended(&work, &stray, "left").await;
    eventually_true("the alarm is over", BOUND, async || {
        worker.metric(ALARM).await == 0.0
    })
    .await;
    assert_eq!(worker.metric("mailhold_strays").await, 0.0);
    work.flush().await;
    work.is_delivered_once(&stray).await;
    work.is_untouched(&ours);
    worker.stop().await;
    postfix.stop().await;
}

async fn a_late_capture_ends_a_stray(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (_worker, strays) = found_all(&work, 1).await;
    let stray = &strays[0];
    work.record(&strays).await;
    ended(&work, stray, "captured").await;
    work.is(stray, State::Held).await;
    work.decide(stray, Decision::Release).await;
    work.is_delivered_once(stray).await;
}

async fn two_workers_record_a_stray_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let workers = [work.worker(|_| {}).await, work.worker(|_| {}).await];
    let stray = work.stray().await;
    let told = || {
        let told = workers.iter().flat_map(Role::events);
        let told = told.filter(|event| event["event"] == "message.stray");
        told.filter(|event| event["queue_id"] == stray.id.as_str())
            .count()
    };
    eventually_true("it is told", BOUND, async || told() == 1).await;
    work.by_hand("-d", &stray).await;
    ended(&work, &stray, "left").await;
    assert_eq!(told(), 1);
    assert_eq!(stray_row(&work, &stray, "true").await, "t", "one row");
}

async fn a_stray_is_remembered_by_the_next_worker(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (worker, strays) = found_all(&work, 2).await;
    worker.stop().await;
    work.by_hand("-d", &strays[0]).await;
    let next = work.worker(|_| {}).await;
    ended(&work, &strays[0], "left").await;
    eventually_true("the other one counts", BOUND, async || {
        next.metric("mailhold_strays").await >= 1.0
    })
    .await;
    assert_eq!(stray_row(&work, &strays[1], "ended is null").await, "t");
    let told = next.events().into_iter();
    let told = told.filter(|event| event["event"] == "message.stray");
    let again = told.filter(|event| event["queue_id"] == strays[1].id.as_str());
    assert_eq!(again.count(), 0, "it was told by the first one");
}

async fn an_adopted_stray_is_reviewed_and_released_as_any_other(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (worker, mut strays) = found_all(&work, 1).await;
    let mut stray = strays.remove(0);
    let note = ["--note", "held by another milter"];
    let said = adopt(&work, stray.id.as_str(), ADMINISTRATOR, &note).await;
    assert_eq!(said.0, Some(0), "{}", said.1);
    worker
        .event_with(&["stray.adopted", stray.id.as_str()], BOUND)
        .await;
    ended(&work, &stray, "adopted").await;

    stray.capture.id = adopted_as(&work, &stray).await;
    let review = work.is(&stray, State::Held).await;
    assert_eq!(review.capture.grounds.rule, "adopted");
    assert_eq!(review.capture.grounds.matched.identity, ADMINISTRATOR);
    assert_eq!(review.capture.digest, stray.capture.digest);
    assert_eq!(review.capture.envelope, stray.capture.envelope);
    assert!(review.header.subject.is_some());
    let program = work.command("reviews");
    let content = program
        .arguments(["show", "--content", stray.id.as_str()])
        .run(b"")
        .await;
    assert_eq!(content, text(&stray.content));
    let listed = listed(&work, &["--all"]).await;
    let is_ours = |line: &&Value| line["queue_id"] == stray.id.as_str();
    let line = listed.iter().find(is_ours).unwrap();
    assert_eq!(line["ended"], "adopted");
    assert_eq!(line["adoption"]["administrator"], ADMINISTRATOR);
    assert_eq!(line["adoption"]["note"], "held by another milter");

    work.decide(&stray, Decision::Release).await;
    work.is_delivered_once(&stray).await;
}

/// Two of them, so that one is decided before its own capture comes, and one after.
async fn a_capture_that_comes_after_the_adoption_is_the_same_message(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (worker, late) = found_all(&work, 2).await;
    let mut adopted = Vec::new();
    for stray in &late {
        adopt(&work, stray.id.as_str(), ADMINISTRATOR, &[]).await;
        ended(&work, stray, "adopted").await;
        let mut one = stray.clone();
        one.capture.id = adopted_as(&work, stray).await;
        work.is(&one, State::Held).await;
        adopted.push(one);
    }
    work.decide(&adopted[0], Decision::Release).await;
    work.is(&adopted[0], State::Settled(Disposition::Released))
        .await;
    work.record(&late).await;
    for (late, adopted) in late.iter().zip(&adopted) {
        let never_queued = State::Settled(Disposition::NeverQueued);
        let settled = work.is(late, never_queued).await.settled.unwrap();
        let reviewed_as = adopted.capture.id.to_string();
        assert!(settled.evidence.contains(&reviewed_as), "{settled:?}");
        let words = ["stray.recorded_twice", late.id.as_str()];
        worker.event_with(&words, BOUND).await;
    }
    assert_eq!(work.review(&adopted[1]).await.state, State::Held);
    work.decide(&adopted[1], Decision::Release).await;
    for stray in &late {
        work.is_delivered_once(stray).await;
    }
    assert_eq!(
        worker.metric(reconcile::ALARM).await,
        0.0,
        "it needs nobody"
    );
}

async fn an_adopted_stray_that_cannot_be_read_says_why(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (worker, mails) = found_all(&work, 2).await;
    // Its first record is none any more.
    let file = work.hold_file(&mails[0]);
    let file = fs::File::options().write(true).open(file).unwrap();
    file.write_at(&[b'E', 0], 0).unwrap();
    for stray in &mails {
        adopt(&work, stray.id.as_str(), ADMINISTRATOR, &[]).await;
    }
    worker
        .event_with(&["stray.adoption_failed", mails[0].id.as_str()], BOUND)
        .await;
    ended(&work, &mails[1], "adopted").await;
    let listed = listed(&work, &[]).await;
    let is_ours = |line: &&Value| line["queue_id"] == mails[0].id.as_str();
    let line = listed.iter().find(is_ours).unwrap();
    let reason = line["adoption"]["last_failure"].as_str().unwrap();
    assert!(reason.contains("cannot read the queue file"), "{reason}");
    assert!(work.is_on_hold(&mails[0]));
}

async fn an_adoption_that_times_out_holds_up_nothing_else(lab: &Lab) {
    let work = Workplace::with(&lab.postfix, Fixture::own(lab).await);
    let held = work.held().await;
    let (worker, strays) = found_all(&work, 2).await;
    // Neither the capture nor the reason why there is none can be recorded.
    work.fixture
        .execute(
            "create function stall() returns trigger language plpgsql as $$ begin \
             raise exception 'it stalls' using errcode = '57014'; end $$; \
             create trigger stall before update on adoption for each row execute function stall()",
        )
        .await;
    adopt(&work, strays[0].id.as_str(), ADMINISTRATOR, &[]).await;
    worker
        .event_with(&["store.unreachable", "it stalls"], BOUND)
        .await;
    work.by_hand("-d", &strays[1]).await;
    work.by_hand("-d", &held).await;
    ended(&work, &strays[1], "left").await;
    is_gone(&work, &worker, &held).await;
    let late = work.stray().await;
    found(&worker, &late).await;
    assert!(work.is_on_hold(&strays[0]));
}

async fn only_an_administrator_adopts_and_only_what_stands(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (worker, strays) = found_all(&work, 2).await;
    // Nobody captures what is adopted from here on.
    worker.stop().await;
    let id = strays[0].id.as_str();
    for stranger in ["rita", "mallory", ""] {
        let (code, said) = adopt(&work, id, stranger, &[]).await;
        assert_eq!(code, Some(77), "{said}");
        assert!(said.contains("reviews.administrators"), "{said}");
    }
    let unknown: QueueId = format!("{id}1").parse().unwrap();
    let (code, said) = adopt(&work, unknown.as_str(), ADMINISTRATOR, &[]).await;
    assert_eq!(code, Some(66), "{said}");
    let (code, _) = adopt(&work, "not-an-id", ADMINISTRATOR, &[]).await;
    assert_eq!(code, Some(64));
    assert_eq!(adopt(&work, id, ADMINISTRATOR, &[]).await.0, Some(0));
    let (code, said) = adopt(&work, id, ADMINISTRATOR, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("adopted already"), "{said}");

    let end = format!(
        "update stray set ended = 'left', ended_at = now() where queue_id = '{}'",
        strays[1].id
    );
    work.fixture.execute(&end).await;
    let (code, said) = adopt(&work, strays[1].id.as_str(), ADMINISTRATOR, &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no stray any more"), "{said}");
}

/// The strays of this workplace; other tests' workers find the same mail on the same Postfix.
async fn listed(work: &Workplace<'_>, options: &[&str]) -> Vec<Value> {
    let program = work.command("strays").arguments(["list", "--json"]);
    let program = program.arguments(["--limit", "10000"]).arguments(options);
    let printed = program.run(b"").await;
    let lines = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["instance"] == work.fixture.instance.as_str())
        .collect()
}

async fn adopt(
    work: &Workplace<'_>,
    id: &str,
    administrator: &str,
    more: &[&str],
) -> (Option<i32>, String) {
    let id = format!("{}/{id}", work.fixture.instance);
    let program = work.command("strays").arguments(["adopt", &id]);
    let program = program.arguments(["--as", administrator]).arguments(more);
    let output = program.output(b"").await;
    let said = text(&[output.stdout, output.stderr].concat());
    (output.status.code(), said)
}

/// Strays that a worker has found.
async fn found_all(work: &Workplace<'_>, n_strays: usize) -> (Role, Vec<Mail>) {
    let strays = work.strays(n_strays).await;
    let worker = work.worker(|_| {}).await;
    for stray in &strays {
        found(&worker, stray).await;
    }
    (worker, strays)
}

/// The one capture of an adopted stray.
async fn adopted_as(work: &Workplace<'_>, stray: &Mail) -> CaptureId {
    let sql = format!(
        "select capture_id from capture where instance = '{}' and queue_id = '{}'",
        work.fixture.instance, stray.id
    );
    let capture_id = work.fixture.execute(&sql).await.parse::<uuid::Uuid>();
    CaptureId::new(capture_id.unwrap())
}

async fn found(worker: &Role, stray: &Mail) -> Value {
    worker
        .event_with(&["message.stray", stray.id.as_str()], BOUND)
        .await
}

/// What an expression says of the record of a stray.
async fn stray_row(work: &Workplace<'_>, stray: &Mail, expression: &str) -> String {
    let sql = format!(
        "select {expression} from stray where instance = '{}' and queue_id = '{}'",
        work.fixture.instance, stray.id
    );
    work.fixture.execute(&sql).await
}

async fn ended(work: &Workplace<'_>, stray: &Mail, end: &str) {
    eventually(
        &format!("the stray {}", stray.id),
        BOUND,
        async || match stray_row(work, stray, "ended").await {
            found if found == end => Ok(()),
            other => Err(other),
        },
    )
    .await;
}
