//! `mailhold reviews`: what a person sees and decides on the command line.

mod decide;
mod shapes;
mod text;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;

use super::{
    Failure, Outcome,
    args::{ListArguments, ReviewsArguments, ReviewsCommand, ShowArguments},
    exit,
};
use crate::{
    config::{ConfigFile, roles},
    domain::{capture_id::CaptureId, lifecycle::State},
    store::{
        Role, Store, StoreError,
        reviews::{Filter, Order, Review, ReviewKey},
    },
};

/// Runs one command.
pub fn run(config: &Path, arguments: ReviewsArguments) -> Outcome {
    let config = roles::reviews(&ConfigFile::read(config)?)?;
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews).map_err(unavailable)?;
        store.check_schema().await.map_err(unavailable)?;
        match &arguments.command {
            ReviewsCommand::List(arguments) => list(&store, arguments).await,
            ReviewsCommand::Show(arguments) => show(&store, arguments).await,
            ReviewsCommand::Release(_) | ReviewsCommand::Discard(_) | ReviewsCommand::Return(_) => {
                let (decision, arguments) = arguments
                    .command
                    .decision()
                    .context("a deciding command")
                    .map_err(own_fault)?;
                decide::run(&store, &config.reviewers, decision, arguments).await
            }
        }
    })
}

async fn list(store: &Store, arguments: &ListArguments) -> Outcome {
    let (states, order) = if arguments.all {
        (State::all(), Order::NewestFirst)
    } else {
        (vec![State::Held], Order::OldestFirst)
    };
    let filter = Filter {
        states,
        instance: None,
        order,
        after: None,
        limit: arguments.limit,
    };
    let lines = store.list(&filter).await.map_err(unavailable)?;
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        lines
            .iter()
            .try_for_each(|line| writeln!(out, "{}", shapes::line(line)))
    } else {
        text::table(&mut out, &lines, chrono::Utc::now())
    };
    written.or_else(no_reader).map_err(own_fault)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(store: &Store, arguments: &ShowArguments) -> Outcome {
    let mut out = io::stdout();
    let mut n_unknown = 0_usize;
    for key in &arguments.ids {
        let found = store.find(key).await.map_err(unavailable)?;
        if found.is_empty() {
            n_unknown += 1;
            complain(&format!("{}: there is no such review", spelt(key)));
        }
        for capture_id in found {
            if arguments.content {
                write_content(store, capture_id, &mut out).await?;
                continue;
            }
            let Some(review) = store.show(capture_id).await.map_err(unavailable)? else {
                continue;
            };
            write_review(store, &review, arguments, &mut out).await?;
        }
    }
    Ok(if n_unknown == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(exit::NO_INPUT)
    })
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
    written.or_else(no_reader).map_err(own_fault)
}

/// The header section as it was captured, without what follows it.
async fn header_section(store: &Store, capture_id: CaptureId) -> Result<Vec<u8>, Failure> {
    const LONGEST_HEADER: usize = 256 * 1_024;
    let mut content = store.content(capture_id);
    let mut header = Vec::new();
    while let Some(chunk) = content.next_chunk().await.map_err(unavailable)? {
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
    while let Some(chunk) = content.next_chunk().await.map_err(unavailable)? {
        out.write_all(&chunk)
            .or_else(no_reader)
            .map_err(own_fault)?;
    }
    Ok(())
}

/// A pipe whose reader has seen enough, as in `mailhold reviews list | head`, is no fault.
fn no_reader(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error)
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
fn complain(text: &str) {
    eprintln!("mailhold: {text}");
}

fn unavailable(error: StoreError) -> Failure {
    let code = if error.is_transient() {
        exit::UNAVAILABLE
    } else {
        exit::SOFTWARE
    };
    Failure::new(code, error)
}

fn own_fault(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(exit::SOFTWARE, error)
}
