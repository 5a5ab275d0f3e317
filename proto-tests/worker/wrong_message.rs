//! Another file under the name of a captured message, in every way it can come there: no command
//! touches it, an alarm stands, and the reason is on the review.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    sync::Arc,
};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::{decisions::Answer, reviews::Doubt, settlements::Method},
};
use tokio::time::{Duration, sleep};

use super::{
    commands::hurry,
    identity::{MISMATCH, change},
    mails::Mail,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::{eventually, eventually_true},
        place::give,
        postfix::Postfix,
        role::Role,
        user::User,
    },
    store::fixture::Fixture,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_wrong_file_is_released_discarded_or_returned,
        no_wrong_file_is_requeued,
        no_wrong_file_can_be_decided_until_it_is_put_right,
        a_doubt_ends_with_another_worker_than_it_began_with,
        a_file_that_changes_between_look_and_command_is_left_alone,
    ]
}

/// How a file comes to be another one than the captured message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Another message stands under its name.
    Replaced,
    /// Its bytes in another file, as a backup restores them.
    Restored,
    /// A symbolic link to it.
    Linked,
    /// It has a second name.
    NamedTwice,
    /// One letter of its body is another one.
    Edited,
    /// It is marked as expired.
    Expired,
    /// Postfix calls it unfinished: no doubt, but no message either.
    NotReady,
}

impl Wrong {
    const ALL: [Self; 7] = [
        Self::Replaced,
        Self::Restored,
        Self::Linked,
        Self::NamedTwice,
        Self::Edited,
        Self::Expired,
        Self::NotReady,
    ];

    /// What the review says.
    fn reason(self) -> &'static str {
        match self {
            Self::Replaced | Self::Edited => "its content is",
            Self::Restored => "its inode or time is not",
            Self::Linked | Self::NamedTwice => "not a queue file that Postfix makes",
            Self::Expired => "marked as expired",
            Self::NotReady => "not ready",
        }
    }

    fn is_doubt(self) -> bool {
        self != Self::NotReady
    }

    /// Puts a file wrong.
    fn make(self, work: &Workplace<'_>, mail: &Mail, other: &Mail) {
        let file = work.hold_file(mail);
        let aside = work.outside(mail);
        match self {
            Self::Replaced => {
                fs::rename(&file, &aside).unwrap();
                copy(&work.hold_file(other), &file);
            }
            Self::Restored => {
                fs::rename(&file, &aside).unwrap();
                copy(&aside, &file);
            }
            Self::Linked => {
                fs::rename(&file, &aside).unwrap();
                symlink(&aside, &file).unwrap();
            }
            Self::NamedTwice => fs::hard_link(&file, &aside).unwrap(),
            Self::Edited => change(&file),
            Self::Expired => mode(&file, 0o710),
            Self::NotReady => mode(&file, 0o600),
        }
    }

    /// Puts it right again.
    fn mend(self, work: &Workplace<'_>, mail: &Mail) {
        let file = work.hold_file(mail);
        let aside = work.outside(mail);
        match self {
            Self::Replaced | Self::Restored | Self::Linked => fs::rename(aside, file).unwrap(),
            Self::NamedTwice => fs::remove_file(aside).unwrap(),
            Self::Edited => change(&file),
            Self::Expired | Self::NotReady => mode(&file, 0o700),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    give(to, User::named("postfix"), 0o700);
}

fn mode(file: &Path, bits: u32) {
    fs::set_permissions(file, Permissions::from_mode(bits)).unwrap();
}

async fn no_wrong_file_is_released_discarded_or_returned(lab: &Lab) {
    let work = Workplace::new(lab).await;
    nothing_is_done(&work, &Decision::ALL).await;
}

/// Late in the queue lifetime a release is `postsuper -r`.
async fn no_wrong_file_is_requeued(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "hasty-doubts", lab.sink.address).await;
    postfix.set(&["maximal_queue_lifetime=2s"]).await;
    let work = Workplace::on(lab, &postfix).await;
    nothing_is_done(&work, &[Decision::Release]).await;
    postfix.stop().await;
}

async fn nothing_is_done(work: &Workplace<'_>, decisions: &[Decision]) {
    let cases: Vec<_> = decisions
        .iter()
        .flat_map(|decision| Wrong::ALL.map(|wrong| (*decision, wrong)))
        // What postsuper -f itself marks first it may also finish: see the tests of identity.
        .filter(|case| *case != (Decision::Return, Wrong::Expired))
        .collect();
    let mails = work.all_held(cases.len()).await;
    let other = work.stray().await;
    for (mail, (decision, wrong)) in mails.iter().zip(&cases) {
        wrong.make(work, mail, &other);
        work.decide(mail, *decision).await;
    }
    let before: Vec<_> = mails.iter().map(|mail| state_of(work, mail)).collect();
    // Until all of it is older than half of the short lifetime. No state tells it.
    sleep(Duration::from_millis(1_100)).await;
    let worker = work.worker(hurry).await;
    for (mail, (decision, wrong)) in mails.iter().zip(&cases) {
        let reason = work.put_off(mail).await;
        assert!(
            reason.contains(wrong.reason()),
            "{decision} {wrong:?}: {reason}"
        );
        let doubts = work.review(mail).await.doubts;
        let stands = |doubt: &Doubt| doubt.reason == reason && doubt.cleared_at.is_none();
        let n_doubts = usize::from(wrong.is_doubt());
        assert_eq!(doubts.len(), n_doubts, "{decision} {wrong:?}: {doubts:?}");
        assert!(doubts.iter().all(stands), "{doubts:?}");
        let shown = work.shown(mail).await;
        assert_eq!(shown.contains("In doubt"), wrong.is_doubt(), "{shown}");
    }
    alarm_is(&worker, 1.0).await;
    let log = work.postfix.log();
    for (mail, (case, before)) in mails.iter().zip(cases.iter().zip(before)) {
        work.is_untouched(mail);
        assert_eq!(state_of(work, mail), before, "{case:?}");
        let acted = log.lines_with(&["postsuper", mail.id.as_str()]);
        assert_eq!(acted, Vec::<String>::new(), "{case:?}");
    }
    work.is_untouched(&other);
    worker.stop().await;
    for (mail, (_, wrong)) in mails.iter().zip(&cases) {
        wrong.mend(work, mail);
    }
}

/// All that a command would have changed.
fn state_of(work: &Workplace<'_>, mail: &Mail) -> (u64, u32, u64, Vec<u8>) {
    let file = work.hold_file(mail);
    let found = fs::symlink_metadata(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    (found.ino(), found.mode(), found.nlink(), bytes)
}

async fn no_wrong_file_can_be_decided_until_it_is_put_right(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.strays(Wrong::ALL.len()).await;
    work.record(&mails).await;
    let other = work.stray().await;
    for (mail, wrong) in mails.iter().zip(Wrong::ALL) {
        wrong.make(&work, mail, &other);
    }
    let worker = work.worker(|_| {}).await;
    for (mail, wrong) in mails.iter().zip(Wrong::ALL) {
        if wrong.is_doubt() {
            let doubt = doubted(&work, mail).await;
            assert!(doubt.reason.contains(wrong.reason()), "{wrong:?} {doubt:?}");
        }
        assert_eq!(work.review(mail).await.state, State::Captured, "{wrong:?}");
        let answer = work.vote(mail, Decision::Release).await;
        assert_eq!(answer, Answer::NotHeldYet, "{wrong:?}");
    }
    alarm_is(&worker, 1.0).await;
    let later = work.captured().await;
    work.is(&later, State::Held).await;
    assert!(worker.is_ready().await, "others are served");

    for (mail, wrong) in mails.iter().zip(Wrong::ALL) {
        wrong.mend(&work, mail);
    }
    for (mail, wrong) in mails.iter().zip(Wrong::ALL) {
        let review = work.is(mail, State::Held).await;
        let doubts = &review.doubts;
        assert_eq!(doubts.len(), usize::from(wrong.is_doubt()), "{doubts:?}");
        assert!(doubts.iter().all(|doubt| doubt.cleared_at.is_some()));
        let events = worker.events();
        let told = events.iter().filter(|line| {
            line["event"] == "message.mismatch" && line["queue_id"] == mail.id.as_str()
        });
        assert_eq!(told.count(), doubts.len(), "{wrong:?} is told once");
    }
    alarm_is(&worker, 0.0).await;
    assert!(work.shown(&mails[0]).await.contains("Was in doubt"));
    work.decide(&mails[0], Decision::Release).await;
    work.is_delivered_once(&mails[0]).await;
}

/// What the first one saw is on the record: the second one neither tells it again nor forgets it.
async fn a_doubt_ends_with_another_worker_than_it_began_with(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (unseen, decided) = (work.captured().await, work.decided(Decision::Discard).await);
    for mail in [&unseen, &decided] {
        change(&work.hold_file(mail));
    }
    let first = work.worker(|_| {}).await;
    for mail in [&unseen, &decided] {
        doubted(&work, mail).await;
    }
    first.stop().await;
    let second = work.worker(|_| {}).await;
    alarm_is(&second, 1.0).await;
    for mail in [&unseen, &decided] {
        change(&work.hold_file(mail));
    }
    work.make_due().await;
    work.is(&unseen, State::Held).await;
    let discarded = State::Settled(Disposition::Discarded);
    work.is(&decided, discarded).await;
    alarm_is(&second, 0.0).await;
    for mail in [&unseen, &decided] {
        let doubts = work.review(mail).await.doubts;
        assert_eq!(doubts.len(), 1, "{doubts:?}");
        assert!(doubts[0].cleared_at.is_some());
    }
}

/// The worker has read the files, and waits for the database while another hand is at work.
async fn a_file_that_changes_between_look_and_command_is_left_alone(lab: &Lab) {
    const STALL: &str = "
        create function stall() returns trigger language plpgsql
            as 'begin perform pg_advisory_xact_lock(1); return new; end';
        create trigger stall before update of begun_at on work
            for each row when (new.begun_at is not null) execute function stall()";
    const WAITS: &str = "select count(*) from pg_locks where locktype = 'advisory' and not granted";
    let work = Workplace::with(&lab.postfix, Fixture::own(lab).await);
    work.fixture.execute(STALL).await;
    let mut gate = work.fixture.sign_in("mailhold_reviews").await;
    gate.run("select pg_advisory_lock(1)").await;
    let mails = work.all_held(4).await;
    let (moved, changed) = mails.split_last().unwrap();
    for (mail, decision) in changed.iter().zip(Decision::ALL) {
        work.decide(mail, decision).await;
    }
    work.decide(moved, Decision::Discard).await;
    let worker = work.worker(|_| {}).await;
    eventually_true("the worker is about to act", BOUND, async || {
        work.fixture.execute(WAITS).await == "1"
    })
    .await;
    for mail in changed {
        change(&work.hold_file(mail));
    }
    work.by_hand("-H", moved).await;
    gate.run("select pg_advisory_unlock(1)").await;
    for mail in changed {
        let doubt = doubted(&work, mail).await;
        assert!(doubt.reason.contains("its content is"), "{doubt:?}");
        work.is_untouched(mail);
        let words = ["settle.postponed", mail.id.as_str()];
        let told = worker.event_with(&words, BOUND).await.to_string();
        assert!(told.contains("changed right before the command"), "{told}");
    }
    let settled = work
        .is(moved, State::Settled(Disposition::Gone))
        .await
        .settled;
    assert_eq!(
        settled.unwrap().method,
        Method::None,
        "our word was taken back"
    );

    for mail in changed {
        change(&work.hold_file(mail));
    }
    for (mail, decision) in changed.iter().zip(Decision::ALL) {
        work.is(mail, State::Settled(decision.fulfilled())).await;
    }
}

/// Waits for a doubt that stands.
async fn doubted(work: &Workplace<'_>, mail: &Mail) -> Doubt {
    let what = format!("{} is in doubt", mail.id);
    eventually(&what, BOUND, async || {
        let doubts = work.review(mail).await.doubts;
        let standing = doubts.iter().find(|doubt| doubt.cleared_at.is_none());
        standing.cloned().ok_or(doubts)
    })
    .await
}

async fn alarm_is(worker: &Role, wanted: f64) {
    let what = format!("the alarm is {wanted}");
    eventually_true(&what, BOUND, async || {
        worker.metric(MISMATCH).await == wanted
    })
    .await;
}
