//! Waits for a state with a bound. Never sleeps for a result.

use std::{
    fmt,
    time::{Duration, Instant},
};

use tokio::time::sleep;

const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Looks until there is something, or ends the test with the last state seen.
///
/// `look` gives the thing waited for as `Ok`, or what is there instead as `Err`.
///
/// # Panics
/// When `bound` has passed.
pub async fn eventually<T, S: fmt::Debug>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<T, S>,
) -> T {
    let deadline = Instant::now() + bound;
    let mut pause = FIRST_PAUSE;
    loop {
        let seen = match look().await {
            Ok(found) => return found,
            Err(seen) => seen,
        };
        assert!(
            Instant::now() < deadline,
            "not within {bound:?}: {what}; last seen: {seen:?}"
        );
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}

/// `eventually` for what is either so or not.
pub async fn eventually_true(what: &str, bound: Duration, mut look: impl AsyncFnMut() -> bool) {
    eventually(
        what,
        bound,
        async || if look().await { Ok(()) } else { Err(false) },
    )
    .await;
}
