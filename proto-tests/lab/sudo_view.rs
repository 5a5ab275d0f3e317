//! What a worker sees of `/etc`: the shipped sudo lines and a Postfix that knows the lab's instance.
//! Never changes the machine's own `/etc`: the view is a mount that only the worker has.

use std::{ffi::OsString, fs, path::Path};

use super::{
    place::{Place, make_old},
    postfix::Postfix,
    program::Program,
    user::User,
};

const UNSHARE: &str = "/usr/bin/unshare";
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sudoers/mailhold");
/// A refused command must not reach the machine's own mail queue or log.
const SILENCE: &str = "Defaults !mailerpath, !syslog\n";
const MOUNT: &str = r#"
mount --bind "$1/sudoers.d" /etc/sudoers.d
mount --bind "$1/postfix" /etc/postfix
shift
exec "$@"
"#;

/// Whether this machine lets root make mounts that only one process sees; some containers do not.
pub async fn is_possible() -> bool {
    let trial = Program::new("unshare", UNSHARE).arguments(["--mount", "--", "/bin/true"]);
    trial.output(b"").await.status.success()
}

/// Makes the view of the instance called `name`.
pub fn make(place: &Place, name: &str, config_directory: &Path) {
    for directory in ["etc", "etc/sudoers.d", "etc/postfix"] {
        place.directory(&format!("{name}/{directory}"), User::ROOT, 0o755);
    }
    let file = |path: &str, mode, content: String| {
        place.file(&format!("{name}/etc/{path}"), User::ROOT, mode, content)
    };
    file("sudoers.d/lab", 0o440, SILENCE.to_owned());
    file("sudoers.d/mailhold", 0o440, sudo_lines(config_directory));
    // postqueue has Postfix's group and so obeys only the instances that the main one names.
    let config_directory = config_directory.display();
    let alternatives = format!("alternate_config_directories = {config_directory}\n");
    let main_cf = format!("compatibility_level = 3.6\n{alternatives}");
    make_old(&file("postfix/main.cf", 0o644, main_cf));
    let maps = fs::read_to_string("/etc/postfix/dynamicmaps.cf").unwrap_or_default();
    file("postfix/dynamicmaps.cf", 0o644, maps);
}

/// Shows a program the view of an instance; the program runs as Postfix's user.
pub fn with_sudo(program: Program, postfix: &Postfix) -> Program {
    with_view(program, &postfix.home.join("etc"))
}

/// Shows a program a view; the program runs as Postfix's user.
pub fn with_view(program: Program, etc: &Path) -> Program {
    let mut view: Vec<OsString> = [UNSHARE, "--mount", "--", "/bin/sh", "-ec", MOUNT, "view"]
        .map(OsString::from)
        .into();
    view.push(etc.into());
    program.wrapper(view).user(User::named("postfix"))
}

/// The shipped lines, made for an instance of their own as their comment tells.
fn sudo_lines(config_directory: &Path) -> String {
    let shipped = fs::read_to_string(SHIPPED).unwrap();
    let with_instance = format!("/usr/sbin/postsuper -c {} -", config_directory.display());
    let lines: Vec<_> = shipped
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    lines
        .join("\n")
        .replace("/usr/sbin/postsuper -", &with_instance)
        + "\n"
}
