//! A plain SMTP client. Never encodes or repairs anything: tests send what they mean to send.

use std::{fmt, io, net::SocketAddr, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use mailhold::domain::queue_id::QueueId;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::TcpStream,
    time,
};

use super::program::text;

/// Postfix waits up to a minute for a milter.
const REPLY_BOUND: Duration = Duration::from_secs(90);

/// A reply of the server.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its three digits.
    pub code: u16,
    /// Its lines without the digits.
    pub lines: Vec<String>,
}

impl Reply {
    /// Ends the test unless this is a success (2xx or 354).
    pub fn ok(self) -> Self {
        assert!(self.code < 400, "refused: {self:?}");
        self
    }

    /// All its text.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The queue ID of `250 2.0.0 Ok: queued as 4jWkMG56f7z1j`.
    pub fn queue_id(&self) -> QueueId {
        let (_, id) = self.lines[0]
            .rsplit_once("queued as ")
            .unwrap_or_else(|| panic!("no queue ID in {self:?}"));
        id.parse().unwrap()
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.lines.join(" / "))
    }
}

/// One SMTP session.
pub struct Smtp {
    stream: BufStream<TcpStream>,
}

impl Smtp {
    /// Connects, takes the greeting and says `EHLO`.
    pub async fn connect(server: SocketAddr) -> Self {
        let mut smtp = Self::connect_silently(server).await;
        smtp.reply().await.ok();
        smtp.command("EHLO client.test").await.ok();
        smtp
    }

    /// Connects and does nothing more.
    pub async fn connect_silently(server: SocketAddr) -> Self {
        Self::try_connect(server).await.unwrap()
    }

    /// The same where the server may be away.
    pub async fn try_connect(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufStream::new(stream),
        })
    }

    /// Sends one command line and takes its reply.
    pub async fn command(&mut self, line: impl AsRef<[u8]>) -> Reply {
        self.write(line.as_ref()).await;
        self.write(b"\r\n").await;
        self.reply().await
    }

    /// The same where the server may hang up.
    pub async fn try_command(&mut self, line: impl AsRef<[u8]>) -> io::Result<Reply> {
        self.stream.write_all(line.as_ref()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.try_reply().await
    }

    /// Sends the content with its closing dot, which the server may or may not have got when this
    /// fails.
    pub async fn try_content(&mut self, content: &[u8]) -> io::Result<()> {
        self.stream.write_all(&stuffed(content)).await?;
        self.stream.flush().await
    }

    /// Sends command lines in one piece and then takes all their replies (RFC 2920).
    pub async fn pipeline(&mut self, lines: &[&str]) -> Vec<Reply> {
        for line in lines {
            self.write(line.as_bytes()).await;
            self.write(b"\r\n").await;
        }
        let mut replies = Vec::new();
        for _ in lines {
            replies.push(self.reply().await);
        }
        replies
    }

    /// Names a SASL login for what follows, as a proxy that Postfix trusts does.
    pub async fn log_in_as(&mut self, login: &str) {
        self.command(format!("XCLIENT LOGIN={login}")).await.ok();
        self.command("EHLO client.test").await.ok();
    }

    /// Logs in with a password (AUTH PLAIN, RFC 4616).
    pub async fn authenticate(&mut self, login: &str, password: &str) -> Reply {
        self.try_authenticate(login, password).await.unwrap()
    }

    /// The same where the server may hang up.
    pub async fn try_authenticate(&mut self, login: &str, password: &str) -> io::Result<Reply> {
        let words = BASE64_STANDARD.encode(format!("\0{login}\0{password}"));
        self.try_command(format!("AUTH PLAIN {words}")).await
    }

    /// Names another client address for what follows, e.g. one outside `mynetworks`.
    pub async fn come_from(&mut self, address: &str) {
        self.command(format!("XCLIENT ADDR={address}")).await.ok();
        self.command("EHLO client.test").await.ok();
    }

    /// `MAIL FROM:` with e.g. `<anna@corp.test> BODY=8BITMIME`.
    pub async fn mail(&mut self, argument: &str) -> Reply {
        self.command(format!("MAIL FROM:{argument}")).await
    }

    /// `RCPT TO:` with e.g. `<bob@elsewhere.test> NOTIFY=NEVER`.
    pub async fn rcpt(&mut self, argument: &str) -> Reply {
        self.command(format!("RCPT TO:{argument}")).await
    }

    /// `DATA` and the content; the reply is the one to the content, unless `DATA` was refused.
    pub async fn data(&mut self, content: &[u8]) -> Reply {
        let go_on = self.command("DATA").await;
        if go_on.code != 354 {
            return go_on;
        }
        self.write(&stuffed(content)).await;
        self.reply().await
    }

    /// The content after `DATA`, and hangs up without waiting for the reply to it.
    pub async fn content_and_hang_up(mut self, content: &[u8]) {
        self.write(&stuffed(content)).await;
        self.stream.flush().await.unwrap();
        self.stream.shutdown().await.unwrap();
    }

    /// One whole message in the open session, up to the first refusal.
    pub async fn send(&mut self, sender: &str, recipients: &[&str], content: &[u8]) -> Reply {
        let reply = self.mail(&format!("<{sender}>")).await;
        if reply.code != 250 {
            return reply;
        }
        for recipient in recipients {
            let reply = self.rcpt(&format!("<{recipient}>")).await;
            if reply.code != 250 {
                return reply;
            }
        }
        self.data(content).await
    }

    /// Sends bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Takes one reply, continuation lines included.
    ///
    /// # Panics
    /// When the server hangs up or stays silent.
    pub async fn reply(&mut self) -> Reply {
        let reply = self.try_reply().await;
        reply.unwrap_or_else(|error| panic!("no reply: {error}"))
    }

    /// The same where the server may hang up or stay silent.
    pub async fn try_reply(&mut self) -> io::Result<Reply> {
        self.stream.flush().await?;
        let reply = time::timeout(REPLY_BOUND, self.read_reply()).await;
        reply.unwrap_or_else(|late| Err(late.into()))
    }

    /// Waits for the server to hang up and gives what it said before.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let end = time::timeout(REPLY_BOUND, self.stream.read_to_end(&mut bytes)).await;
        end.expect("the server hangs up in time").ok();
        text(&bytes)
    }

    async fn read_reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            self.stream.read_until(b'\n', &mut line).await?;
            let line = text(&line);
            let Some((code, rest)) = read_line(&line) else {
                let before = format!("the server ends with {line:?}; before: {lines:?}");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, before));
            };
            lines.push(rest.get(1..).unwrap_or_default().trim_end().to_owned());
            if !rest.starts_with('-') {
                return Ok(Reply { code, lines });
            }
        }
    }
}

/// The code and what is behind it; nothing where the line is no whole reply.
fn read_line(line: &str) -> Option<(u16, &str)> {
    let line = line.strip_suffix('\n')?;
    let (code, rest) = line.split_at_checked(3)?;
    Some((code.parse().ok()?, rest))
}

/// Sends one message over a session of its own.
pub async fn send(server: SocketAddr, sender: &str, recipients: &[&str], content: &[u8]) -> Reply {
    let mut smtp = Smtp::connect(server).await;
    let reply = smtp.send(sender, recipients, content).await;
    smtp.command("QUIT").await;
    reply
}

/// A small message with a subject and a body, lines ending in CRLF.
pub fn small_mail(sender: &str, recipient: &str, subject: &str) -> Vec<u8> {
    format!(
        "From: Sender <{sender}>\r\nTo: <{recipient}>\r\nSubject: {subject}\r\n\
         Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <{}@client.test>\r\n\r\n\
         Good day,\r\n.. a line with dots\r\nand the end\r\n",
        subject.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
    )
    .into_bytes()
}

/// A dot before each line that begins with one, and the closing line (RFC 5321, 4.5.2).
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 16);
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}
