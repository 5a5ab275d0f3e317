//! The time of a plan. It stands still while a fault that is to be alone waits until all is green, so
//! that none of the others begins meanwhile.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The time of one plan. Its begin moves on by each pause.
pub struct Clock {
    begin: watch::Sender<Begin>,
}

#[derive(Clone, Copy)]
enum Begin {
    At(Instant),
    /// So much of the plan is over.
    Paused(Duration),
}

/// Time stands still until this is dropped.
pub struct Pause<'a>(&'a Clock);

impl Clock {
    /// Begins.
    pub fn begin() -> Self {
        let begin = watch::Sender::new(Begin::At(Instant::now()));
        Self { begin }
    }

    /// Waits until so much of the plan is over.
    pub async fn reach(&self, at: Duration) {
        let mut begin = self.begin.subscribe();
        loop {
            let now = *begin.borrow_and_update();
            let due = async {
                match now {
                    Begin::At(begin) => sleep_until(begin + at).await,
                    Begin::Paused(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => return,
                // Its sender is this clock.
                _ = begin.changed() => {}
            }
        }
    }

    /// Has time stand still. No two faults are alone at once.
    pub fn pause(&self) -> Pause<'_> {
        self.begin.send_modify(|begin| {
            if let Begin::At(since) = *begin {
                *begin = Begin::Paused(since.elapsed());
            }
        });
        Pause(self)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.begin.send_modify(|begin| {
            if let Begin::Paused(over) = *begin {
                *begin = Begin::At(Instant::now() - over);
            }
        });
    }
}
