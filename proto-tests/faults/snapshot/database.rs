//! What is in the database: read by its superuser, and the contents as a reviewer gets them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use mailhold::{
    domain::capture_id::CaptureId,
    store::{Role, Settings, Store},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    super::{canary::Canary, imprint::Imprint},
    Snapshot,
};
use crate::lab::postgres::Database;

const REVIEWS: &str = "mailhold_reviews";
const CAPTURES: &str = "select capture_id, instance, queue_id, state, sender, size_bytes, \
     encode(digest, 'hex') as digest, captured_at, created_at, \
     (select coalesce(json_agg(r.recipient order by r.ordinal), '[]') \
      from capture_recipient r where r.capture_id = c.capture_id) as recipients \
     from capture c order by capture_id";
const DECISIONS: &str = "select capture_id, decision, reviewer, created_at \
     from decision order by created_at";
const SETTLEMENTS: &str = "select capture_id, disposition, method, new_queue_id, evidence, \
     decision_id is not null as is_decided, created_at from settlement order by created_at";

/// A capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Its ID.
    pub capture_id: String,
    /// The instance.
    pub instance: String,
    /// The queue file's name.
    pub queue_id: String,
    /// The word of its state.
    pub state: String,
    /// The envelope sender, with brackets.
    pub sender: String,
    /// The envelope recipients, with brackets.
    pub recipients: Vec<String>,
    /// The length of the content as the milter counted it.
    pub size_bytes: u64,
    /// The digest of the content as the milter made it.
    pub digest: String,
    /// When the milter had the whole message.
    pub captured_at: DateTime<Utc>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// The content as it is stored.
    #[serde(default)]
    pub imprint: Imprint,
    /// Whose parts are in the content.
    #[serde(default)]
    pub canaries: BTreeSet<Canary>,
}

/// A decision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The capture.
    pub capture_id: String,
    /// Its word.
    pub decision: String,
    /// Who decided.
    pub reviewer: String,
    /// When; before its COMMIT.
    pub created_at: DateTime<Utc>,
}

/// A settlement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    /// The capture.
    pub capture_id: String,
    /// Its word.
    pub disposition: String,
    /// How.
    pub method: String,
    /// The new name of a requeued message.
    pub new_queue_id: Option<String>,
    /// What proves it.
    pub evidence: String,
    /// Whether it carries a decision out.
    pub is_decided: bool,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Any row of any table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The table.
    pub table: String,
    /// The row as JSON.
    pub text: String,
}

/// Reads all tables.
pub async fn read(database: &Database, snapshot: &mut Snapshot) {
    snapshot.captures = rows(database, CAPTURES).await;
    snapshot.decisions = rows(database, DECISIONS).await;
    snapshot.settlements = rows(database, SETTLEMENTS).await;
    let texts = async |sql: &str| -> BTreeSet<String> {
        let out = database.execute(sql).await;
        out.lines().map(str::to_owned).collect()
    };
    snapshot.work = texts("select capture_id from work").await;
    let tables = texts("select tablename from pg_tables where schemaname = 'public'").await;
    if tables.contains("stray") {
        snapshot.strays = texts("select queue_id from stray where ended is null").await;
    }
    for table in tables.iter().filter(|table| *table != "capture_content") {
        let out = database
            .execute(&format!("select to_json(t) from {table} t"))
            .await;
        let row = |line: &str| Row {
            table: table.clone(),
            text: line.to_owned(),
        };
        snapshot.rows.extend(out.lines().map(row));
    }
    read_contents(database, &mut snapshot.captures).await;
}

async fn rows<T: DeserializeOwned>(database: &Database, select: &str) -> Vec<T> {
    let sql = format!("select to_json(t) from ({select}) t");
    let out = database.execute(&sql).await;
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    out.lines().map(parse).collect()
}

async fn read_contents(database: &Database, captures: &mut [Capture]) {
    let settings = Settings {
        url: database.url(REVIEWS),
        password: Some(database.login(REVIEWS).password.clone().into()),
        max_connections: 1,
    };
    let store = Store::connect_lazy(&settings, Role::Reviews).unwrap();
    for capture in captures {
        let id: CaptureId = capture.capture_id.parse().unwrap();
        let (mut content, mut bytes) = (store.content(id), Vec::new());
        while let Some(chunk) = content.next_chunk().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        capture.imprint = Imprint::of(&bytes);
        capture.canaries = Canary::all_in(&bytes);
    }
    store.close().await;
}
