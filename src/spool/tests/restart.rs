//! What a spool finds after a stop, a crash or damage.

use std::fs;

use super::desk::{self, Desk, LIMIT_BYTES, commit, message, offered, offered_ids};
use crate::spool::{Recovered, SpoolError};

const NOTHING: Recovered = Recovered {
    n_waiting: 0,
    n_half_written: 0,
    n_lost: 0,
};

#[tokio::test]
async fn captures_wait_again_after_a_crash_oldest_first() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut kept = Vec::new();
    for n_bytes in [10, 3 * LIMIT_BYTES, 0, LIMIT_BYTES] {
        let content = message(n_bytes);
        kept.push((commit(&spool, &content).await.unwrap(), content));
    }
    let crashed = desk.copy();
    let spool = crashed.open();
    assert_eq!(
        spool.recovered(),
        Recovered {
            n_waiting: 4,
            ..NOTHING
        }
    );
    assert!(offered(&spool).await == kept);
}

#[tokio::test]
async fn settled_captures_do_not_come_back() {
    let desk = Desk::new();
    let spool = desk.open();
    let small = commit(&spool, &message(10)).await.unwrap();
    let large = commit(&spool, &message(3 * LIMIT_BYTES)).await.unwrap();
    let kept = commit(&spool, &message(20)).await.unwrap();
    spool.settled(&[small.id, large.id]);
    drop(spool);
    let spool = desk.open();
    assert_eq!(offered_ids(&spool).await, [kept.id]);
    assert_eq!(
        spool.recovered(),
        Recovered {
            n_waiting: 1,
            ..NOTHING
        }
    );
    assert!(desk.large().is_empty());
    spool.settled(&[kept.id]);
    drop(spool);
    assert_eq!(desk.open().recovered(), NOTHING);
    assert!(desk.segments().is_empty());
}

#[tokio::test]
async fn a_settled_large_content_is_removed_at_start_if_a_crash_left_it() {
    let desk = Desk::new();
    let spool = desk.open();
    let large = commit(&spool, &message(3 * LIMIT_BYTES)).await.unwrap();
    commit(&spool, b"keeps the segment").await.unwrap();
    let content = desk.large().remove(0);
    let kept = fs::read(&content).unwrap();
    spool.settled(&[large.id]);
    drop(spool);
    fs::write(&content, kept).unwrap();
    let spool = desk.open();
    assert_eq!(
        spool.recovered(),
        Recovered {
            n_waiting: 1,
            ..NOTHING
        }
    );
    assert!(desk.large().is_empty() && desk.aside().is_empty());
}

#[tokio::test]
async fn a_settled_capture_stays_settled_while_an_older_one_waits_through_many_starts() {
    let desk = Desk::new();
    let spool = desk.open();
    let waiting = commit(&spool, b"PostgreSQL is away").await.unwrap();
    let large = commit(&spool, &message(3 * LIMIT_BYTES)).await.unwrap();
    drop(spool);
    let spool = desk.open();
    let other = commit(&spool, b"brings the marks to a segment of its own")
        .await
        .unwrap();
    spool.settled(&[large.id, other.id]);
    drop(spool);
    for _ in 0..3 {
        let spool = desk.open();
        assert_eq!(
            spool.recovered(),
            Recovered {
                n_waiting: 1,
                ..NOTHING
            }
        );
        assert_eq!(offered_ids(&spool).await, [waiting.id]);
        let passing = commit(&spool, b"passing").await.unwrap();
        spool.settled(&[passing.id]);
        // Only the segment of the waiting capture and one for the marks may stay.
        drop(spool);
        assert!(desk.segments().len() <= 3, "{:?}", desk.segments());
    }
}

#[tokio::test]
async fn a_crash_at_any_byte_of_the_last_frame_costs_only_that_one() {
    let desk = Desk::new();
    let spool = desk.open();
    let first = commit(&spool, &message(10)).await.unwrap();
    let last = commit(&spool, &message(40)).await.unwrap();
    drop(spool);
    let whole = fs::read(&desk.segments()[0]).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for length in 4_096..=end {
        let crashed = desk.copy();
        let mut torn = whole[..length].to_vec();
        // Zeros were written ahead, so that the file is longer than what was written.
        torn.resize(300_000, 0);
        fs::write(&crashed.segments()[0], &torn).unwrap();
        let spool = crashed.open();
        let ids = offered_ids(&spool).await;
        if length == end {
            assert_eq!(ids, [first.id, last.id]);
            continue;
        }
        assert_eq!(ids, [first.id], "torn at {length}");
        let n_half_written = usize::from(length > 4_096);
        assert_eq!(
            spool.recovered().n_half_written,
            n_half_written,
            "torn at {length}"
        );
        assert_eq!(crashed.aside().len(), n_half_written, "torn at {length}");
    }
}

#[tokio::test]
async fn a_damaged_capture_does_not_hide_those_behind_it() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(commit(&spool, &message(5_000)).await.unwrap().id);
    }
    drop(spool);
    let mut segment = fs::read(&desk.segments()[0]).unwrap();
    segment[8_192 + 3_000] ^= 1;
    fs::write(&desk.segments()[0], segment).unwrap();
    let spool = desk.open();
    assert_eq!(offered_ids(&spool).await, [ids[0], ids[2]]);
    assert_eq!(spool.recovered().n_half_written, 1);
    drop(spool);
    assert_eq!(desk.open().recovered().n_half_written, 0, "counted once");
    assert_eq!(desk.aside().len(), 1);
}

#[tokio::test]
async fn a_large_content_without_a_frame_is_set_aside() {
    let desk = Desk::new();
    let spool = desk.open();
    let mut draft = spool.draft();
    draft.write(&message(3 * LIMIT_BYTES)).await.unwrap();
    let crashed = desk.copy();
    assert_eq!(crashed.large().len(), 1);
    let recovered = crashed.open().recovered();
    assert_eq!(
        recovered,
        Recovered {
            n_half_written: 1,
            ..NOTHING
        }
    );
    assert!(crashed.large().is_empty());
    assert_eq!(crashed.aside().len(), 1);
}

#[tokio::test]
async fn a_capture_whose_content_was_lost_is_reported_and_not_offered() {
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, &message(3 * LIMIT_BYTES)).await.unwrap();
    let kept = commit(&spool, b"x").await.unwrap();
    drop(spool);
    fs::remove_file(&desk.large()[0]).unwrap();
    for n_lost in [1, 0] {
        let spool = desk.open();
        assert_eq!(offered_ids(&spool).await, [kept.id]);
        assert_eq!(spool.recovered().n_lost, n_lost);
        assert_eq!(desk.aside().len(), 1);
    }
}

#[tokio::test]
async fn what_is_left_of_a_lost_content_is_never_removed() {
    let desk = Desk::new();
    let spool = desk.open();
    let content = message(3 * LIMIT_BYTES);
    commit(&spool, &content).await.unwrap();
    // Keeps the segment, so that the next start meets the frame again.
    commit(&spool, b"x").await.unwrap();
    drop(spool);
    fs::write(&desk.large()[0], &content[..LIMIT_BYTES]).unwrap();
    for n_lost in [1, 0] {
        assert_eq!(desk.open().recovered().n_lost, n_lost);
        let is_rest = |path: &std::path::PathBuf| fs::read(path).unwrap() == content[..LIMIT_BYTES];
        assert!(desk.aside().iter().any(is_rest), "{:?}", desk.aside());
        assert!(desk.large().is_empty());
    }
}

#[tokio::test]
async fn a_capture_that_is_set_aside_is_kept_and_never_offered_again() {
    let desk = Desk::new();
    let spool = desk.open();
    for n_bytes in [10, 3 * LIMIT_BYTES] {
        let content = message(n_bytes);
        let capture = commit(&spool, &content).await.unwrap();
        spool
            .set_aside(capture.id, "the server refuses it")
            .await
            .unwrap();
        spool
            .set_aside(capture.id, "twice does no harm")
            .await
            .unwrap();
        assert_eq!(spool.n_waiting(), 0);
        let aside = desk.root().join("aside");
        let message = fs::read(aside.join(format!("{}.eml", capture.id))).unwrap();
        assert!(message == content);
        let facts = fs::read_to_string(aside.join(format!("{}.json", capture.id))).unwrap();
        assert!(facts.contains("the server refuses it") && facts.contains("4jWkMG56f7z1j"));
    }
    let crashed = desk.copy();
    drop(spool);
    assert_eq!(desk.open().recovered(), NOTHING);
    assert_eq!(crashed.open().recovered(), NOTHING);
    assert!(crashed.large().is_empty());
}

#[tokio::test]
async fn a_capture_that_is_damaged_while_it_waits_does_not_stop_the_others() {
    let desk = Desk::new();
    let spool = desk.open();
    let bad = commit(&spool, &message(5_000)).await.unwrap();
    let good = commit(&spool, &message(5_000)).await.unwrap();
    drop(spool);
    let spool = desk.open();
    let mut segment = fs::read(&desk.segments()[0]).unwrap();
    segment[3_000] ^= 1;
    fs::write(&desk.segments()[0], segment).unwrap();
    let Err(SpoolError::Unreadable { id, .. }) = spool.next_batch(9, u64::MAX).await else {
        panic!("the damage was not seen");
    };
    assert_eq!(id, bad.id);
    assert_eq!(offered_ids(&spool).await, [good.id]);
    assert_eq!(spool.n_unreadable(), 1);
}

#[tokio::test]
async fn a_damaged_large_content_is_never_handed_over_whole() {
    let desk = Desk::new();
    let spool = desk.open();
    commit(&spool, &message(3_000_000)).await.unwrap();
    let path = &desk.large()[0];
    let mut content = fs::read(path).unwrap();
    content[1_500_000] ^= 1;
    fs::write(path, content).unwrap();
    let batch = spool.next_batch(1, u64::MAX).await.unwrap();
    let outcome = desk::content_of(&batch[0]).await;
    assert!(matches!(outcome, Err(SpoolError::Unreadable { .. })));
}
