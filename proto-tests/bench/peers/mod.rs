//! What a house may have instead of mailhold, to be measured beside it: other milters, a Postfix that
//! looks up by itself, a program that polls. Never a part of what is shipped.

pub mod access;
pub mod book;
pub mod polling;
pub mod proof;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};
use tokio::net::{TcpStream, UnixStream};

use self::book::Book;
use crate::lab::{
    child::Child,
    desk::Servers,
    eventually::eventually,
    ports::free_address,
    program::Program,
    slapd::{PEOPLE, SERVICE},
    user::User,
};

const HOLD_C: &str = include_str!("hold.c");
const RECORD_C: &str = include_str!("record.c");
const RECORD_H: &str = include_str!("record.h");
const CAPTURE_PY: &str = include_str!("capture.py");
const PYTHON: &str = "/usr/bin/python3";
const START_BOUND: Duration = Duration::from_secs(15);

/// What a milter listens on.
#[derive(Clone, Copy, Debug)]
pub enum Socket {
    /// A UNIX socket in the queue directory of the lab's Postfix.
    Unix,
    /// TCP on loopback.
    Inet,
}

/// What the milter in C does.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Quarantines every message.
    Hold,
    /// The same with a copy that is durable before the answer, made in the plainest way.
    Copy,
    /// The same with rows of each in PostgreSQL, made in the plainest way.
    Record,
    /// Accepts every message where mailhold lets go an unflagged one that comes without a login: at
    /// the end of its header.
    Pass,
    /// The same for one that comes with a login: at MAIL.
    PassAtMail,
}

/// A running milter that is not mailhold's. It ends when it is dropped.
pub struct Peer {
    /// Where Postfix connects to, in Postfix's notation.
    pub address: String,
    /// What it records, if it does.
    pub book: Option<Book>,
    /// Where the milter in C says how many of its records are marked, if it records.
    pub marked: Option<PathBuf>,
    child: Child,
}

/// A socket under the three names that it has.
struct Place {
    socket: Socket,
    path: PathBuf,
    tcp: SocketAddr,
}

impl Peer {
    /// The milter in C. The first to ask has it compiled.
    ///
    /// # Panics
    /// With what the compiler says, when it does not compile.
    pub async fn libmilter(servers: Servers<'_>, mode: Mode, socket: Socket) -> Self {
        let name = match mode {
            Mode::Hold => "hold",
            Mode::Copy => "copy",
            Mode::Record => "record",
            Mode::Pass => "pass",
            Mode::PassAtMail => "pass-at-mail",
        };
        let executable = compiled(servers).await;
        let place = Place::new(servers, name, socket);
        let mut program = Program::new(&place.name(), executable)
            .user(User::milter())
            .arguments([name, &place.for_libmilter()]);
        if matches!(mode, Mode::Copy | Mode::Record) {
            let directory = &servers.tools.place;
            let copies = directory.directory("copies", User::milter(), 0o700);
            program = program.arguments([copies.join(place.name())]);
        }
        let mut peer_book = None;
        let mut marked = None;
        if matches!(mode, Mode::Record) {
            let book = Book::make(servers).await;
            program = program.arguments([book.sign_in(servers, User::milter())]);
            peer_book = Some(book);
            let name = format!("copies/{}.marked", place.name());
            marked = Some(servers.tools.place.path().join(name));
        }
        let peer = Self::start(servers, program, place, peer_book).await;
        Self { marked, ..peer }
    }

    /// The whole job of mailhold's milter in Python, with a database of its own.
    pub async fn pymilter(servers: Servers<'_>, socket: Socket) -> Self {
        let book = Book::make(servers).await;
        let script = file(servers, "capture.py", CAPTURE_PY);
        let place = Place::new(servers, "capture", socket);
        let program = python(&place.name(), &script)
            .user(User::milter())
            .arguments([
                &place.for_libmilter(),
                &book.sign_in(servers, User::milter()),
            ])
            .arguments([&servers.slapd.url(), PEOPLE, SERVICE])
            .arguments([&servers.slapd.service_password]);
        Self::start(servers, program, place, Some(book)).await
    }

    async fn start(
        servers: Servers<'_>,
        program: Program,
        place: Place,
        book: Option<Book>,
    ) -> Self {
        // libmilter looks for the end only every five seconds, and has nothing to put in order.
        let program = program.farewell(Signal::SIGKILL);
        let child = servers.tools.starter.start(&program);
        eventually("the milter listens", START_BOUND, async || {
            child.must_run();
            match place.socket {
                Socket::Unix => UnixStream::connect(&place.path).await.map(drop),
                Socket::Inet => TcpStream::connect(place.tcp).await.map(drop),
            }
        })
        .await;
        Self {
            address: place.for_postfix(),
            book,
            marked: None,
            child,
        }
    }

    /// Its process, for its CPU time and memory.
    pub fn id(&self) -> Pid {
        self.child.id()
    }

    /// Ends it at once.
    pub async fn stop(self) {
        self.child.end();
    }
}

impl Place {
    fn new(servers: Servers<'_>, kind: &str, socket: Socket) -> Self {
        Self {
            socket,
            path: servers
                .postfix
                .socket(&format!("peer-{kind}-{}", next_number())),
            tcp: free_address(),
        }
    }

    fn name(&self) -> String {
        self.path.file_name().unwrap().display().to_string()
    }

    fn for_libmilter(&self) -> String {
        match self.socket {
            Socket::Unix => format!("unix:{}", self.path.display()),
            Socket::Inet => format!("inet:{}@{}", self.tcp.port(), self.tcp.ip()),
        }
    }

    /// A path is below the queue directory: smtpd is chrooted there.
    fn for_postfix(&self) -> String {
        match self.socket {
            Socket::Unix => format!("unix:mailhold/{}", self.name()),
            Socket::Inet => format!("inet:{}:{}", self.tcp.ip(), self.tcp.port()),
        }
    }
}

/// No two programs of a run have one socket or one file of output.
fn next_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn compiled(servers: Servers<'_>) -> PathBuf {
    let executable = directory(servers).join("hold");
    if !executable.exists() {
        let sources = [("hold.c", HOLD_C), ("record.c", RECORD_C)];
        let sources = sources.map(|(name, content)| file(servers, name, content));
        file(servers, "record.h", RECORD_H);
        Program::new("cc", "/usr/bin/cc")
            // Where it is switched on by itself it would define `read`.
            .arguments(["-O2", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE", "-o"])
            .arguments([&executable])
            .arguments(&sources)
            .arguments(["-lmilter", "-lpq", "-lpthread"])
            .run(b"")
            .await;
    }
    executable
}

/// The build directory may be closed to the users that the programs run as.
fn file(servers: Servers<'_>, name: &str, content: &str) -> PathBuf {
    directory(servers);
    let place = &servers.tools.place;
    place.file(&format!("peers/{name}"), User::ROOT, 0o644, content)
}

fn directory(servers: Servers<'_>) -> PathBuf {
    servers.tools.place.directory("peers", User::ROOT, 0o755)
}

fn python(name: &str, script: &Path) -> Program {
    // Debian's packages only, and no compiled form beside the script.
    Program::new(name, PYTHON)
        .arguments(["-I", "-B"])
        .arguments([script])
}
