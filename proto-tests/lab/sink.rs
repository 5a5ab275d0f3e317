//! An SMTP server that keeps what it gets. Never sends anything on.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
};

use super::{eventually::eventually, ports::free_address, program::text};

/// A little above what the private Postfix accepts.
const SIZE_LIMIT_BYTES: u64 = 80 * 1_024 * 1_024;

/// A message as it arrived.
#[derive(Debug)]
pub struct Delivered {
    /// The argument of `MAIL`, such as `FROM:<anna@corp.test> SIZE=312`.
    pub mail: String,
    /// The arguments of `RCPT`, those that were taken.
    pub rcpt: Vec<String>,
    /// Header and body with CRLF, dots unstuffed.
    pub content: Vec<u8>,
    /// When its last line arrived.
    pub at: Instant,
}

impl Delivered {
    /// The envelope sender without its brackets; empty for the null sender.
    pub fn sender(&self) -> &str {
        path(&self.mail)
    }

    /// The envelope recipients without their brackets.
    pub fn recipients(&self) -> Vec<&str> {
        self.rcpt.iter().map(|argument| path(argument)).collect()
    }

    /// The content below the trace fields that Postfix puts on top on its way.
    pub fn without_trace(&self) -> &[u8] {
        without_trace(&self.content)
    }

    /// The content as text.
    pub fn text(&self) -> String {
        text(&self.content)
    }
}

/// An SMTP server that keeps what it gets.
#[derive(Clone)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    messages: Vec<Arc<Delivered>>,
    refusals: HashMap<String, String>,
}

impl Sink {
    /// Starts one on the running runtime; it ends with it.
    pub async fn start() -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).await.unwrap();
        let sink = Self {
            address,
            kept: Arc::default(),
        };
        let kept = sink.kept.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        sink
    }

    /// Answers `RCPT` for this address with e.g. `450 4.2.0 not now`, until [`Sink::take`].
    pub fn refuse(&self, recipient: &str, reply: &str) {
        self.kept
            .lock()
            .unwrap()
            .refusals
            .insert(recipient.to_owned(), reply.to_owned());
    }

    /// Takes mail for this address again.
    pub fn take(&self, recipient: &str) {
        self.kept.lock().unwrap().refusals.remove(recipient);
    }

    /// All messages with this recipient so far.
    pub fn messages_to(&self, recipient: &str) -> Vec<Arc<Delivered>> {
        let kept = self.kept.lock().unwrap();
        let with = kept
            .messages
            .iter()
            .filter(|message| message.recipients().contains(&recipient));
        with.cloned().collect()
    }

    /// All messages but the first `n`.
    pub fn messages_after(&self, n: usize) -> Vec<Arc<Delivered>> {
        self.kept
            .lock()
            .unwrap()
            .messages
            .iter()
            .skip(n)
            .cloned()
            .collect()
    }

    /// Waits for the first message with this recipient.
    ///
    /// # Panics
    /// When `bound` has passed; it shows which recipients had mail.
    pub async fn message_to(&self, recipient: &str, bound: Duration) -> Arc<Delivered> {
        let what = format!("a message to {recipient} at the sink");
        eventually(&what, bound, async || {
            let found = self.messages_to(recipient).into_iter().next();
            found.ok_or_else(|| self.recipients())
        })
        .await
    }

    fn recipients(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        let arguments = kept.messages.iter().flat_map(|message| &message.rcpt);
        arguments
            .map(|argument| path(argument).to_owned())
            .collect()
    }
}

/// The content below its leading Received and Return-Path fields.
pub fn without_trace(content: &[u8]) -> &[u8] {
    let mut rest = content;
    let mut in_trace = false;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let line = &rest[..end];
        let folded = line.first().is_some_and(|byte| b" \t".contains(byte));
        in_trace = if folded { in_trace } else { is_trace(line) };
        if !in_trace {
            break;
        }
        rest = &rest[end + 2..];
    }
    rest
}

fn is_trace(line: &[u8]) -> bool {
    [&b"received:"[..], b"return-path:"].iter().any(|name| {
        line.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    })
}

/// The address between the brackets of `FROM:<…> …`; a quoted local part may hold a bracket.
fn path(argument: &str) -> &str {
    let inner = argument.split_once('<').map_or(argument, |(_, rest)| rest);
    let (mut quoted, mut escaped) = (false, false);
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return &inner[..at],
            _ => {}
        }
    }
    inner
}

async fn serve(stream: TcpStream, kept: Arc<Mutex<Kept>>) {
    stream.set_nodelay(true).ok();
    // A client that hangs up is no event for the sink: Postfix does so to save a QUIT.
    converse(&mut BufStream::new(stream), &kept).await.ok();
}

async fn converse(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    kept: &Mutex<Kept>,
) -> io::Result<()> {
    let (mut mail, mut rcpt) = (String::new(), Vec::new());
    say(stream, "220 sink.test ESMTP").await?;
    loop {
        let line = read_line(stream).await?;
        let line = text(&line);
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                       250-DSN\r\n250 ENHANCEDSTATUSCODES"
                .to_owned(),
            "MAIL" => {
                (mail, rcpt) = (argument.to_owned(), Vec::new());
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => {
                let refusal = kept.lock().unwrap().refusals.get(path(argument)).cloned();
                if refusal.is_none() {
                    rcpt.push(argument.to_owned());
                }
                refusal.unwrap_or_else(|| "250 2.1.5 ok".to_owned())
            }
            "DATA" if rcpt.is_empty() => "554 5.5.1 no recipients".to_owned(),
            "DATA" => {
                say(stream, "354 go on").await?;
                let content = read_content(stream).await?;
                let (mail, rcpt) = (mail.clone(), std::mem::take(&mut rcpt));
                let message = Delivered {
                    mail,
                    rcpt,
                    content,
                    at: Instant::now(),
                };
                kept.lock().unwrap().messages.push(Arc::new(message));
                "250 2.0.0 kept".to_owned()
            }
            "QUIT" => {
                return say(stream, "221 2.0.0 bye").await;
            }
            "RSET" | "NOOP" | "HELO" => "250 2.0.0 ok".to_owned(),
            _ => "502 5.5.2 unknown".to_owned(),
        };
        say(stream, &answer).await?;
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), answer: &str) -> io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

/// One line without its CRLF.
async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    stream
        .take(SIZE_LIMIT_BYTES)
        .read_until(b'\n', &mut line)
        .await?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

async fn read_content(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let start = content.len();
        let n = stream.read_until(b'\n', &mut content).await?;
        if n == 0 || content.len() as u64 > SIZE_LIMIT_BYTES {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &content[start..] == b".\r\n" {
            content.truncate(start);
            return Ok(content);
        }
        if content[start] == b'.' {
            content.remove(start);
        }
    }
}
