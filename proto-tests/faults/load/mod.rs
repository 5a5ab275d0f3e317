//! Mail as a house sends it: many clients at once, of every size and kind, that try again when they
//! are told to. Bounded in messages, bytes and time. Never looks at what becomes of the mail.

mod client;
pub mod letters;
mod people;

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::people::People;
use super::ledger::Ledger;
use crate::lab::{chance::Chance, postfix::Postfix};

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Letters and the behaviour of clients follow from it; what the servers do does not.
    pub seed: u64,
    /// How many send at once.
    pub n_clients: usize,
    /// The most messages, a message that is sent again counted once.
    pub n_mails: usize,
    /// The largest message.
    pub largest_bytes: usize,
    /// The most of all messages together: beyond it only small ones are sent.
    pub all_bytes: usize,
    /// No message is begun later.
    pub span: Duration,
    /// How long a client rests between two messages, at most.
    pub longest_pause: Duration,
}

/// Where clients go in.
#[derive(Clone, Copy)]
pub struct Doors<'a> {
    /// SMTP without a login.
    pub smtp: SocketAddr,
    /// The submission service.
    pub submission: SocketAddr,
    /// Whose `sendmail` local programs use.
    pub postfix: &'a Postfix,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Messages, each counted once.
    pub n_mails: usize,
    /// Submissions of them.
    pub n_submissions: usize,
    /// Bytes of all submissions.
    pub n_bytes: u64,
}

/// What the clients of one load share.
struct Shared<'a> {
    load: &'a Load,
    doors: Doors<'a>,
    people: &'a People,
    ledger: &'a Ledger,
    stop: &'a CancellationToken,
    end: Instant,
    n_begun: AtomicUsize,
    bytes_left: Mutex<usize>,
}

/// Sends until the bounds are reached, or until it is stopped.
pub async fn run(
    load: &Load,
    doors: Doors<'_>,
    people: &People,
    ledger: &Ledger,
    stop: &CancellationToken,
) -> Sent {
    let shared = Shared {
        load,
        doors,
        people,
        ledger,
        stop,
        end: Instant::now() + load.span,
        n_begun: AtomicUsize::new(0),
        bytes_left: Mutex::new(load.all_bytes),
    };
    let mut chance = Chance::new(load.seed);
    let before = ledger.history().submissions.len();
    let clients = (0..load.n_clients).map(|_| client::run(&shared, chance.branch()));
    let n_mails = join_all(clients).await.into_iter().sum();
    let history = ledger.history();
    let sent = &history.submissions[before..];
    Sent {
        n_mails,
        n_submissions: sent.len(),
        n_bytes: sent.iter().map(|one| one.imprint.size_bytes).sum(),
    }
}

impl Shared<'_> {
    /// Whether one more message may begin; it counts from then on.
    fn may_begin(&self) -> bool {
        !self.stop.is_cancelled()
            && Instant::now() < self.end
            && self.n_begun.fetch_add(1, Ordering::Relaxed) < self.load.n_mails
    }

    /// A size, the smallest one where the bytes are used up.
    fn size(&self, chance: &mut Chance) -> usize {
        let wanted = letters::size(chance, self.load.largest_bytes);
        let mut left = self.bytes_left.lock().unwrap();
        let size = if wanted <= *left {
            wanted
        } else {
            letters::SMALLEST_BYTES
        };
        *left = left.saturating_sub(size);
        size
    }
}
