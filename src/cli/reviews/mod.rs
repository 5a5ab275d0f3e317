//! `mailhold reviews`: what a person sees and decides on the command line.

mod decide;
mod findings;
mod shapes;
pub(super) mod table;
pub(super) mod text;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use chrono::{TimeDelta, Utc};

use self::decide::Ruling;
use super::{
    Failure, Outcome,
    args::{DecideArguments, ListArguments, ReviewsArguments, ReviewsCommand, ShowArguments},
    exit, record,
};
use crate::{
    config::{ConfigFile, roles},
    domain::{audit::AuditKind, capture_id::CaptureId, decision::Decision, lifecycle::State},
    store::{
        Role, Store,
        audit::AuditKey,
        reviews::{Filter, Order, Review, ReviewKey},
    },
};

/// Whoever waits longer than this for the worker's look makes people wonder where it is.
const UNSEEN: TimeDelta = TimeDelta::minutes(1);

/// What is wanted of the reviews; whoever decides is known.
enum Wish<'a> {
    List(&'a ListArguments),
    Show(&'a ShowArguments),
    Decide(Ruling, &'a DecideArguments),
    /// Somebody decides who is no reviewer.
    Refuse(Decision, &'a DecideArguments, Failure),
}

/// Runs one command.
pub fn run(config: &Path, arguments: &ReviewsArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let config = roles::reviews(&file)?;
    let key = record::key(&file)?;
    let decide = |decision, given| match Ruling::new(&config.reviewers, decision, given) {
        Ok(ruling) => Wish::Decide(ruling, given),
        Err(refusal) => Wish::Refuse(decision, given, refusal),
    };
    let wish = match &arguments.command {
        ReviewsCommand::List(given) => Wish::List(given),
        ReviewsCommand::Show(given) => Wish::Show(given),
        ReviewsCommand::Release(given) => decide(Decision::Release, given),
        ReviewsCommand::Discard(given) => decide(Decision::Discard, given),
        ReviewsCommand::Return(given) => decide(Decision::Return, given),
    };
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews)?;
        store.check_schema().await?;
        let done = match wish {
            Wish::List(given) => list(&store, &key, given).await,
            Wish::Show(given) => show(&store, &key, given).await,
            Wish::Decide(ruling, given) => decide::run(&store, &key, &ruling, given).await,
            Wish::Refuse(decision, given, refusal) => {
                let names: Vec<String> = given.ids.iter().map(spelt).collect();
                let tried = format!("{decision} {}", names.join(" "));
                record::refuse(&store, &key, &tried, refusal).await
            }
        };
        done.or_else(no_reader)
    })
}

async fn list(store: &Store, key: &AuditKey, arguments: &ListArguments) -> Outcome {
    let detail = match arguments.all {
        true => "reviews list --all",
        false => "reviews list",
    };
    let event = record::event(AuditKind::Command, None, detail);
    store.append_audit(key, &event).await?;
    let (states, order, nothing) = if arguments.all {
        (State::all(), Order::NewestFirst, "There are no reviews.")
    } else {
        let nothing = "Nothing waits for a decision.";
        (vec![State::Held], Order::OldestFirst, nothing)
    };
    let filter = Filter {
        states,
        instance: None,
        order,
        after: None,
        // One more tells that there are more.
        limit: arguments.limit + 1,
    };
    let mut lines = store.list(&filter).await?;
    let n_found = lines.len();
    lines.truncate(arguments.limit as usize);
    let mut out = io::stdout().lock();
    let written = match (arguments.json, lines.is_empty()) {
        (true, _) => lines
            .iter()
            .try_for_each(|line| writeln!(out, "{}", shapes::line(line))),
        (false, true) => writeln!(out, "{nothing}"),
        (false, false) => table::table(&mut out, &lines, Utc::now()),
    };
    written.map_err(own_fault)?;
    drop(out);
    if n_found > lines.len() {
        complain(&format!("there are more than {}, see --limit", lines.len()));
    }
    if !arguments.all {
        note_unseen(store).await?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Without a worker nothing would ever wait for a decision, and the list would look fine.
async fn note_unseen(store: &Store) -> Result<(), Failure> {
    let eldest = Filter {
        states: vec![State::Captured],
        instance: None,
        order: Order::OldestFirst,
        after: None,
        limit: 1,
    };
    let unseen = store.list(&eldest).await?;
    if unseen
        .iter()
        .any(|line| Utc::now() - line.captured_at > UNSEEN)
    {
        complain(
            "some messages were captured, but not seen in the hold queue yet: does the worker \
             run? (--all lists them as captured)",
        );
    }
    Ok(())
}

async fn show(store: &Store, key: &AuditKey, arguments: &ShowArguments) -> Outcome {
    let mut out = io::stdout();
    let mut code = ExitCode::SUCCESS;
    for name in &arguments.ids {
        let found = store.find(name).await?;
        if let Some(refusal) = not_shown(&found, arguments) {
            code = ExitCode::from(exit::NO_INPUT);
            let text = format!("{}: {refusal}", spelt(name));
            let event = record::event(AuditKind::Refused, None, &format!("show {text}"));
            store.append_audit(key, &event).await?;
            complain(&text);
            continue;
        }
        for capture_id in found {
            // On record before it is seen.
            let detail = match arguments.content {
                true => "content",
                false => "facts and header",
            };
            let event = record::event(AuditKind::Viewed, Some(capture_id), detail);
            store.append_audit(key, &event).await?;
            if arguments.content {
                write_content(store, capture_id, &mut out).await?;
                continue;
            }
            let Some(review) = store.show(capture_id).await? else {
                continue;
            };
            write_review(store, &review, arguments, &mut out).await?;
        }
    }
    // What has no line end at its end still waits to be written.
    out.flush().map_err(own_fault)?;
    Ok(code)
}

/// Why there is nothing to show under a name.
fn not_shown(found: &[CaptureId], arguments: &ShowArguments) -> Option<String> {
    match found {
        [] => Some("there is no such review".to_owned()),
        [_] => None,
        // One behind the other they would look like one message.
        several if arguments.content => Some(ambiguous(several)),
        _ => None,
    }
}

/// A queue ID that was captured more than once.
fn ambiguous(several: &[CaptureId]) -> String {
    let names: Vec<String> = several.iter().map(ToString::to_string).collect();
    format!(
        "means several captures, name one of them: {}",
        names.join(" ")
    )
}

async fn write_review(
    store: &Store,
    review: &Review,
    arguments: &ShowArguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let header = header_section(store, review.capture.id).await?;
    let written = if arguments.json {
        writeln!(out, "{}", shapes::review(review, &header))
    } else {
        text::review(out, review, &header)
    };
    written.map_err(own_fault)
}

/// The header section as it was captured, without what follows it.
async fn header_section(store: &Store, capture_id: CaptureId) -> Result<Vec<u8>, Failure> {
    const LONGEST_HEADER: usize = 256 * 1_024;
    let mut content = store.content(capture_id);
    let mut header = Vec::new();
    while let Some(chunk) = content.next_chunk().await? {
        header.extend_from_slice(&chunk);
        let end = header.windows(4).position(|window| window == b"\r\n\r\n");
        // A message without any field begins with the empty line.
        let end = if header.starts_with(b"\r\n") {
            Some(0)
        } else {
            end.map(|end| end + 2)
        };
        if let Some(end) = end {
            header.truncate(end);
            break;
        }
        if header.len() > LONGEST_HEADER {
            break;
        }
    }
    header.truncate(LONGEST_HEADER);
    Ok(header)
}

async fn write_content(
    store: &Store,
    capture_id: CaptureId,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut content = store.content(capture_id);
    while let Some(chunk) = content.next_chunk().await? {
        out.write_all(&chunk).map_err(own_fault)?;
    }
    Ok(())
}

/// A pipe whose reader has seen enough, as in `mailhold reviews list | head`, is no fault.
pub(super) fn no_reader(failure: Failure) -> Outcome {
    let cause = failure.error.downcast_ref::<io::Error>();
    if cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        Ok(ExitCode::SUCCESS)
    } else {
        Err(failure)
    }
}

fn spelt(key: &ReviewKey) -> String {
    match key {
        ReviewKey::Capture(id) => id.to_string(),
        ReviewKey::Queue(Some(instance), id) => format!("{instance}/{id}"),
        ReviewKey::Queue(None, id) => id.to_string(),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "standard output holds only what was asked for"
)]
pub(super) fn complain(text: &str) {
    eprintln!("mailhold: {text}");
}

pub(super) fn own_fault(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(exit::SOFTWARE, error)
}
