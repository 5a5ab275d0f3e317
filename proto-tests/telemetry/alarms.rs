//! Every fault is seen while it stands, and its cure is seen without a restart.

use std::{os::unix::fs::chown, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    lab::{Lab, eventually::eventually, role::Role, sudo_view, user::User},
    policy::house::{House, Mail},
    trials::{Trials, tests},
};

/// A fault is seen within this time, and so is its cure.
const BOUND: Duration = Duration::from_secs(30);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_healthy_milter_and_worker_are_ready,
        a_stopped_directory_is_alarmed_until_it_is_back,
        a_frozen_directory_is_alarmed_until_it_is_back,
        a_stopped_database_is_alarmed_by_both_until_it_is_back,
        captures_are_counted_while_they_wait_for_the_database,
        a_hold_queue_that_cannot_be_read_is_alarmed_until_it_can,
        a_start_before_directory_and_database_waits_for_them,
        a_doubtful_flag_is_alarmed_while_the_milter_stays_ready,
    ]
}

/// An alarm of a process, watched from some moment on.
struct Alarm<'a> {
    role: &'a Role,
    kind: &'static str,
    before: (usize, usize),
}

impl<'a> Alarm<'a> {
    fn of(role: &'a Role, kind: &'static str) -> Self {
        let mut alarm = Self {
            role,
            kind,
            before: (0, 0),
        };
        alarm.before = alarm.told();
        alarm
    }

    /// How often it began and ended.
    fn told(&self) -> (usize, usize) {
        let events = self.role.events();
        let count = |event: &str| {
            let wanted = |line: &&Value| line["kind"] == self.kind && line["event"] == event;
            events.iter().filter(wanted).count()
        };
        let (began, ended) = (count("alarm.began"), count("alarm.ended"));
        (began - self.before.0, ended - self.before.1)
    }

    async fn gauge(&self) -> f64 {
        let figure = format!("mailhold_alarm{{kind=\"{}\"}}", self.kind);
        self.role.metric(&figure).await
    }

    /// Waits until the process is not ready, for this reason.
    async fn stands(&self) {
        let begin = format!("{}: ", self.kind);
        eventually(
            &format!("{} is alarmed", self.kind),
            BOUND,
            async || match self.role.get("/readyz").await {
                Some((503, body)) if body.contains(&begin) => Ok(()),
                answer => Err(answer),
            },
        )
        .await;
        assert_eq!((self.told(), self.gauge().await), ((1, 0), 1.0));
        let live = self.role.get("/livez").await;
        assert_eq!(live, Some((200, "ok\n".to_owned())), "it lives on");
    }

    /// Waits until the process is ready again.
    async fn is_over(&self) {
        eventually(
            &format!("{} is over", self.kind),
            BOUND,
            async || match self.role.get("/readyz").await {
                Some((200, _)) => Ok(()),
                answer => Err(answer),
            },
        )
        .await;
        assert_eq!((self.told(), self.gauge().await), ((1, 1), 0.0));
    }
}

async fn a_healthy_milter_and_worker_are_ready(lab: &Lab) {
    let desk = lab.desk().await;
    for role in [&desk.milter, &desk.worker] {
        assert_eq!(role.get("/livez").await, Some((200, "ok\n".to_owned())));
        let ready = Some((200, "ready\n".to_owned()));
        eventually("it is ready", BOUND, async || {
            let answer = role.get("/readyz").await;
            if answer == ready { Ok(()) } else { Err(answer) }
        })
        .await;
        assert_eq!(role.get("/none").await.unwrap().0, 404);
    }
}

async fn a_stopped_directory_is_alarmed_until_it_is_back(lab: &Lab) {
    let house = House::start(lab, "unlit", |_| {}).await;
    let alarm = Alarm::of(&house.desk.milter, "directory_unreachable");
    house.slapd.kill();
    alarm.stands().await;
    assert!(
        house.desk.worker.is_ready().await,
        "the worker needs no directory"
    );
    house.slapd.start_again().await;
    alarm.is_over().await;
}

async fn a_frozen_directory_is_alarmed_until_it_is_back(lab: &Lab) {
    let house = House::start(lab, "frozen", |settings| {
        settings.set("directory.ldap.timeout", "500ms");
    })
    .await;
    let alarm = Alarm::of(&house.desk.milter, "directory_unreachable");
    house.slapd.freeze().await;
    alarm.stands().await;
    house.slapd.thaw();
    alarm.is_over().await;
}

async fn a_stopped_database_is_alarmed_by_both_until_it_is_back(lab: &Lab) {
    let house = House::with_database(lab).await;
    let [milter, worker] =
        [&house.desk.milter, &house.desk.worker].map(|role| Alarm::of(role, "store_unreachable"));
    house.postgres.stop();
    tokio::join!(milter.stands(), worker.stands());
    house.postgres.start_again().await;
    tokio::join!(milter.is_over(), worker.is_over());
}

async fn captures_are_counted_while_they_wait_for_the_database(lab: &Lab) {
    let house = House::with_database(lab).await;
    let milter = &house.desk.milter;
    let recorded = milter.metric("mailhold_recorded_total").await;
    house.postgres.stop();
    let sender = house.person(&["Y"]).await.address;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mail = Mail::new(&sender, &["elsewhere.test"]);
        ids.push(house.send(&mail).await.ok().queue_id());
    }
    let waits = async |wanted: f64| {
        eventually(&format!("{wanted} captures wait"), BOUND, async || {
            let waiting = milter.metric("mailhold_spool_waiting").await;
            if waiting == wanted {
                Ok(())
            } else {
                Err(waiting)
            }
        })
        .await;
    };
    waits(2.0).await;
    assert!(milter.metric("mailhold_spool_oldest_waiting_seconds").await > 0.0);
    house.postgres.start_again().await;
    waits(0.0).await;
    for id in &ids {
        house.desk.held(id).await;
    }
    assert_eq!(
        milter.metric("mailhold_recorded_total").await,
        recorded + 2.0
    );
    assert_eq!(
        milter.metric("mailhold_spool_oldest_waiting_seconds").await,
        0.0
    );
}

async fn a_hold_queue_that_cannot_be_read_is_alarmed_until_it_can(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("skipped: the worker runs as root here, who can read everything");
        return;
    }
    let house = House::start(lab, "closed", |settings| {
        settings.set("worker.poll", "1s");
    })
    .await;
    let hold = house.postfix.queue_directory.join("hold");
    let postfix = User::named("postfix");
    let give = |owner: User| chown(&hold, Some(owner.uid), None).unwrap();
    let alarm = Alarm::of(&house.desk.worker, "postfix_refused");
    give(User::ROOT);
    alarm.stands().await;
    assert!(
        house.desk.milter.is_ready().await,
        "the milter needs no queue"
    );
    give(postfix);
    alarm.is_over().await;
}

async fn a_start_before_directory_and_database_waits_for_them(lab: &Lab) {
    let house = House::with_database(lab).await;
    let (milter, worker) = (&house.desk.milter, &house.desk.worker);
    tokio::join!(milter.stop(), worker.stop());
    house.slapd.kill();
    house.postgres.stop();
    let not_ready = async |role: &Role, kinds: &[&str]| {
        eventually("it runs and is not ready", BOUND, async || {
            match role.get("/readyz").await {
                Some((503, body)) if kinds.iter().all(|kind| body.contains(kind)) => Ok(()),
                answer => Err(answer),
            }
        })
        .await;
    };
    let cure = async {
        not_ready(milter, &["directory_unreachable", "store_unreachable"]).await;
        not_ready(worker, &["store_unreachable"]).await;
        tokio::join!(house.slapd.start_again(), house.postgres.start_again());
    };
    // They end when both are ready.
    tokio::join!(milter.start_again(), worker.start_again(), cure);
    let sender = house.person(&["Y"]).await.address;
    let mail = Mail::new(&sender, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
}

async fn a_doubtful_flag_is_alarmed_while_the_milter_stays_ready(lab: &Lab) {
    let house = House::start(lab, "doubting", |_| {}).await;
    let milter = &house.desk.milter;
    let alarm = Alarm::of(milter, "flag_unknown");
    let sender = house.person(&["perhaps"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    let words = ["alarm.began", "flag_unknown", "IsMailMonitor=perhaps"];
    let event = milter.event_with(&words, BOUND).await;
    assert_eq!(event["level"], "ERROR");
    assert_eq!((alarm.told(), alarm.gauge().await), ((1, 0), 1.0));
    assert!(milter.is_ready().await);
}
