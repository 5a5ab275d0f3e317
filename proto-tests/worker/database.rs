//! PostgreSQL comes and goes under the worker, which goes on by itself.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};
use tokio::time::sleep;

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
        a_settlement_that_the_database_refuses_does_not_stop_the_others,
    ];
    tests.extend(tests![trials.exclusive:
        decisions_go_on_when_postgresql_comes_back,
        what_was_done_while_postgresql_was_away_is_recorded_when_it_is_back,
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
    eventually_true("the worker is ready", BOUND, async || {
        worker.is_ready().await
    })
    .await;
    let captured = work.captured().await;
    work.is(&captured, State::Held).await;
    work.decide(&captured, Decision::Release).await;
    settled_once(&work, &worker, &captured).await;
}

async fn what_was_done_while_postgresql_was_away_is_recorded_when_it_is_back(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\"; gate after"));
    stand_in.shut("after");
    let mail = work.decided(Decision::Release).await;
    let lease = Duration::from_secs(8);
    // Only the worker itself knows: no log tells.
    let worker = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.log", "none")
                .set("postfix.command_timeout", "4s")
                .set("worker.lease", "8s");
        })
        .await;
    stand_in.reached("after").await;
    work.fixture.stop_postgres().await;
    stand_in.open("after");
    lab.sink.message_to(&mail.recipient, BOUND).await;
    // The outage outlasts the lease.
    sleep(lease).await;
    lab.postgres.start_again().await;
    let settled = work.is(&mail, RELEASED).await.settled.unwrap();
    assert!(settled.evidence.contains("postsuper named it"));
    settled_once(&work, &worker, &mail).await;
    assert_eq!(stand_in.calls().len(), 1);
}
