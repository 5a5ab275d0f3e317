//! A small disk of its own for the spool, which a test can fill up. It ends with its process: no
//! mount is ever seen by another program, and none is left behind.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::lab::{
    Tools, child::Child, eventually::eventually_true, program::Program, sudo_view, user::User,
};

const SIZE: &str = "64m";
const BOUND: Duration = Duration::from_secs(10);
const KEEPER: &str = r#"
mount -t tmpfs -o "size=$2,nr_inodes=4096,mode=0755" tmpfs "$1"
mkdir -m 0700 "$1/spool"
chown "$3" "$1/spool"
exec sleep infinity
"#;

/// What was opened in between keeps the view from being made read-only: it is made anew.
const COVER: &str = r#"
until mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"
do umount --lazy "$1"
done 2>/dev/null
"#;

/// Where the spool is.
pub struct Disk {
    directory: PathBuf,
    /// Keeps the mount; without it the spool is on the disk of the lab, which is never filled.
    keeper: Option<Child>,
}

impl Disk {
    /// Makes one in the directory of a lab.
    pub async fn make(tools: &Tools, name: &str) -> Self {
        let directory = tools.place.directory(name, User::ROOT, 0o755);
        if !sudo_view::is_possible().await {
            eprintln!("faults: no private mounts here, so the spool never fills up");
            let spool = format!("{name}/spool");
            tools.place.directory(&spool, User::milter(), 0o700);
            return Self {
                directory,
                keeper: None,
            };
        }
        let User { uid, gid } = User::milter();
        let program = Program::new(name, "/bin/sh")
            .arguments(["-ec", KEEPER, "keeper"])
            .arguments([&directory])
            .arguments([SIZE, &format!("{uid}:{gid}")])
            .wrapper(["/usr/bin/unshare", "--mount", "--"]);
        let keeper = tools.starter.start(&program);
        let disk = Self {
            directory,
            keeper: Some(keeper),
        };
        eventually_true("the spool's disk is there", BOUND, async || {
            fs::read(disk.seen().join("spool"))
                .is_err_and(|error| error.kind() == io::ErrorKind::IsADirectory)
        })
        .await;
        disk
    }

    /// The spool as the milter names it.
    pub fn spool(&self) -> PathBuf {
        self.directory.join("spool")
    }

    /// The same spool as everybody else can reach it.
    pub fn spool_seen(&self) -> PathBuf {
        self.seen().join("spool")
    }

    /// Has a program see the disk.
    pub fn show_to(&self, program: Program) -> Program {
        match &self.keeper {
            Some(keeper) => {
                let mounts = format!("--mount=/proc/{}/ns/mnt", keeper.id());
                program.wrapper(["/usr/bin/nsenter", &mounts, "--"])
            }
            None => program,
        }
    }

    /// Fills it up to the last byte.
    pub fn fill(&self) {
        if self.keeper.is_none() {
            return;
        }
        let Ok(mut ballast) = File::create(self.ballast()) else {
            return;
        };
        // The end of this is the disk's.
        while ballast.write_all(&[0x55; 65_536]).is_ok() {}
        while ballast.write_all(&[0x55; 512]).is_ok() {}
    }

    /// Uses up all its inodes.
    pub fn fill_with_names(&self) {
        if self.keeper.is_none() || fs::create_dir(self.names()).is_err() {
            return;
        }
        // The end of this is the disk's.
        let mut number = 0;
        while File::create(self.names().join(number.to_string())).is_ok() {
            number += 1;
        }
    }

    /// Takes the ballast out again.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).ok();
        fs::remove_dir_all(self.names()).ok();
    }

    /// Has the spool be read-only for whatever is opened from now on. A file that is open for writing
    /// keeps its file system from being made so as a whole, so it is covered by a view of itself.
    pub async fn forbid_writing(&self) {
        self.mount(COVER).await;
    }

    /// As before.
    pub async fn allow_writing(&self) {
        self.mount("umount --lazy \"$1\"").await;
    }

    async fn mount(&self, script: &str) {
        if self.keeper.is_none() {
            return;
        }
        let program = Program::new("mount", "/bin/sh");
        let program = program.arguments(["-ec", script, "mount"]);
        let program = program.arguments([self.spool()]);
        self.show_to(program).run(b"").await;
    }

    /// Copies what is in the spool to a directory, for whoever looks into a run that went wrong.
    pub fn copy_to(&self, directory: &Path) {
        copy(&self.spool_seen(), directory).ok();
    }

    fn ballast(&self) -> PathBuf {
        self.seen().join("ballast")
    }

    fn names(&self) -> PathBuf {
        self.seen().join("names")
    }

    fn seen(&self) -> PathBuf {
        let inside = self.directory.strip_prefix("/").unwrap_or(&self.directory);
        match &self.keeper {
            Some(keeper) => PathBuf::from(format!("/proc/{}/root", keeper.id())).join(inside),
            None => self.directory.clone(),
        }
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (from, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
