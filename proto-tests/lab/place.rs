//! The directory of one lab. Never leaves anything behind, unless asked to.

use std::{
    env,
    fs::{self, DirBuilder, File, Permissions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use super::user::User;

const PREFIX: &str = "mailhold-lab-";
/// Held while its lab lives, so that a later run recognises what a killed one left.
const LOCK: &str = "lock";
/// Set to anything: the directory stays.
const KEEP: &str = "MAILHOLD_KEEP_LAB";

/// The directory of one lab.
pub struct Place {
    path: PathBuf,
    is_kept: AtomicBool,
    _lock: File,
}

impl Place {
    /// Makes the directory; also clears away those of labs that were killed.
    pub fn make() -> Self {
        let parent = parent();
        remove_abandoned(&parent);
        let name = &random_text()[..8];
        // It gets its name when it is locked: no other run takes it for abandoned.
        let unnamed = parent.join(format!("mailhold-new-{name}"));
        DirBuilder::new().mode(0o755).create(&unnamed).unwrap();
        // Everybody may pass through: the programs run as several users.
        fs::set_permissions(&unnamed, Permissions::from_mode(0o755)).unwrap();
        let lock = File::create_new(unnamed.join(LOCK)).unwrap();
        lock.try_lock().unwrap();
        let path = parent.join(format!("{PREFIX}{name}"));
        fs::rename(unnamed, &path).unwrap();
        Self {
            path,
            is_kept: AtomicBool::new(env::var_os(KEEP).is_some()),
            _lock: lock,
        }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory in it.
    pub fn directory(&self, name: &str, owner: User, mode: u32) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).unwrap();
        give(&path, owner, mode);
        path
    }

    /// Writes a file in it.
    pub fn file(&self, name: &str, owner: User, mode: u32, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        write(&path, owner, mode, content);
        path
    }

    /// A new password and the file that only `owner` can read it from.
    pub fn password(&self, name: &str, owner: User) -> (String, PathBuf) {
        let password = random_text();
        let path = self.file(name, owner, 0o600, format!("{password}\n"));
        (password, path)
    }

    /// It is not removed, as with `MAILHOLD_KEEP_LAB`: there is something to look into.
    pub fn keep(&self) {
        self.is_kept.store(true, Ordering::Relaxed);
    }

    /// Removes it, unless it is kept: then it tells where it is.
    pub fn remove(&self) {
        if !self.path.join(LOCK).exists() {
            return;
        }
        if self.is_kept.load(Ordering::Relaxed) {
            fs::remove_file(self.path.join(LOCK)).ok();
            eprintln!("kept: {}", self.path.display());
        } else if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("{} is left: {error}", self.path.display());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Writes a file with its final owner and mode from the first byte on.
pub fn write(path: &Path, owner: User, mode: u32, content: impl AsRef<[u8]>) {
    fs::remove_file(path).ok();
    let mut file = File::create_new(path).unwrap();
    file.set_permissions(Permissions::from_mode(mode)).unwrap();
    chown(path, Some(owner.uid), Some(owner.gid)).unwrap();
    file.write_all(content.as_ref()).unwrap();
}

/// Sets owner and mode.
pub fn give(path: &Path, owner: User, mode: u32) {
    chown(path, Some(owner.uid), Some(owner.gid)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// All Postfix programs wait until a file of settings is two seconds old, lest they read half of it
/// (`dict_load_file_xt` in `src/util/dict.c`).
pub fn make_old(file: &Path) {
    let past = SystemTime::now() - Duration::from_secs(60);
    File::options()
        .append(true)
        .open(file)
        .unwrap()
        .set_modified(past)
        .unwrap();
}

/// 32 random hexadecimal digits.
pub fn random_text() -> String {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .unwrap()
        .read_exact(&mut bytes)
        .unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The temporary directory, or `/tmp` when that is closed to other users or its name too long for
/// the socket paths below it (107 bytes).
fn parent() -> PathBuf {
    let usual = env::temp_dir();
    let open = usual
        .ancestors()
        .all(|step| fs::metadata(step).is_ok_and(|found| found.mode() & 0o001 != 0));
    if open && usual.as_os_str().len() < 30 {
        usual
    } else {
        PathBuf::from("/tmp")
    }
}

fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let is_lab = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX));
        let is_ours = entry
            .metadata()
            .is_ok_and(|found| found.is_dir() && found.uid() == 0);
        // No lock file: one that was to be kept.
        if is_lab
            && is_ours
            && File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
        {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
