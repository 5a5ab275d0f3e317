//! Reads `[audit]`: the key that seals the record of what people did.

use std::path::Path;

use super::{fault::Faults, file::ConfigFile, secret};
use crate::store::audit::AuditKey;

/// Reads the key; `None` where the file names none: nothing that goes on record can be done then.
pub fn key(file: &ConfigFile) -> Result<Option<AuditKey>, Faults> {
    let section = file.section("audit");
    let path = section.text("key_file");
    let read = path.map(|path| {
        let text = secret::read(Path::new(&path))?;
        AuditKey::new(text).map_err(|short| format!("{path} {short}"))
    });
    let key = match read {
        Some(Ok(key)) => Some(key),
        Some(Err(problem)) => {
            section.refuse("key_file", &problem);
            None
        }
        None => None,
    };
    section.refuse_unknown();
    file.finish(key)
}
