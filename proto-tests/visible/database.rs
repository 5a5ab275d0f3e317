//! PostgreSQL silent, cut off, locked and with another time: seen by milter and worker, which are idle.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use super::{
    milter::Milter,
    proxy::{Proxy, Way},
    signs::{Course, RED, green, n_told, ready, red},
};
use crate::{
    lab::{Lab, eventually::eventually_true, role::Role},
    store::fixture::Fixture,
    trials::{Trials, tests},
    worker::{commands::settled_once, workplace::Workplace},
};

const KIND: &str = "store_unreachable";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_silent_database_is_seen_by_an_idle_milter_and_an_idle_worker,
        a_database_that_cuts_every_connection_is_seen_by_both,
        a_lock_that_stops_settlements_is_one_alarm_until_it_is_gone,
        a_database_with_another_time_is_seen_by_both,
    ]
}

/// A worker that reaches its database through a proxy.
async fn worker(work: &Workplace<'_>) -> (Role, Proxy) {
    let port = work.lab.postgres.port;
    let proxy = Proxy::to(([127, 0, 0, 1], port).into()).await;
    let role = work
        .worker(|settings| {
            let url = settings.text("worker.database.url");
            let url = url.replace(&port.to_string(), &proxy.address.port().to_string());
            settings.set("worker.database.url", url);
            // As it is by default.
            settings.set("worker.poll", "5s");
        })
        .await;
    (role, proxy)
}

async fn a_silent_database_is_seen_by_an_idle_milter_and_an_idle_worker(lab: &Lab) {
    interrupted(lab, Way::Silent).await;
}

async fn a_database_that_cuts_every_connection_is_seen_by_both(lab: &Lab) {
    interrupted(lab, Way::Cut).await;
}

async fn interrupted(lab: &Lab, way: Way) {
    let milter = Milter::start(lab, |_| {}).await;
    let work = Workplace::new(lab).await;
    let (role, proxy) = worker(&work).await;
    for proxy in [&milter.database, &proxy] {
        proxy.set(way);
    }
    tokio::join!(
        red(&milter.role, KIND, Course::InTheWay),
        red(&role, KIND, Course::InTheWay),
    );
    for proxy in [&milter.database, &proxy] {
        proxy.set(Way::Open);
    }
    tokio::join!(green(&milter.role, KIND), green(&role, KIND));
    let mail = work.decided(Decision::Release).await;
    settled_once(&work, &role, &mail).await;
}

async fn a_lock_that_stops_settlements_is_one_alarm_until_it_is_gone(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mail = work.decided(Decision::Discard).await;
    let mut lock = work.fixture.sign_in("mailhold").await;
    lock.run("begin").await;
    lock.run("lock table settlement in share mode").await;
    let worker = work.worker(|_| {}).await;
    let detail = red(&worker, KIND, Course::InTheWay).await;
    assert!(detail.contains("cannot record settlements"), "{detail}");
    // That all else can be read meanwhile, again and again, is no cure.
    let failed = || {
        let events = worker.events().into_iter();
        events
            .filter(|event| event["event"] == "store.unreachable")
            .count()
    };
    eventually_true("it failed once more", RED, async || failed() > 1).await;
    assert_eq!(n_told(&worker, "alarm.began", KIND), 1);
    assert_eq!(n_told(&worker, "alarm.ended", KIND), 0);
    lock.run("rollback").await;
    green(&worker, KIND).await;
    work.is(&mail, State::Settled(Disposition::Discarded)).await;
    assert_eq!(n_told(&worker, "alarm.began", KIND), 1);
}

async fn a_database_with_another_time_is_seen_by_both(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let database = fixture.database.clone();
    let milter = Milter::with(fixture, |_| {}).await;
    let work = Workplace::with(&lab.postfix, Fixture::own(lab).await);
    let worker = work.worker(|_| {}).await;
    let names = [database.as_str(), work.fixture.database.as_str()];
    // What it answers by is found where a site's own functions come first.
    for name in names {
        let sql = format!(
            "create schema odd; grant usage on schema odd to public; \
             create function odd.clock_timestamp() returns timestamptz language sql \
             as 'select pg_catalog.clock_timestamp() - interval ''1 hour'''; \
             alter database {name} set search_path = odd, pg_catalog, public"
        );
        lab.postgres.execute(name, &sql).await;
        end_sessions(lab, name).await;
    }
    let details = tokio::join!(
        red(&milter.role, "clock_apart", Course::Aside),
        red(&worker, "clock_apart", Course::Aside),
    );
    assert!(details.1.contains("clock is -35"), "{}", details.1);
    for name in names {
        let sql = format!("alter database {name} reset search_path");
        lab.postgres.execute(name, &sql).await;
        end_sessions(lab, name).await;
    }
    tokio::join!(
        green(&milter.role, "clock_apart"),
        green(&worker, "clock_apart"),
    );
    tokio::join!(ready(&milter.role), ready(&worker));
}

async fn end_sessions(lab: &Lab, database: &str) {
    let sql = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = '{database}' and application_name like 'mailhold %'"
    );
    lab.postgres.execute(database, &sql).await;
}
