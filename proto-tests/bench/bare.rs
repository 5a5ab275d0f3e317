//! The yardstick: a milter that quarantines every message and captures nothing.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    pin::Pin,
    task::{Context, Poll, ready},
};

use indymilter::{
    Actions, Callbacks, Config, ContextActions, Listener, MacroStage, ProtoOpts, Status,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener},
    sync::oneshot,
    task::JoinHandle,
};

/// A running bare milter; it ends when it is dropped.
pub struct Bare {
    /// Where Postfix connects to, in Postfix's notation.
    pub address: String,
    _stop: oneshot::Sender<()>,
    _task: JoinHandle<io::Result<()>>,
}

impl Bare {
    /// Listens on a UNIX socket below a queue directory.
    pub fn unix(queue_directory: &Path) -> Self {
        let path = queue_directory.join("mailhold/bare.sock");
        let listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        Self::start(listener, "unix:mailhold/bare.sock".to_owned())
    }

    /// Listens on loopback, with the cure for delayed acknowledgements that mailhold has too.
    pub async fn inet() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::start(
            Quick(listener),
            format!("inet:{}:{}", address.ip(), address.port()),
        )
    }

    fn start(listener: impl Listener + Send + 'static, address: String) -> Self {
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

struct Quick<T>(T);

impl Listener for Quick<TcpListener> {
    type Io = Quick<TcpStream>;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Self::Io>> {
        let (stream, _) = ready!(self.0.poll_accept(cx))?;
        stream.set_nodelay(true)?;
        Poll::Ready(Ok(Quick(stream)))
    }
}

impl AsyncRead for Quick<TcpStream> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.0).poll_read(cx, buffer))?;
        Poll::Ready(self.0.set_quickack(true))
    }
}

impl AsyncWrite for Quick<TcpStream> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
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
