//! Databases with the schema, and captures to put into them.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use mailhold::{
    domain::{
        audit::{AuditKind, AuditVia, Event},
        capture::{Capture, Client, ContentDigest},
        capture_id::CaptureId,
        decision::Decision,
        envelope::{Envelope, Path},
        instance::Instance,
        queue_id::QueueId,
        verdict::{Grounds, Matched},
    },
    store::{
        Role, Settings, Store, StoreError,
        audit::AuditKey,
        captures::{HeaderFields, Record},
        decisions::{Answer, Ballot, Via},
        schema::{self, Login, LoginRole},
        work::Claimed,
    },
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use crate::lab::{Lab, postgres::OWNER};

pub const BOUND: Duration = Duration::from_secs(10);
pub const LONG_LEASE: Duration = Duration::from_secs(600);
pub const MAIL: &[u8] = b"Subject: a\r\n\r\nHello\r\n";

/// A database, and an instance that no other test uses. Most tests share one database: a cluster
/// with one for each takes long to start again.
pub struct Fixture<'a> {
    pub lab: &'a Lab,
    pub database: String,
    pub instance: Instance,
    milter: OnceLock<Store>,
    worker: OnceLock<Store>,
    reviews: OnceLock<Store>,
    web: OnceLock<Store>,
}

impl<'a> Fixture<'a> {
    /// The database that tests share, with schema and logins.
    pub async fn shared(lab: &'a Lab) -> Self {
        static SHARED: OnceCell<String> = OnceCell::const_new();
        let make = async || Self::own(lab).await.database;
        Self::of(lab, SHARED.get_or_init(make).await.clone())
    }

    /// A database of its own, with schema and logins, made as `mailhold migrate` does it.
    pub async fn own(lab: &'a Lab) -> Self {
        // They belong to the whole cluster, and their passwords cost time.
        static LOGINS: OnceCell<()> = OnceCell::const_new();
        let fixture = Self::empty(lab).await;
        let owner = fixture.settings(OWNER);
        let create = async || {
            schema::create_roles(&owner, &fixture.logins())
                .await
                .unwrap()
        };
        LOGINS.get_or_init(create).await;
        schema::migrate(&owner).await.unwrap();
        fixture
    }

    /// A database of its own without any table.
    pub async fn empty(lab: &'a Lab) -> Self {
        Self::of(lab, lab.postgres.empty_database().await)
    }

    fn of(lab: &'a Lab, database: String) -> Self {
        Self {
            lab,
            database,
            instance: instance(),
            milter: OnceLock::new(),
            worker: OnceLock::new(),
            reviews: OnceLock::new(),
            web: OnceLock::new(),
        }
    }

    /// A small message to one recipient.
    pub fn capture(&self) -> Capture {
        Capture {
            id: CaptureId::new(uuid::Uuid::now_v7()),
            instance: self.instance.clone(),
            queue_id: queue_id(),
            captured_at: now(),
            envelope: Envelope {
                sender: path("<anna@corp.test>"),
                recipients: vec![path("<bob@elsewhere.test>")],
            },
            client: Client::default(),
            grounds: Grounds {
                rule: "flagged-external".to_owned(),
                matched: Matched::default(),
            },
            size_bytes: u64::try_from(MAIL.len()).unwrap(),
            digest: ContentDigest([7; 32]),
        }
    }

    /// How many rows a table has of this instance's captures.
    pub async fn count(&self, table: &str) -> usize {
        let sql = format!(
            "select count(*) from {table} join capture c using (capture_id) where c.instance = '{}'",
            self.instance
        );
        let table_is_capture = format!(
            "select count(*) from capture where instance = '{}'",
            self.instance
        );
        let sql = if table == "capture" {
            table_is_capture
        } else {
            sql
        };
        self.execute(&sql).await.parse().unwrap()
    }

    /// The fixed logins with the passwords that the lab made for them.
    pub fn logins(&self) -> Vec<Login> {
        let login = |role: LoginRole| {
            let password = self.lab.postgres.login(role.as_str()).password.clone();
            Login {
                role,
                password: Some(password.into()),
            }
        };
        LoginRole::ALL.map(login).to_vec()
    }

    pub fn settings(&self, login: &str) -> Settings {
        Settings {
            url: format!(
                "postgres://{login}@127.0.0.1:{}/{}",
                self.lab.postgres.port, self.database
            ),
            password: Some(self.lab.postgres.login(login).password.clone().into()),
            max_connections: 4,
        }
    }

    pub fn milter(&self) -> Store {
        self.milter
            .get_or_init(|| self.fresh("mailhold_milter", Role::Milter))
            .clone()
    }

    pub fn worker(&self) -> Store {
        self.worker
            .get_or_init(|| self.fresh("mailhold_worker", Role::Worker))
            .clone()
    }

    pub fn reviews(&self) -> Store {
        self.reviews
            .get_or_init(|| self.fresh("mailhold_reviews", Role::Reviews))
            .clone()
    }

    pub fn web(&self) -> Store {
        self.web
            .get_or_init(|| self.fresh("mailhold_web", Role::Web))
            .clone()
    }

    /// A store with connections of its own.
    pub fn fresh(&self, login: &str, role: Role) -> Store {
        Store::connect_lazy(&self.settings(login), role).unwrap()
    }

    /// Runs a statement as the superuser and gives what it prints.
    pub async fn execute(&self, sql: &str) -> String {
        self.lab.postgres.execute(&self.database, sql).await
    }

    /// Stops the cluster at once, but so that its start need not replay the databases of all tests
    /// before: on a busy disk that takes half a minute.
    pub async fn stop_postgres(&self) {
        self.execute("checkpoint").await;
        self.lab.postgres.stop();
    }

    /// A plain connection with the rights of one login.
    pub async fn sign_in(&self, login: &str) -> Session {
        let settings = self.settings(login);
        let options: sqlx::postgres::PgConnectOptions = settings.url.parse().unwrap();
        let options = options.password(&self.lab.postgres.login(login).password);
        Session(PgConnection::connect_with(&options).await.unwrap())
    }

    /// Records one message and gives its facts.
    pub async fn captured(&self) -> Capture {
        let capture = self.capture();
        self.milter()
            .record(&mut [record(&capture, MAIL)])
            .await
            .unwrap();
        capture
    }

    /// Records a message and confirms it.
    pub async fn held(&self) -> Capture {
        let capture = self.captured().await;
        let confirmed = self.worker().confirm(&[capture.id]).await.unwrap();
        assert_eq!(confirmed, [capture.id]);
        capture
    }

    /// Records, confirms and decides.
    pub async fn decided(&self, decision: Decision) -> Capture {
        let capture = self.held().await;
        let answer = self
            .reviews()
            .decide(&ballot(&capture, decision))
            .await
            .unwrap();
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
        capture
    }

    /// What a worker can claim now, for a long time.
    pub async fn claim(&self, worker: &str) -> Vec<Claimed> {
        self.worker()
            .claim(&self.instance, worker, LONG_LEASE, 100)
            .await
            .unwrap()
    }

    /// Where a message stands, as its word.
    pub async fn state(&self, capture: &Capture) -> String {
        let review = self.reviews().show(capture.id).await.unwrap().unwrap();
        review.state.to_string()
    }
}

/// Decisions as people make them, for tests of something else than the record.
pub trait Deciding {
    /// Decides, and records what any reviewer would.
    fn decide(&self, ballot: &Ballot) -> impl Future<Output = Result<Answer, StoreError>> + Send;
}

impl Deciding for Store {
    async fn decide(&self, ballot: &Ballot) -> Result<Answer, StoreError> {
        let event = decided(ballot);
        self.decide_on_record(ballot, &audit_key(), &event).await
    }
}

/// The key of all records that are made through a [`Fixture`].
pub fn audit_key() -> AuditKey {
    AuditKey::new("a key of the tests, long enough.".to_owned().into()).unwrap()
}

/// What goes on record of a decision.
pub fn decided(ballot: &Ballot) -> Event {
    Event {
        actor: ballot.reviewer.clone(),
        os_user: ballot.os_user.clone(),
        via: AuditVia::Cli,
        kind: AuditKind::Decided,
        capture_id: Some(ballot.capture_id),
        client: None,
        detail: ballot.decision.to_string(),
    }
}

/// A signed-in login.
pub struct Session(PgConnection);

impl Session {
    /// For what takes a connection of its caller.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.0
    }

    /// Runs a statement and gives the SQLSTATE and the violated constraint of its refusal.
    pub async fn refusal(&mut self, sql: &str) -> (String, Option<String>) {
        let answer = self.0.execute(AssertSqlSafe(sql.to_owned())).await;
        let error = answer.expect_err(sql);
        let refusal = error
            .as_database_error()
            .unwrap_or_else(|| panic!("{sql}: {error}"));
        let code = refusal.code().unwrap().into_owned();
        (code, refusal.constraint().map(str::to_owned))
    }

    /// Runs a statement that must succeed and gives the number of rows.
    pub async fn run(&mut self, sql: &str) -> u64 {
        let answer = self.0.execute(AssertSqlSafe(sql.to_owned())).await;
        answer
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .rows_affected()
    }
}

/// An instance that no other test uses.
pub fn instance() -> Instance {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mx{number}").parse().unwrap()
}

/// A long queue ID that no other test uses.
pub fn queue_id() -> QueueId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("4jWkMG56f7z{number:06}").parse().unwrap()
}

/// The time as PostgreSQL keeps it, in microseconds.
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

pub fn path(argument: &str) -> Path {
    Path {
        argument: argument.as_bytes().to_vec(),
        parameters: Vec::new(),
        rewritten: None,
    }
}

pub fn record(capture: &Capture, content: &'static [u8]) -> Record<Bytes> {
    Record {
        capture: capture.clone(),
        header: HeaderFields::default(),
        content: Bytes::from_static(content),
    }
}

pub fn ballot(capture: &Capture, decision: Decision) -> Ballot {
    Ballot {
        capture_id: capture.id,
        decision,
        reviewer: "carla".to_owned(),
        os_user: Some("carla".to_owned()),
        via: Via::Cli,
        note: None,
    }
}
