//! Stands in for Postfix's `postsuper`, to fail as the test tells. Never does what the real one
//! would not do: it calls it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::lab::{
    eventually::eventually_true,
    place::{Place, random_text, write},
    postfix::COMMANDS,
    settings::Settings,
    user::User,
};

const BOUND: Duration = Duration::from_secs(20);
/// `real` is the real command; `gate NAME` tells that it was reached, and waits there while it is
/// shut. Every run leaves a line with its arguments in `calls`.
const PRELUDE: &str = r#"
real() {
    if [ "$(id -u)" -eq 0 ]; then /usr/sbin/postsuper "$@"
    else /usr/bin/sudo -n /usr/sbin/postsuper "$@"; fi
}
gate() {
    : > "$here/$1.reached"
    while [ -e "$here/$1.shut" ]; do sleep 0.02; done
}
echo "$*" >> "$here/calls"
"#;
const SUDO: &str = r#"
shift
if [ -x "$1" ]; then exec "$@"; fi
echo "sudo: $1: command not found" >&2; exit 1
"#;

/// A directory of Postfix's commands with a `postsuper` of the test.
pub struct StandIn(PathBuf);

impl StandIn {
    /// Makes one that runs these shell lines; with none there is no `postsuper` at all.
    pub fn new(place: &Place, lines: Option<&str>) -> Self {
        let name = format!("commands-{}", &random_text()[..6]);
        // The script leaves its traces beside itself.
        let directory = place.directory(&name, User::named("postfix"), 0o755);
        for command in ["postconf", "postqueue", "postkick"] {
            symlink(Path::new(COMMANDS).join(command), directory.join(command)).unwrap();
        }
        let stand_in = Self(directory);
        stand_in.script("sudo", SUDO);
        if let Some(lines) = lines {
            let here = stand_in.0.display();
            stand_in.script("postsuper", &format!("here={here}\n{PRELUDE}\n{lines}"));
        }
        stand_in
    }

    /// Has a worker use it.
    pub fn serve(&self, settings: &mut Settings) {
        let directory = self.0.display().to_string();
        settings
            .set("postfix.sudo", format!("{directory}/sudo"))
            .set("postfix.command_directory", directory);
    }

    /// Replaces the shell lines by the real command.
    pub fn mend(&self) {
        let here = self.0.display();
        self.script("postsuper", &format!("here={here}\n{PRELUDE}\nreal \"$@\""));
    }

    /// Takes one of the commands away.
    pub fn remove(&self, command: &str) {
        fs::remove_file(self.0.join(command)).unwrap();
    }

    /// Runs stop at this gate from now on.
    pub fn shut(&self, gate: &str) {
        fs::write(self.0.join(format!("{gate}.shut")), "").unwrap();
    }

    /// Runs pass this gate again, those that wait there too.
    pub fn open(&self, gate: &str) {
        fs::remove_file(self.0.join(format!("{gate}.shut"))).unwrap();
    }

    /// Waits until a run has come to this gate.
    pub async fn reached(&self, gate: &str) {
        let mark = self.0.join(format!("{gate}.reached"));
        let what = format!("a command is at the gate {gate}");
        eventually_true(&what, BOUND, async || mark.exists()).await;
    }

    /// The arguments of all runs so far.
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.0.join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    fn script(&self, name: &str, lines: &str) {
        let path = self.0.join(name);
        write(&path, User::ROOT, 0o755, format!("#!/bin/sh\n{lines}\n"));
    }
}
