//! Who sits at the keyboard, and whether the configuration knows the name that was given.

use super::{Failure, exit};

/// The person of a list in the configuration whose name was given, in the configuration's spelling.
pub fn known(setting: &str, names: &[String], given: &str) -> Result<String, Failure> {
    let known = names.iter().find(|known| known.eq_ignore_ascii_case(given));
    known.cloned().ok_or_else(|| {
        let all = if names.is_empty() {
            "nobody is".to_owned()
        } else {
            format!("known: {}", names.join(", "))
        };
        let text = format!("{given:?} is not in {setting} of the configuration ({all})");
        Failure::new(exit::NO_PERMISSION, anyhow::Error::msg(text))
    })
}

/// Who sits at the keyboard: the user behind sudo, if there is one.
pub fn os_user() -> Option<String> {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map(|user| user.name);
    let name = name.unwrap_or_else(|| uid.to_string());
    match std::env::var("SUDO_USER") {
        Ok(behind) if uid.is_root() && !behind.is_empty() => Some(format!("{behind} as {name}")),
        _ => Some(name),
    }
}
