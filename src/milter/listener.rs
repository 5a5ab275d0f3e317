//! Binds the sockets that Postfix connects to. Never takes one away that somebody listens to.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};

use tokio::net::{TcpListener, UnixListener};

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

/// Why a text names no socket.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSocket {
    /// It is of no kind that we know.
    #[error("{0:?} is neither unix:/path nor inet:address:port")]
    Odd(String),
    /// Postfix would read another path in its lists of milters, or several.
    #[error(
        "{0:?} has {1:?} in its path, which means something else in Postfix's main.cf: choose a path \
         without blanks, commas, braces and dollar signs"
    )]
    Sign(String, char),
}

impl FromStr for Socket {
    type Err = BadSocket;

    fn from_str(text: &str) -> Result<Self, BadSocket> {
        let bad = || BadSocket::Odd(text.to_owned());
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => match path.chars().find(is_syntax) {
                Some(sign) => Err(BadSocket::Sign(text.to_owned(), sign)),
                None => Ok(Self::Unix {
                    path: path.into(),
                    mode: 0o660,
                    group: None,
                }),
            },
            Some(("inet", address)) => address.parse().map(Self::Inet).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

/// Whether `main.cf` reads more than itself in a sign: it parts lists at blanks, commas and braces,
/// and puts values in the place of names after `$` (postconf(5)).
fn is_syntax(sign: &char) -> bool {
    sign.is_whitespace() || sign.is_control() || matches!(sign, ',' | '{' | '}' | '$')
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
    pub(super) name: String,
    pub(super) bound: Bound,
}

/// The listener of the system.
pub(super) enum Bound {
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
            Socket::Inet(address) => TcpListener::bind(address).await.map(Bound::Inet),
            Socket::Unix { path, mode, group } => {
                bind_unix(path, *mode, group.as_deref()).map(Bound::Unix)
            }
        };
        Ok(Self {
            name: socket.to_string(),
            bound: bound.map_err(fault)?,
        })
    }

    /// The address of a TCP listener, for port 0.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.bound {
            Bound::Inet(listener) => listener.local_addr().ok(),
            Bound::Unix(_) | Bound::Closed => None,
        }
    }
}

fn bind_unix(path: &Path, mode: u32, group: Option<&str>) -> io::Result<UnixListener> {
    if is_abandoned(path) {
        fs::remove_file(path)?;
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

/// Whether a socket is there that nobody listens to. Any other error than a refusal may mean a
/// living process: one that we may not connect to, or a socket of another kind.
fn is_abandoned(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
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

    #[test]
    fn a_path_that_postfix_would_read_otherwise_is_refused_with_the_sign() {
        for sign in [' ', '\t', ',', '{', '}', '$'] {
            let text = format!("unix:/run/a{sign}b.sock");
            let refused = text.parse::<Socket>().unwrap_err();
            assert_eq!(refused, BadSocket::Sign(text, sign));
            assert!(refused.to_string().contains("choose a path without"));
        }
    }
}
