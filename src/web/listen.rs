//! Where the desk listens: TLS with a certificate file, or plain HTTP on loopback or a UNIX socket
//! behind a proxy. Never plain HTTP for the network.

use std::{
    error::Error,
    fs,
    future::{Ready, ready},
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::{SocketAddr as UnixAddress, UnixListener},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use axum_server::{
    Address, Handle, Server,
    accept::{Accept, NoDelayAcceptor},
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use nix::unistd::{Uid, User};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{net::UnixStream, sync::watch};

/// A client that has not sent its request by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stop waits for requests that are on their way.
const GRACE: Duration = Duration::from_secs(10);

/// Where the desk listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// With a certificate.
    Tls {
        /// The address.
        address: SocketAddr,
        /// The certificates, PEM, our own first.
        certificate: PathBuf,
        /// The key, PEM.
        key: PathBuf,
    },
    /// On loopback, behind a proxy on this host.
    Plain {
        /// The address.
        address: SocketAddr,
        /// Where the proxy connects from; it alone is believed about who its clients are.
        proxy: Option<IpAddr>,
    },
    /// On a UNIX socket, behind a proxy on this host.
    Unix {
        /// The socket.
        path: PathBuf,
        /// The system user that the proxy runs as; it alone is served, and believed about its clients.
        proxy: Option<String>,
    },
}

/// Why the desk does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The certificate or its key cannot be used.
    #[error("cannot use {}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: Box<dyn Error + Send + Sync>,
    },
    /// The address is in use or not ours.
    #[error("cannot listen on {place}")]
    Bind {
        /// Where.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// It broke off.
    #[error("cannot serve any more")]
    Serve {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// A place that is bound: whoever connects from now on is served as soon as there is a desk.
pub enum Bound {
    /// With a certificate.
    Tls(Server<SocketAddr, RustlsAcceptor<NoDelayAcceptor>>),
    /// On loopback.
    Plain(Server<SocketAddr, NoDelayAcceptor>),
    /// On a UNIX socket.
    Unix(Server<UnixAddress, OnlyProxy>),
}

/// Lets connections of one system user through, or of all.
#[derive(Clone, Copy, Debug)]
pub struct OnlyProxy(Option<Uid>);

impl<S> Accept<UnixStream, S> for OnlyProxy {
    type Stream = UnixStream;
    type Service = S;
    type Future = Ready<io::Result<(UnixStream, S)>>;

    fn accept(&self, stream: UnixStream, service: S) -> Self::Future {
        let peer = stream.peer_cred().map(|peer| Uid::from_raw(peer.uid()));
        ready(match (peer, self.0) {
            (Ok(peer), Some(proxy)) if peer != proxy => {
                Err(io::Error::from(io::ErrorKind::PermissionDenied))
            }
            (Ok(_), _) => Ok((stream, service)),
            (Err(error), _) => Err(error),
        })
    }
}

/// Binds the place.
///
/// # Errors
/// The certificate cannot be used, or the place is not to be had.
pub fn bind(listen: &Listen) -> Result<Bound, ListenError> {
    let at = |address: &SocketAddr, cause| refused(&address.to_string(), cause);
    Ok(match listen {
        Listen::Tls {
            address,
            certificate,
            key,
        } => {
            let config = RustlsConfig::from_config(Arc::new(tls(certificate, key)?));
            let server = axum_server::from_tcp_rustls(bind_tcp(*address)?, config);
            let server = server.map_err(|cause| at(address, cause))?;
            // The end of a page does not wait until its beginning is acknowledged.
            Bound::Tls(server.map(|tls| tls.acceptor(NoDelayAcceptor::new())))
        }
        Listen::Plain { address, .. } => {
            let server = axum_server::from_tcp(bind_tcp(*address)?);
            let server = server.map_err(|cause| at(address, cause))?;
            Bound::Plain(server.acceptor(NoDelayAcceptor::new()))
        }
        Listen::Unix { path, proxy } => {
            let failed = |cause| refused(&path.display().to_string(), cause);
            let proxy = proxy.as_deref().map(user).transpose().map_err(failed)?;
            let server = axum_server::from_unix(bind_unix(path)?).map_err(failed)?;
            Bound::Unix(server.acceptor(OnlyProxy(proxy)))
        }
    })
}

impl Bound {
    /// Serves until `stop` turns true.
    pub async fn serve(
        self,
        router: Router,
        stop: watch::Receiver<bool>,
    ) -> Result<(), ListenError> {
        let served = match self {
            Self::Tls(server) => {
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                patient(server, stop).serve(service).await
            }
            Self::Plain(server) => {
                let service = router.into_make_service_with_connect_info::<SocketAddr>();
                patient(server, stop).serve(service).await
            }
            Self::Unix(server) => {
                patient(server, stop)
                    .serve(router.into_make_service())
                    .await
            }
        };
        served.map_err(|cause| ListenError::Serve { cause })
    }
}

/// A server that waits for no client for ever, and stops in good order.
fn patient<A, Acceptor>(
    server: Server<A, Acceptor>,
    mut stop: watch::Receiver<bool>,
) -> Server<A, Acceptor>
where
    A: Address + Send + 'static,
{
    let handle = Handle::new();
    let stopping = handle.clone();
    tokio::spawn(async move {
        // An error means that the sender is gone, which is a stop as well.
        let _stopped = stop.wait_for(|stop| *stop).await;
        stopping.graceful_shutdown(Some(GRACE));
    });
    let mut server = server.handle(handle);
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    server
}

fn refused(place: &str, cause: io::Error) -> ListenError {
    ListenError::Bind {
        place: place.to_owned(),
        cause,
    }
}

fn user(name: &str) -> io::Result<Uid> {
    let user = User::from_name(name)?;
    let user = user
        .ok_or_else(|| io::Error::other(format!("web.proxy: there is no system user {name:?}")))?;
    Ok(user.uid)
}

fn bind_tcp(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|cause| refused(&address.to_string(), cause))
}

/// A socket that is left over from a run before is in the way; anything else at its path stays.
fn bind_unix(path: &Path) -> Result<UnixListener, ListenError> {
    let bound = || {
        if fs::symlink_metadata(path).is_ok_and(|there| there.file_type().is_socket()) {
            fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        // The directory around it and `web.proxy` say who is served.
        fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    bound().map_err(|cause| refused(&path.display().to_string(), cause))
}

/// A key that everybody can read protects nothing.
fn refuse_open(key: &Path) -> Result<(), ListenError> {
    let refused = |cause: Box<dyn Error + Send + Sync>| ListenError::Certificate {
        path: key.to_owned(),
        cause,
    };
    let found = fs::metadata(key).map_err(|cause| refused(cause.into()))?;
    match found.permissions().mode() & 0o007 {
        0 => Ok(()),
        _ => Err(refused("everyone can read it: try chmod o= on it".into())),
    }
}

fn tls(certificate: &Path, key: &Path) -> Result<ServerConfig, ListenError> {
    refuse_open(key)?;
    let bad = |path: &Path, cause: Box<dyn Error + Send + Sync>| ListenError::Certificate {
        path: path.to_owned(),
        cause,
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|cause| bad(certificate, cause.into()))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|cause| bad(key, cause.into()))?;
    // A provider that is named, so that no other crate's choice can matter.
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let builder = builder.with_no_client_auth();
            builder.with_single_cert(chain, secret)
        });
    let mut config = config.map_err(|cause| bad(certificate, cause.into()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
