//! A program that a lab runs: what, as whom, with which arguments. Never starts it by itself.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::{io::AsyncWriteExt, time};

use super::user::User;

const SETPRIV: &str = "/usr/bin/setpriv";
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// No command of a lab takes this long.
const COMMAND_BOUND: Duration = Duration::from_secs(60);

/// A program with its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) name: String,
    pub(super) farewell: Signal,
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    wrapper: Vec<OsString>,
    directory: PathBuf,
    user: User,
}

impl Program {
    /// A program run as root with an almost empty environment.
    pub fn new(name: &str, path: impl AsRef<Path>) -> Self {
        Self {
            name: name.to_owned(),
            farewell: Signal::SIGTERM,
            path: path.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: vec![
                ("PATH".into(), SEARCH_PATH.into()),
                ("LC_ALL".into(), "C.UTF-8".into()),
            ],
            wrapper: Vec::new(),
            directory: PathBuf::from("/"),
            user: User::ROOT,
        }
    }

    /// Adds arguments.
    pub fn arguments<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments
            .extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Adds one variable.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment
            .push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Runs it as an unprivileged user.
    pub fn user(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// The signal that ends it in good order; it also gets this one when the test program dies.
    pub fn farewell(mut self, signal: Signal) -> Self {
        self.farewell = signal;
        self
    }

    /// A command that prepares the process, as root, and then becomes the program.
    pub fn wrapper<A: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = A>) -> Self {
        self.wrapper = wrapper.into_iter().map(|a| a.as_ref().to_owned()).collect();
        self
    }

    /// The whole command line. `setpriv` because the standard library cannot set the parent-death
    /// signal without `unsafe`; it comes last because a change of user would clear the signal.
    pub(super) fn command_line(&self) -> Vec<OsString> {
        let mut line = self.wrapper.clone();
        line.push(SETPRIV.into());
        if self.user != User::ROOT {
            line.push(format!("--reuid={}", self.user.uid).into());
            line.push(format!("--regid={}", self.user.gid).into());
            line.push("--clear-groups".into());
        }
        line.push("--pdeathsig".into());
        line.push(self.farewell.as_str().trim_start_matches("SIG").into());
        line.push("--".into());
        line.push(self.path.clone().into());
        line.extend(self.arguments.iter().cloned());
        line
    }

    /// The command, ready to be started.
    #[expect(
        clippy::disallowed_methods,
        reason = "the lab is where programs are started"
    )]
    pub(super) fn command(&self) -> std::process::Command {
        let line = self.command_line();
        let mut command = std::process::Command::new(&line[0]);
        command
            .args(&line[1..])
            .env_clear()
            .envs(self.environment.iter().cloned())
            .current_dir(&self.directory);
        command
    }

    /// Runs it to its end, whatever its exit code.
    pub async fn output(&self, input: &[u8]) -> Output {
        let mut command = tokio::process::Command::from(self.command());
        command
            .kill_on_drop(true)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|e| panic!("{} did not start: {e}", self.name));
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let feed = async move {
            // A program that ends without reading all of its input is no fault of the feeder.
            stdin.write_all(&input).await.ok();
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        let output = time::timeout(COMMAND_BOUND, both).await;
        output
            .unwrap_or_else(|_| panic!("{} took longer than {COMMAND_BOUND:?}", self.name))
            .unwrap()
    }

    /// Runs it to its end and gives its standard output.
    ///
    /// # Panics
    /// With all it printed when its exit code is not 0.
    pub async fn run(&self, input: &[u8]) -> String {
        let output = self.output(input).await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success(),
            "{}: {}\n{out}{err}",
            self.name,
            output.status
        );
        out
    }
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The command lines of all processes that name a directory or work in it.
pub fn running_in(place: &Path) -> Vec<String> {
    let name = place.to_str().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let command_line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command_line = text(&command_line).replace('\0', " ");
        let works_in = fs::read_link(entry.path().join("cwd"));
        let is_there = works_in.is_ok_and(|path| path.starts_with(place));
        if is_there || command_line.contains(name) {
            found.push(command_line);
        }
    }
    found
}
