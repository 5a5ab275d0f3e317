//! Runs what blocks on threads of its own, with a deadline: a file system that does not answer must
//! not silence whoever waits for it.

use std::time::Duration;

use tokio::time::timeout;

use super::error::PostfixError;

/// How long a file system may take. A dead one never answers, and would silence whoever waits for it.
const LOOK_DEADLINE: Duration = Duration::from_secs(15);

/// Runs what blocks on a thread of its own.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PostfixError> + Send + 'static,
) -> Result<T, PostfixError> {
    within(LOOK_DEADLINE, work).await
}

async fn within<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> Result<T, PostfixError> + Send + 'static,
) -> Result<T, PostfixError> {
    match timeout(deadline, tokio::task::spawn_blocking(work)).await {
        Ok(outcome) => outcome.unwrap_or(Err(PostfixError::GivenUp)),
        Err(_) => Err(PostfixError::Stalled(deadline)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_system_that_does_not_answer_is_given_up() {
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let hang = move || {
            hold.recv().ok();
            Ok(())
        };
        let given_up = within(Duration::from_millis(20), hang).await;
        drop(release);
        let error = given_up.unwrap_err();
        assert!(matches!(error, PostfixError::Stalled(_)), "{error}");
        assert!(error.is_transient());
    }
}
