//! An answer that never comes, a log that was rotated, a queue that is not there: what was done is
//! known all the same, once, and nothing is taken for done that was not.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use sqlx::{Connection, Executor, PgConnection, postgres::PgConnectOptions};

use super::{
    commands::{hurry, settled_once},
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab, eventually::eventually_true, place, postfix::Postfix, postgres::OWNER, role::Role,
        user::User,
    },
    policy::house::{House, Mail},
    store::fixture::Fixture,
    trials::{Trials, tests},
    visible::proxy::Proxy,
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_settlement_whose_answer_is_lost_is_recorded_and_told_once,
        a_word_whose_answer_is_lost_is_taken_back,
        a_database_that_dies_between_command_and_record_loses_nothing,
        a_log_that_was_rotated_after_the_command_still_tells,
        a_message_is_not_gone_while_its_queue_is_not_there,
    ]
}

/// A worker that reaches PostgreSQL through a proxy and `postsuper` through a stand-in.
async fn behind_a_proxy(work: &Workplace<'_>) -> (StandIn, Proxy, Role) {
    let stand_in = StandIn::new(&work.lab.tools.place, Some("real \"$@\""));
    let there = work.lab.postgres.port;
    let proxy = Proxy::to(([127, 0, 0, 1], there).into()).await;
    let here = proxy.address.port();
    let worker = work.worker(|settings| {
        stand_in.serve(settings);
        let url = settings.text("worker.database.url");
        let url = url.replace(&there.to_string(), &here.to_string());
        settings.set("worker.database.url", url);
    });
    let worker = worker.await;
    (stand_in, proxy, worker)
}

async fn a_settlement_whose_answer_is_lost_is_recorded_and_told_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.held().await;
    let (stand_in, proxy, worker) = behind_a_proxy(&work).await;
    // The evidence is a value of the statement that settles.
    proxy.lose_answer("postsuper named it", 0);
    work.decide(&mail, Decision::Release).await;
    settled_once(&work, &worker, &mail).await;
    assert!(proxy.has_lost());
    let words = ["message.released", mail.id.as_str()];
    worker.event_with(&words, BOUND).await;
    // It has gone on to another one since.
    let next = work.decided(Decision::Release).await;
    settled_once(&work, &worker, &next).await;
    let told = worker.events();
    let of_it = |event: &&serde_json::Value| {
        event["queue_id"] == mail.id.as_str() && event["event"] == "message.released"
    };
    assert_eq!(told.iter().filter(of_it).count(), 1);
    let done = "mailhold_settle_total{decision=\"release\",result=\"done\"}";
    assert_eq!(worker.metric(done).await, 2.0);
    assert_eq!(stand_in.calls().len(), 2);
}

async fn a_word_whose_answer_is_lost_is_taken_back(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    // What the second claim finds.
    work.fixture
        .execute(
            "create table second_claim (is_fresh boolean); \
             create function see() returns trigger language plpgsql security definer as $$ begin \
             if old.attempt = 1 and new.attempt = 2 then \
             insert into public.second_claim values (old.begun_at is null); end if; \
             return new; end $$; \
             create trigger see before update on work for each row execute function see()",
        )
        .await;
    let mail = work.held().await;
    let (stand_in, proxy, worker) = behind_a_proxy(&work).await;
    // The statement is prepared first; the answer to its execution is the one that is lost.
    proxy.lose_answer("begun_at = coalesce", 1);
    work.decide(&mail, Decision::Release).await;
    settled_once(&work, &worker, &mail).await;
    assert!(proxy.has_lost());
    assert_eq!(stand_in.calls().len(), 1);
    let is_fresh = work.fixture.execute("select is_fresh from second_claim");
    assert_eq!(is_fresh.await, "t", "no command was run before");
}

async fn a_database_that_dies_between_command_and_record_loses_nothing(lab: &Lab) {
    let house = House::with_database(lab).await;
    let sender = house.person(&["Y"]).await.address;
    let mail = Mail::new(&sender, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    // Nothing can be recorded while this lock is held; it ends with the server.
    let mut lock = sign_in(&house).await;
    lock.execute("begin; lock table settlement in share mode")
        .await
        .unwrap();
    house.desk.decide("release", &id).await;
    house.delivered(&mail).await;
    house.postgres.stop();
    drop(lock);
    house.postgres.start_again().await;
    let review = house.desk.settled(&id).await;
    assert_eq!(review["state"], "released", "{review}");
    let log = house.postfix.log();
    let released = log.lines_with(&[id.as_str(), "released from hold"]);
    assert_eq!(released.len(), 1, "{released:?}");
}

async fn sign_in(house: &House) -> PgConnection {
    let login = house.postgres.login(OWNER);
    let url = house.desk.database.url(OWNER);
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options.password(&login.password);
    PgConnection::connect_with(&options).await.unwrap()
}

async fn a_log_that_was_rotated_after_the_command_still_tells(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "rotating", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\"; gate after"));
    stand_in.shut("after");
    let mail = work.decided(Decision::Discard).await;
    let first = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.command_timeout", "5s")
                .set("worker.lease", "10s");
        })
        .await;
    postfix
        .log()
        .line_with(&[mail.id.as_str(), ": removed"], BOUND)
        .await;
    first.kill();
    stand_in.open("after");
    let log = postfix.log_path();
    fs::rename(&log, log.with_extension("log.1")).unwrap();
    place::write(&log, User::named("postfix"), 0o644, b"");
    assert_eq!(work.review(&mail).await.state, State::Decided);

    let second = work.worker(|_| {}).await;
    let discarded = State::Settled(Disposition::Discarded);
    let settled = work.is(&mail, discarded).await.settled.unwrap();
    assert!(
        settled.evidence.contains("postsuper logged"),
        "{}",
        settled.evidence
    );
    second.stop().await;
    postfix.stop().await;
}

async fn a_message_is_not_gone_while_its_queue_is_not_there(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "unplugged", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.held().await;
    let worker = work.worker(hurry).await;
    // As it looks before the file system of the queue is mounted.
    postfix.stop().await;
    let (file, aside) = (work.hold_file(&mail), work.outside(&mail));
    fs::rename(&file, &aside).unwrap();
    work.decide(&mail, Decision::Release).await;
    let tried = "select attempt from work where capture_id = ";
    let tried = format!("{tried}'{}'", mail.capture.id);
    eventually_true("it was looked for again and again", BOUND, async || {
        work.fixture.execute(&tried).await.parse().unwrap_or(0) >= 3
    })
    .await;
    assert_eq!(work.review(&mail).await.state, State::Decided);
    fs::rename(&aside, &file).unwrap();
    postfix.start_again().await;
    settled_once(&work, &worker, &mail).await;
    worker.stop().await;
    postfix.stop().await;
}
