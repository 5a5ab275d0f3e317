//! The program that steers Chromium, and what of it no client library knows: logs and DevTools.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::lab::{
    Tools, child::Child, eventually::eventually, ports::free_address, program::Program,
};

const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const BOUND: Duration = Duration::from_secs(30);

/// A running driver; with it ends the browser that it started.
pub struct Driver {
    /// The session that commands are for.
    pub session: String,
    address: SocketAddr,
    child: Child,
}

impl Driver {
    /// Starts one with a home of its own.
    pub async fn start(tools: &Tools, name: &str, home: &Path) -> Self {
        let address = free_address();
        let program = Program::new(name, CHROMEDRIVER)
            .variable("HOME", home)
            .variable("TMPDIR", home)
            .arguments([format!("--port={}", address.port())])
            .arguments(["--log-level=WARNING"]);
        let child = tools.starter.start(&program);
        eventually("chromedriver listens", BOUND, async || {
            child.must_run();
            TcpStream::connect(address).await.map(drop)
        })
        .await;
        Self {
            session: String::new(),
            address,
            child,
        }
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The entries of a log since the last look.
    pub async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("se/log", &json!({ "type": kind })).await;
        entries.as_array().unwrap().clone()
    }

    /// Gives a command to the session.
    ///
    /// # Panics
    /// With the driver's answer when it refuses.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let asked = timeout(BOUND, self.exchange(path, &body));
        let answer = asked.await.expect("chromedriver answers in time");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{path}: {value}");
        value
    }

    async fn exchange(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "POST /session/{}/{path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.session,
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            if let Some(body) = whole_body(&answer) {
                return String::from_utf8(body.to_vec()).unwrap();
            }
            let n_read = stream.read_buf(&mut answer).await.unwrap();
            assert!(n_read > 0, "chromedriver closed the connection: {path}");
        }
    }

    /// Ends it.
    pub fn end(&self) {
        self.child.end();
    }
}

/// The body of an answer, once all of it is there.
fn whole_body(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length?.trim().parse().ok()?;
    answer[end + 4..].get(..length)
}
