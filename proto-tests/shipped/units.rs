//! The systemd units and the line for systemd-tmpfiles.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::{
    lab::program::{Program, text},
    trials::{Trials, tests},
};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/systemd");
const UNITS: [&str; 4] = [
    "mailhold-milter.service",
    "mailhold-worker.service",
    "mailhold-outline.service",
    "mailhold-web.service",
];
/// Those that read their settings again; the others are restarted.
const RELOADED: [&str; 2] = [UNITS[0], UNITS[1]];
/// Where the units look for the executable.
const INSTALLED: &str = "/usr/bin/mailhold";
/// Of 100, as `systemd-analyze security` counts: the goal for a process without root.
const EXPOSURE_LIMIT: u32 = 20;
/// Settings that imply `NoNewPrivileges=` where `User=` is set (systemd.exec(5)).
const CLOSE_SUDO: [&str; 17] = [
    "DynamicUser",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "NoNewPrivileges",
    "PrivateDevices",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "SystemCallLog",
];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        systemd_finds_no_fault_in_the_units,
        systemd_would_find_a_fault,
        the_units_without_root_leave_little_exposed,
        the_workers_unit_leaves_the_way_to_sudo_open,
        the_units_stop_later_than_the_processes,
        a_reload_of_the_units_is_a_hangup,
        the_socket_directory_is_the_milters_and_open_to_postfix,
    ]
}

async fn systemd_finds_no_fault_in_the_units() {
    let units = Installed::with(|unit| unit);
    let output = verify(&units).output(b"").await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
}

async fn systemd_would_find_a_fault() {
    let units = Installed::with(|unit| unit.replace("ProtectHome=yes", "ProtectHome=perhaps"));
    let output = verify(&units).output(b"").await;
    assert!(text(&output.stderr).contains("perhaps"), "{output:?}");
}

async fn the_units_without_root_leave_little_exposed() {
    let units = Installed::with(|unit| unit);
    let mut paths = units.paths();
    paths.retain(|path| !path.ends_with("mailhold-worker.service"));
    for path in paths {
        is_hardly_exposed(&path).await;
    }
}

async fn is_hardly_exposed(unit: &Path) {
    let security = Program::new("systemd-analyze", "/usr/bin/systemd-analyze")
        .arguments(["security", "--offline=yes", "--no-pager"])
        .arguments([format!("--threshold={EXPOSURE_LIMIT}")])
        .arguments([unit]);
    security.run(b"").await;
}

async fn the_workers_unit_leaves_the_way_to_sudo_open() {
    let unit = shipped("mailhold-worker.service");
    for setting in CLOSE_SUDO {
        let line = unit.lines().find(|line| line.starts_with(setting));
        assert_eq!(line, None, "sudo could not become root");
    }
}

async fn the_units_stop_later_than_the_processes() {
    let sample = Path::new(SHIPPED).join("../mailhold.toml");
    let sample: toml::Table = fs::read_to_string(sample).unwrap().parse().unwrap();
    let longest = [
        ("mailhold-milter.service", "milter", "drain"),
        ("mailhold-worker.service", "postfix", "command_timeout"),
        ("mailhold-outline.service", "outline", "deadline"),
    ];
    for (unit, section, setting) in longest {
        let ours = seconds(sample[section][setting].as_str().unwrap());
        assert!(
            seconds(&value(&shipped(unit), "TimeoutStopSec")) > ours,
            "{unit}"
        );
    }
}

async fn a_reload_of_the_units_is_a_hangup() {
    for unit in RELOADED.map(shipped) {
        assert_eq!(value(&unit, "ExecReload"), "/bin/kill -HUP $MAINPID");
        // SIGHUP counts as an end in good order (systemd.service(5)), which it never is here.
        assert_eq!(value(&unit, "RestartForceExitStatus"), "SIGHUP");
    }
}

async fn the_socket_directory_is_the_milters_and_open_to_postfix() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("etc")).unwrap();
    let (users, groups) = ("mailhold:x:991:992::/:/\n", "postfix:x:993:\n");
    fs::write(root.path().join("etc/passwd"), users).unwrap();
    fs::write(root.path().join("etc/group"), groups).unwrap();
    fs::create_dir_all(root.path().join("var/spool/postfix")).unwrap();
    Program::new("systemd-tmpfiles", "/usr/bin/systemd-tmpfiles")
        .arguments(["--create", &format!("--root={}", root.path().display())])
        .arguments([Path::new(SHIPPED).join("mailhold-tmpfiles.conf")])
        .run(b"")
        .await;
    let made = fs::metadata(root.path().join("var/spool/postfix/mailhold")).unwrap();
    assert_eq!((made.uid(), made.gid()), (991, 993));
    assert_eq!(made.permissions().mode() & 0o7777, 0o2750);
}

/// The units as they would be installed, with an executable that is there.
struct Installed(TempDir);

impl Installed {
    fn with(change: impl Fn(String) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for unit in UNITS {
            let shipped = shipped(unit);
            assert!(shipped.contains(INSTALLED), "{unit} starts mailhold");
            let text = shipped.replace(INSTALLED, env!("CARGO_BIN_EXE_mailhold"));
            fs::write(directory.path().join(unit), change(text)).unwrap();
        }
        Self(directory)
    }

    fn paths(&self) -> Vec<PathBuf> {
        UNITS.map(|unit| self.0.path().join(unit)).into()
    }
}

fn verify(units: &Installed) -> Program {
    Program::new("systemd-analyze", "/usr/bin/systemd-analyze")
        .arguments(["verify", "--man=no"])
        .arguments(units.paths())
}

fn shipped(unit: &str) -> String {
    fs::read_to_string(Path::new(SHIPPED).join(unit)).unwrap()
}

/// A setting's value.
pub fn value(unit: &str, setting: &str) -> String {
    let found = unit
        .lines()
        .find_map(|line| line.strip_prefix(setting)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {setting}=")).to_owned()
}

fn seconds(text: &str) -> u32 {
    text.trim_end_matches('s').parse().unwrap()
}
