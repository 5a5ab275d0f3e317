//! Listeners that survive a failed accept, and TCP connections without delayed acknowledgements.
//!
//! indymilter ends its whole run at the first accept error (`lib.rs: run_milter`), and Postfix and
//! indymilter both send small segments: without these two cures one EMFILE ends all reviewing, and
//! a message over TCP waits 80 ms for nothing.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::PathBuf,
    pin::Pin,
    str::FromStr,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
    time::Sleep,
};

use crate::telemetry::events;

/// The pause after a failed accept, most often for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// A UNIX socket, with its mode and group.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its group; `None`: that of the process.
        group: Option<String>,
    },
    /// A TCP socket.
    Inet(SocketAddr),
}

/// A text that names no socket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither unix:/path nor inet:address:port")]
pub struct BadSocket(String);

impl FromStr for Socket {
    type Err = BadSocket;

    fn from_str(text: &str) -> Result<Self, BadSocket> {
        let bad = || BadSocket(text.to_owned());
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix {
                path: path.into(),
                mode: 0o660,
                group: None,
            }),
            Some(("inet", address)) => address.parse().map(Self::Inet).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Inet(address) => write!(f, "inet:{address}"),
        }
    }
}

/// Why a listener cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {socket}")]
pub struct BindError {
    socket: String,
    #[source]
    cause: io::Error,
}

/// A bound listener.
pub struct Listener {
    name: String,
    bound: Bound,
    pause: Option<Pin<Box<Sleep>>>,
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

enum Bound {
    Unix(UnixListener),
    Inet(TcpListener),
    /// Takes nothing more.
    Closed,
}

impl Listener {
    /// Binds a socket. A UNIX socket that an earlier process left behind is replaced.
    pub async fn bind(socket: &Socket) -> Result<Self, BindError> {
        let fault = |cause| BindError {
            socket: socket.to_string(),
            cause,
        };
        let bound = match socket {
            Socket::Inet(address) => TcpListener::bind(address)
                .await
                .map(Bound::Inet)
                .map_err(fault)?,
            Socket::Unix { path, mode, group } => bind_unix(path, *mode, group.as_deref())
                .map(Bound::Unix)
                .map_err(fault)?,
        };
        let closed = Box::pin(std::future::pending());
        Ok(Self {
            name: socket.to_string(),
            bound,
            pause: None,
            closed,
        })
    }

    /// The address of a TCP listener, for port 0.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.bound {
            Bound::Inet(listener) => listener.local_addr().ok(),
            Bound::Unix(_) | Bound::Closed => None,
        }
    }

    /// The same listener, which takes nothing more once `stop` is true.
    pub(super) fn until(mut self, mut stop: watch::Receiver<bool>) -> Self {
        self.closed = Box::pin(async move {
            // An error means that the sender is gone, which is a stop as well.
            let _stopped = stop.wait_for(|stop| *stop).await;
        });
        self
    }

    fn poll_bound(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        match &self.bound {
            Bound::Unix(listener) => listener
                .poll_accept(cx)
                .map_ok(|(stream, _)| Stream::Unix(stream)),
            Bound::Inet(listener) => {
                let (stream, _) = ready!(listener.poll_accept(cx))?;
                stream.set_nodelay(true)?;
                Poll::Ready(Ok(Stream::Inet(stream)))
            }
            Bound::Closed => Poll::Pending,
        }
    }
}

impl indymilter::Listener for Listener {
    type Io = Stream;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        loop {
            if self.closed.as_mut().poll(cx).is_ready() {
                self.bound = Bound::Closed;
                self.closed = Box::pin(std::future::pending());
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.poll_bound(cx)) {
                Ok(stream) => return Poll::Ready(Ok(stream)),
                Err(error) => {
                    events::accept_failed(&self.name, &error);
                    self.pause = Some(Box::pin(tokio::time::sleep(ACCEPT_PAUSE)));
                }
            }
        }
    }
}

fn bind_unix(path: &PathBuf, mode: u32, group: Option<&str>) -> io::Result<UnixListener> {
    if let Ok(there) = fs::symlink_metadata(path) {
        // A living process would still answer: then the address is in use, and the start fails.
        let abandoned =
            there.file_type().is_socket() && std::os::unix::net::UnixStream::connect(path).is_err();
        if abandoned {
            fs::remove_file(path)?;
        }
    }
    let listener = UnixListener::bind(path)?;
    if let Some(name) = group {
        let group = nix::unistd::Group::from_name(name)?;
        let group = group.ok_or_else(|| io::Error::other(format!("there is no group {name:?}")))?;
        std::os::unix::fs::chown(path, None, Some(group.gid.as_raw()))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// A connection of Postfix.
pub enum Stream {
    /// Over a UNIX socket.
    Unix(UnixStream),
    /// Over TCP.
    Inet(TcpStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Inet(stream) => {
                let read = Pin::new(&mut *stream).poll_read(cx, buffer);
                if read.is_ready() {
                    // Linux falls back to delayed acknowledgements by itself: tcp(7), TCP_QUICKACK.
                    // A failure costs time only.
                    let _slower = stream.set_quickack(true);
                }
                read
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
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Inet(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Inet(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Inet(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_read_as_postfix_spells_them() {
        assert_eq!(
            "inet:127.0.0.1:8891".parse::<Socket>().unwrap().to_string(),
            "inet:127.0.0.1:8891"
        );
        assert_eq!(
            "unix:/run/m.sock".parse::<Socket>().unwrap().to_string(),
            "unix:/run/m.sock"
        );
        for odd in ["", "unix:m.sock", "inet:localhost", "127.0.0.1:1", "unix:"] {
            assert!(odd.parse::<Socket>().is_err(), "{odd}");
        }
    }
}
