//! One capture that is damaged, lost or refused stops itself, and no other.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;

use super::outpost::Outpost;
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
    wire::{desk::BOUND, mail::Mail},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        damaged_captures_stop_themselves_alone,
        a_capture_that_the_database_refuses_for_good_stops_itself_alone,
        a_capture_that_the_database_refuses_for_now_waits_alone,
        a_capture_that_never_gets_an_answer_waits_alone,
    ]
}

/// Queue IDs of messages in the order in which they are sent.
const IDS: [&str; 6] = [
    "4jWkMG56f7z1j",
    "4jWkMG56f7z1k",
    "4jWkMG56f7z1l",
    "4jWkMG56f7z1m",
    "4jWkMG56f7z1n",
    "4jWkMG56f7z1p",
];

fn small(id: &str) -> Mail {
    Mail::flagged()
        .queue_id(id)
        .body([format!("the body of {id}\r\n")])
}

fn large(id: &str) -> Mail {
    let chunk = id.repeat(5_000);
    Mail::flagged().queue_id(id).body(vec![chunk; 10])
}

/// Too much for one batch with any other.
fn huge(id: &str) -> Mail {
    let chunk = id.repeat(5_000);
    let n_chunks = 17 * 1_024 * 1_024 / chunk.len();
    Mail::flagged().queue_id(id).body(vec![chunk; n_chunks + 1])
}

/// Makes the database refuse captures with a queue ID like `pattern`, as an error of this class.
async fn refuse(outpost: &Outpost<'_>, pattern: &str, error: &str) {
    let sql = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin \
         if new.queue_id like '{pattern}' then raise exception 'no' using errcode = '{error}'; \
         end if; return new; end $$; \
         create trigger refuse before insert on capture for each row execute function refuse()"
    );
    outpost.sql(&sql).await;
}

async fn recorded(outpost: &Outpost<'_>, wanted: &[&str]) {
    recorded_within(BOUND, outpost, wanted).await;
}

async fn recorded_within(bound: Duration, outpost: &Outpost<'_>, wanted: &[&str]) {
    let sql = "select queue_id from capture order by queue_id";
    eventually(&format!("{wanted:?} are recorded"), bound, async || {
        let seen = outpost.sql(sql).await;
        match seen == wanted.join("\n") {
            true => Ok(()),
            false => Err(seen),
        }
    })
    .await;
}

async fn is_told(outpost: &Outpost<'_>) {
    let alarm = ["alarm.began", "capture_set_aside"];
    outpost.milter.event_with(&alarm, BOUND).await;
    assert!(outpost.milter.is_ready().await, "the others get on");
}

/// What lies aside, by the endings of the names.
fn aside(outpost: &Outpost<'_>, ending: &str) -> usize {
    let is_wanted = |path: &PathBuf| path.to_string_lossy().ends_with(ending);
    files(&outpost.spool.join("aside"))
        .iter()
        .filter(|path| is_wanted(path))
        .count()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The file in a part of the spool that holds these bytes, and where.
fn find(outpost: &Outpost<'_>, part: &str, words: &str) -> (PathBuf, u64) {
    for file in files(&outpost.spool.join(part)) {
        let bytes = fs::read(&file).unwrap();
        let at = bytes
            .windows(words.len())
            .position(|window| window == words.as_bytes());
        if let Some(at) = at {
            return (file, at as u64);
        }
    }
    panic!("{words:?} is in no file of {part}");
}

/// Turns one bit over.
fn flip((file, at): (PathBuf, u64)) {
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

async fn damaged_captures_stop_themselves_alone(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    refuse(&outpost, "%", "serialization_failure").await;
    let mut mta = outpost.mta().await;
    for id in &IDS[..3] {
        mta.send(&small(id)).await.held();
    }
    for id in &IDS[3..] {
        mta.send(&large(id)).await.held();
    }
    outpost.milter.kill();
    flip(find(
        &outpost,
        "segments",
        &format!("the body of {}", IDS[1]),
    ));
    flip(find(&outpost, "large", IDS[3]));
    let (lost, _) = find(&outpost, "large", IDS[4]);
    fs::remove_file(lost).unwrap();

    outpost.sql("drop trigger refuse on capture").await;
    outpost.milter.start_again().await;
    recorded(&outpost, &[IDS[0], IDS[2], IDS[5]]).await;
    is_told(&outpost).await;
    outpost
        .mta()
        .await
        .send(&small("4jWkMG56f7z1q"))
        .await
        .held();
    recorded(&outpost, &[IDS[0], IDS[2], IDS[5], "4jWkMG56f7z1q"]).await;
}

async fn a_capture_that_the_database_refuses_for_good_stops_itself_alone(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |settings| {
        // They come in one batch.
        settings.set("recorder.linger", "500ms");
    })
    .await;
    refuse(&outpost, IDS[1], "check_violation").await;
    let mut mta = outpost.mta().await;
    for id in &IDS[..3] {
        mta.send(&small(id)).await.held();
    }
    recorded(&outpost, &[IDS[0], IDS[2]]).await;
    is_told(&outpost).await;
    assert_eq!((aside(&outpost, ".json"), aside(&outpost, ".eml")), (1, 1));
    let (message, _) = find(&outpost, "aside", &format!("the body of {}", IDS[1]));
    assert!(message.to_string_lossy().ends_with(".eml"), "{message:?}");
    mta.send(&small(IDS[5])).await.held();
    recorded(&outpost, &[IDS[0], IDS[2], IDS[5]]).await;
}

async fn a_capture_that_the_database_refuses_for_now_waits_alone(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    refuse(&outpost, IDS[0], "raise_exception").await;
    let mut mta = outpost.mta().await;
    mta.send(&small(IDS[0])).await.held();
    mta.send(&huge(IDS[1])).await.held();
    mta.send(&small(IDS[2])).await.held();
    recorded(&outpost, &[IDS[1], IDS[2]]).await;
    let alarm = ["alarm.began", "store_unreachable", "P0001"];
    outpost.milter.event_with(&alarm, BOUND).await;
    assert_eq!((aside(&outpost, ".json"), aside(&outpost, ".eml")), (0, 0));
    mta.send(&large(IDS[3])).await.held();
    recorded(&outpost, &[IDS[1], IDS[2], IDS[3]]).await;

    outpost.sql("drop trigger refuse on capture").await;
    recorded(&outpost, &IDS[..4]).await;
    let alarm = ["alarm.ended", "store_unreachable"];
    outpost.milter.event_with(&alarm, BOUND).await;
}

/// The recorder gives up on each try after 20 s, and blames single captures after three of them.
async fn a_capture_that_never_gets_an_answer_waits_alone(lab: &Lab) {
    let bound = Duration::from_secs(180);
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    let becomes = |what: &str| {
        format!(
            "create or replace function stall() returns trigger language plpgsql as $$ begin \
             if new.queue_id = '{}' then {what}; end if; return new; end $$",
            IDS[0]
        )
    };
    // The server's own limit, half as long, ends the first sleep alone.
    let stalls = "begin perform pg_sleep(30); \
        exception when query_canceled then perform pg_sleep(15); end";
    outpost.sql(&becomes(stalls)).await;
    let sql = "create trigger stall before insert on capture for each row execute function stall()";
    outpost.sql(sql).await;
    let mut mta = outpost.mta().await;
    for id in &IDS[..3] {
        mta.send(&small(id)).await.held();
    }
    recorded_within(bound, &outpost, &IDS[1..3]).await;
    mta.send(&small(IDS[3])).await.held();
    recorded_within(bound, &outpost, &IDS[1..4]).await;

    outpost.sql(&becomes("null")).await;
    recorded_within(bound, &outpost, &IDS[..4]).await;
    let alarm = ["alarm.ended", "store_unreachable"];
    outpost.milter.event_with(&alarm, BOUND).await;
}
