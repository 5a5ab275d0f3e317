//! A disk that notes what is done to it and fails when told to.

use std::{
    fs::{self, File},
    io::{self, IoSlice},
    os::fd::AsRawFd,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex},
};

use nix::errno::Errno;

use crate::spool::disk::{Disk, RealDisk};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Create,
    Write,
    Zero,
    Sync,
    SyncDirectory,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// The nth operation from now on fails (1 is the next one), once.
    Nth(usize, Errno),
    /// The next operation of this kind fails, once.
    Next(Operation, Errno),
    /// Everything that needs space fails.
    Full,
}

#[derive(Default)]
pub struct FaultyDisk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    fault: Fault,
    n_failed: usize,
    /// Files of which a write or a sync failed.
    broken: Vec<PathBuf>,
    /// What was done to them afterwards, which is nothing but their removal.
    tried_again: Vec<(Operation, PathBuf)>,
    log: Vec<(Operation, PathBuf)>,
    gate: Gate,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Closed,
    /// Someone waits for a sync.
    Reached,
}

impl FaultyDisk {
    pub fn fail(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    pub fn n_failed(&self) -> usize {
        self.state.lock().unwrap().n_failed
    }

    pub fn log(&self) -> Vec<(Operation, PathBuf)> {
        self.state.lock().unwrap().log.clone()
    }

    pub fn n_done(&self, operation: Operation) -> usize {
        let log = self.log();
        log.iter().filter(|(done, _)| *done == operation).count()
    }

    /// Writes to a broken file, and syncs of it: a second sync may say that all is well.
    pub fn tried_again(&self) -> Vec<(Operation, PathBuf)> {
        self.state.lock().unwrap().tried_again.clone()
    }

    /// From now on syncs of files wait.
    pub fn close_gate(&self) {
        self.state.lock().unwrap().gate = Gate::Closed;
    }

    pub fn gate_is_reached(&self) -> bool {
        self.state.lock().unwrap().gate == Gate::Reached
    }

    pub fn open_gate(&self) {
        self.state.lock().unwrap().gate = Gate::Open;
        self.changed.notify_all();
    }

    fn step(&self, operation: Operation, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        state.log.push((operation, path.to_owned()));
        if state.broken.iter().any(|broken| broken == path) {
            state.tried_again.push((operation, path.to_owned()));
        }
        let errno = match state.fault {
            Fault::Nth(1, errno) => errno,
            Fault::Nth(n, errno) => {
                state.fault = Fault::Nth(n - 1, errno);
                return Ok(());
            }
            Fault::Next(kind, errno) if kind == operation => errno,
            Fault::Full if needs_space(operation) => Errno::ENOSPC,
            Fault::None | Fault::Next(..) | Fault::Full => return Ok(()),
        };
        state.n_failed += 1;
        if matches!(operation, Operation::Write | Operation::Sync) {
            state.broken.push(path.to_owned());
        }
        if state.fault != Fault::Full {
            state.fault = Fault::None;
        }
        Err(io::Error::from(errno))
    }

    fn wait_at_gate(&self) {
        let mut state = self.state.lock().unwrap();
        while state.gate != Gate::Open {
            state.gate = Gate::Reached;
            state = self.changed.wait(state).unwrap();
        }
    }
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step(Operation::Create, path)?;
        RealDisk.create(path)
    }

    /// A failing write leaves half of the first slice.
    fn write(&self, file: &File, at: u64, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let failed = self.step(Operation::Write, &path_of(file));
        if failed.is_err() {
            let half = slices[0].len() / 2;
            RealDisk.write(file, at, &mut [IoSlice::new(&slices[0][..half])])?;
        }
        failed?;
        RealDisk.write(file, at, slices)
    }

    fn zero(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        self.step(Operation::Zero, &path_of(file))?;
        RealDisk.zero(file, from, to)
    }

    fn sync_file(&self, file: &File) -> io::Result<()> {
        self.wait_at_gate();
        self.step(Operation::Sync, &path_of(file))?;
        RealDisk.sync_file(file)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step(Operation::SyncDirectory, path)?;
        RealDisk.sync_directory(path)
    }
}

fn needs_space(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Create | Operation::Write | Operation::Zero
    )
}

fn path_of(file: &File) -> PathBuf {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
}
