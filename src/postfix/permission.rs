//! Asks `sudo` whether the worker's user may run `postsuper` as it is run. Runs nothing else.

use std::ffi::OsStr;

use super::{
    Settings,
    command::{self, Bounds, Output},
    error::PostfixError,
    postsuper::{self, Action},
};

/// What `sudo` says of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permission {
    /// It runs.
    Granted,
    /// It runs for whoever types a password, which no worker does.
    WithPassword,
    /// It does not run.
    Refused,
}

/// The command as a line, for people.
pub fn command_line(settings: &Settings, action: Action) -> String {
    let program = postsuper::program(settings);
    let mut words = vec![program.as_os_str()];
    words.extend(postsuper::arguments(settings, action));
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

/// What `user` may do, in the order of `actions`. Only root is answered for another user.
///
/// # Errors
/// A `sudo` that cannot be started, or that does not know the user.
pub async fn ask(
    settings: &Settings,
    actions: &[Action],
    user: &str,
) -> Result<Vec<Permission>, PostfixError> {
    let lead = ["-n", "-ll", "-U", user].map(OsStr::new);
    let listing = run(settings, &lead).await?;
    if !listing.status.success() {
        return Err(PostfixError::Refused {
            program: settings.sudo.clone(),
            status: listing.status.to_string(),
            said: listing.complaint(),
        });
    }
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let program = postsuper::program(settings);
    let mut permissions = Vec::new();
    for action in actions {
        let mut arguments = ["-n", "-l", "-U", user].map(OsStr::new).to_vec();
        arguments.push(program.as_os_str());
        arguments.extend(postsuper::arguments(settings, *action));
        let permitted = run(settings, &arguments).await?.status.success();
        permissions.push(if !permitted {
            Permission::Refused
        } else if is_free(&listing, &command_line(settings, *action)) {
            Permission::Granted
        } else {
            Permission::WithPassword
        });
    }
    Ok(permissions)
}

/// Whether the last entry for a command asks for no password: in `sudoers` the last one counts.
fn is_free(listing: &str, command: &str) -> bool {
    let entries = listing.split("Sudoers entry:").skip(1);
    let holds = |entry: &&str| {
        // Long lines are folded.
        let words: Vec<_> = entry.split_whitespace().collect();
        let (_, commands) =
            words.split_at(words.iter().position(|w| *w == "Commands:").unwrap_or(0));
        let commands = commands.join(" ");
        commands.contains(command) || commands.ends_with(" ALL")
    };
    entries
        .filter(holds)
        .last()
        .is_some_and(|entry| entry.contains("!authenticate"))
}

async fn run(settings: &Settings, arguments: &[&OsStr]) -> Result<Output, PostfixError> {
    let bounds = Bounds {
        deadline: settings.command_timeout,
        output_bytes: 256 * 1_024,
    };
    command::run(&settings.sudo, arguments, b"", bounds).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
User postfix may run the following commands on mail:

Sudoers entry:
    RunAsUsers: root
    Options: !authenticate
    Commands:
\t/usr/sbin/postsuper -H - hold
\t/usr/sbin/postsuper -d -
        hold
";

    #[test]
    fn an_entry_without_a_password_is_seen_for_its_commands_alone() {
        assert!(is_free(LISTING, "/usr/sbin/postsuper -H - hold"));
        assert!(is_free(LISTING, "/usr/sbin/postsuper -d - hold"));
        assert!(!is_free(LISTING, "/usr/sbin/postsuper -f - hold"));
    }

    #[test]
    fn an_entry_with_a_password_is_none_that_a_worker_can_use() {
        let listing = LISTING.replace("    Options: !authenticate\n", "");
        assert!(!is_free(&listing, "/usr/sbin/postsuper -H - hold"));
    }

    #[test]
    fn the_last_entry_counts() {
        let later = "\nSudoers entry:\n    RunAsUsers: root\n    Commands:\n\tALL\n";
        let listing = format!("{LISTING}{later}");
        assert!(!is_free(&listing, "/usr/sbin/postsuper -H - hold"));
    }

    #[test]
    fn the_command_is_the_one_that_the_worker_runs() {
        let settings = Settings::default();
        assert_eq!(
            command_line(&settings, Action::Release),
            "/usr/sbin/postsuper -H - hold"
        );
        let other = Settings {
            config_directory: "/etc/postfix-out".into(),
            ..settings
        };
        assert_eq!(
            command_line(&other, Action::Requeue),
            "/usr/sbin/postsuper -c /etc/postfix-out -r - hold"
        );
    }
}
