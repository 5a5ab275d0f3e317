//! A way to a server that a test can block, cut, or cut at a certain answer. Never changes a byte.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};

use crate::lab::ports::free_address;

const CHUNK_BYTES: usize = 65_536;

/// What happens to connections, those that stand and those to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All passes.
    Open,
    /// They are taken, and nothing passes: the other side is gone without a word.
    Silent,
    /// They are cut.
    Cut,
}

/// The answer to a request that must not arrive.
#[derive(Clone, Debug)]
struct Swallow {
    /// What the request holds.
    mark: Vec<u8>,
    /// How many requests of the connection come between it and the one whose answer it is.
    later: usize,
}

/// A way to one server.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    way: watch::Sender<Way>,
    swallow: Arc<Mutex<Option<Swallow>>>,
}

impl Proxy {
    /// Opens a way to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).await.unwrap();
        let (way, watched) = watch::channel(Way::Open);
        let swallow = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&swallow);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, target, watched.clone(), Arc::clone(&shared)));
            }
        });
        Self {
            address,
            way,
            swallow,
        }
    }

    /// From now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Once: a request with `mark` passes, and so do `later` more of its connection. The answer to the
    /// last of them is lost, and the connection cut.
    pub fn lose_answer(&self, mark: &str, later: usize) {
        let mark = mark.as_bytes().to_vec();
        *self.swallow.lock().unwrap() = Some(Swallow { mark, later });
    }

    /// Whether an answer was lost.
    pub fn has_lost(&self) -> bool {
        self.swallow.lock().unwrap().is_none()
    }
}

async fn pass(
    client: TcpStream,
    target: SocketAddr,
    mut way: watch::Receiver<Way>,
    swallow: Arc<Mutex<Option<Swallow>>>,
) {
    if *way.borrow() != Way::Open {
        // Silence lasts until the way is cut or open again; then the client had better come anew.
        if *way.borrow() == Way::Silent {
            way.changed().await.ok();
        }
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    // What the server says after this is lost.
    let (lose, lost) = watch::channel(false);
    let cut = async {
        // An error means that the proxy is gone.
        way.clone().wait_for(|way| *way == Way::Cut).await.ok();
    };
    tokio::select! {
        () = requests(from_client, to_server, way.clone(), (swallow, lose)) => {}
        () = answers(from_server, to_client, way.clone(), lost) => {}
        () = cut => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    (swallow, lose): (Arc<Mutex<Option<Swallow>>>, watch::Sender<bool>),
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut countdown = None;
    while let Ok(n_bytes @ 1..) = from.read(&mut chunk).await {
        way.wait_for(|way| *way != Way::Silent).await.ok();
        countdown = match countdown {
            Some(left) => Some(left - 1),
            None => marked(&swallow, &chunk[..n_bytes]),
        };
        if countdown == Some(0) {
            lose.send_replace(true);
        }
        if to.write_all(&chunk[..n_bytes]).await.is_err() {
            return;
        }
    }
}

fn marked(swallow: &Mutex<Option<Swallow>>, request: &[u8]) -> Option<usize> {
    let mut swallow = swallow.lock().unwrap();
    let found = swallow.take_if(|swallow| {
        request
            .windows(swallow.mark.len())
            .any(|part| part == swallow.mark)
    });
    found.map(|swallow| swallow.later)
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    lost: watch::Receiver<bool>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(n_bytes @ 1..) = from.read(&mut chunk).await {
        way.wait_for(|way| *way != Way::Silent).await.ok();
        if *lost.borrow() || to.write_all(&chunk[..n_bytes]).await.is_err() {
            // The server has done what it was asked: it has answered.
            return;
        }
    }
}
