//! `mailhold audit`: whether the record of what people did is whole, all of it for other programs, and its
//! end to keep elsewhere.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::{
    Failure, Outcome,
    args::{AuditArguments, AuditCommand, ExportArguments, VerifyArguments},
    exit, record,
    reviews::{complain, no_reader, own_fault},
};
use crate::{
    config::{ConfigFile, roles},
    domain::audit::AuditKind,
    store::{
        Role, Store,
        audit::{AuditKey, Head, Sealed, Soundness},
    },
};

/// Entries in memory at once.
const BATCH: u32 = 1_000;

/// What is wanted of the record.
enum Wish<'a> {
    Verify(AuditKey, Vec<Head>),
    Export(AuditKey, &'a ExportArguments),
    Head,
}

/// Runs one command.
pub fn run(config: &Path, arguments: &AuditArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let config = roles::reviews(&file)?;
    let wish = match &arguments.command {
        AuditCommand::Verify(given) => Wish::Verify(record::key(&file)?, heads(given)?),
        AuditCommand::Export(given) => Wish::Export(record::key(&file)?, given),
        AuditCommand::Head => Wish::Head,
    };
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews)?;
        store.check_schema().await?;
        match wish {
            Wish::Verify(key, kept) => verify(&store, &key, &kept).await,
            Wish::Export(key, given) => export(&store, &key, given).await.or_else(no_reader),
            Wish::Head => {
                let head = store.audit_head().await?;
                writeln!(io::stdout(), "{head}").map_err(own_fault)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

/// What was found is told first, and then goes on record as well: who looked, and from when on it was known.
/// Whoever breaks the record so that nothing can be appended keeps nobody from being told.
async fn verify(store: &Store, key: &AuditKey, kept: &[Head]) -> Outcome {
    let found = store.verify_audit(key, kept).await?;
    let (text, code) = match found {
        Soundness::Sound { n_entries } => (format!("sound: {n_entries} entries"), None),
        Soundness::Broken { seq, fault } => (
            format!("broken at entry {seq}: {fault}"),
            Some(exit::REFUSED),
        ),
    };
    let told = format!("the audit record is {text}");
    match code {
        None => writeln!(io::stdout(), "{told}").map_err(own_fault)?,
        Some(_) => complain(&told),
    }
    let event = record::event(AuditKind::Command, None, &format!("audit verify: {text}"));
    let appended = store.append_audit(key, &event).await;
    match (appended, code) {
        (Ok(_), None) => Ok(ExitCode::SUCCESS),
        (Ok(_), Some(code)) => Ok(ExitCode::from(code)),
        (Err(error), None) => Err(error.into()),
        (Err(error), Some(code)) => {
            complain(&format!("this is not on record: {error}"));
            Ok(ExitCode::from(code))
        }
    }
}

/// Writes entries for other programs, this export's own at the end.
async fn export(store: &Store, key: &AuditKey, given: &ExportArguments) -> Outcome {
    let last = store.audit_head().await?.seq;
    if given.after > last {
        let text = format!("--after {}: the last entry is {last}", given.after);
        return Err(Failure::new(exit::NO_INPUT, anyhow::Error::msg(text)));
    }
    let detail = format!("entries after {}", given.after);
    let event = record::event(AuditKind::Exported, None, &detail);
    let own = store.append_audit(key, &event).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut after = given.after;
    while after < own {
        let entries = store.audit_after(after, BATCH).await?;
        let Some(last) = entries.last() else {
            break;
        };
        after = last.entry.seq;
        let mut entries = entries.iter().filter(|one| one.entry.seq <= own);
        let written = entries.try_for_each(|one| writeln!(out, "{}", shape(one)));
        written.map_err(own_fault)?;
    }
    out.flush().map_err(own_fault)?;
    Ok(ExitCode::SUCCESS)
}

/// Field names as in the table `audit_event`, times in UTC after RFC 3339.
fn shape(sealed: &Sealed) -> Value {
    let Sealed { entry, hash } = sealed;
    let event = &entry.event;
    json!({
        "seq": entry.seq,
        "at": entry.at,
        "actor": event.actor,
        "os_user": event.os_user,
        "via": event.via.as_str(),
        "kind": event.kind.as_str(),
        "capture_id": event.capture_id.map(|id| id.to_string()),
        "client": event.client,
        "detail": event.detail,
        "previous": HEXLOWER.encode(&entry.previous),
        "hash": HEXLOWER.encode(hash),
    })
}

/// The heads of a file: one a line, as often as somebody has kept one.
fn heads(given: &VerifyArguments) -> Result<Vec<Head>, Failure> {
    let Some(path) = &given.head else {
        return Ok(Vec::new());
    };
    let unread = |cause: String| {
        let text = format!("cannot read the kept heads in {}: {cause}", path.display());
        Failure::new(exit::NO_INPUT, anyhow::Error::msg(text))
    };
    let text = fs::read_to_string(path).map_err(|cause| unread(cause.to_string()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let heads: Result<Vec<Head>, _> = lines.map(str::parse).collect();
    let heads = heads.map_err(|bad| unread(bad.to_string()))?;
    if heads.is_empty() {
        return Err(unread("there is none".to_owned()));
    }
    Ok(heads)
}
