//! The parts that a run is made of: letters, canaries, and what is written down.

use std::{collections::BTreeSet, sync::Arc};

use chrono::Utc;
use libtest_mimic::Trial;
use mailhold::domain::{capture_id::CaptureId, decision::Decision};

use super::{
    canary::Canary,
    imprint::Imprint,
    ledger::{Act, Heard, History, Ledger, Outcome, Standing, Trouble},
    load::letters,
    snapshot::{Snapshot, logs},
    truth::{RELEASED, Truth},
};
use crate::{
    lab::chance::Chance,
    trials::{Trials, tests},
};

const MIB: usize = 1_024 * 1_024;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_canary_is_found_anywhere_and_nothing_else_is,
        a_letter_has_its_canary_in_every_part,
        a_letter_is_what_postfix_changes_no_byte_of,
        letters_follow_from_the_seed,
        most_letters_are_small_and_none_is_too_large,
        an_imprint_tells_which_part_differs,
        a_history_is_read_back_as_it_was_written,
        a_snapshot_is_read_back_as_it_was_written,
        the_lines_of_postfix_are_read,
    ]
}

async fn a_canary_is_found_anywhere_and_nothing_else_is() {
    let mut chance = Chance::new(7);
    let [one, other] = [(); 2].map(|()| Canary::new(&mut chance));
    let mut bytes = chance.bytes(5_000);
    bytes.retain(|byte| *byte != b'%');
    assert_eq!(Canary::all_in(&bytes), BTreeSet::new());
    let cut = &one.as_str()[..one.as_str().len() - 1];
    for noise in ["%", "%%canary", "%canaryxyz0000000000000", cut] {
        bytes.extend_from_slice(noise.as_bytes());
    }
    assert_eq!(Canary::all_in(&bytes), BTreeSet::new());
    let whole = format!("%{one}{other}").into_bytes();
    let all = [whole.clone(), bytes, whole].concat();
    assert_eq!(Canary::all_in(&all), BTreeSet::from([one, other]));
}

fn letter(seed: u64, size: usize) -> letters::Letter {
    letters::write(&mut Chance::new(seed), "anna@corp.test", size)
}

async fn a_letter_has_its_canary_in_every_part() {
    for (seed, size) in (0..30).flat_map(|seed| [(seed, 1_024), (seed, MIB)]) {
        let letter = letter(seed, size);
        let gap = letter
            .content
            .windows(4)
            .position(|four| four == b"\r\n\r\n");
        let (header, body) = letter.content.split_at(gap.unwrap());
        let (first, last) = body.split_at(body.len() / 2);
        let mark = letter.canary.as_str().as_bytes();
        let count = |part: &[u8]| {
            part.windows(mark.len())
                .filter(|some| *some == mark)
                .count()
        };
        assert_eq!(count(header), 3, "{seed} {size}");
        assert_eq!(count(body), 3, "{seed} {size}");
        assert!(count(first) > 0 && count(last) > 0, "{seed} {size}");
        let length = letter.content.len();
        assert!(
            (size / 2..size + 3_000).contains(&length),
            "{size}: {length}"
        );
        assert!((1..=100).contains(&letter.recipients.len()));
    }
}

async fn a_letter_is_what_postfix_changes_no_byte_of() {
    for seed in 0..30 {
        let content = letter(seed, 200_000).content;
        assert!(content.ends_with(b"\r\n"));
        for line in content.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r\n").expect("a line end of SMTP");
            assert!(line.len() <= 990, "{}", line.len());
            assert!(!line.contains(&b'\r'));
        }
    }
}

async fn letters_follow_from_the_seed() {
    assert!(letter(3, 5_000).content == letter(3, 5_000).content);
    assert!(letter(3, 5_000).content != letter(4, 5_000).content);
}

async fn most_letters_are_small_and_none_is_too_large() {
    let mut chance = Chance::new(5);
    let mut sizes: Vec<usize> = (0..4_000)
        .map(|_| letters::size(&mut chance, 25 * MIB))
        .collect();
    sizes.sort_unstable();
    assert!(sizes[0] >= letters::SMALLEST_BYTES && sizes[3_999] <= 25 * MIB);
    assert!(sizes[2_000] < 20_000, "{}", sizes[2_000]);
    assert!(sizes[3_990] > 2 * MIB, "{}", sizes[3_990]);
}

async fn an_imprint_tells_which_part_differs() {
    let one = Imprint::of(b"Subject: a\r\nTo: b\r\n\r\nbody\r\n");
    let difference = |content: &[u8]| one.difference(&Imprint::of(content));
    assert_eq!(difference(b"Subject: a\r\nTo: b\r\n\r\nbody\r\n"), "");
    assert_eq!(
        difference(b"Subject: A\r\nTo: b\r\n\r\nbody\r\n"),
        "header, whole"
    );
    assert_eq!(
        difference(b"Subject: a\r\nTo: b\r\n\r\nBody\r\n"),
        "body, whole"
    );
    assert_eq!(
        difference(b"Subject: a\r\nTo: b\r\n\r\nbody\r\n\r\n"),
        "body, length, whole"
    );
}

async fn a_history_is_read_back_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("ledger.jsonl");
    let ledger = Ledger::default();
    for submission in Truth::new().history.submissions {
        ledger.submit(submission);
    }
    ledger.submitted(3, Outcome::NotSent("refused".to_owned()));
    ledger.unsure(4);
    let capture_id = CaptureId::new(uuid::Uuid::now_v7());
    let number = ledger.decide(capture_id, Decision::Discard, "rita");
    assert_eq!(
        ledger.history().ballots[number].heard,
        Heard::Unknown("nothing was heard yet".to_owned())
    );
    ledger.decided(number, Heard::Acknowledged);
    let by_hand = ledger.by_hand(&RELEASED.parse().unwrap(), Act::Requeue);
    ledger.was_done_by_hand(by_hand, true);
    ledger.disturb(Trouble::SinkCut, Utc::now(), Utc::now());
    ledger.disturb(Trouble::PostfixStopped, Utc::now(), Utc::now());

    let history = ledger.history();
    history.write(&path).unwrap();
    let read = History::read(&path).unwrap();
    assert_eq!(read, history);
    assert_eq!(
        read.submissions[3].outcome,
        Outcome::NotSent("refused".to_owned())
    );
    assert_eq!(read.submissions[4].standing, Standing::Changing);
    assert_eq!(read.ballots[number].heard, Heard::Acknowledged);
    assert_eq!((read.by_hand.len(), read.disturbances.len()), (1, 2));
    assert_eq!(read.by_hand[0].was_done, Some(true));
}

async fn a_snapshot_is_read_back_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("snapshot.json");
    let truth = Truth::new();
    truth.found.write(&path).unwrap();
    assert_eq!(Snapshot::read(&path).unwrap(), truth.found);
}

async fn the_lines_of_postfix_are_read() {
    let canary = Canary::new(&mut Chance::new(1));
    let log = format!(
        "Nov 26 14:02:53 mail postfix/postsuper[17]: 4jWkMG0001z1b: released from hold\n\
         Nov 26 14:02:53 mail postfix/postsuper[17]: Released from hold: 1 message\n\
         Nov 26 14:02:53 mail postfix/postsuper[18]: 4jWkMG0002z1b: expired\n\
         Nov 26 14:02:53 mail postfix/qmgr[19]: 4jWkMG0001z1b: removed\n\
         Nov 26 14:02:53 mail postfix/pickup[20]: 4jWkMG0003z1b: uid=110 from=<a@b.test> orig_id=4jWkMG0004z1b\n\
         Nov 26 14:02:53 mail postfix/submission/smtpd[21]: 4jWkMG0005z1b: client=localhost\n\
         Nov 26 14:02:53 mail postfix/cleanup[22]: 4jWkMG0005z1b: message-id=<{canary}@client.test>\n"
    );
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("mail.log");
    std::fs::write(&path, log).unwrap();
    let mut found = Snapshot::default();
    logs::postfix(&path, &mut found);
    let moved = found
        .moved
        .iter()
        .map(|one| (one.queue_id.as_str(), one.act));
    let moved: Vec<_> = moved.collect();
    let expected = [
        ("4jWkMG0001z1b", Act::Release),
        ("4jWkMG0002z1b", Act::Expire),
    ];
    assert_eq!(moved, expected);
    assert_eq!(found.requeued["4jWkMG0003z1b"], "4jWkMG0004z1b");
    assert_eq!(found.messages["4jWkMG0005z1b"], canary);
}
