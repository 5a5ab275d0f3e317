//! The key without which nothing is done that goes on the audit record.

use super::{Failure, exit};
use crate::{
    config::{ConfigFile, audit},
    store::audit::AuditKey,
};

/// The key of the settings.
pub fn key(file: &ConfigFile) -> Result<AuditKey, Failure> {
    audit::key(file)?.ok_or_else(|| {
        let text = "audit.key_file is missing in the configuration: what people see and decide goes \
                    on a record that is sealed with it (try `openssl rand -hex 32`)";
        Failure::new(exit::CONFIG, anyhow::Error::msg(text))
    })
}
