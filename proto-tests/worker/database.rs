//! PostgreSQL comes and goes under the worker, which goes on by itself.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::work::Claimed,
};

use super::{
    commands::settled_once,
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::{eventually, eventually_true},
        settings::Settings,
    },
    store::fixture::Fixture,
    trials::{Trials, tests},
};

const RELEASED: State = State::Settled(Disposition::Released);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared:
        a_lost_listener_is_replaced,
        a_decision_that_nobody_told_of_is_found_by_polling,
        a_confirmation_that_the_database_refuses_does_not_stop_the_others,
        a_settlement_that_the_database_refuses_does_not_stop_the_others,
        what_could_not_be_recorded_for_longer_than_the_lease_is_not_forgotten,
        a_lease_that_is_lost_or_half_over_is_not_acted_on,
        a_worker_that_begins_too_late_does_not_act,
    ];
    tests.extend(tests![trials.exclusive:
        decisions_go_on_when_postgresql_comes_back,
    ]);
    tests
}

fn never_poll(settings: &mut Settings) {
    settings.set("worker.poll", "10m");
}

async fn a_lost_listener_is_replaced(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let worker = work.worker(never_poll).await;
    let lost = listener(&work, "").await;
    work.fixture
        .execute(&format!("select pg_terminate_backend({lost})"))
        .await;
    // While nobody listens.
    let early = work.decided(Decision::Release).await;
    listener(&work, &lost).await;
    let late = work.decided(Decision::Release).await;
    settled_once(&work, &worker, &early).await;
    settled_once(&work, &worker, &late).await;
}

/// The server process that listens for the worker, once it is another than `before`.
async fn listener(work: &Workplace<'_>, before: &str) -> String {
    let sql = "select pid from pg_stat_activity where datname = current_database() \
               and application_name = 'mailhold worker' and query ilike 'listen%'";
    eventually("somebody listens", BOUND, async || {
        let found = work.fixture.execute(sql).await;
        if found.is_empty() || found == before {
            Err(found)
        } else {
            Ok(found)
        }
    })
    .await
}

async fn a_decision_that_nobody_told_of_is_found_by_polling(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let worker = work.worker(|_| {}).await;
    let mail = work.held().await;
    listener(&work, "").await;
    // As the trigger does it, but without a word.
    work.fixture
        .execute(
            "create or replace function pass_on_decision() returns trigger \
             language plpgsql security definer as $$ begin \
             update public.capture set state = 'decided' where capture_id = new.capture_id; \
             insert into public.work (decision_id, capture_id, instance) \
             select new.decision_id, c.capture_id, c.instance from public.capture c \
             where c.capture_id = new.capture_id; return null; end $$",
        )
        .await;
    work.decide(&mail, Decision::Release).await;
    settled_once(&work, &worker, &mail).await;
}

async fn a_confirmation_that_the_database_refuses_does_not_stop_the_others(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mails = work.strays(3).await;
    let refuse = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin \
         if new.queue_id = '{}' then raise check_violation; end if; return new; end $$; \
         create trigger refuse before update on capture for each row execute function refuse()",
        mails[1].id
    );
    work.fixture.execute(&refuse).await;
    // All of them are in one part.
    work.record(&mails).await;
    let _worker = work.worker(|_| {}).await;
    for mail in [&mails[0], &mails[2]] {
        work.is(mail, State::Held).await;
    }
    assert_eq!(work.review(&mails[1]).await.state, State::Captured);
    work.fixture.execute("drop trigger refuse on capture").await;
    work.is(&mails[1], State::Held).await;
}

async fn a_settlement_that_the_database_refuses_does_not_stop_the_others(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mails = work.all_held(3).await;
    for mail in &mails {
        work.decide(mail, Decision::Release).await;
    }
    let refuse = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin \
         if new.capture_id = '{}' then raise exception 'no' using errcode = 'check_violation'; \
         end if; return new; end $$; \
         create trigger refuse before insert on settlement for each row execute function refuse()",
        mails[1].capture.id
    );
    work.fixture.execute(&refuse).await;
    let worker = work
        .worker(|settings| {
            settings
                .set("postfix.command_timeout", "1s")
                .set("worker.lease", "2s");
        })
        .await;
    for mail in [&mails[0], &mails[2]] {
        settled_once(&work, &worker, mail).await;
    }
    assert_eq!(work.review(&mails[1]).await.state, State::Decided);
    work.fixture
        .execute("drop trigger refuse on settlement")
        .await;
    settled_once(&work, &worker, &mails[1]).await;
}

async fn decisions_go_on_when_postgresql_comes_back(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let before = work.decided(Decision::Release).await;
    let worker = work.worker(|_| {}).await;
    settled_once(&work, &worker, &before).await;
    work.fixture.stop_postgres().await;
    eventually_true("the worker is not ready", BOUND, async || {
        !worker.is_ready().await
    })
    .await;
    lab.postgres.start_again().await;
    worker.becomes_ready(BOUND).await;
    let captured = work.captured().await;
    work.is(&captured, State::Held).await;
    work.decide(&captured, Decision::Release).await;
    settled_once(&work, &worker, &captured).await;
}

async fn what_could_not_be_recorded_for_longer_than_the_lease_is_not_forgotten(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mail = work.decided(Decision::Release).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\""));
    // Nothing can be recorded while this lock is held.
    let mut lock = work.fixture.sign_in("mailhold").await;
    lock.run("begin").await;
    lock.run("lock table settlement in share mode").await;
    // Only the worker itself knows: no log tells.
    let worker = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.log", "none")
                .set("postfix.command_timeout", "3s")
                .set("worker.lease", "6s");
        })
        .await;
    lab.sink.message_to(&mail.recipient, BOUND).await;
    // It gave up on PostgreSQL for the first time: long after the lease.
    worker
        .event_with(&["store.unreachable", "cannot record settlements"], BOUND)
        .await;
    lock.run("rollback").await;
    let settled = work.is(&mail, RELEASED).await.settled.unwrap();
    assert!(settled.evidence.contains("postsuper named it"));
    settled_once(&work, &worker, &mail).await;
    assert_eq!(stand_in.calls().len(), 1);
}

async fn a_lease_that_is_lost_or_half_over_is_not_acted_on(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.decided(Decision::Release).await;
    let store = fixture.worker();
    let claim = async |worker: &str| {
        let lease = Duration::from_secs(10);
        let claimed = store.claim(&fixture.instance, worker, lease, 10).await;
        claimed.unwrap().remove(0)
    };
    let begin = async |claimed: &Claimed, margin| {
        let margin = Duration::from_secs(margin);
        let begun = store.begin(&[claimed.lease], margin).await;
        begun.unwrap().len()
    };
    let first = claim("first").await;
    assert_eq!(first.begun_at, None);
    assert_eq!(
        begin(&first, 60).await,
        0,
        "the lease is too short for that"
    );
    assert_eq!(begin(&first, 5).await, 1);
    let sql = format!(
        "update work set due_at = now() where instance = '{}'",
        fixture.instance
    );
    fixture.execute(&sql).await;
    assert_eq!(begin(&first, 0).await, 0, "the lease is over");

    let second = claim("second").await;
    assert!(second.begun_at.is_some(), "it is known from now on");
    assert_eq!(begin(&first, 0).await, 0, "the lease is another's");
    store.withdraw(&[first.lease]).await.unwrap();
    fixture.execute(&sql).await;
    let third = claim("third").await;
    assert_eq!(third.begun_at, second.begun_at);
    store.withdraw(&[third.lease]).await.unwrap();
    fixture.execute(&sql).await;
    assert_eq!(claim("fourth").await.begun_at, None);
}

async fn a_worker_that_begins_too_late_does_not_act(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mail = work.decided(Decision::Release).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\""));
    // The first word that a command is about to run takes longer than half of the
    // lease.
    work.fixture
        .execute(
            "create table second_claim (is_fresh boolean); \
             create function dawdle() returns trigger language plpgsql security definer as $$ begin \
             if new.begun_at is not null and new.attempt = 1 then perform pg_sleep(4); end if; \
             if old.attempt = 1 and new.attempt = 2 then \
             insert into public.second_claim values (old.begun_at is null); end if; \
             return new; end $$; \
             create trigger dawdle before update on work for each row execute function dawdle()",
        )
        .await;
    let worker = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.command_timeout", "3s")
                .set("worker.lease", "6s");
        })
        .await;
    settled_once(&work, &worker, &mail).await;
    assert_eq!(stand_in.calls().len(), 1);
    let is_fresh = work.fixture.execute("select is_fresh from second_claim");
    assert_eq!(is_fresh.await, "t", "it took its word back");
}
