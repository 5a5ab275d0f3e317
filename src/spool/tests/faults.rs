//! What a failing disk does to the promises: nothing.

use std::path::PathBuf;

use nix::errno::Errno;

use super::{
    desk::{Desk, LIMIT_BYTES, commit, message, offered, offered_ids},
    faulty::{Fault, Operation},
};
use crate::spool::{Settings, Spool, SpoolError};

#[tokio::test]
async fn a_failed_sync_refuses_the_capture_and_is_never_tried_again() {
    let desk = Desk::new();
    let spool = desk.open();
    let before = commit(&spool, &message(10)).await.unwrap();
    desk.disk.fail(Fault::Next(Operation::Sync, Errno::EIO));
    let refusal = commit(&spool, &message(20)).await.unwrap_err();
    assert!(matches!(refusal, SpoolError::Sync { .. }) && refusal.is_transient());
    let failed = desk.disk.log().pop().unwrap().1;
    let n_before = desk.disk.log().len();
    let after = commit(&spool, &message(30)).await.unwrap();
    let touched = desk.disk.log().split_off(n_before);
    assert!(
        touched.iter().all(|(_, path)| *path != failed),
        "{touched:?}"
    );
    assert_eq!(offered_ids(&spool).await, [before.id, after.id]);
    drop(spool);
    assert_eq!(offered_ids(&desk.open()).await, [before.id, after.id]);
}

#[tokio::test]
async fn a_large_content_whose_sync_failed_is_removed_and_never_synced_again() {
    let desk = Desk::new();
    let spool = desk.open();
    let content = message(5 * LIMIT_BYTES);
    for operation in [Operation::Sync, Operation::SyncDirectory] {
        desk.disk.fail(Fault::Next(operation, Errno::EIO));
        let refusal = commit(&spool, &content).await.unwrap_err();
        assert!(matches!(refusal, SpoolError::Sync { .. }) && refusal.is_transient());
        assert!(
            desk.large().is_empty(),
            "{operation:?}: half a content is left"
        );
    }
    let after = commit(&spool, &content).await.unwrap();
    assert_eq!(desk.disk.tried_again(), []);
    assert_eq!(offered_ids(&spool).await, [after.id]);
}

#[tokio::test]
async fn all_captures_of_a_failed_group_are_refused() {
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, b"the first makes the segment")
        .await
        .unwrap();
    desk.disk.close_gate();
    let one = |spool: Spool| async move { commit(&spool, b"x").await };
    let first = tokio::spawn(one(spool.clone()));
    super::desk::eventually("a sync began", || desk.disk.gate_is_reached()).await;
    let group: Vec<_> = (0..10).map(|_| tokio::spawn(one(spool.clone()))).collect();
    tokio::task::yield_now().await;
    // The sync that waits at the gate is the first to fail; the group behind it is whole.
    desk.disk.fail(Fault::Nth(3, Errno::EIO));
    desk.disk.open_gate();
    first.await.unwrap().unwrap();
    for refused in group {
        let error = refused.await.unwrap().unwrap_err();
        assert!(matches!(error, SpoolError::Sync { .. }), "{error:?}");
    }
    assert_eq!(spool.n_waiting(), 2);
}

/// Every operation fails once, the first, the second and so on, in turn.
#[tokio::test]
async fn whatever_fails_what_was_confirmed_is_there_and_nothing_else() {
    for errno in [Errno::ENOSPC, Errno::EIO, Errno::EDQUOT, Errno::EMFILE] {
        let mut nth = 1;
        while fails_at(nth, errno).await {
            nth += 1;
        }
        assert!(nth > 10, "only {nth} operations were tried");
    }
}

async fn fails_at(nth: usize, errno: Errno) -> bool {
    let desk = Desk::new();
    let spool = desk.open();
    desk.disk.fail(Fault::Nth(nth, errno));
    let mut confirmed = Vec::new();
    for n_bytes in [10, 3 * LIMIT_BYTES, 20, 30_000] {
        let content = message(n_bytes);
        if let Ok(capture) = commit(&spool, &content).await {
            confirmed.push((capture, content));
        }
    }
    let has_failed = desk.disk.n_failed() > 0;
    desk.disk.fail(Fault::None);
    let content = message(40);
    let capture = commit(&spool, &content).await;
    confirmed.push((capture.expect("it recovers without a restart"), content));
    assert!(offered(&spool).await == confirmed, "{errno} at {nth}");
    assert_eq!(desk.disk.tried_again(), [], "{errno} at {nth}");
    drop(spool);
    let spool = desk.open();
    assert!(offered(&spool).await == confirmed, "{errno} at {nth}");
    let n_large = confirmed
        .iter()
        .filter(|(c, _)| c.size_bytes > LIMIT_BYTES as u64);
    assert_eq!(desk.large().len(), n_large.count(), "{errno} at {nth}");
    assert_eq!(spool.recovered().n_lost, 0, "{errno} at {nth}");
    has_failed
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers_when_space_returns() {
    let desk = Desk::new();
    let spool = desk.open();
    let before = commit(&spool, &message(10)).await.unwrap();
    desk.disk.fail(Fault::Full);
    for n_bytes in [10, 5 * LIMIT_BYTES, 10] {
        let refusal = commit(&spool, &message(n_bytes)).await.unwrap_err();
        assert!(matches!(refusal, SpoolError::Write { .. }) && refusal.is_transient());
        assert!(desk.large().is_empty(), "half a content is left");
    }
    desk.disk.fail(Fault::None);
    let after = commit(&spool, &message(5 * LIMIT_BYTES)).await.unwrap();
    assert_eq!(offered_ids(&spool).await, [before.id, after.id]);
}

#[tokio::test]
async fn settled_captures_make_space_on_a_full_disk() {
    let desk = Desk::new();
    let spool = desk.open();
    let large = commit(&spool, &message(5 * LIMIT_BYTES)).await.unwrap();
    desk.disk.fail(Fault::Full);
    spool.settled(&[large.id]);
    let gone = || desk.large().is_empty() && desk.segments().is_empty();
    super::desk::eventually("space is freed", gone).await;
}

#[tokio::test]
async fn too_little_room_is_told_and_a_large_draft_stops() {
    let desk = Desk::new();
    let spool = Spool::open(&Settings {
        min_free_percent: 100,
        min_free_bytes: u64::MAX,
        ..desk.settings()
    })
    .unwrap();
    let refusal = spool.room().unwrap_err();
    assert!(matches!(refusal, SpoolError::Full { .. }) && refusal.is_transient());
    let mut draft = spool.draft();
    let outcome = draft.write(&message(2 * LIMIT_BYTES)).await;
    assert!(matches!(outcome, Err(SpoolError::Full { .. })));
    assert!(desk.large().is_empty());
}

#[test]
fn a_directory_that_cannot_be_used_is_named_with_the_cure() {
    let desk = Desk::new();
    let below_a_file = desk.root().join("spool");
    std::fs::write(desk.root(), b"").unwrap();
    // Not even root can make a directory in /proc, or write to the second one.
    let read_only = ["/proc/spool", "/proc/self/task"].map(PathBuf::from);
    for directory in [desk.root(), below_a_file].into_iter().chain(read_only) {
        let refusal = refusal(&Settings {
            directory: directory.clone(),
            ..desk.settings()
        });
        assert!(refusal.contains(directory.to_str().unwrap()), "{refusal}");
        assert!(refusal.contains("install -d -m 0700"), "{refusal}");
    }
}

fn refusal(settings: &Settings) -> String {
    match Spool::open(settings) {
        Ok(_) => panic!("{} was taken", settings.directory.display()),
        Err(error) => {
            assert!(!error.is_transient());
            error.to_string()
        }
    }
}
