//! `mailhold audit`: whether the record of what people did is whole, and its end to keep elsewhere.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use super::{
    Failure, Outcome,
    args::{AuditArguments, AuditCommand, VerifyArguments},
    exit, record,
    reviews::{complain, own_fault},
};
use crate::{
    config::{ConfigFile, roles},
    store::{
        Role, Store,
        audit::{AuditKey, Head, Soundness},
    },
};

/// What is wanted of the record.
enum Wish {
    Verify(AuditKey, Vec<Head>),
    Head,
}

/// Runs one command.
pub fn run(config: &Path, arguments: &AuditArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let config = roles::reviews(&file)?;
    let wish = match &arguments.command {
        AuditCommand::Verify(given) => Wish::Verify(record::key(&file)?, heads(given)?),
        AuditCommand::Head => Wish::Head,
    };
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews)?;
        store.check_schema().await?;
        match wish {
            Wish::Verify(key, kept) => verify(&store, &key, &kept).await,
            Wish::Head => {
                let head = store.audit_head().await?;
                writeln!(io::stdout(), "{head}").map_err(own_fault)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

async fn verify(store: &Store, key: &AuditKey, kept: &[Head]) -> Outcome {
    match store.verify_audit(key, kept).await? {
        Soundness::Sound { n_entries } => {
            let text = format!("the audit record is sound: {n_entries} entries");
            writeln!(io::stdout(), "{text}").map_err(own_fault)?;
            Ok(ExitCode::SUCCESS)
        }
        Soundness::Broken { seq, fault } => {
            complain(&format!(
                "the audit record is broken at entry {seq}: {fault}"
            ));
            Ok(ExitCode::from(exit::REFUSED))
        }
    }
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
