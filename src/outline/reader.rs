//! The child: takes messages apart that its parent hands it, one after the other, until its input
//! ends. Never opens a file or a connection; gives up the right to before it reads the first byte.

use std::io::{self, BufRead, BufReader, BufWriter, Read};

use nix::sys::{
    prctl,
    resource::{Resource, setrlimit},
};

use super::frames::{self, Task};
use crate::mail::{self, Limits};

/// What the child may use.
#[derive(Clone, Copy, Debug)]
pub struct Confinement {
    /// Its address space in bytes.
    pub memory_bytes: u64,
}

/// Gives up what a reader of mail needs not.
fn confine(confinement: Confinement) -> io::Result<()> {
    let limits = [
        (Resource::RLIMIT_AS, confinement.memory_bytes),
        // Its three pipes are open already; not even one of them could be closed for something else.
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_FSIZE, 0),
        // A dump would hold the message.
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, limit) in limits {
        setrlimit(resource, limit, limit)?;
    }
    // Nothing that is started from here could gain rights (prctl(2), PR_SET_NO_NEW_PRIVS).
    prctl::set_no_new_privs()?;
    // Nobody of the same user may look into it.
    prctl::set_dumpable(false)?;
    Ok(())
}

/// Reads messages from standard input and writes their outlines to standard output.
///
/// # Errors
/// The parent is gone, or has broken off in the middle.
pub fn read_for_parent(confinement: Confinement) -> io::Result<()> {
    confine(confinement)?;
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = BufWriter::new(io::stdout().lock());
    loop {
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let task: Task = serde_json::from_slice(&line)?;
        let mut message = Vec::new();
        let n_read = (&mut input)
            .take(task.size_bytes)
            .read_to_end(&mut message)?;
        if u64::try_from(n_read) != Ok(task.size_bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let limits = Limits {
            depth: task.depth,
            parts: task.parts,
            ..Limits::default()
        };
        crate::failpoint::reach!("outline.reading");
        frames::write_answer(&mut output, &mail::outline(&message, &limits))?;
    }
}
