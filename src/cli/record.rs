//! What is done at the command line goes on the audit record: the key without which nothing is, and the
//! entry of whoever sits at the keyboard.

use super::{Failure, Outcome, exit, person};
use crate::{
    config::{ConfigFile, audit},
    domain::{
        audit::{AuditKind, AuditVia, Event},
        capture_id::CaptureId,
    },
    store::{Store, audit::AuditKey},
};

/// The key of the settings.
pub fn key(file: &ConfigFile) -> Result<AuditKey, Failure> {
    audit::key(file)?.ok_or_else(|| {
        let text = "audit.key_file is missing in the configuration: what people see and decide goes \
                    on a record that is sealed with it (try `openssl rand -hex 32`)";
        Failure::new(exit::CONFIG, anyhow::Error::msg(text))
    })
}

/// What the user at the keyboard does, under the system's name for them.
pub fn event(kind: AuditKind, message: Option<CaptureId>, detail: &str) -> Event {
    let os_user = person::os_user();
    Event {
        actor: os_user.clone().unwrap_or_else(|| "unknown".to_owned()),
        os_user,
        via: AuditVia::Cli,
        kind,
        capture_id: message,
        client: None,
        detail: detail.to_owned(),
    }
}

/// Puts on record what the user at the keyboard was refused, and tells it.
pub async fn refuse(store: &Store, key: &AuditKey, tried: &str, refusal: Failure) -> Outcome {
    let detail = format!("{tried}: {}", refusal.error);
    let event = event(AuditKind::Refused, None, &detail);
    store.append_audit(key, &event).await?;
    Err(refusal)
}
