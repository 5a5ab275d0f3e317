//! The milter and its recorder die at each of their steps, and a sync fails: every mail that was
//! accepted is recorded, once and whole.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;

use super::{house::House, kept::Points};
use crate::{
    lab::{
        Lab,
        desk::HOUSE,
        eventually::eventually,
        smtp::{self, Reply, small_mail},
    },
    trials::{Trials, tests},
};

const BOUND: Duration = Duration::from_secs(30);
/// What the first incarnations of the milter meet, one each.
const POINTS: [&str; 4] = [
    "recorder.commit.before=return(abort)",
    "recorder.commit.after=return(abort)",
    "milter.captured=return(abort)",
    "spool.sync=1*return(error)->off",
];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: each_death_of_the_milter_leaves_every_accepted_mail_recorded_once]
}

async fn each_death_of_the_milter_leaves_every_accepted_mail_recorded_once(lab: &Lab) {
    let points = |role: &str, _: &str| -> Points {
        let is_milter = role == "milter";
        Box::new(move |incarnation| {
            let point = POINTS.get(incarnation).filter(|_| is_milter);
            point.map(|point| (*point).to_owned())
        })
    };
    let house = House::start(&lab.tools, points).await;
    let address = format!("anna@{HOUSE}");
    house.slapd.add_person("anna", &[&address], &["TRUE"]).await;
    for n_deaths in 1..=3 {
        let before = accepted(&house, &address).await;
        eventually("the milter has died", BOUND, async || {
            let n_now = house.milter.n_deaths();
            if n_now >= n_deaths {
                Ok(())
            } else {
                Err(n_now)
            }
        })
        .await;
        recorded_once(&house, &before).await;
    }
    // The last one fails once, lives, and takes the next one.
    house.milter.is_alive(BOUND).await;
    let after = accepted(&house, &address).await;
    recorded_once(&house, &after).await;
    let log = std::fs::read_to_string(house.milter.log()).unwrap();
    let is_refused = |line: &str| {
        let words = ["message.try_again", "\"reason\":\"spool\"", "cannot sync"];
        words.iter().all(|word| line.contains(word))
    };
    assert!(log.lines().any(is_refused), "{log}");
    assert_eq!(house.milter.n_deaths(), 3);
    house.stop().await;
}

/// Sends a mail until it is accepted, as a client does.
async fn accepted(house: &House, sender: &str) -> QueueId {
    let mail = small_mail(sender, "bob@elsewhere.test", "deaths");
    let reply = eventually("the mail is accepted", BOUND, async || {
        let reply: Reply =
            smtp::send(house.postfix.smtp, sender, &["bob@elsewhere.test"], &mail).await;
        if reply.code == 250 {
            Ok(reply)
        } else {
            Err(reply)
        }
    })
    .await;
    reply.queue_id()
}

async fn recorded_once(house: &House, id: &QueueId) {
    let sql = format!(
        "select count(*), min(state), sum(size_bytes) = sum((select sum(length(bytes)) from \
         capture_content content where content.capture_id = capture.capture_id)) \
         from capture where queue_id = '{id}'"
    );
    eventually("it is recorded and held", BOUND, async || {
        let found = house.database.execute(&sql).await;
        if found == "1|held|t" {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
}
