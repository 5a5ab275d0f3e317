//! Reloads while mail is on its way: what is flagged is held, all else is delivered.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;
use tokio::task::JoinSet;

use super::{house, reload, told_again};
use crate::{
    lab::{Lab, eventually::eventually_true, smtp::Smtp},
    policy::house::{BOUND, Mail},
    trials::{Trials, tests},
};

const SESSIONS: usize = 5;
const MAILS_EACH: usize = 10;
const RELOADS: usize = 10;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: reloads_under_load_lose_nothing_and_let_nothing_by]
}

async fn reloads_under_load_lose_nothing_and_let_nothing_by(lab: &Lab) {
    let house = house(lab).await;
    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    let n_sent = Arc::new(AtomicUsize::new(0));
    let mut sessions = JoinSet::new();
    for _ in 0..SESSIONS {
        let senders = [flagged.address.clone(), other.address.clone()];
        sessions.spawn(send_all(house.postfix.smtp, senders, Arc::clone(&n_sent)));
    }
    for n in 0..RELOADS {
        eventually_true("some mail is sent", BOUND, async || {
            n_sent.load(Ordering::Relaxed) >= n * (SESSIONS * MAILS_EACH - SESSIONS) / RELOADS
        })
        .await;
        // Good, bad, good with another deadline and so with another pool.
        match n % 3 {
            0 => told_again(&house.desk.milter).await,
            1 => {
                reload(&house.desk, &house.desk.milter, |settings| {
                    settings.set("policy.internal_domains", "elsewhere.test");
                })
                .await
            }
            _ => {
                reload(&house.desk, &house.desk.milter, |settings| {
                    settings.set("milter.mail_deadline", "4s");
                })
                .await
            }
        };
    }
    let sent = sessions.join_all().await.concat();
    assert_eq!(sent.len(), SESSIONS * MAILS_EACH);
    for (id, mail) in &sent {
        if mail.sender == flagged.address {
            house.desk.held(id).await;
            assert!(lab.sink.messages_to(&mail.recipients[0]).is_empty());
        } else {
            house.delivered(mail).await;
        }
    }
}

/// Half of the mails over one connection, half over one each.
async fn send_all(
    smtp: SocketAddr,
    senders: [String; 2],
    n_sent: Arc<AtomicUsize>,
) -> Vec<(QueueId, Mail)> {
    let mut lasting = Smtp::connect(smtp).await;
    let mut sent = Vec::new();
    for n in 0..MAILS_EACH {
        let mail = Mail::new(&senders[n % 2], &["elsewhere.test"]);
        let recipient = [mail.recipients[0].as_str()];
        let reply = if n % 4 < 2 {
            lasting.send(&mail.sender, &recipient, &mail.content).await
        } else {
            let mut smtp = Smtp::connect(smtp).await;
            smtp.send(&mail.sender, &recipient, &mail.content).await
        };
        n_sent.fetch_add(1, Ordering::Relaxed);
        sent.push((reply.ok().queue_id(), mail));
    }
    sent
}
