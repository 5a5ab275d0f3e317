//! The spool while no mail comes: full, not to be written, and with captures that do not get on.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    sync::Arc,
};

use libtest_mimic::Trial;

use super::{
    milter::Milter,
    signs::{Course, GREEN, green, red},
};
use crate::{
    lab::{Lab, eventually::eventually_true, sudo_view},
    store::fixture::Fixture,
    trials::{Trials, tests},
};

/// More than nine tenths of the disk of [`Milter`].
const BALLAST_BYTES: usize = 15 * 512 * 1_024;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_spool_that_fills_up_is_seen_without_a_mail,
        a_spool_that_cannot_be_written_is_seen_without_a_mail,
        what_a_mail_found_at_fault_is_seen_to_be_cured_without_another_mail,
        captures_that_nobody_records_are_alarmed_and_recorded_after_the_cure,
    ]
}

async fn a_spool_that_fills_up_is_seen_without_a_mail(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so there is no disk to fill");
        return;
    }
    let milter = Milter::start(lab, |_| {}).await;
    let ballast = milter.spool().join("ballast");
    fs::write(&ballast, vec![0; BALLAST_BYTES]).unwrap();
    let detail = red(&milter.role, "spool_full", Course::InTheWay).await;
    assert!(detail.contains("nearly full"), "{detail}");
    fs::remove_file(&ballast).unwrap();
    green(&milter.role, "spool_full").await;
    milter.hold().await;
}

async fn a_spool_that_cannot_be_written_is_seen_without_a_mail(lab: &Lab) {
    let milter = Milter::start(lab, |_| {}).await;
    let spool = milter.spool();
    fs::set_permissions(&spool, Permissions::from_mode(0o500)).unwrap();
    let detail = red(&milter.role, "spool_failing", Course::InTheWay).await;
    assert!(detail.contains("cannot write spool file"), "{detail}");
    fs::set_permissions(&spool, Permissions::from_mode(0o700)).unwrap();
    green(&milter.role, "spool_failing").await;
    milter.hold().await;
    // One may be under way.
    eventually_true("no probe is left", GREEN, async || {
        !spool.join("probe").exists()
    })
    .await;
}

async fn what_a_mail_found_at_fault_is_seen_to_be_cured_without_another_mail(lab: &Lab) {
    let milter = Milter::start(lab, |_| {}).await;
    let spool = milter.spool();
    let directories = [spool.join("segments"), spool];
    let permit = |mode| {
        for directory in &directories {
            fs::set_permissions(directory, Permissions::from_mode(mode)).unwrap();
        }
    };
    permit(0o500);
    milter.try_again().await;
    let detail = red(&milter.role, "spool_failing", Course::InTheWay).await;
    assert!(detail.contains("/segments/"), "{detail}");
    permit(0o700);
    green(&milter.role, "spool_failing").await;
    milter.hold().await;
}

async fn captures_that_nobody_records_are_alarmed_and_recorded_after_the_cure(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let milter = Milter::with(fixture, |_| {}).await;
    let mut lock = milter.fixture.sign_in("mailhold").await;
    lock.run("begin").await;
    lock.run("lock table capture in exclusive mode").await;
    milter.hold().await;
    let detail = red(&milter.role, "capture_waits", Course::Aside).await;
    assert!(detail.contains("1 captures wait"), "{detail}");
    red(&milter.role, "store_unreachable", Course::InTheWay).await;
    lock.run("rollback").await;
    green(&milter.role, "capture_waits").await;
    milter.is_at_rest().await;
    assert_eq!(milter.fixture.count("capture").await, 1);
}
