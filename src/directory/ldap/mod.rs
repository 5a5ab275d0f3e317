//! Looks flags up in LDAP servers. Connections are pooled, aged out and replaced after any fault.

pub(in crate::directory) mod connect;
pub(in crate::directory) mod entry;
mod membership;
mod period;
mod proof;
mod search;
mod servers;
mod settings;
pub(in crate::directory) mod sign_in;
mod survey;
mod sync;
#[cfg(any(test, fuzzing))]
pub(in crate::directory) mod targets;
pub mod tls;
pub mod url;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use futures_util::FutureExt;
use ldap3::Scope;
use tokio::time::Instant;

pub(in crate::directory) use self::sync::{Pulse, Stream};
pub use self::{
    membership::Membership,
    settings::{Bind, Settings, StartTls, Tags},
};
use self::{
    search::{Question, Server, Wanted},
    servers::Servers,
};
use super::{
    Directory, DirectoryError,
    filter::{self, FilterTemplate},
    reading::{self, Answered},
    survey::Survey,
};
use crate::domain::{folding::Folding, identity::Identity, person::Standing};

/// A proof older than this counts no more: groups are renamed, and schemas change. The milter's lookout
/// renews that of the server that it asks, and withdraws it at once.
const PROOF_AGE: Duration = Duration::from_secs(60);

/// The LDAP backend.
pub struct Ldap {
    settings: Settings,
    folding: Folding,
    servers: Servers,
}

/// Whether a text is a search filter (RFC 4515).
pub fn is_filter(text: &str) -> bool {
    ldap3::parse_filter(text).is_ok()
}

impl Ldap {
    /// Takes the settings; connects at the first look-up.
    pub fn new(settings: Settings, folding: Folding) -> Self {
        Self {
            servers: Servers::new(&settings),
            settings,
            folding,
        }
    }

    /// What it was made with.
    pub(in crate::directory) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which spellings of a mailbox are the same person's.
    pub(in crate::directory) fn folding(&self) -> &Folding {
        &self.folding
    }

    /// `None` for what nobody is called: it need not be asked.
    fn filter(&self, identity: &Identity) -> Option<String> {
        let template = match identity {
            Identity::Login(_) => self.settings.login_filter.as_ref()?,
            Identity::Sender(_) | Identity::Author(_) => &self.settings.filter,
        };
        let spellings = identity.spellings(&self.folding);
        // slapd compares IA5 strings up to the first NUL only (`IA5StringNormalize` in its
        // schema_init.c): what follows would not keep an address from being somebody else's.
        if spellings.iter().any(|spelling| spelling.contains(&0)) {
            return None;
        }
        let whole = spellings.iter().map(|spelling| template.render(spelling));
        let filters = whole.chain(self.tagged(template, &spellings)).collect();
        Some(filter::any_of(filters))
    }

    /// Finds entries whose address has a tag.
    fn tagged(&self, template: &FilterTemplate, spellings: &[Vec<u8>]) -> Vec<String> {
        match self.settings.tags {
            Tags::Ignore => Vec::new(),
            Tags::Search => {
                let places = self.folding.tag_places(spellings).into_iter();
                let filter =
                    |(before, after): (Vec<u8>, Vec<u8>)| template.render_between(&before, &after);
                places.map(filter).collect()
            }
        }
    }

    /// The people whom a filter finds at one server, once that has shown that it knows their marks.
    async fn people(
        &self,
        server: &Server,
        filter: &str,
        kind: &'static str,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let settings = &self.settings;
        if !server.proof.is_on(Instant::now()) {
            self.prove(server).await?;
        }
        let question = Question {
            base: &settings.base,
            scope: Scope::Subtree,
            filter,
            attributes: &settings.attributes(),
            wanted: Wanted::All,
            kind,
        };
        let mut people = server.search(question).await?;
        for person in &mut people {
            if person.name.is_empty() {
                let cause = "an entry of the answer has no name".into();
                return Err(DirectoryError::LookUp { kind, cause });
            }
            let complete = settings
                .membership
                .complete(server, &settings.marks, person);
            complete.await?;
        }
        Ok(people)
    }

    /// Asks one server for what every look-up needs.
    async fn probe_server(&self, server: &Server) -> Result<(), DirectoryError> {
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attributes: &["1.1"],
            wanted: Wanted::All,
            kind: "probe",
        };
        server.search(question).await?;
        self.prove(server).await
    }

    /// Has a server show anew that it knows the marks. One that cannot be asked proves nothing, but
    /// does not refute either.
    async fn prove(&self, server: &Server) -> Result<(), DirectoryError> {
        let asked_at = Instant::now();
        let proof = proof::prove(&self.settings, server).await;
        match &proof {
            Ok(()) => drop(server.proof.begin(asked_at + PROOF_AGE)),
            Err(DirectoryError::Attribute { .. } | DirectoryError::Group { .. }) => {
                server.proof.end();
            }
            Err(_) => {}
        }
        proof
    }
}

#[async_trait]
impl Directory for Ldap {
    async fn standing(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Standing, DirectoryError> {
        let Some(filter) = self.filter(identity) else {
            return Ok(Standing::default());
        };
        let (filter, kind) = (filter.as_str(), identity.kind());
        let question = |server| self.people(server, filter, kind).boxed();
        let people = self.servers.ask(kind, deadline, question).await?;
        let now = Utc::now();
        let read = |person| Arc::new(reading::entry(&self.settings.marks, person, now));
        Ok(Standing {
            entries: people.into_iter().map(read).collect(),
        })
    }

    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError> {
        let question = |server| self.probe_server(server).boxed();
        self.servers.ask("probe", deadline, question).await
    }

    async fn survey(&self, deadline: Instant) -> Result<Option<Survey>, DirectoryError> {
        let question = |server| self.survey_server(server).boxed();
        self.servers
            .ask("survey", deadline, question)
            .await
            .map(Some)
    }
}
