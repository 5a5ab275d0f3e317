//! Where log lines go: JSON for the journal, plain text for a terminal.

use std::{
    io::{self, IsTerminal},
    panic,
};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::events;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
    /// Text on a terminal, JSON elsewhere.
    Auto,
}

/// From which level on lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A person must act.
    Error,
    /// Degraded, but no mail at risk.
    Warn,
    /// The events of docs/monitoring.md.
    Info,
    /// Stages of a message, with addresses.
    Debug,
}

/// The `[log]` section.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How lines look.
    pub format: Format,
    /// From which level on.
    pub level: Level,
}

/// Starts logging; only the first call of a process counts.
pub fn start(settings: Settings) {
    let level = match settings.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
    };
    // The libraries' own debug lines would show addresses and statements. ldap3 warns with whole
    // entries, and of nothing that a look-up does not tell.
    let filter = EnvFilter::new(format!("warn,sqlx=off,ldap3=off,mailhold={level}"));
    let json = match settings.format {
        Format::Json => true,
        Format::Text => false,
        Format::Auto => !io::stdout().is_terminal(),
    };
    let lines = tracing_subscriber::registry().with(filter);
    panic::set_hook(Box::new(|panic| {
        // What a panic says may quote what was being read: a header field, an address.
        let place = panic.location().map(ToString::to_string);
        events::panicked(place.as_deref().unwrap_or("an unknown place"));
    }));
    // An error means that a test has started logging already.
    let _started = if json {
        lines
            .with(fmt::layer().json().flatten_event(true).with_target(false))
            .try_init()
    } else {
        lines
            .with(fmt::layer().compact().with_target(false))
            .try_init()
    };
}
