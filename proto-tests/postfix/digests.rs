//! The digest of a queue file equals the digest of what the milter was shown, whatever the message.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    domain::queue_id::QueueId,
    postfix::{Held, presence::Presence},
};
use tokio::sync::OnceCell;

use super::{
    BOUND, becomes,
    messages::{self, Way},
    open, probe,
};
use crate::{
    lab::{self, Lab, eventually::eventually, smtp::Smtp},
    trials::{Trials, tests},
};

/// A Postfix with two milters: one that edits, if it is asked to, and one that notes and holds.
struct Bench {
    postfix: lab::postfix::Postfix,
    editing: lab::postfix::Postfix,
    shown: probe::Shown,
}

type Shared = Arc<OnceCell<Bench>>;

/// What an administrator may have `header_checks` do to Postfix's own Received field.
const TAKE_AWAY: &str = "IGNORE";
const REWRITE: &str = "REPLACE Received: by a relay that keeps its secrets";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.shared:
        the_digests_agree_where_received_is_taken_away,
        the_digests_agree_where_received_is_rewritten,
    ];
    all.extend(message_tests(trials));
    all
}

fn message_tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let shared = Shared::default();
    messages::all()
        .into_iter()
        .map(|(name, way, content)| {
            let shared = shared.clone();
            let name = format!("postfix::digests::the_digests_agree_on_{name}");
            // The macro takes the program's own name off; here there is none.
            trials.shared(&format!("proto_tests::{name}"), async move |lab: &Lab| {
                let bench = shared.get_or_init(|| Bench::start(lab)).await;
                bench.agrees_on(way, &content).await;
            })
        })
        .collect()
}

async fn the_digests_agree_where_received_is_taken_away(lab: &Lab) {
    agrees_with_checks(lab, "taken", TAKE_AWAY).await;
}

async fn the_digests_agree_where_received_is_rewritten(lab: &Lab) {
    agrees_with_checks(lab, "rewritten", REWRITE).await;
}

async fn agrees_with_checks(lab: &Lab, name: &str, action: &str) {
    let (noting, shown) = probe::start_noting().await;
    let postfix = lab::postfix::Postfix::start(&lab.tools, name, lab.sink.address).await;
    let checks = format!("header_checks=regexp:{{{{/^Received: .*mail.corp.test/ {action}}}}}");
    let milters = format!("smtpd_milters=inet:{noting}");
    postfix.set(&[&checks, &milters]).await;
    let port = open(&postfix).await;
    let others = b"Received: from a\r\n\tby b id c; d\r\n\r\nbody\r\n";
    for content in [&others[..], b"Subject: x\r\n\r\nbody\r\n"] {
        let id = send(&postfix, content).await;
        becomes(&port, &id, Presence::Ready).await;
        let held = port.read_held(&id).await.unwrap();
        let shown = shown.lock().unwrap()[&id];
        assert!(held.holds(&shown), "{held:?}");
    }
}

impl Bench {
    async fn start(lab: &Lab) -> Self {
        let (noting, shown) = probe::start_noting().await;
        let editing = probe::start_editing().await;
        let start = async |name, milters: String| {
            let postfix = lab::postfix::Postfix::start(&lab.tools, name, lab.sink.address).await;
            let smtpd = format!("smtpd_milters={milters}");
            let other = format!("non_smtpd_milters={milters}");
            postfix.set(&[&smtpd, &other]).await;
            postfix
        };
        Self {
            postfix: start("digests", format!("inet:{noting}")).await,
            editing: start("edits", format!("inet:{editing}, inet:{noting}")).await,
            shown,
        }
    }

    async fn agrees_on(&self, way: Way, content: &[u8]) {
        let postfix = match way {
            Way::Smtp | Way::Chunks | Way::Sendmail => &self.postfix,
            Way::Edited => &self.editing,
        };
        let id = match way {
            Way::Smtp | Way::Edited => send(postfix, content).await,
            Way::Chunks => send_chunk(postfix, content).await,
            Way::Sendmail => send_locally(postfix, content).await,
        };
        let port = open(postfix).await;
        becomes(&port, &id, Presence::Ready).await;
        let held: Held = port.read_held(&id).await.unwrap();
        let shown = self.shown.lock().unwrap().get(&id).copied();
        assert_eq!(Some(held.message.digest), shown);
        assert!(held.was_made_as(&id));
    }
}

async fn send(postfix: &lab::postfix::Postfix, content: &[u8]) -> QueueId {
    let mut smtp = Smtp::connect(postfix.smtp).await;
    if content == messages::UTF_8.as_bytes() {
        smtp.mail("<j\u{fc}rgen@corp.test> SMTPUTF8 BODY=8BITMIME")
            .await
            .ok();
        smtp.rcpt("<b\u{f6}b@elsewhere.test>").await.ok();
    } else {
        smtp.mail("<anna@corp.test>").await.ok();
        smtp.rcpt("<bob@elsewhere.test>").await.ok();
        smtp.rcpt("<gone@elsewhere.test>").await.ok();
    }
    smtp.data(content).await.ok().queue_id()
}

async fn send_chunk(postfix: &lab::postfix::Postfix, content: &[u8]) -> QueueId {
    let mut smtp = Smtp::connect(postfix.smtp).await;
    smtp.mail("<anna@corp.test>").await.ok();
    smtp.rcpt("<bob@elsewhere.test>").await.ok();
    smtp.write(format!("BDAT {} LAST\r\n", content.len()).as_bytes())
        .await;
    smtp.write(content).await;
    smtp.reply().await.ok().queue_id()
}

async fn send_locally(postfix: &lab::postfix::Postfix, content: &[u8]) -> QueueId {
    let before = postfix.held();
    let local = String::from_utf8_lossy(content).replace("\r\n", "\n");
    postfix
        .sendmail(
            "anna@corp.test",
            &["local@elsewhere.test"],
            local.as_bytes(),
        )
        .await;
    let log = postfix.log();
    let line = log
        .line_with(&["milter-hold", "local@elsewhere.test"], BOUND)
        .await;
    eventually("the local message is on hold", BOUND, async || {
        let new = postfix
            .held()
            .into_iter()
            .find(|id| !before.contains(id) && line.contains(&format!(" {id}: ")));
        new.ok_or(line.clone())
    })
    .await
}
