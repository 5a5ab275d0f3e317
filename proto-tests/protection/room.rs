//! A spool whose disk fills up, a real one: flagged mail comes again, and is held when space returns.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use libtest_mimic::Trial;

use super::outpost::Outpost;
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
    wire::{
        desk::BOUND,
        mail::Mail,
        mta::{Mta, Outcome, Stage},
    },
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        mail_comes_again_before_the_disk_is_full_and_is_held_when_space_returns,
        a_disk_that_is_full_to_the_last_byte_loses_nothing,
        a_disk_without_inodes_loses_nothing,
    ]
}

const MIB: u64 = 1_024 * 1_024;

fn large() -> Mail {
    Mail::flagged().body((0..40).map(|n| vec![b'0' + n; 65_535]))
}

/// A file of somebody else's on the spool's disk.
fn filler(outpost: &Outpost<'_>) -> PathBuf {
    outpost.spool_inside().join("filler")
}

async fn alarm_is(outpost: &Outpost<'_>, kind: &str, wanted: f64) {
    let figure = format!("mailhold_alarm{{kind=\"{kind}\"}}");
    eventually(
        &format!("{figure} is {wanted}"),
        // A fault that comes and goes is over when it has stayed away for a while.
        BOUND * 8,
        async || match outpost.milter.metric(&figure).await {
            seen if seen == wanted => Ok(()),
            seen => Err(seen),
        },
    )
    .await;
}

async fn mail_comes_again_before_the_disk_is_full_and_is_held_when_space_returns(lab: &Lab) {
    let outpost = Outpost::on_small_disk(lab, 32 * MIB, |settings| {
        settings
            .set("spool.min_free_percent", 50)
            .set("spool.min_free", "8 MiB");
    })
    .await;
    let Some(outpost) = outpost else {
        return;
    };
    let mut mta = outpost.mta().await;
    mta.send(&large()).await.held();
    fs::write(filler(&outpost), vec![1; 25 * 1_024 * 1_024]).unwrap();
    alarm_is(&outpost, "spool_full", 1.0).await;
    assert!(!outpost.milter.is_ready().await);
    mta.send(&Mail::flagged())
        .await
        .tries_again_at(Stage::EndOfHeader);
    mta.send(&Mail::unflagged().login("ben"))
        .await
        .accepted_at(Stage::Mail);

    fs::remove_file(filler(&outpost)).unwrap();
    alarm_is(&outpost, "spool_full", 0.0).await;
    assert!(outpost.milter.is_ready().await);
    for mail in [Mail::flagged(), large()] {
        mta.send(&mail).await.held();
    }
    are_recorded(&outpost, 3).await;
}

async fn a_disk_that_is_full_to_the_last_byte_loses_nothing(lab: &Lab) {
    loses_nothing(lab, Trouble::NoBytes).await;
}

async fn a_disk_without_inodes_loses_nothing(lab: &Lab) {
    loses_nothing(lab, Trouble::NoInodes).await;
}

/// Why nothing can be written.
#[derive(Clone, Copy)]
enum Trouble {
    NoBytes,
    NoInodes,
}

impl Trouble {
    fn begin(self, outpost: &Outpost<'_>) {
        let refused = match self {
            Self::NoBytes => fill(&filler(outpost)),
            Self::NoInodes => fill_with_files(&filler(outpost)),
        };
        assert_eq!(refused.kind(), io::ErrorKind::StorageFull);
    }

    fn end(self, outpost: &Outpost<'_>) {
        match self {
            Self::NoBytes => fs::remove_file(filler(outpost)).unwrap(),
            Self::NoInodes => fs::remove_dir_all(filler(outpost)).unwrap(),
        }
    }
}

/// Writes until nothing more can be written.
fn fill(path: &Path) -> io::Error {
    let mut file = fs::File::create(path).unwrap();
    loop {
        if let Err(error) = file.write_all(&[1; 4_096]) {
            return error;
        }
    }
}

/// Makes files until there can be no more.
fn fill_with_files(path: &Path) -> io::Error {
    fs::create_dir(path).unwrap();
    let make = |n: u32| fs::File::create(path.join(n.to_string())).err();
    (0..).find_map(make).unwrap()
}

/// What was held before, in and after the trouble is recorded, and nothing else.
async fn loses_nothing(lab: &Lab, trouble: Trouble) {
    let outpost = Outpost::on_small_disk(lab, 16 * MIB, |settings| {
        // Only the disk itself refuses.
        settings
            .set("spool.min_free_percent", 0)
            .set("spool.min_free", "0 B");
    })
    .await;
    let Some(outpost) = outpost else {
        return;
    };
    let mut mta = outpost.mta().await;
    mta.send(&Mail::flagged()).await.held();
    are_recorded(&outpost, 1).await;
    nothing_is_kept(&outpost).await;
    trouble.begin(&outpost);
    let mut n_held = 1;
    for mail in [large(), Mail::flagged(), large(), Mail::flagged()] {
        n_held += u32::from(is_held(&mut mta, &mail).await);
    }
    assert!(n_held < 5, "there was no trouble");
    assert_eq!(outpost.n_files("large"), 0, "half a message is left");
    let unflagged = Mail::unflagged().login("ben");
    mta.send(&unflagged).await.accepted_at(Stage::Mail);
    alarm_is(&outpost, "spool_failing", 1.0).await;

    trouble.end(&outpost);
    for mail in [large(), Mail::flagged()] {
        mta.send(&mail).await.held();
        n_held += 1;
    }
    alarm_is(&outpost, "spool_failing", 0.0).await;
    are_recorded(&outpost, n_held).await;
    nothing_is_kept(&outpost).await;
}

/// Whether a message is held; otherwise it must come again.
async fn is_held(mta: &mut Mta, mail: &Mail) -> bool {
    let outcome = mta.send(mail).await;
    let is_held = matches!(outcome, Outcome::Held(_));
    if !is_held {
        outcome.tries_again_at(Stage::End);
    }
    is_held
}

async fn are_recorded(outpost: &Outpost<'_>, wanted: u32) {
    eventually(&format!("{wanted} are recorded"), BOUND, async || {
        let seen = outpost.sql("select count(*) from capture").await;
        match seen == wanted.to_string() {
            true => Ok(()),
            false => Err(seen),
        }
    })
    .await;
}

/// All that was recorded has left the spool.
async fn nothing_is_kept(outpost: &Outpost<'_>) {
    eventually("the spool is empty", BOUND, async || {
        match outpost.n_files("segments") + outpost.n_files("large") {
            0 => Ok(()),
            more => Err(more),
        }
    })
    .await;
}
