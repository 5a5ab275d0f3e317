//! A capture without a file on hold: Postfix never took its message, or it was let through. The first is
//! said only where nothing else can be true.

use std::{fs, io::Write, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{decision::Disposition, lifecycle::State};

use super::{
    mails::Mail,
    reconcile::{ALARM, is_gone, watching},
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        postfix::Postfix,
        settings::Settings,
        smtp::{Smtp, small_mail},
    },
    trials::{Trials, tests},
};

const NEVER_QUEUED: State = State::Settled(Disposition::NeverQueued);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_capture_that_postfix_never_took_is_never_queued,
        a_capture_of_which_the_log_does_not_know_is_gone,
        a_capture_without_a_message_is_gone_if_nobody_watched,
        a_capture_whose_message_was_seen_on_hold_before_is_gone,
        a_captured_message_that_was_delivered_all_the_same_is_gone_with_an_alarm,
        without_a_log_a_message_that_was_delivered_is_gone_as_well,
        a_delivery_that_the_log_tells_too_far_back_is_gone_as_well,
    ]
}

async fn a_capture_that_postfix_never_took_is_never_queued(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let worker = watching(&work, |_| {}).await;
    let mail = given_up(&work).await;
    work.record(std::slice::from_ref(&mail)).await;
    let review = work.is(&mail, NEVER_QUEUED).await;
    let evidence = review.settled.unwrap().evidence;
    assert!(evidence.contains("never on hold"), "{evidence}");
    let event = ["message.never_queued", mail.id.as_str()];
    worker.event_with(&event, BOUND).await;
    assert_eq!(worker.metric("mailhold_never_queued_total").await, 1.0);
    assert_eq!(worker.metric(ALARM).await, 0.0, "it needs nobody");
}

/// As when its lines were rotated away, or the log of another Postfix is read.
async fn a_capture_of_which_the_log_does_not_know_is_gone(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let worker = watching(&work, |_| {}).await;
    let mut mail = given_up(&work).await;
    mail.id = format!("{}1", mail.id).parse().unwrap();
    mail.capture.queue_id = mail.id.clone();
    work.record(std::slice::from_ref(&mail)).await;
    let evidence = is_gone(&work, &worker, &mail).await;
    assert!(evidence.contains("back to its arrival"), "{evidence}");
}

async fn a_capture_without_a_message_is_gone_if_nobody_watched(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = given_up(&work).await;
    work.record(std::slice::from_ref(&mail)).await;
    let worker = work.worker(|_| {}).await;
    let evidence = is_gone(&work, &worker, &mail).await;
    assert!(evidence.contains("was not watched"), "{evidence}");
}

/// As when its record had to wait for PostgreSQL, and somebody unlinked the file meanwhile.
async fn a_capture_whose_message_was_seen_on_hold_before_is_gone(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let worker = watching(&work, |_| {}).await;
    let mut mail = work.stray().await;
    mail.capture.captured_at = chrono::Utc::now();
    fs::remove_file(work.hold_file(&mail)).unwrap();
    work.record(std::slice::from_ref(&mail)).await;
    let evidence = is_gone(&work, &worker, &mail).await;
    assert!(evidence.contains("it was on hold"), "{evidence}");
}

/// As when Postfix lost the quarantine: the worst that can happen must be seen.
async fn a_captured_message_that_was_delivered_all_the_same_is_gone_with_an_alarm(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let evidence = delivered_all_the_same(&work, |_| {}, || {}).await;
    assert!(evidence.contains("qmgr logged at "), "{evidence}");
}

async fn without_a_log_a_message_that_was_delivered_is_gone_as_well(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let no_log = |settings: &mut Settings| _ = settings.set("postfix.log", "none");
    let evidence = delivered_all_the_same(&work, no_log, || {}).await;
    assert!(evidence.contains("no log that"), "{evidence}");
}

/// As on a busy host: more is logged before the capture is recorded than is read of a log.
async fn a_delivery_that_the_log_tells_too_far_back_is_gone_as_well(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "talkative", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let bury = || {
        let log = fs::File::options().append(true).open(postfix.log_path());
        let line = "Nov 21 10:48:30 mx postfix/smtpd[7]: connect from unknown[192.0.2.1]\n";
        log.unwrap()
            .write_all(line.repeat(160_000).as_bytes())
            .unwrap();
    };
    let evidence = delivered_all_the_same(&work, |_| {}, bury).await;
    assert!(evidence.contains("back to its arrival"), "{evidence}");
    postfix.stop().await;
}

/// A message that was captured but not held, and left the house; its record comes late.
async fn delivered_all_the_same(
    work: &Workplace<'_>,
    adjust: impl FnOnce(&mut Settings),
    meanwhile: impl FnOnce(),
) -> String {
    let worker = watching(work, adjust).await;
    let (sender, recipient) = ("carla@corp.test", format!("{}@elsewhere.test", work.name()));
    let content = small_mail(sender, &recipient, "it was let through");
    let mut smtp = Smtp::connect(work.postfix.plain_smtp).await;
    let mut mail = Mail::submit_as(&mut smtp, &work.fixture, (sender, &recipient), content).await;
    work.lab.sink.message_to(&recipient, BOUND).await;
    work.postfix.log().removed(&mail.id, BOUND).await;
    mail.capture.captured_at = chrono::Utc::now();
    meanwhile();
    work.record(std::slice::from_ref(&mail)).await;
    let evidence = is_gone(work, &worker, &mail).await;
    assert_eq!(worker.metric(ALARM).await, 1.0);
    worker.stop().await;
    evidence
}

/// A message that Postfix had begun to take, and never took: its client hung up.
async fn given_up(work: &Workplace<'_>) -> Mail {
    let mut smtp = Smtp::connect(work.postfix.holding_smtp).await;
    let (sender, recipient) = ("carla@corp.test", format!("{}@elsewhere.test", work.name()));
    let content = small_mail(sender, &recipient, work.name());
    smtp.mail(&format!("<{sender}>")).await.ok();
    smtp.rcpt(&format!("<{recipient}>")).await.ok();
    smtp.command("DATA").await.ok();
    smtp.write(&content).await;
    // More than smtpd keeps to itself.
    smtp.write("and so on\r\n".repeat(20_000).as_bytes()).await;
    let message_id = format!("message-id=<{}@client.test>", work.name());
    let log = work.postfix.log();
    let line = log.line_with(&["cleanup", &message_id], BOUND).await;
    drop(smtp);
    let (before, _) = line.split_once(": message-id=").unwrap();
    let (_, id) = before.rsplit_once(' ').unwrap();
    let id = id.parse().unwrap();
    let mut mail = Mail::captured(&work.fixture, id, (sender, &recipient), content);
    mail.capture.captured_at = chrono::Utc::now();
    mail
}
