//! Postfix's commands fail in every way: the decision waits with its reason and an alarm, and is
//! carried out once when they work again. Nothing is ever taken for done.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use super::{
    mails::Mail,
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{Lab, eventually::eventually_true, role::Role, settings::Settings, sudo_view},
    trials::{Trials, tests},
};

const RELEASED: State = State::Settled(Disposition::Released);
const ALARM: &str = "mailhold_alarm{kind=\"postfix_refused\"}";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        without_the_sudo_lines_a_decision_waits_until_they_are_there,
        the_alarm_ends_with_the_cure_though_no_decision_waits,
        without_postsuper_a_decision_waits_until_it_is_there,
        a_postsuper_that_hangs_is_given_up_in_time_and_tried_again,
        a_postsuper_that_hangs_after_its_work_has_done_it_once,
        a_postsuper_that_does_nothing_is_not_believed,
        a_postsuper_that_lies_is_not_believed,
        a_postsuper_that_fails_for_one_message_settles_the_other,
        a_worker_without_delivery_commands_still_releases,
    ]
}

/// Time limits short enough to wait for.
fn hurry(settings: &mut Settings) {
    settings
        .set("postfix.command_timeout", "1s")
        .set("worker.lease", "2s");
}

async fn without_the_sudo_lines_a_decision_waits_until_they_are_there(lab: &Lab) {
    if !sudo_view::is_possible().await {
        return;
    }
    let work = Workplace::new(lab).await;
    let mail = work.decided(Decision::Release).await;
    let place = &lab.tools.place;
    sudo_view::make(place, work.name(), &lab.postfix.config_directory);
    let etc = place.path().join(work.name()).join("etc");
    let (lines, aside) = (etc.join("sudoers.d/mailhold"), etc.join("aside"));
    fs::rename(&lines, &aside).unwrap();

    let worker = work.worker_in(&etc, |_| {}).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("sudo does not permit"), "{reason}");
    assert!(work.shown(&mail).await.contains("sudo does not permit"));
    work.is_untouched(&mail);
    alarm_is(&worker, 1.0).await;
    // That hold can be read is no cure.
    let other = work.captured().await;
    work.is(&other, State::Held).await;
    assert!(!worker.is_ready().await);

    fs::rename(&aside, &lines).unwrap();
    settled_once(&work, &worker, &mail).await;
    alarm_is(&worker, 0.0).await;
    assert!(worker.is_ready().await);
}

async fn the_alarm_ends_with_the_cure_though_no_decision_waits(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, None);
    let mail = work.decided(Decision::Discard).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    work.put_off(&mail).await;
    work.by_hand("-d", &mail).await;
    work.is(&mail, State::Settled(Disposition::Gone)).await;
    assert!(!worker.is_ready().await, "nothing was mended yet");
    stand_in.mend();
    alarm_is(&worker, 0.0).await;
}

async fn without_postsuper_a_decision_waits_until_it_is_there(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, None);
    let mail = work.decided(Decision::Discard).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    work.put_off(&mail).await;
    work.is_untouched(&mail);
    alarm_is(&worker, 1.0).await;
    stand_in.mend();
    work.is(&mail, State::Settled(Disposition::Discarded)).await;
    alarm_is(&worker, 0.0).await;
}

async fn a_postsuper_that_hangs_is_given_up_in_time_and_tried_again(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|s| hurry(serve(&stand_in, s))).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("did not end within"), "{reason}");
    work.is_untouched(&mail);
    alarm_is(&worker, 1.0).await;
    stand_in.open("before");
    settled_once(&work, &worker, &mail).await;
    alarm_is(&worker, 0.0).await;
}

async fn a_postsuper_that_hangs_after_its_work_has_done_it_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\"; gate after"));
    stand_in.shut("after");
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|s| hurry(serve(&stand_in, s))).await;
    settled_once(&work, &worker, &mail).await;
    let log = lab.postfix.log();
    let released = log.lines_with(&[mail.id.as_str(), "released from hold"]);
    assert_eq!(released.len(), 1, "{released:?}");
    stand_in.open("after");
}

async fn a_postsuper_that_does_nothing_is_not_believed(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("exit 0"));
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("did not move it"), "{reason}");
    work.is_untouched(&mail);
    stand_in.mend();
    settled_once(&work, &worker, &mail).await;
}

async fn a_postsuper_that_lies_is_not_believed(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let lie = "while read id; do echo \"postsuper: $id: released from hold\" >&2; done";
    let stand_in = StandIn::new(&lab.tools.place, Some(lie));
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("did not move it"), "{reason}");
    work.is_untouched(&mail);
    stand_in.mend();
    settled_once(&work, &worker, &mail).await;
}

async fn a_postsuper_that_fails_for_one_message_settles_the_other(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let first_only = "head -n 1 | real \"$@\"; echo 'postsuper: fatal: disk on fire' >&2; exit 1";
    let stand_in = StandIn::new(&lab.tools.place, Some(first_only));
    let mails = work.all_held(2).await;
    for mail in &mails {
        work.decide(mail, Decision::Release).await;
    }
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    work.is(&mails[0], RELEASED).await;
    stand_in.mend();
    for mail in &mails {
        settled_once(&work, &worker, mail).await;
    }
}

async fn a_worker_without_delivery_commands_still_releases(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\""));
    stand_in.remove("postqueue");
    stand_in.remove("postkick");
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    work.is(&mail, RELEASED).await;
    worker.event_with(&["postfix.not_hastened"], BOUND).await;
    // In its own time.
    work.flush().await;
    work.is_delivered_once(&mail).await;
}

fn serve<'a>(stand_in: &StandIn, settings: &'a mut Settings) -> &'a mut Settings {
    stand_in.serve(settings);
    settings
}

/// Released and delivered; no other message of it and no alarm that somebody else did it.
pub async fn settled_once(work: &Workplace<'_>, worker: &Role, mail: &Mail) {
    work.is(mail, RELEASED).await;
    work.is_delivered_once(mail).await;
    let alarm = worker.metric("mailhold_alarm{kind=\"gone\"}").await;
    assert_eq!(alarm, 0.0, "{} counts as gone", mail.id);
}

async fn alarm_is(worker: &Role, wanted: f64) {
    let what = format!("the alarm is {wanted}");
    eventually_true(&what, BOUND, async || worker.metric(ALARM).await == wanted).await;
}
