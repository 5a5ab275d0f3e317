//! What a running spool promises.

use std::{sync::Arc, time::Duration};

use super::{
    desk::{self, Desk, LIMIT_BYTES, commit, eventually, message, offered, offered_ids},
    faulty::Operation,
};
use crate::spool::{Spool, SpoolError};

#[tokio::test]
async fn a_capture_is_offered_with_the_same_facts_and_bytes() {
    let desk = Desk::new();
    let spool = desk.open();
    for n_bytes in [0, 1, 5_000, LIMIT_BYTES - 14, LIMIT_BYTES, 3_000_000] {
        let content = message(n_bytes);
        let capture = commit(&spool, &content).await.unwrap();
        let batch = spool.next_batch(1, u64::MAX).await.unwrap();
        assert_eq!(*batch[0].capture, capture, "{n_bytes}");
        assert_eq!(batch[0].header, "Subject: a\r\n", "{n_bytes}");
        assert!(
            desk::content_of(&batch[0]).await.unwrap() == content,
            "{n_bytes}"
        );
        spool.settled(&[capture.id]);
    }
}

#[tokio::test]
async fn the_draft_tells_length_and_digest_and_the_capture_takes_them() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut draft = spool.draft();
    draft.write(b"abc").await.unwrap();
    assert_eq!(draft.size_bytes(), 3);
    let digest = draft.digest().to_string();
    assert!(digest.starts_with("ba7816bf8f01cfea414140de5dae2223"));
    spool.commit(draft, desk::capture(b"other")).await.unwrap();
    let batch = spool.next_batch(1, u64::MAX).await.unwrap();
    assert_eq!(batch[0].capture.size_bytes, 3);
    assert_eq!(batch[0].capture.digest.to_string(), digest);
}

#[tokio::test]
async fn a_fresh_small_capture_comes_from_memory() {
    let desk = Desk::new();
    let spool = desk.open();
    let content = message(100);
    commit(&spool, &content).await.unwrap();
    for segment in desk.segments() {
        std::fs::remove_file(segment).unwrap();
    }
    assert_eq!(offered(&spool).await[0].1, content);
}

#[tokio::test]
async fn a_deferred_capture_comes_last_and_still_tells_how_long_it_has_waited() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut captures = Vec::new();
    for _ in 0..3 {
        captures.push(commit(&spool, &message(986)).await.unwrap());
    }
    let [first, second, third] = [0, 1, 2].map(|n| captures[n].id);
    spool.defer(first);
    assert_eq!(offered_ids(&spool).await, [second, third, first]);
    assert_eq!(spool.oldest_at(), Some(captures[0].captured_at));
    spool.defer(second);
    spool.settled(&[first]);
    assert_eq!(offered_ids(&spool).await, [third, second]);
}

#[tokio::test]
async fn the_oldest_captures_come_first_and_within_the_limits() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(commit(&spool, &message(986)).await.unwrap().id);
    }
    assert_eq!(offered_ids(&spool).await, ids);
    assert_eq!(spool.next_batch(2, u64::MAX).await.unwrap().len(), 2);
    assert_eq!(spool.next_batch(9, 3_500).await.unwrap().len(), 3);
    assert_eq!(spool.next_batch(9, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_recorder_waits_until_there_is_a_capture() {
    let desk = Desk::new();
    let spool = desk.open();
    let waiting = tokio::spawn({
        let spool = spool.clone();
        async move { spool.next_batch(10, u64::MAX).await.unwrap().len() }
    });
    tokio::task::yield_now().await;
    commit(&spool, b"x").await.unwrap();
    let n = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert_eq!(n.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn captures_that_wait_share_one_sync() {
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, b"the first makes the segment")
        .await
        .unwrap();
    let before = desk.disk.n_done(Operation::Sync);
    desk.disk.close_gate();
    let one = |spool: Spool| async move { commit(&spool, b"x").await.unwrap() };
    let mut tasks = vec![tokio::spawn(one(spool.clone()))];
    eventually("the first sync began", || desk.disk.gate_is_reached()).await;
    tasks.extend((0..50).map(|_| tokio::spawn(one(spool.clone()))));
    tokio::task::yield_now().await;
    assert_eq!(spool.n_waiting(), 1, "nothing is confirmed before its sync");
    desk.disk.open_gate();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(desk.disk.n_done(Operation::Sync) - before, 2);
    assert_eq!(offered(&spool).await.len(), 52);
}

#[tokio::test]
async fn all_that_finds_a_capture_is_synced_before_the_answer() {
    use Operation::{Create, Sync, SyncDirectory, Write};
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, &message(2 * LIMIT_BYTES)).await.unwrap();
    let log = desk.disk.log();
    let step = |operation, part: &str| {
        let is_it = |(done, path): &(Operation, std::path::PathBuf)| {
            *done == operation && path.to_str().unwrap().contains(part)
        };
        log.iter().rposition(is_it).unwrap()
    };
    let order = [
        step(Write, "/large/"),
        step(Sync, "/large/"),
        step(SyncDirectory, "/large"),
        step(Create, "/segments/"),
        step(SyncDirectory, "/segments"),
        step(Write, "/segments/"),
        step(Sync, "/segments/"),
    ];
    assert!(order.is_sorted(), "{log:?}");
}

#[tokio::test]
async fn a_settled_capture_is_not_offered_again_and_its_traces_go() {
    let desk = Desk::new();
    let spool = desk.open();
    let small = commit(&spool, &message(10)).await.unwrap();
    let large = commit(&spool, &message(3 * LIMIT_BYTES)).await.unwrap();
    assert_eq!(desk.large().len(), 1);
    spool.settled(&[small.id]);
    assert_eq!(offered_ids(&spool).await, [large.id]);
    spool.settled(&[large.id, small.id]);
    assert_eq!(spool.n_waiting(), 0);
    eventually("no large content is left", || desk.large().is_empty()).await;
    eventually("no segment is left", || desk.segments().is_empty()).await;
    commit(&spool, b"x").await.unwrap();
    assert_eq!(spool.n_waiting(), 1);
}

#[tokio::test]
async fn a_dropped_draft_leaves_nothing() {
    let desk = Desk::new();
    let spool = desk.open();
    for n_bytes in [10, 5 * LIMIT_BYTES] {
        let mut draft = spool.draft();
        draft.write(&message(n_bytes)).await.unwrap();
        drop(draft);
        assert!(desk.large().is_empty() && desk.segments().is_empty());
    }
}

#[tokio::test]
async fn a_large_content_goes_to_the_disk_as_it_arrives() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut draft = spool.draft();
    for n_chunks in 1..=64_u64 {
        draft.write(&[b'x'; 65_535]).await.unwrap();
        let on_disk: u64 = desk
            .large()
            .iter()
            .map(|path| path.metadata().unwrap().len())
            .sum();
        let in_memory = n_chunks * 65_535 - on_disk;
        assert!(
            in_memory <= LIMIT_BYTES as u64,
            "{in_memory} bytes in memory"
        );
    }
}

#[test]
fn a_cancelled_write_cannot_be_followed_by_a_commit() {
    // The only thread for files is busy, so that the write is still on its way when it is dropped.
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let desk = Desk::new();
        let spool = desk.open();
        let (release, busy) = std::sync::mpsc::channel::<()>();
        let thread = tokio::task::spawn_blocking(move || busy.recv().is_err());
        let mut draft = spool.draft();
        let content = message(2 * LIMIT_BYTES);
        let mut write = Box::pin(draft.write(&content));
        assert!(futures_util::poll!(&mut write).is_pending());
        drop(write);
        drop(release);
        assert!(thread.await.unwrap());
        let outcome = spool.commit(draft, desk::capture(b"")).await;
        assert!(matches!(outcome, Err(SpoolError::Incomplete)));
        eventually("no large content is left", || desk.large().is_empty()).await;
    });
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_is_there_or_not_but_never_half() {
    let desk = Desk::new();
    let spool = desk.open();
    for n_bytes in [10, 2 * LIMIT_BYTES] {
        let mut draft = spool.draft();
        draft.write(&message(n_bytes)).await.unwrap();
        let mut commit = Box::pin(spool.commit(draft, desk::capture(b"")));
        // Most often it is still on its way when it is dropped.
        let _answer = futures_util::poll!(&mut commit);
    }
    commit(&spool, b"x").await.unwrap();
    drop(spool);
    let spool = desk.open();
    assert_eq!(spool.recovered().n_half_written, 0);
    assert_eq!(spool.recovered().n_lost, 0);
    let n_large = offered(&spool)
        .await
        .iter()
        .filter(|(c, _)| c.size_bytes > 1_000)
        .count();
    assert_eq!(desk.large().len(), n_large);
}

#[tokio::test]
async fn only_the_owner_can_read_the_spool() {
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, &message(10)).await.unwrap();
    let large = commit(&spool, &message(2 * LIMIT_BYTES)).await.unwrap();
    spool.set_aside(large.id, "a test").await.unwrap();
    for (path, mode) in desk.modes() {
        let expected = if std::path::Path::new(&path).is_dir() {
            0o700
        } else {
            0o600
        };
        assert_eq!(mode, expected, "{path}");
    }
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_is_gone() {
    let desk = Desk::new();
    let spool = desk.open();
    let clone = spool.clone();
    drop(spool);
    let Err(refusal) = Spool::open(&desk.settings()) else {
        panic!("two owners");
    };
    assert!(matches!(refusal, SpoolError::Owned { .. }));
    assert!(refusal.to_string().contains(desk.root().to_str().unwrap()));
    assert!(!refusal.is_transient());
    drop(clone);
    Spool::open(&desk.settings()).unwrap();
}

#[tokio::test]
async fn memory_is_bounded_however_much_waits() {
    let desk = Desk::new();
    let spool = desk.open();
    let content = Arc::new(message(60_000));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..400 {
        let (spool, content) = (spool.clone(), Arc::clone(&content));
        tasks.spawn(async move { commit(&spool, &content).await.unwrap() });
    }
    tasks.join_all().await;
    assert!(spool.inner.index.in_memory_bytes() <= 16 * 1_024 * 1_024);
    assert!(desk.segments().len() > 1, "several segments");
    let all = offered(&spool).await;
    assert_eq!(all.len(), 400);
    assert!(all.iter().all(|(_, kept)| *kept == *content));
    let ids: Vec<_> = all.iter().map(|(capture, _)| capture.id).collect();
    spool.settled(&ids);
    assert_eq!(spool.inner.index.in_memory_bytes(), 0);
}

#[tokio::test]
async fn figures_tell_how_much_waits_and_since_when() {
    let desk = Desk::new();
    let spool = desk.open();
    assert_eq!((spool.n_waiting(), spool.oldest_at()), (0, None));
    let first = commit(&spool, b"x").await.unwrap();
    commit(&spool, b"y").await.unwrap();
    assert_eq!(spool.oldest_at(), Some(first.captured_at));
    assert_eq!(spool.n_waiting(), 2);
    assert!(spool.free().unwrap().bytes > 0);
}
