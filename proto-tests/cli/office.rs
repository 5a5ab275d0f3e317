//! A database with messages as the milter and the worker put them there, and the command line on it.
//! No worker runs: what is decided here stays decided.

use std::{
    path::PathBuf,
    process::Output,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use mailhold::{
    domain::{
        capture::{Capture, Client},
        capture_id::CaptureId,
        envelope::{Envelope, Path},
        verdict::{Grounds, Matched},
    },
    mail::{digest::ContentHasher, header},
    store::{
        Role, Settings as StoreSettings, Store,
        captures::{HeaderFields, Record},
    },
};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::lab::{
    Lab, Tools,
    desk::REVIEWERS,
    postgres::Database,
    program::{Program, text},
    role,
    settings::Settings,
};

/// The instance of all messages here.
pub const INSTANCE: &str = "mx1";

/// The tests that do not mind each other's messages share one.
static SHARED: OnceCell<Office> = OnceCell::const_new();

/// A database, the settings for it, and the stores of the two processes.
pub struct Office {
    /// Its database.
    pub database: Database,
    /// What the command line runs with.
    pub settings: Settings,
    settings_file: PathBuf,
    milter: Store,
    worker: Store,
    tools: Tools,
}

/// A message that is captured.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The argument of `MAIL`.
    pub sender: String,
    /// The arguments of `RCPT`.
    pub recipients: Vec<String>,
    /// Header and body with CRLF.
    pub content: Vec<u8>,
    /// When the milter saw its end.
    pub captured_at: DateTime<Utc>,
}

impl Mail {
    /// A small one with this subject.
    pub fn about(subject: &str) -> Self {
        let content = format!(
            "From: Anna <anna@corp.test>\r\nTo: bob@elsewhere.test\r\nSubject: {subject}\r\n\r\n\
             Good day,\r\n"
        );
        Self {
            sender: "<anna@corp.test>".to_owned(),
            recipients: vec!["<bob@elsewhere.test>".to_owned()],
            content: content.into_bytes(),
            captured_at: Utc::now(),
        }
    }

    /// The same with a body.
    pub fn with_body(mut self, body: &[u8]) -> Self {
        let end = self.content.windows(4).position(|end| end == b"\r\n\r\n");
        self.content.truncate(end.unwrap() + 4);
        self.content.extend_from_slice(body);
        self
    }
}

impl Office {
    /// The shared one.
    pub async fn shared(lab: &Lab) -> &'static Self {
        SHARED.get_or_init(|| Self::start(lab)).await
    }

    /// One with a database of its own.
    pub async fn start(lab: &Lab) -> Self {
        let database = lab.postgres.database().await;
        let mut settings = lab.tools.settings(&database);
        settings.set("reviews.reviewers", REVIEWERS.map(str::to_owned).to_vec());
        let file = format!("{}-office.toml", database.name);
        let settings_file = settings.write(&lab.tools.place, &file);
        let store = |login: &str, role| {
            let settings = StoreSettings {
                url: database.url(login),
                password: Some(database.login(login).password.clone().into()),
                max_connections: 2,
            };
            Store::connect_lazy(&settings, role).unwrap()
        };
        Self {
            milter: store("mailhold_milter", Role::Milter),
            worker: store("mailhold_worker", Role::Worker),
            database,
            settings,
            settings_file,
            tools: lab.tools.clone(),
        }
    }

    /// Records messages that the worker has not seen yet.
    pub async fn captured_all(&self, mails: &[Mail]) -> Vec<Capture> {
        let mut records: Vec<_> = mails.iter().map(record).collect();
        let captures = records.iter().map(|record| record.capture.clone());
        let captures = captures.collect();
        self.milter.record(&mut records).await.unwrap();
        captures
    }

    /// Records messages that wait for a decision.
    pub async fn held_all(&self, mails: &[Mail]) -> Vec<Capture> {
        let captures = self.captured_all(mails).await;
        let ids: Vec<_> = captures.iter().map(|capture| capture.id).collect();
        assert_eq!(self.worker.confirm(&ids).await.unwrap().len(), ids.len());
        captures
    }

    /// Records one message that the worker has not seen yet.
    pub async fn captured(&self, mail: Mail) -> Capture {
        self.captured_all(&[mail]).await.remove(0)
    }

    /// Records one message that waits for a decision.
    pub async fn held(&self, mail: Mail) -> Capture {
        self.held_all(&[mail]).await.remove(0)
    }

    /// Records that the worker doubts a queue file.
    pub async fn doubt(&self, capture: &Capture, reason: &str) {
        assert!(self.worker.doubt(capture.id, reason).await.unwrap());
    }

    /// `mailhold` with these settings, still without a command.
    pub fn mailhold(&self) -> Program {
        let config = [PathBuf::from("--config"), self.settings_file.clone()];
        self.tools.mailhold("mailhold").arguments(config)
    }

    /// `mailhold reviews …`
    pub async fn reviews(&self, arguments: &[&str]) -> Output {
        let program = self.mailhold().arguments(["reviews"]);
        program.arguments(arguments).output(b"").await
    }

    /// What a shell makes of a command line in which `$reviews` is `mailhold reviews`.
    pub async fn shell(&self, line: &str) -> Output {
        let mailhold = self.tools.mailhold_path().display();
        let config = self.settings_file.display();
        let line = format!("reviews='{mailhold} --config {config} reviews'\n{line}");
        let bash = Program::new("bash", "/bin/bash").arguments(["-c", &line]);
        bash.output(b"").await
    }

    /// A message as `show --json` tells it.
    pub async fn shown(&self, capture: &Capture) -> Value {
        let output = self
            .reviews(&["show", &capture.id.to_string(), "--json"])
            .await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        lines(&output).remove(0)
    }
}

/// What was printed, one JSON value a line.
pub fn lines(output: &Output) -> Vec<Value> {
    let out = text(&output.stdout);
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    out.lines().map(parse).collect()
}

/// Another settings file for the same command line.
pub fn program(lab: &Lab, name: &str, settings: &Settings, arguments: &[&str]) -> Program {
    let file = settings.write(&lab.tools.place, &format!("{name}.toml"));
    let (command, more) = arguments.split_first().unwrap();
    role::program(lab.tools.mailhold(name), &file, command).arguments(more)
}

fn record(mail: &Mail) -> Record<Bytes> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut hasher = ContentHasher::new();
    hasher.update(&mail.content);
    let fields = header::fields(&mail.content);
    let path = |argument: &String| Path {
        argument: argument.as_bytes().to_vec(),
        parameters: Vec::new(),
        rewritten: None,
    };
    Record {
        capture: Capture {
            id: CaptureId::new(uuid::Uuid::now_v7()),
            instance: INSTANCE.parse().unwrap(),
            queue_id: format!("4kWkMG56f7z{number:06}").parse().unwrap(),
            captured_at: mail.captured_at,
            envelope: Envelope {
                sender: path(&mail.sender),
                recipients: mail.recipients.iter().map(path).collect(),
            },
            client: Client {
                login: Some(b"anna".to_vec()),
                address: Some([192, 0, 2, 7].into()),
                name: Some(b"pc.corp.test".to_vec()),
                daemon: None,
            },
            grounds: Grounds {
                rule: "flagged-external".to_owned(),
                matched: Matched {
                    identity_kind: "login".to_owned(),
                    identity: "anna".to_owned(),
                    entry: "uid=anna,ou=people,dc=corp,dc=test".to_owned(),
                    flag: "IsMailMonitor=Y".to_owned(),
                    recipient: "bob@elsewhere.test".to_owned(),
                },
            },
            size_bytes: mail.content.len() as u64,
            digest: hasher.finish(),
        },
        header: HeaderFields {
            subject: fields.subject,
            from: fields.from,
            to: fields.to,
            date: fields.date,
            message_id: fields.message_id,
        },
        content: Bytes::from(mail.content.clone()),
    }
}
