//! Reads a password from its own file, and refuses files of secrets that others can read.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use secrecy::SecretString;

/// Refuses a file of secrets that others can read.
pub fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let file = fs::metadata(path).map_err(|cause| format!("cannot read {shown}: {cause}"))?;
    if file.permissions().mode() & 0o007 != 0 {
        return Err(format!(
            "{shown} can be read by everyone (chmod 0640 {shown})"
        ));
    }
    Ok(())
}

/// Reads the one line of a secret file that others cannot read.
pub fn read(path: &Path) -> Result<SecretString, String> {
    check(path)?;
    let shown = path.display();
    let text = fs::read_to_string(path).map_err(|cause| format!("cannot read {shown}: {cause}"))?;
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() || secret.contains('\n') {
        return Err(format!("{shown} must hold one line with the password"));
    }
    Ok(SecretString::from(secret.to_owned()))
}
