//! Keeps the long-running programs of a lab. Never ends a process that it did not start.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child as Started, Command, Stdio},
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::Pid,
};

use super::{
    eventually::eventually,
    program::{Program, text},
};

/// How long a program may take to end in good order.
const FAREWELL_BOUND: Duration = Duration::from_secs(5);
const FREEZE_BOUND: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(3);

/// Starts programs, all from one thread that lives as long as any of them.
///
/// The kernel sends the parent-death signal when the *thread* that started a program ends, and the
/// threads that tests run on end with their tests.
#[derive(Clone)]
pub struct Starter {
    orders: mpsc::Sender<Order>,
    output: PathBuf,
    children: Arc<Mutex<Vec<Weak<Running>>>>,
}

struct Order {
    command: Command,
    answer: mpsc::Sender<io::Result<Started>>,
}

impl Starter {
    /// What the programs print goes to files in `output`.
    pub fn new(output: &Path) -> Self {
        let (orders, inbox) = mpsc::channel::<Order>();
        thread::Builder::new()
            .name("starter".to_owned())
            .spawn(move || {
                for mut order in inbox {
                    order.answer.send(order.command.spawn()).ok();
                }
            })
            .unwrap();
        Self {
            orders,
            output: output.to_owned(),
            children: Arc::default(),
        }
    }

    /// Where the output of a program goes.
    pub fn log_of(&self, program: &Program) -> PathBuf {
        self.output.join(format!("{}.log", program.name))
    }

    /// Starts a program in a process group of its own.
    pub fn start(&self, program: &Program) -> Child {
        let log = self.log_of(program);
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .unwrap();
        let mut command = program.command();
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        let (answer, result) = mpsc::channel();
        self.orders.send(Order { command, answer }).unwrap();
        let started = result.recv().unwrap();
        let started = started.unwrap_or_else(|e| panic!("{} did not start: {e}", program.name));
        let running = Arc::new(Running {
            id: Pid::from_raw(i32::try_from(started.id()).unwrap()),
            farewell: program.farewell,
            started: Mutex::new(Some(started)),
        });
        self.children.lock().unwrap().push(Arc::downgrade(&running));
        Child {
            name: program.name.clone(),
            log,
            running,
            _starter: self.clone(),
        }
    }

    /// Ends all programs that still run: each is asked first, so that they end side by side.
    pub fn end_all(&self) {
        let children: Vec<_> = {
            let mut children = self.children.lock().unwrap();
            children
                .drain(..)
                .rev()
                .filter_map(|child| child.upgrade())
                .collect()
        };
        for child in &children {
            child.send(child.farewell);
        }
        for child in &children {
            child.end(child.farewell);
        }
    }
}

/// A started program. It ends when this is dropped.
pub struct Child {
    name: String,
    log: PathBuf,
    running: Arc<Running>,
    _starter: Starter,
}

impl Child {
    /// Its process ID, which is its process group too.
    pub fn id(&self) -> Pid {
        self.running.id
    }

    /// All it printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| text(&bytes))
            .unwrap_or_default()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal to this one process; no effect once it has ended.
    pub fn signal(&self, signal: Signal) {
        self.running.send(signal);
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        self.running.has_ended()
    }

    /// Ends the test when the program has ended already; for use while waiting for it.
    pub fn must_run(&self) {
        assert!(
            !self.running.has_ended(),
            "{} ended:\n{}",
            self.name,
            self.output()
        );
    }

    /// Ends it in good order, by force when that takes too long.
    pub fn end(&self) {
        self.end_with(self.running.farewell);
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        self.end_with(Signal::SIGKILL);
    }

    /// Ends it with the signal given, by force when that takes too long.
    pub fn end_with(&self, signal: Signal) {
        tokio::task::block_in_place(|| self.running.end(signal));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.running.end(self.running.farewell);
    }
}

/// Has a process stand still, which must be a child of the lab or one of its children.
pub async fn freeze(id: Pid) {
    kill(id, Signal::SIGSTOP).ok();
    // Its threads stop one after the other.
    eventually("a process stands still", FREEZE_BOUND, async || {
        // One that has ended is still as well.
        let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter();
        let stats = threads
            .flatten()
            .flatten()
            .map(|thread| stat(&thread.path()));
        let states: Vec<char> = stats.flatten().map(|stat| stat.state).collect();
        if states.iter().all(|state| "TZX".contains(*state)) {
            Ok(())
        } else {
            Err(states)
        }
    })
    .await;
}

/// The processes that a process has started itself, and that have not been waited for.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let children = processes.filter_map(|process| {
        let id: i32 = process.file_name().to_str()?.parse().ok()?;
        let stat = stat(&process.path())?;
        (stat.parent == parent.as_raw()).then(|| Pid::from_raw(id))
    });
    children.collect()
}

struct Stat {
    state: char,
    parent: i32,
}

fn stat(directory: &Path) -> Option<Stat> {
    let line = fs::read_to_string(directory.join("stat")).ok()?;
    let (_, after_name) = line.rsplit_once(") ")?;
    let mut words = after_name.split(' ');
    let state = words.next()?.chars().next()?;
    let parent = words.next()?.parse().ok()?;
    Some(Stat { state, parent })
}

struct Running {
    id: Pid,
    farewell: Signal,
    /// `None` once its end was collected: from then on the number may be another process's.
    started: Mutex<Option<Started>>,
}

impl Running {
    fn send(&self, signal: Signal) {
        let started = self.started.lock().unwrap();
        if started.is_some() {
            kill(self.id, signal).ok();
        }
    }

    /// Looks without collecting: the process ID stays reserved.
    fn has_ended(&self) -> bool {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        !matches!(waitid(Id::Pid(self.id), flags), Ok(WaitStatus::StillAlive))
    }

    fn end(&self, signal: Signal) {
        let mut slot = self
            .started
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(mut started) = slot.take() else {
            return;
        };
        kill(self.id, signal).ok();
        let deadline = Instant::now() + FAREWELL_BOUND;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN);
        }
        // What it left in its group, and itself if it did not listen. Its number is still its own.
        killpg(self.id, Signal::SIGKILL).ok();
        started.wait().ok();
    }
}
