//! Reads the end of systemd's journal. Knows nothing of what stands in it.

use std::{ffi::OsStr, path::Path};

use chrono::{DateTime, Utc};

use super::{
    Settings,
    command::{self, Bounds},
    error::PostfixError,
    log_file::{TAIL_BYTES, Tail},
};

/// Lines read at most; those of a few programs of one instance.
const LINES: &str = "--lines=50000";

/// How much of the output is kept at most: that many lines, if they are not long.
const BYTES: usize = 2 * TAIL_BYTES;

const JOURNALCTL: &str = "/usr/bin/journalctl";

/// Reads what these programs logged since then.
pub(super) async fn read(
    settings: &Settings,
    programs: &[String],
    since: DateTime<Utc>,
) -> Result<Tail, PostfixError> {
    let program = Path::new(JOURNALCTL);
    // The journal's stamps are ours, but the two clocks were not read at once.
    let since = format!("--since=@{}", since.timestamp() - 1);
    let mut arguments: Vec<String> = ["--quiet", "--no-pager", "--output=short-iso", LINES, &since]
        .map(str::to_owned)
        .into();
    let names = programs.iter().map(|name| format!("--identifier={name}"));
    arguments.extend(names);
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    let bounds = Bounds {
        deadline: settings.command_timeout,
        output_bytes: BYTES,
    };
    let output = command::run(program, &arguments, b"", bounds).await?;
    if output.status.success() {
        let text = output.stdout;
        // Of these lines the newest are left out where there is no room for all.
        let is_cut = text.len() >= BYTES;
        return Ok(Tail {
            unbroken_from: if is_cut { text.len() } else { 0 },
            text,
        });
    }
    Err(PostfixError::Refused {
        program: program.to_owned(),
        status: output.status.to_string(),
        said: output.complaint(),
    })
}
