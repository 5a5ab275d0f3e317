//! Something that speaks LDAP as a test wants it: answers that no slapd gives.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// The code of a server that has too much to do (RFC 4511, section 4.1.9).
pub const BUSY: u8 = 51;

const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const COMPARE: u8 = 0x6e;
const ENTRY: u8 = 0x64;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OCTETS: u8 = 0x04;

/// What a client asks.
pub struct Request {
    id: Vec<u8>,
    operation: u8,
    bytes: Vec<u8>,
}

/// What it gets.
pub struct Answer {
    bytes: Vec<u8>,
    is_last: bool,
}

impl Request {
    /// Whether it is a bind.
    pub fn is_bind(&self) -> bool {
        self.operation == BIND
    }

    /// Whether it asks for the server's schema.
    pub fn is_about_schema(&self) -> bool {
        let wanted = b"subschemaSubentry";
        self.bytes
            .windows(wanted.len())
            .any(|window| window == wanted)
    }

    /// A message in answer to it.
    pub fn message(&self, operation: &[u8]) -> Vec<u8> {
        tagged(SEQUENCE, &[&tagged(0x02, &self.id), operation].concat())
    }

    fn done(&self, code: u8) -> Vec<u8> {
        let operation = match self.operation {
            SEARCH => 0x65,
            request => request + 1,
        };
        let result = [&[0x0a, 1, code][..], &[OCTETS, 0, OCTETS, 0]].concat();
        self.message(&tagged(operation, &result))
    }
}

impl Answer {
    /// These entries, and that it was all.
    pub fn whole(request: &Request, entries: &[Vec<u8>]) -> Self {
        let entries = entries.iter().flat_map(|entry| request.message(entry));
        let code = if request.operation == COMPARE { 5 } else { 0 };
        Self {
            bytes: entries.chain(request.done(code)).collect(),
            is_last: false,
        }
    }

    /// No entry, and this code.
    pub fn code(request: &Request, code: u8) -> Self {
        Self {
            bytes: request.done(code),
            is_last: false,
        }
    }

    /// One operation, and the connection is cut.
    pub fn half(request: &Request, operation: &[u8]) -> Self {
        Self {
            bytes: request.message(operation),
            is_last: true,
        }
    }

    /// The operation before the answer itself.
    pub fn after(mut self, request: &Request, operation: &[u8]) -> Self {
        self.bytes = [request.message(operation), self.bytes].concat();
        self
    }
}

/// Starts one on a port of its own; it ends with the test program.
pub async fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let answer = std::sync::Arc::new(answer);
        while let Ok((stream, _)) = listener.accept().await {
            let answer = std::sync::Arc::clone(&answer);
            tokio::spawn(async move { serve(stream, &*answer).await });
        }
    });
    address
}

async fn serve(mut stream: TcpStream, answer: &(impl Fn(&Request) -> Answer + ?Sized)) {
    while let Some(request) = read(&mut stream).await {
        let answer = answer(&request);
        if stream.write_all(&answer.bytes).await.is_err() || answer.is_last {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.ok()?;
    let length = match head[1] {
        short @ ..0x80 => usize::from(short),
        long => {
            let mut length = vec![0; usize::from(long & 0x7f)];
            stream.read_exact(&mut length).await.ok()?;
            let add = |sum, byte: &u8| sum << 8 | usize::from(*byte);
            length.iter().fold(0, add)
        }
    };
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    let id_end = 2 + usize::from(bytes[1]);
    Some(Request {
        id: bytes[2..id_end].to_vec(),
        operation: bytes[id_end],
        bytes,
    })
}

/// An entry with values of attributes, one each.
pub fn entry(name: &str, values: &[(&str, &[u8])]) -> Vec<u8> {
    let attributes: Vec<u8> = values
        .iter()
        .flat_map(|(attribute, value)| {
            let values = tagged(SET, &tagged(OCTETS, value));
            tagged(
                SEQUENCE,
                &[tagged(OCTETS, attribute.as_bytes()), values].concat(),
            )
        })
        .collect();
    let name = tagged(OCTETS, name.as_bytes());
    tagged(ENTRY, &[name, tagged(SEQUENCE, &attributes)].concat())
}

/// An element of BER (X.690).
pub fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82], &length[..], content].concat()
}
