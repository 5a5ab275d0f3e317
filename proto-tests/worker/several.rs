//! Many decisions, several workers, and the worker's rights.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use super::{
    commands::settled_once,
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{Lab, eventually::eventually, sudo_view, user::User},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        sixty_decisions_at_once_take_one_command_for_each_kind,
        large_messages_are_carried_out_in_parts,
        two_workers_settle_each_decision_once,
        the_worker_is_postfix_and_has_no_more_rights,
    ]
}

async fn sixty_decisions_at_once_take_one_command_for_each_kind(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\""));
    let mails = work.all_held(60).await;
    let decisions = || mails.iter().zip(Decision::ALL.into_iter().cycle());
    for (mail, decision) in decisions() {
        work.decide(mail, decision).await;
    }
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    for (mail, decision) in decisions() {
        work.is(mail, State::Settled(decision.fulfilled())).await;
        match decision {
            Decision::Release => work.is_delivered_once(mail).await,
            Decision::Return => drop(lab.sink.message_to(&mail.sender, BOUND).await),
            Decision::Discard => assert!(!work.is_on_hold(mail)),
        }
        if decision != Decision::Release {
            assert!(lab.sink.messages_to(&mail.recipient).is_empty());
        }
    }
    let calls = stand_in.calls();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert!(
        calls.iter().all(|call| call.ends_with("- hold")),
        "{calls:?}"
    );
    let settled = "mailhold_settle_total{decision=\"release\",result=\"done\"}";
    assert_eq!(worker.metric(settled).await, 20.0);
}

async fn large_messages_are_carried_out_in_parts(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("sleep 1.6; real \"$@\""));
    let mails = work.all_held(3).await;
    let enlarge = format!(
        "update capture set size_bytes = 50 * 1024 * 1024 where instance = '{}'",
        work.fixture.instance
    );
    work.fixture.execute(&enlarge).await;
    for mail in &mails {
        work.decide(mail, Decision::Release).await;
    }
    // Only two of the commands fit into the half of the lease.
    let worker = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.command_timeout", "3s")
                .set("worker.lease", "6s");
        })
        .await;
    for mail in &mails {
        settled_once(&work, &worker, mail).await;
    }
    assert_eq!(stand_in.calls().len(), 3);
}

async fn two_workers_settle_each_decision_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let workers = [
        work.worker(|s| {
            s.set("worker.batch", 2);
        })
        .await,
        work.worker(|s| {
            s.set("worker.batch", 2);
        })
        .await,
    ];
    let mails = work.all_held(24).await;
    for mail in &mails {
        work.decide(mail, Decision::Release).await;
    }
    for mail in &mails {
        work.is(mail, State::Settled(Disposition::Released)).await;
        work.is_delivered_once(mail).await;
        let log = lab.postfix.log();
        let released = log.lines_with(&[mail.id.as_str(), "released from hold"]);
        assert_eq!(released.len(), 1, "{released:?}");
    }
    eventually("each release is told once", BOUND, async || {
        let told: Vec<_> = workers
            .iter()
            .flat_map(|worker| worker.events())
            .filter(|event| event["event"] == "message.released")
            .collect();
        if told.len() == mails.len() {
            Ok(())
        } else {
            Err(told.len())
        }
    })
    .await;
    for worker in &workers {
        assert_eq!(worker.metric("mailhold_gone_total").await, 0.0);
    }
    let sharing = format!(
        "select count(distinct s.worker) from settlement s join capture c using (capture_id) \
         where c.instance = '{}'",
        work.fixture.instance
    );
    let n_sharing = work.fixture.execute(&sharing).await;
    println!("worker: {n_sharing} of 2 workers had a share");
}

async fn the_worker_is_postfix_and_has_no_more_rights(lab: &Lab) {
    if !sudo_view::is_possible().await {
        return;
    }
    let work = Workplace::new(lab).await;
    let worker = work.worker(|_| {}).await;
    let status = fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().collect::<Vec<_>>()
    };
    let postfix = User::named("postfix");
    assert_eq!(field("Uid:"), vec![postfix.uid.to_string(); 4]);
    assert_eq!(field("Gid:"), vec![postfix.gid.to_string(); 4]);
    assert_eq!(field("Groups:"), Vec::<&str>::new());
    for rights in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(rights), ["0000000000000000"], "{rights}");
    }
}
