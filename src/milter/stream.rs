//! A connection of Postfix without delayed acknowledgements.

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

/// A connection of Postfix.
pub struct Stream {
    peer: Peer,
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
    pub fn new(peer: Peer, seat: OwnedSemaphorePermit) -> Self {
        Self { peer, _seat: seat }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().peer.poll_read(cx, buffer)
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
                // A failure costs time only.
                let _slower = stream.set_quickack(true);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().peer {
            Peer::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Peer::Inet(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().peer {
            Peer::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Peer::Inet(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().peer {
            Peer::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Peer::Inet(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
