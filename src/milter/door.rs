//! Takes connections in: survives a failed accept, and lets no more in than there are seats.
//!
//! indymilter ends its whole run at the first accept error (`lib.rs: run_milter`), and Postfix and
//! indymilter both send small segments: without these two cures one EMFILE ends all reviewing, and
//! a message over TCP waits 80 ms for nothing.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, watch},
    time::Sleep,
};
use tokio_util::sync::PollSemaphore;

use super::{
    KeptWaiting, Traffic,
    listener::{Bound, Listener},
    stream::{Peer, Stream},
};
use crate::telemetry::{Alarms, events};

/// The pause after a failed accept, most often for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener at work.
pub struct Door {
    listener: Listener,
    pause: Option<Pin<Box<Sleep>>>,
    /// Accepted, but all seats are taken.
    waiting: Option<(Peer, KeptWaiting)>,
    seats: PollSemaphore,
    traffic: Arc<Traffic>,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
    alarms: Alarms,
}

impl Door {
    /// Opens until `stop` turns true. Doors that share their seats share one limit of connections.
    pub fn open(
        listener: Listener,
        (seats, traffic): (Arc<Semaphore>, Arc<Traffic>),
        mut stop: watch::Receiver<bool>,
        alarms: Alarms,
    ) -> Self {
        Self {
            listener,
            pause: None,
            waiting: None,
            seats: PollSemaphore::new(seats),
            traffic,
            stopped: Box::pin(async move {
                // An error means that the sender is gone, which is a stop as well.
                let _stopped = stop.wait_for(|stop| *stop).await;
            }),
            alarms,
        }
    }

    fn close(&mut self) {
        self.listener.bound = Bound::Closed;
        self.waiting = None;
        self.stopped = Box::pin(std::future::pending());
    }

    /// The next connection, however many attempts it takes.
    fn poll_peer(&mut self, cx: &mut Context<'_>) -> Poll<Peer> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.listener.bound.poll_accept(cx)) {
                Ok(peer) => return Poll::Ready(peer),
                Err(error) => {
                    events::accept_failed(&self.listener.name, &error);
                    self.pause = Some(Box::pin(tokio::time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}

impl indymilter::Listener for Door {
    type Io = Stream;

    /// Never an error.
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        if self.stopped.as_mut().poll(cx).is_ready() {
            self.close();
        }
        let (peer, kept_waiting) = match self.waiting.take() {
            Some((peer, kept_waiting)) => (peer, Some(kept_waiting)),
            None => (ready!(self.poll_peer(cx)), None),
        };
        match self.seats.poll_acquire(cx) {
            Poll::Ready(Some(seat)) => {
                let alarms = self.alarms.clone();
                Poll::Ready(Ok(Stream::new(peer, seat, alarms)))
            }
            Poll::Ready(None) | Poll::Pending => {
                let kept_waiting = kept_waiting.unwrap_or_else(|| self.traffic.keep_waiting());
                self.waiting = Some((peer, kept_waiting));
                Poll::Pending
            }
        }
    }
}

impl Bound {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Peer>> {
        match self {
            Self::Unix(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| Peer::Unix(stream)),
            Self::Inet(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                stream.set_nodelay(true)?;
                Poll::Ready(Ok(Peer::Inet(stream)))
            }
            Self::Closed => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, net::SocketAddr};

    use tokio::net::TcpStream;

    use super::*;
    use crate::milter::listener::Socket;

    #[tokio::test]
    async fn a_tcp_connection_sends_small_segments_at_once() {
        let any_port = Socket::Inet(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = Listener::bind(&any_port).await.unwrap();
        let address = listener.local_address().unwrap();
        let _postfix = TcpStream::connect(address).await.unwrap();
        let peer = poll_fn(|cx| listener.bound.poll_accept(cx)).await.unwrap();
        assert!(matches!(peer, Peer::Inet(stream) if stream.nodelay().unwrap()));
    }
}
