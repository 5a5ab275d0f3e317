//! `mailhold watched`: how much would have been held, so that an operator sees the reviewers' work
//! before switching on. Never tells what a message says or to whom it went.

mod page;
mod shapes;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use chrono::{DateTime, Days, Local, NaiveTime, TimeZone, Utc};

use super::{
    Failure, Outcome,
    args::WatchedArguments,
    record,
    reviews::{no_reader, own_fault},
};
use crate::{
    config::{ConfigFile, roles},
    domain::audit::AuditKind,
    store::{
        Role, Store,
        watched::{Figures, Sender},
    },
};

/// The most senders that are shown.
const MOST_SENDERS: u32 = 20;

/// What is shown.
struct Shown {
    /// How far it looks back.
    span: Duration,
    /// When that was, and every midnight since then by this host's clock.
    begins: Vec<DateTime<Utc>>,
    /// How much.
    figures: Figures,
    /// Whose mail, if that was asked for.
    senders: Vec<Sender>,
}

/// Shows the page of figures.
pub fn run(config: &Path, arguments: &WatchedArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let config = roles::reviews(&file)?;
    // Figures tell of nobody; names do.
    let key = arguments.senders.then(|| record::key(&file)).transpose()?;
    super::runtime()?.block_on(async {
        let store = Store::connect_lazy(&config.database, Role::Reviews)?;
        store.check_schema().await?;
        if let Some(key) = key {
            let event = record::event(AuditKind::Command, None, "watched --senders");
            store.append_audit(&key, &event).await?;
        }
        let shown = read(&store, arguments).await?;
        write(&shown, arguments).or_else(no_reader)
    })
}

async fn read(store: &Store, arguments: &WatchedArguments) -> Result<Shown, Failure> {
    let now = Local::now();
    let since = now - arguments.since;
    let begins = days(&since, &now);
    let senders = if arguments.senders {
        let since = since.to_utc();
        store.watched_senders(since, MOST_SENDERS).await?
    } else {
        Vec::new()
    };
    Ok(Shown {
        span: arguments.since,
        figures: store.watched(&begins).await?,
        begins,
        senders,
    })
}

fn write(shown: &Shown, arguments: &WatchedArguments) -> Outcome {
    let mut out = io::stdout().lock();
    let written = if arguments.json {
        let mut lines = shapes::lines(shown).into_iter();
        lines.try_for_each(|line| writeln!(out, "{line}"))
    } else {
        page::page(&mut out, shown)
    };
    written.map_err(own_fault)?;
    Ok(ExitCode::SUCCESS)
}

/// The beginning, and every midnight after it.
fn days<Z: TimeZone>(since: &DateTime<Z>, now: &DateTime<Z>) -> Vec<DateTime<Utc>> {
    let mut begins = vec![since.to_utc()];
    let mut date = since.date_naive();
    while let Some(next) = date.checked_add_days(Days::new(1)) {
        date = next;
        // Where the clock is put forward at midnight, the day begins with the hour after it.
        let midnight = (0..3).find_map(|hour| {
            let time = NaiveTime::from_hms_opt(hour, 0, 0)?;
            let local = since.timezone().from_local_datetime(&date.and_time(time));
            local.earliest()
        });
        match midnight {
            Some(midnight) if midnight <= *now => begins.push(midnight.to_utc()),
            Some(_) | None => break,
        }
    }
    begins
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn days_begin_at_midnight_where_the_operator_is() {
        let local = |text: &str| DateTime::<FixedOffset>::parse_from_rfc3339(text).unwrap();
        let begins = days(
            &local("2026-02-27T10:30:00+02:00"),
            &local("2026-03-01T09:00:00+02:00"),
        );
        let told: Vec<String> = begins.iter().map(DateTime::to_rfc3339).collect();
        assert_eq!(
            told,
            [
                "2026-02-27T08:30:00+00:00",
                "2026-02-27T22:00:00+00:00",
                "2026-02-28T22:00:00+00:00"
            ]
        );
    }

    #[test]
    fn a_span_within_one_day_is_one_day() {
        let noon = |hour| Utc.with_ymd_and_hms(2026, 3, 1, hour, 0, 0).unwrap();
        assert_eq!(days(&noon(12), &noon(13)), [noon(12)]);
    }
}
