//! `mailhold strays`: what is on hold and was not captured, and its adoption by an administrator.
//! Never tells more of a stray than name, age and size: nobody has read it yet.

mod page;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use chrono::Utc;

use super::{
    Failure, Outcome,
    args::{AdoptArguments, StrayListArguments, StraysArguments, StraysCommand},
    exit, person, record,
    reviews::{complain, no_reader, own_fault},
};
use crate::{
    config::{ConfigFile, roles},
    domain::audit::{AuditKind, Event},
    store::{
        Role, Store,
        audit::AuditKey,
        strays::{
            Shown,
            adoptions::{Adopted, Adopter},
        },
    },
};

/// Runs one command.
pub fn run(config: &Path, arguments: &StraysArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let config = roles::reviews(&file)?;
    let key = record::key(&file)?;
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews)?;
        store.check_schema().await?;
        let done = match &arguments.command {
            StraysCommand::Adopt(given) => match adopter(&config.administrators, given) {
                Ok(adopter) => adopt(&store, given, &adopter, &key).await,
                Err(refusal) => {
                    let tried = format!("adopt {}", given.key.queue_id);
                    record::refuse(&store, &key, &tried, refusal).await
                }
            },
            StraysCommand::List(given) => list(&store, &key, given).await,
        };
        done.or_else(no_reader)
    })
}

fn adopter(administrators: &[String], given: &AdoptArguments) -> Result<Adopter, Failure> {
    let setting = "reviews.administrators";
    Ok(Adopter {
        administrator: person::known(setting, administrators, &given.administrator)?,
        os_user: person::os_user(),
        note: given.note.clone(),
    })
}

async fn list(store: &Store, key: &AuditKey, given: &StrayListArguments) -> Outcome {
    let event = record::event(AuditKind::Command, None, "strays list");
    store.append_audit(key, &event).await?;
    let which = if given.all {
        Shown::All
    } else {
        Shown::Standing
    };
    // One more tells that there are more.
    let mut strays = store.strays(which, given.limit + 1).await?;
    let n_found = strays.len();
    strays.truncate(given.limit as usize);
    let mut out = io::stdout().lock();
    let written = match (given.json, strays.is_empty()) {
        (true, _) => strays
            .iter()
            .try_for_each(|one| writeln!(out, "{}", page::json(one))),
        (false, true) => writeln!(out, "All mail on hold was captured."),
        (false, false) => page::table(&mut out, &strays, Utc::now()),
    };
    written.map_err(own_fault)?;
    drop(out);
    if n_found > strays.len() {
        complain(&format!(
            "there are more than {}, see --limit",
            strays.len()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn adopt(
    store: &Store,
    given: &AdoptArguments,
    adopter: &Adopter,
    key: &AuditKey,
) -> Outcome {
    let (instance, id) = (given.key.instance.as_ref(), &given.key.queue_id);
    let event = Event {
        actor: adopter.administrator.clone(),
        ..record::event(AuditKind::Adopted, None, id.as_str())
    };
    let adopted = store
        .adopt_on_record((instance, id), adopter, key, &event)
        .await?;
    let (text, code) = match adopted {
        Adopted::Accepted => {
            let text = "adopted, the worker captures it for review";
            writeln!(io::stdout(), "{id}: {text}").map_err(own_fault)?;
            return Ok(ExitCode::SUCCESS);
        }
        Adopted::Already => ("is adopted already", exit::REFUSED),
        Adopted::Ended => ("is no stray any more", exit::REFUSED),
        Adopted::Ambiguous => (
            "is on hold at several instances: write instance/queue-ID",
            exit::REFUSED,
        ),
        Adopted::Unknown => ("there is no such stray", exit::NO_INPUT),
    };
    let refused = Event {
        kind: AuditKind::Refused,
        detail: format!("adopt {id}: {text}"),
        ..event
    };
    store.append_audit(key, &refused).await?;
    complain(&format!("{id}: {text}"));
    Ok(ExitCode::from(code))
}
