//! The worker dies at each of its steps, for each decision: it is carried out exactly once.

use std::{collections::HashSet, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::{decision::Decision, lifecycle::State};

use super::{commands::hurry, mails::Mail, workplace::Workplace};
use crate::{
    lab::{Lab, eventually::eventually_true},
    trials::{Trials, tests},
};

/// It dies at its first work.
const BOUND: Duration = Duration::from_secs(30);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_worker_that_dies_when_it_has_claimed_leaves_each_decision_to_the_next,
        a_worker_that_dies_before_it_tells_its_intent_leaves_each_decision_to_the_next,
        a_worker_that_dies_when_it_has_told_its_intent_leaves_each_decision_to_the_next,
        a_worker_that_dies_before_its_command_leaves_each_decision_to_the_next,
        a_worker_that_dies_after_its_command_has_carried_each_decision_out_once,
        a_worker_that_dies_after_the_proof_has_carried_each_decision_out_once,
        a_worker_that_dies_before_its_record_has_carried_each_decision_out_once,
        a_worker_that_dies_after_its_record_has_carried_each_decision_out_once,
    ]
}

async fn a_worker_that_dies_when_it_has_claimed_leaves_each_decision_to_the_next(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.claimed").await;
}

async fn a_worker_that_dies_before_it_tells_its_intent_leaves_each_decision_to_the_next(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.begin.before").await;
}

async fn a_worker_that_dies_when_it_has_told_its_intent_leaves_each_decision_to_the_next(
    lab: &Lab,
) {
    each_decision_survives_a_death_at(lab, "worker.begin.after").await;
}

async fn a_worker_that_dies_before_its_command_leaves_each_decision_to_the_next(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.command.before").await;
}

async fn a_worker_that_dies_after_its_command_has_carried_each_decision_out_once(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.command.after").await;
}

async fn a_worker_that_dies_after_the_proof_has_carried_each_decision_out_once(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.proven").await;
}

async fn a_worker_that_dies_before_its_record_has_carried_each_decision_out_once(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.settle.before").await;
}

async fn a_worker_that_dies_after_its_record_has_carried_each_decision_out_once(lab: &Lab) {
    each_decision_survives_a_death_at(lab, "worker.settle.after").await;
}

async fn each_decision_survives_a_death_at(lab: &Lab, point: &str) {
    let [one, two, three] = Decision::ALL.map(|decision| survives(lab, point, decision));
    tokio::join!(one, two, three);
}

async fn survives(lab: &Lab, point: &str, decision: Decision) {
    let work = Workplace::new(lab).await;
    let mail = work.decided(decision).await;
    dies_at(&work, point).await;

    work.make_due().await;
    let next = work.worker(hurry).await;
    let done = State::Settled(decision.fulfilled());
    let settled = work.is(&mail, done).await.settled;
    // Whatever the next one would do twice it has done when it has come to a later decision.
    let later = work.decided(Decision::Discard).await;
    work.is(&later, State::Settled(Decision::Discard.fulfilled()))
        .await;
    assert_eq!(
        work.review(&mail).await.settled,
        settled,
        "{point} {decision}"
    );
    next.stop().await;
    happened_once(&work, &mail, decision).await;
}

/// Runs a worker until it has died, as by `kill -9`, at its first visit to a place.
async fn dies_at(work: &Workplace<'_>, point: &str) {
    let (program, _) = work.program(hurry).await;
    let program = program.variable("FAILPOINTS", format!("{point}=return(abort)"));
    let child = work.lab.tools.starter.start(&program);
    let what = format!("the worker dies at {point}");
    eventually_true(&what, BOUND, async || child.has_ended()).await;
    let output = child.output();
    assert!(!output.contains("role.stopped"), "{output}");
}

/// What the decision means has happened once, and nothing else has.
async fn happened_once(work: &Workplace<'_>, mail: &Mail, decision: Decision) {
    let sink = &work.lab.sink;
    match decision {
        Decision::Release => work.is_delivered_once(mail).await,
        Decision::Discard => {}
        Decision::Return => {
            sink.message_to(&mail.sender, BOUND).await;
        }
    }
    assert!(!work.is_on_hold(mail), "{} is on hold", mail.id);
    let told = [
        (Decision::Release, &mail.recipient),
        (Decision::Return, &mail.sender),
    ];
    for (means, address) in told {
        let expected = usize::from(means == decision);
        assert_eq!(sink.messages_to(address).len(), expected, "{address}");
    }
    let acts = work
        .postfix
        .log()
        .lines_with(&["postsuper", mail.id.as_str()]);
    let said: HashSet<_> = acts.iter().map(|line| line.split("]: ").nth(1)).collect();
    assert!(!acts.is_empty() && said.len() == acts.len(), "{acts:?}");
}
