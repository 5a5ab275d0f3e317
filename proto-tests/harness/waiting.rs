//! Waiting ends with the state or with a report, never with a hang.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use libtest_mimic::Trial;

use crate::{
    lab::eventually::eventually,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        waiting_ends_with_what_was_waited_for,
        a_wait_that_ends_in_vain_tells_the_last_state_seen,
    ]
}

async fn waiting_ends_with_what_was_waited_for() {
    let mut n_looks = 0;
    let found = eventually("the third look", Duration::from_secs(5), async || {
        n_looks += 1;
        if n_looks == 3 {
            Ok(n_looks)
        } else {
            Err(n_looks)
        }
    })
    .await;
    assert_eq!(found, 3);
}

async fn a_wait_that_ends_in_vain_tells_the_last_state_seen() {
    let look = async || Err::<(), _>("still asleep");
    let wait = eventually("somebody is awake", Duration::from_millis(20), look);
    let panic = AssertUnwindSafe(wait).catch_unwind().await.unwrap_err();
    let report = panic.downcast::<String>().unwrap();
    assert!(report.contains("somebody is awake") && report.contains("still asleep"));
}
