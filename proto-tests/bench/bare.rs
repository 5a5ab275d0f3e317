//! The yardstick: a milter that quarantines every message and captures nothing.

use std::{collections::HashMap, net::SocketAddr, path::Path};

use indymilter::{Actions, Callbacks, Config, ContextActions, MacroStage, ProtoOpts, Status};
use mailhold::milter::listener::{Listener, Socket};
use tokio::{sync::oneshot, task::JoinHandle};

/// A running bare milter; it ends when it is dropped.
pub struct Bare {
    /// Where Postfix connects to, in Postfix's notation.
    pub address: String,
    _stop: oneshot::Sender<()>,
    _task: JoinHandle<std::io::Result<()>>,
}

impl Bare {
    /// Listens on a UNIX socket below a queue directory.
    pub async fn unix(queue_directory: &Path) -> Self {
        let path = queue_directory.join("mailhold/bare.sock");
        let group = Some("postfix".to_owned());
        let socket = Socket::Unix {
            path,
            mode: 0o666,
            group,
        };
        Self::start(&socket, |_| "unix:mailhold/bare.sock".to_owned()).await
    }

    /// Listens on loopback, with the same cures for TCP as mailhold's own listener.
    pub async fn inet() -> Self {
        let socket = Socket::Inet(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self::start(&socket, |address| {
            let address = address.unwrap();
            format!("inet:{}:{}", address.ip(), address.port())
        })
        .await
    }

    async fn start(socket: &Socket, address: impl FnOnce(Option<SocketAddr>) -> String) -> Self {
        let listener = Listener::bind(socket).await.unwrap();
        let address = address(listener.local_address());
        let (stop, stopped) = oneshot::channel::<()>();
        let config = Config {
            max_connections: 500,
            ..Default::default()
        };
        let task = tokio::spawn(indymilter::run(listener, callbacks(), config, stopped));
        Self {
            address,
            _stop: stop,
            _task: task,
        }
    }
}

/// Takes part in the same events as mailhold, and does nothing with them.
fn callbacks() -> Callbacks<()> {
    Callbacks::new()
        .on_negotiate(|cx, _, _| {
            Box::pin(async move {
                cx.requested_actions = Actions::QUARANTINE;
                cx.requested_opts |= ProtoOpts::LEADING_SPACE
                    | ProtoOpts::NOREPLY_RCPT
                    | ProtoOpts::NOREPLY_HEADER
                    | ProtoOpts::NOREPLY_EOH
                    | ProtoOpts::NOREPLY_BODY;
                cx.requested_macros = HashMap::from([(MacroStage::Eom, c"i".to_owned())]);
                Status::Continue
            })
        })
        .on_mail(|_, _| Box::pin(async { Status::Continue }))
        .on_rcpt(|_, _| Box::pin(async { Status::Noreply }))
        .on_data(|_| Box::pin(async { Status::Continue }))
        .on_header(|_, _, _| Box::pin(async { Status::Noreply }))
        .on_eoh(|_| Box::pin(async { Status::Noreply }))
        .on_body(|_, _| Box::pin(async { Status::Noreply }))
        .on_eom(|cx| {
            Box::pin(async move {
                match cx.actions.quarantine("bare").await {
                    Ok(()) => Status::Accept,
                    Err(_) => Status::Tempfail,
                }
            })
        })
}
