//! Runs one program of Postfix. The only place that starts programs; it never uses a shell.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::sys::memfd::{MFdFlags, memfd_create};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    process::Child,
    time::timeout,
};

use super::error::PostfixError;

/// How far a program may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How long it may run.
    pub deadline: Duration,
    /// How many bytes of each of its outputs are kept; the rest is thrown away.
    pub output_bytes: usize,
}

/// What a program left behind.
#[derive(Debug)]
pub(super) struct Output {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Output {
    /// The first line that the program complained in, for an error message.
    pub fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        let line = text.lines().find(|line| !line.trim().is_empty());
        line.unwrap_or("it said nothing")
            .chars()
            .take(300)
            .collect()
    }
}

/// Runs a program in an empty environment, with `input` on its standard input.
///
/// At the deadline the program is killed. Behind `sudo` it cannot be killed by us; it then ends by
/// itself when its input closes, and may have done its work.
pub(super) async fn run(
    program: &Path,
    arguments: &[&OsStr],
    input: &[u8],
    bounds: Bounds,
) -> Result<Output, PostfixError> {
    let unstarted = |cause| PostfixError::Start {
        program: program.to_owned(),
        cause,
    };
    let (stdout, stderr) = (paper().map_err(unstarted)?, paper().map_err(unstarted)?);
    let mut child = start(program, arguments, &stdout, &stderr).map_err(unstarted)?;
    let told = async {
        Ok(Output {
            status: converse(&mut child, input).await?,
            stdout: read_some(stdout, bounds.output_bytes)?,
            stderr: read_some(stderr, bounds.output_bytes)?,
        })
    };
    match timeout(bounds.deadline, told).await {
        Ok(Ok(output)) => Ok(output),
        Ok(Err(cause)) => Err(PostfixError::Talk {
            program: program.to_owned(),
            cause,
        }),
        Err(_) => Err(PostfixError::Overdue {
            program: program.to_owned(),
            deadline: bounds.deadline,
        }),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
fn start(program: &Path, arguments: &[&OsStr], stdout: &File, stderr: &File) -> io::Result<Child> {
    if !program.is_absolute() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .kill_on_drop(true)
        .spawn()
}

/// What a program writes its output to: a file in memory, not a pipe. When we die, a pipe has no
/// reader, and `postsuper` would be killed by `SIGPIPE` between what it did to a message and its line
/// in Postfix's log, which is all that tells the next worker who did it.
fn paper() -> io::Result<File> {
    Ok(memfd_create(c"output", MFdFlags::MFD_CLOEXEC)?.into())
}

async fn converse(child: &mut Child, input: &[u8]) -> io::Result<ExitStatus> {
    write_all(child.stdin.take(), input).await?;
    child.wait().await
}

async fn write_all(pipe: Option<impl AsyncWrite + Unpin>, input: &[u8]) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    match pipe.write_all(input).await {
        // It did not want to hear all of it; what it says and its status tell why.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn read_some(mut paper: File, limit: usize) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    paper.rewind()?;
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    paper.take(limit).read_to_end(&mut kept)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        deadline: Duration::from_secs(20),
        output_bytes: 4 * 1_024 * 1_024,
    };

    async fn run_here(
        program: &str,
        arguments: &[&str],
        input: &[u8],
        bounds: Bounds,
    ) -> Result<Output, PostfixError> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        run(Path::new(program), &arguments, input, bounds).await
    }

    #[tokio::test]
    async fn a_large_batch_does_not_block_on_a_talkative_program() {
        let batch = b"4jWkMG56f7z1j\n".repeat(100_000);
        let output = run_here("/bin/cat", &[], &batch, BOUNDS).await.unwrap();
        assert!(output.status.success());
        assert!(output.stdout == batch, "all of it comes back");
    }

    #[tokio::test]
    async fn a_program_that_does_not_listen_is_no_failure() {
        let batch = vec![b'x'; 1_024 * 1_024];
        let output = run_here("/bin/true", &[], &batch, BOUNDS).await.unwrap();
        assert!(output.status.success());
    }

    #[tokio::test]
    async fn output_beyond_the_limit_is_thrown_away() {
        let bounds = Bounds {
            output_bytes: 10_000,
            ..BOUNDS
        };
        let batch = vec![b'x'; 1_024 * 1_024];
        let output = run_here("/bin/cat", &[], &batch, bounds).await.unwrap();
        assert_eq!(output.stdout.len(), 10_000);
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_overdue() {
        let bounds = Bounds {
            deadline: Duration::from_millis(50),
            ..BOUNDS
        };
        let fault = run_here("/bin/sleep", &["60"], b"", bounds).await;
        assert!(matches!(fault, Err(PostfixError::Overdue { .. })));
    }

    #[tokio::test]
    async fn the_environment_is_empty() {
        let output = run_here("/usr/bin/env", &[], b"", BOUNDS).await.unwrap();
        assert_eq!(output.stdout, b"");
    }

    #[tokio::test]
    async fn only_absolute_paths_are_started() {
        let fault = run_here("true", &[], b"", BOUNDS).await;
        assert!(matches!(fault, Err(PostfixError::Start { .. })));
    }
}
