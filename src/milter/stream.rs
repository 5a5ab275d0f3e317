//! A connection of Postfix: without delayed acknowledgements, and ended where it cannot be trusted.
//! What is written goes out with the next flush.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::OwnedSemaphorePermit,
};

use super::{
    packets::{MailWithoutMacros, Packets},
    replies::Replies,
};
use crate::telemetry::{AlarmKind, Alarms, events};

/// A connection of Postfix.
pub struct Stream {
    peer: Peer,
    packets: Packets,
    replies: Replies,
    alarms: Alarms,
    /// Its place among all connections, given back when it ends.
    _seat: OwnedSemaphorePermit,
}

/// The socket of a connection.
pub enum Peer {
    /// Over a UNIX socket.
    Unix(UnixStream),
    /// Over TCP.
    Inet(TcpStream),
}

impl Stream {
    /// A connection that has been accepted and has its place.
    pub fn new(peer: Peer, seat: OwnedSemaphorePermit, alarms: Alarms) -> Self {
        Self {
            peer,
            packets: Packets::default(),
            replies: Replies::default(),
            alarms,
            _seat: seat,
        }
    }

    fn refuse(&self, error: MailWithoutMacros) -> io::Error {
        const MISSING: &str = "the macros of MAIL that were asked for";
        let text = format!("Postfix does not offer {MISSING}");
        self.alarms.raise(AlarmKind::NegotiationFailed, &text);
        events::negotiation_failed(MISSING);
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let n_before = buffer.filled().len();
        ready!(stream.peer.poll_read(cx, buffer))?;
        let arrived = buffer.filled().get(n_before..).unwrap_or_default();
        let followed = stream.packets.follow(arrived);
        Poll::Ready(followed.map_err(|error| stream.refuse(error)))
    }
}

impl Peer {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Inet(stream) => {
                ready!(Pin::new(&mut *stream).poll_read(cx, buffer))?;
                // Linux falls back to delayed acknowledgements by itself: tcp(7), TCP_QUICKACK.
                // Also of little: not all is answered, and Postfix sends the rest of it only when
                // this is acknowledged (Nagle's algorithm). A failure costs time only.
                let _slower = stream.set_quickack(true);
                Poll::Ready(Ok(()))
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Inet(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().replies.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        while let Some(bytes) = stream.replies.due() {
            let n_written = ready!(stream.peer.poll_write(cx, bytes))?;
            if n_written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            stream.replies.sent(n_written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().peer {
            Peer::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Peer::Inet(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
