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
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
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
    let (stdout, stderr) = (Stdio::piped(), Stdio::piped());
    let mut child =
        start(program, arguments, stdout, stderr).map_err(|cause| unstarted(program, cause))?;
    in_time(program, bounds, converse(&mut child, input, bounds)).await
}

/// The same for a program that must come to its end even if we die meanwhile, and says little: its
/// output goes to a file in memory. A pipe would have no reader then, and `postsuper` would be killed
/// by `SIGPIPE` between what it did to a message and its line in Postfix's log, which is all that tells
/// the next worker who did it.
pub(super) async fn run_to_its_end(
    program: &Path,
    arguments: &[&OsStr],
    input: &[u8],
    bounds: Bounds,
) -> Result<Output, PostfixError> {
    let unstarted = |cause| unstarted(program, cause);
    let (stdout, stderr) = (paper().map_err(unstarted)?, paper().map_err(unstarted)?);
    let theirs = |ours: &File| ours.try_clone().map(Stdio::from).map_err(unstarted);
    let (their_stdout, their_stderr) = (theirs(&stdout)?, theirs(&stderr)?);
    let mut child = start(program, arguments, their_stdout, their_stderr).map_err(unstarted)?;
    let told = async {
        write_all(child.stdin.take(), input).await?;
        Ok(Output {
            status: child.wait().await?,
            stdout: read_back(stdout, bounds.output_bytes)?,
            stderr: read_back(stderr, bounds.output_bytes)?,
        })
    };
    in_time(program, bounds, told).await
}

async fn in_time(
    program: &Path,
    bounds: Bounds,
    told: impl Future<Output = io::Result<Output>>,
) -> Result<Output, PostfixError> {
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

fn unstarted(program: &Path, cause: io::Error) -> PostfixError {
    PostfixError::Start {
        program: program.to_owned(),
        cause,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that starts programs"
)]
fn start(program: &Path, arguments: &[&OsStr], stdout: Stdio, stderr: Stdio) -> io::Result<Child> {
    if !program.is_absolute() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(stderr)
        .kill_on_drop(true)
        .spawn()
}

/// Writes and reads at once: a program that answers while it is still asked never blocks on us.
async fn converse(child: &mut Child, input: &[u8], bounds: Bounds) -> io::Result<Output> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (_, stdout, stderr) = tokio::try_join!(
        write_all(stdin, input),
        read_some(stdout, bounds.output_bytes),
        read_some(stderr, bounds.output_bytes),
    )?;
    Ok(Output {
        status: child.wait().await?,
        stdout,
        stderr,
    })
}

async fn write_all(pipe: Option<impl AsyncWrite + Unpin>, input: &[u8]) -> io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    match pipe.write_all(input).await {
        // It did not want to hear all of it; what it says and its status tell why.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn read_some(pipe: Option<impl AsyncRead + Unpin>, limit: usize) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else {
        return Ok(kept);
    };
    let mut chunk = vec![0; 8 * 1_024];
    loop {
        let n_read = pipe.read(&mut chunk).await?;
        if n_read == 0 {
            return Ok(kept);
        }
        let room = limit.saturating_sub(kept.len()).min(n_read);
        kept.extend_from_slice(chunk.get(..room).unwrap_or_default());
    }
}

fn paper() -> io::Result<File> {
    Ok(memfd_create(c"output", MFdFlags::MFD_CLOEXEC)?.into())
}

fn read_back(mut paper: File, limit: usize) -> io::Result<Vec<u8>> {
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
    async fn what_a_program_said_that_came_to_its_end_is_read_back() {
        let arguments = ["-c", "cat; echo no >&2"].map(OsStr::new);
        let output = run_to_its_end(Path::new("/bin/sh"), &arguments, b"yes", BOUNDS).await;
        let output = output.unwrap();
        assert_eq!(
            (&output.stdout[..], &output.stderr[..]),
            (&b"yes"[..], &b"no\n"[..])
        );
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
