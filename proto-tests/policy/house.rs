//! A house of its own: servers that a test may stop without harm to other tests, and its desk.

use std::{sync::Arc, time::Duration};

use mailhold::domain::queue_id::QueueId;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use toml::{Table, Value};

use crate::lab::{
    Lab, Person,
    desk::{Desk, HOUSE, Servers},
    place::random_text,
    postfix::Postfix,
    postgres::Postgres,
    role::Role,
    settings::Settings,
    sink::Sink,
    slapd::Slapd,
    smtp::{self, Reply, small_mail},
};

/// Long enough for anything that happens at once on a busy machine.
pub const BOUND: Duration = Duration::from_secs(20);

/// A domain outside to which mail is only watched, in the house of [`House::with_database`].
pub const WATCHED: &str = "watched.test";

/// The house whose database may be stopped, by one test at a time.
static WITH_DATABASE: OnceCell<Mutex<House>> = OnceCell::const_new();

/// A Postfix instance and a directory of its own, and a desk between them.
pub struct House {
    /// Its directory.
    pub slapd: Slapd,
    /// Its database cluster: the lab's, unless it is from [`House::with_database`].
    pub postgres: Arc<Postgres>,
    /// Its mail server.
    pub postfix: Postfix,
    /// Its milter and worker.
    pub desk: Desk,
    sink: Sink,
}

impl House {
    /// One called `name`; `adjust` changes the settings before the milter and the worker start.
    pub async fn start(lab: &Lab, name: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::between(lab, name, lab.postgres.clone(), adjust).await
    }

    /// The one with a database cluster of its own, for one test after the other. What flagged people
    /// send to [`WATCHED`] is watched only.
    pub async fn with_database(lab: &Lab) -> MutexGuard<'static, Self> {
        let start = async || {
            let postgres = Postgres::start_as(&lab.tools, "stoppable-postgres").await;
            Mutex::new(Self::between(lab, "stoppable", postgres, watch_one_domain).await)
        };
        WITH_DATABASE.get_or_init(start).await.lock().await
    }

    async fn between(
        lab: &Lab,
        name: &str,
        postgres: Arc<Postgres>,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = format!("{name}-slapd");
        let (slapd, postfix) = tokio::join!(
            Slapd::start_with(&lab.tools, &directory, ""),
            Postfix::start(&lab.tools, name, lab.sink.address),
        );
        let servers = Servers {
            tools: &lab.tools,
            slapd: &slapd,
            postgres: &postgres,
            postfix: &postfix,
        };
        let desk = Desk::start(servers, adjust).await;
        Self {
            slapd,
            postgres,
            postfix,
            desk,
            sink: lab.sink.clone(),
        }
    }

    /// A person of this house.
    pub async fn person(&self, flags: &[&str]) -> Person {
        let login = format!("h{}", &random_text()[..8]);
        let address = format!("{login}@{HOUSE}");
        self.slapd.add_person(&login, &[&address], flags).await;
        Person { login, address }
    }

    /// Sends a mail of its own kind through this house's Postfix.
    pub async fn send(&self, mail: &Mail) -> Reply {
        mail.send(&self.postfix).await
    }

    /// Waits until a mail is at its first recipient's.
    pub async fn delivered(&self, mail: &Mail) {
        self.sink.message_to(&mail.recipients[0], BOUND).await;
    }
}

fn watch_one_domain(settings: &mut Settings) {
    let rule = |words: &[(&str, Value)]| {
        let word = |(key, value): &(&str, Value)| ((*key).to_owned(), value.clone());
        Value::Table(words.iter().map(word).collect::<Table>())
    };
    let rules = vec![
        rule(&[
            ("name", "to-watched".into()),
            ("who", "flagged".into()),
            ("to", "listed".into()),
            ("recipients", vec![format!("@{WATCHED}")].into()),
            ("verdict", "watch".into()),
        ]),
        rule(&[
            ("name", "flagged-external".into()),
            ("who", "flagged".into()),
            ("to", "external".into()),
            ("verdict", "hold".into()),
        ]),
    ];
    settings.set("policy.rule", rules);
}

/// A mail with recipients that no other one has.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The envelope sender.
    pub sender: String,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// Header and body.
    pub content: Vec<u8>,
}

impl Mail {
    /// One to these domains.
    pub fn new(sender: &str, domains: &[&str]) -> Self {
        let recipient = |domain: &&str| format!("r{}@{domain}", &random_text()[..10]);
        let recipients: Vec<String> = domains.iter().map(recipient).collect();
        let content = small_mail(sender, &recipients[0], "policy");
        Self {
            sender: sender.to_owned(),
            recipients,
            content,
        }
    }

    /// Sends it through a Postfix.
    pub async fn send(&self, postfix: &Postfix) -> Reply {
        let recipients: Vec<&str> = self.recipients.iter().map(String::as_str).collect();
        smtp::send(postfix.smtp, &self.sender, &recipients, &self.content).await
    }
}

/// How many events of this name a process has logged about a message.
pub fn n_events(role: &Role, event: &str, id: &QueueId) -> usize {
    let events = role.events();
    let wanted =
        |line: &&serde_json::Value| line["event"] == event && line["queue_id"] == id.as_str();
    events.iter().filter(wanted).count()
}
