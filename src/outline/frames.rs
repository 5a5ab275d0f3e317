//! What goes between the process and its child, as bytes: a message there, an outline and contents
//! back. Never trusts a length that the other side has written.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::mail::{
    Limits,
    outline::{Content, ContentKind, Outline, Outlined},
};

/// What the child is told before the message.
#[derive(Serialize, Deserialize)]
pub(super) struct Task {
    /// How deep the message is taken apart.
    pub depth: u32,
    /// Into how many parts.
    pub parts: u32,
    /// Length of the message.
    pub size_bytes: u64,
}

impl Task {
    pub(super) fn new(limits: &Limits, size_bytes: u64) -> Self {
        Self {
            depth: limits.depth,
            parts: limits.parts,
            size_bytes,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Outline,
    File,
    Page,
    End,
}

impl Tag {
    const ALL: [(u8, Self); 4] = [
        (b'O', Self::Outline),
        (b'F', Self::File),
        (b'P', Self::Page),
        (b'E', Self::End),
    ];

    fn byte(self) -> u8 {
        let found = Self::ALL.iter().find(|(_, tag)| *tag == self);
        found.map_or(b'E', |(byte, _)| *byte)
    }

    fn of(byte: u8) -> io::Result<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == byte);
        found.map(|(_, tag)| *tag).ok_or_else(|| broken("its tag"))
    }
}

/// Writes a task, or reads one: a line of JSON, for the message follows as it is.
pub(super) fn task_line(task: &Task) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(task)?;
    line.push(b'\n');
    Ok(line)
}

/// Writes an answer.
pub(super) fn write_answer(out: &mut impl Write, outlined: &Outlined) -> io::Result<()> {
    let document = serde_json::to_vec(&outlined.outline)?;
    write_piece(out, Tag::Outline, 0, &document)?;
    for content in &outlined.contents {
        let tag = match content.kind {
            ContentKind::File => Tag::File,
            ContentKind::Page => Tag::Page,
        };
        write_piece(out, tag, content.part, &content.bytes)?;
    }
    write_piece(out, Tag::End, 0, &[])?;
    out.flush()
}

fn write_piece(out: &mut impl Write, tag: Tag, part: u32, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&[tag.byte()])?;
    out.write_all(&part.to_le_bytes())?;
    out.write_all(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes())?;
    out.write_all(bytes)
}

/// Tag, part and length: what stands before each piece of an answer.
const HEAD_BYTES: u64 = 13;

/// Reads an answer that is no longer than `limit_bytes`.
pub(super) async fn read_answer(
    input: &mut (impl AsyncRead + Unpin),
    limit_bytes: u64,
) -> io::Result<Outlined> {
    let mut outline: Option<Outline> = None;
    let mut contents = Vec::new();
    let mut left = limit_bytes;
    loop {
        let (tag, part, size_bytes) = read_head(input).await?;
        // Heads count as well: pieces without content may not be endless.
        left = left
            .checked_sub(size_bytes.saturating_add(HEAD_BYTES))
            .ok_or_else(|| broken("its length"))?;
        let mut bytes = Vec::new();
        let n_read = input.take(size_bytes).read_to_end(&mut bytes).await?;
        if u64::try_from(n_read) != Ok(size_bytes) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let kind = match tag {
            Tag::Outline => {
                outline = Some(serde_json::from_slice(&bytes)?);
                continue;
            }
            Tag::File => ContentKind::File,
            Tag::Page => ContentKind::Page,
            Tag::End => break,
        };
        contents.push(Content { part, kind, bytes });
    }
    let outline = outline.ok_or_else(|| broken("its outline"))?;
    Ok(Outlined { outline, contents })
}

async fn read_head(input: &mut (impl AsyncRead + Unpin)) -> io::Result<(Tag, u32, u64)> {
    let tag = Tag::of(input.read_u8().await?)?;
    Ok((tag, input.read_u32_le().await?, input.read_u64_le().await?))
}

fn broken(what: &str) -> io::Error {
    let text = format!("{what} is not as it must be");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlined() -> Outlined {
        let outline = Outline {
            subject: Some("Grüße".to_owned()),
            ..Outline::default()
        };
        let content = |part, kind, bytes: &[u8]| Content {
            part,
            kind,
            bytes: bytes.to_vec(),
        };
        let contents = vec![
            content(1, ContentKind::Page, b"<p>a</p>"),
            content(2, ContentKind::File, &[0, 255]),
            content(3, ContentKind::File, b""),
        ];
        Outlined { outline, contents }
    }

    fn read(mut bytes: &[u8]) -> io::Result<Outlined> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(read_answer(&mut bytes, 10_000))
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let mut bytes = Vec::new();
        write_answer(&mut bytes, &outlined()).unwrap();
        assert_eq!(read(&bytes).unwrap(), outlined());
    }

    #[test]
    fn an_answer_that_breaks_off_anywhere_is_refused() {
        let mut bytes = Vec::new();
        write_answer(&mut bytes, &outlined()).unwrap();
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn an_answer_of_endless_empty_pieces_is_refused() {
        let mut bytes = Vec::new();
        for _ in 0..1_000 {
            write_piece(&mut bytes, Tag::File, 1, b"").unwrap();
        }
        write_answer(&mut bytes, &outlined()).unwrap();
        let refused = read(&bytes).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_answer_that_is_longer_than_it_may_be_is_refused_before_it_is_read() {
        let mut bytes = Vec::new();
        write_piece(&mut bytes, Tag::File, 1, b"").unwrap();
        bytes.truncate(5);
        bytes.extend(u64::MAX.to_le_bytes());
        assert!(read(&bytes).is_err());
    }
}
