//! Stands between two programs of a house and passes on what they say, as well as the weather lets
//! it. Never changes a byte.

use std::{
    fs, io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use nix::{
    libc,
    sys::socket::{setsockopt, sockopt},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

use crate::lab::{place, user::User};

const BUFFER_BYTES: usize = 64 * 1_024;
/// Of each piece that is read, so many bytes are passed on one by one: all of 25 MB would be a test of
/// this proxy.
const SLICED_BYTES: usize = 2_048;
const TICK: Duration = Duration::from_millis(100);
/// What a connection carries at most before it is cut, either way.
const CUT_AFTER_BYTES: u64 = 20_000;

/// How well what is said is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weather {
    /// At once.
    Fair,
    /// Each piece comes late.
    Late(Duration),
    /// So many bytes a second.
    Slow(u64),
    /// Byte by byte.
    Sliced,
    /// Connections break, those that stand and those to come, at some byte.
    Cut,
    /// The server's side of a connection is closed at some byte; the client may go on.
    HalfClosed,
    /// All is taken and nothing is passed on.
    Stalled,
    /// Nobody listens.
    Refused,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A socket in the file system, for Postfix's group where the proxy makes it.
    Unix(PathBuf),
}

/// A proxy with its connections; it ends when this is dropped.
pub struct Proxy {
    /// What it stands between.
    pub name: &'static str,
    sky: watch::Sender<Sky>,
    target: Arc<Mutex<Address>>,
    carried: Arc<AtomicU64>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// Listens at `door` for the server at `target`.
    pub async fn start(name: &'static str, door: Address, target: Address) -> Self {
        let (sky, seen) = watch::channel(Sky::default());
        let target = Arc::new(Mutex::new(target));
        let carried = Arc::new(AtomicU64::new(0));
        let way = Way {
            sky: seen,
            target: target.clone(),
            carried: carried.clone(),
        };
        let first = Door::open(&door).await.unwrap();
        let listening = tokio::spawn(listen(door, first, way));
        Self {
            name,
            sky,
            target,
            carried,
            listening,
        }
    }

    /// Changes the weather for all connections.
    pub fn set(&self, weather: Weather) {
        self.sky.send_modify(|sky| {
            sky.weather = weather;
            sky.n_breaks += u64::from(matches!(weather, Weather::Cut | Weather::Refused));
        });
    }

    /// Leads to another server from now on, and breaks the connections that stand.
    pub fn lead_to(&self, target: Address) {
        *self.target.lock().unwrap() = target;
        self.sky.send_modify(|sky| sky.n_breaks += 1);
    }

    /// Bytes that were passed on, both ways.
    pub fn n_bytes(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

#[derive(Clone, Copy)]
struct Sky {
    weather: Weather,
    /// All connections that stood at an earlier number are broken.
    n_breaks: u64,
}

impl Default for Sky {
    fn default() -> Self {
        Self {
            weather: Weather::Fair,
            n_breaks: 0,
        }
    }
}

#[derive(Clone)]
struct Way {
    sky: watch::Receiver<Sky>,
    target: Arc<Mutex<Address>>,
    carried: Arc<AtomicU64>,
}

enum Door {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Door {
    async fn open(at: &Address) -> io::Result<Self> {
        match at {
            Address::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            Address::Unix(path) => {
                fs::remove_file(path).ok();
                let listener = UnixListener::bind(path)?;
                let gid = User::named("postfix").gid;
                place::give(path, User { uid: 0, gid }, 0o660);
                Ok(Self::Unix(listener))
            }
        }
    }

    async fn accept(&self) -> io::Result<Link> {
        match self {
            Self::Tcp(listener) => Link::tcp(listener.accept().await?.0),
            Self::Unix(listener) => Link::unix(listener.accept().await?.0),
        }
    }
}

/// One side of a connection.
struct Link {
    reading: Box<dyn AsyncRead + Send + Unpin>,
    writing: Box<dyn AsyncWrite + Send + Unpin>,
    socket: OwnedFd,
}

impl Link {
    fn tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let socket = stream.as_fd().try_clone_to_owned()?;
        let (reading, writing) = stream.into_split();
        Ok(Self {
            reading: Box::new(reading),
            writing: Box::new(writing),
            socket,
        })
    }

    fn unix(stream: UnixStream) -> io::Result<Self> {
        let socket = stream.as_fd().try_clone_to_owned()?;
        let (reading, writing) = stream.into_split();
        Ok(Self {
            reading: Box::new(reading),
            writing: Box::new(writing),
            socket,
        })
    }

    async fn connect(to: &Address) -> io::Result<Self> {
        match to {
            Address::Tcp(address) => Self::tcp(TcpStream::connect(address).await?),
            Address::Unix(path) => Self::unix(UnixStream::connect(path).await?),
        }
    }
}

/// Its end is a reset, where the protocol has one.
fn break_off(socket: &OwnedFd) {
    let at_once = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    setsockopt(socket, sockopt::Linger, &at_once).ok();
}

async fn listen(door: Address, first: Door, way: Way) {
    let mut sky = way.sky.clone();
    let mut open = Some(first);
    loop {
        let refused = sky.borrow_and_update().weather == Weather::Refused;
        if refused {
            open = None;
            if sky.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listener) = &open else {
            // Somebody's connection may still hold the port for a moment.
            match Door::open(&door).await {
                Ok(listener) => open = Some(listener),
                Err(_) => sleep(TICK).await,
            }
            continue;
        };
        tokio::select! {
            came = listener.accept() => if let Ok(client) = came {
                tokio::spawn(carry(client, way.clone()));
            },
            changed = sky.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// One connection, until both sides have said all or it breaks.
async fn carry(client: Link, way: Way) {
    let target = way.target.lock().unwrap().clone();
    let Ok(server) = Link::connect(&target).await else {
        break_off(&client.socket);
        return;
    };
    let (up, down) = (way.clone(), way);
    let both = tokio::try_join!(
        pump(client.reading, server.writing, up, Side::Client),
        pump(server.reading, client.writing, down, Side::Server),
    );
    if both.is_err() {
        break_off(&client.socket);
        break_off(&server.socket);
    }
}

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

/// The connection is to be broken.
struct Broken;

async fn pump(
    mut from: Box<dyn AsyncRead + Send + Unpin>,
    mut to: Box<dyn AsyncWrite + Send + Unpin>,
    mut way: Way,
    side: Side,
) -> Result<(), Broken> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut in_this_weather = 0;
    let n_breaks = way.sky.borrow().n_breaks;
    loop {
        let read = tokio::select! {
            biased;
            changed = way.sky.changed() => {
                changed.map_err(|_| Broken)?;
                in_this_weather = 0;
                let sky = *way.sky.borrow_and_update();
                if sky.n_breaks != n_breaks {
                    return Err(Broken);
                }
                if (sky.weather, side) == (Weather::HalfClosed, Side::Server) {
                    return close(&mut to).await;
                }
                continue;
            }
            read = from.read(&mut buffer) => read.map_err(|_| Broken)?,
        };
        if read == 0 {
            return close(&mut to).await;
        }
        let mut piece = &buffer[..read];
        while !piece.is_empty() {
            let (now, later) = piece.split_at(wait(&mut way, piece.len(), read).await?);
            in_this_weather += now.len() as u64;
            let is_over = in_this_weather > CUT_AFTER_BYTES;
            let weather = way.sky.borrow().weather;
            match (weather, side) {
                (Weather::Cut, _) if is_over => return Err(Broken),
                (Weather::HalfClosed, Side::Server) if is_over => return close(&mut to).await,
                _ => {}
            }
            to.write_all(now).await.map_err(|_| Broken)?;
            way.carried.fetch_add(now.len() as u64, Ordering::Relaxed);
            piece = later;
        }
    }
}

/// This side has said all; the other one may go on.
async fn close(to: &mut (impl AsyncWrite + Unpin)) -> Result<(), Broken> {
    to.shutdown().await.map_err(|_| Broken)
}

/// Waits as long as the weather wants before the next bytes, and tells how many there may be of the
/// `rest` of a piece of `whole` bytes.
async fn wait(way: &mut Way, rest: usize, whole: usize) -> Result<usize, Broken> {
    loop {
        let weather = way.sky.borrow().weather;
        match weather {
            Weather::Fair | Weather::Cut | Weather::HalfClosed => return Ok(rest),
            Weather::Refused => return Err(Broken),
            Weather::Late(pause) => {
                sleep(pause).await;
                return Ok(rest);
            }
            Weather::Slow(n_bytes) => {
                sleep(TICK).await;
                let n_bytes = usize::try_from(n_bytes).unwrap_or(rest) / 10;
                return Ok(rest.min(n_bytes.max(1)));
            }
            Weather::Sliced if whole - rest < SLICED_BYTES => return Ok(1),
            Weather::Sliced => return Ok(rest),
            Weather::Stalled => {
                way.sky
                    .wait_for(|now| now.weather != Weather::Stalled)
                    .await
                    .map_err(|_| Broken)?;
            }
        }
    }
}
