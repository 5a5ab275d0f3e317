//! `mailhold explain`: what would become of a mail, and why. Asks the directory and the rules as the
//! milter does; leaves nothing behind.

mod inquiry;
mod shapes;
mod text;

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    process::ExitCode,
};

use chrono::{Datelike, Local, NaiveDateTime, Timelike};

use self::inquiry::{Question, Wanted};
use super::{Failure, Outcome, args::ExplainArguments, exit};
use crate::{
    config::{ConfigFile, roles},
    directory,
    domain::policy::{Moment, Submitters},
    mail::author,
};

/// The milter reads no more of a header either.
const HEADER_LIMIT_BYTES: u64 = 1_024 * 1_024;

/// Explains one mail.
pub fn run(config: &Path, arguments: &ExplainArguments) -> Outcome {
    let config = roles::explain(&ConfigFile::read(config)?)?;
    let question = question(arguments)?;
    let folding = config.policy.folding.clone();
    let explanation = super::runtime()?.block_on(async {
        let directory = directory::open(&config.directory, folding)
            .map_err(|error| Failure::new(exit::CONFIG, error))?;
        let wanted = Wanted {
            directory: &*directory,
            outage: config.outage,
            policy: &config.policy,
            deadline: config.mail_deadline,
        };
        Ok::<_, Failure>(inquiry::inquire(&wanted, question).await)
    })?;
    let mut out = Vec::new();
    let written = match arguments.json {
        true => writeln!(out, "{}", shapes::explanation(&explanation)),
        false => text::write(&mut out, &explanation, &config.policy),
    };
    let written = written.and_then(|()| io::stdout().write_all(&out));
    written.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

fn question(arguments: &ExplainArguments) -> Result<Question, Failure> {
    let header_from = arguments.eml.as_deref().map(from_fields).transpose()?;
    Ok(Question {
        sender: arguments.from.clone().into_bytes(),
        recipients: arguments
            .to
            .iter()
            .map(|one| one.clone().into_bytes())
            .collect(),
        login: arguments.login.clone().map(String::into_bytes),
        client: arguments.client,
        submitters: match arguments.submission {
            true => Submitters::All,
            false => Submitters::ByClient,
        },
        header_from,
        at: moment(arguments.at),
    })
}

/// The From fields of a message in a file; `-` is standard input.
fn from_fields(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let mut section = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => io::stdin()
            .take(HEADER_LIMIT_BYTES)
            .read_to_end(&mut section),
        false => fs::File::open(path)
            .and_then(|file| file.take(HEADER_LIMIT_BYTES).read_to_end(&mut section)),
    };
    read.map_err(|cause| {
        let text = format!("cannot read {}", path.display());
        Failure::new(exit::NO_INPUT, anyhow::Error::new(cause).context(text))
    })?;
    Ok(author::from_fields(&section))
}

fn moment(at: Option<NaiveDateTime>) -> Moment {
    let at = at.unwrap_or_else(|| Local::now().naive_local());
    Moment {
        day: at.weekday(),
        minute: u16::try_from(at.hour() * 60 + at.minute()).unwrap_or(0),
    }
}
