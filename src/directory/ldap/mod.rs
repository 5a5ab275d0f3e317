//! Looks flags up in an LDAP server. Connections are pooled, aged out and replaced after any fault.

mod connect;
mod search;
mod settings;
mod sync;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Utc;
use ldap3::Scope;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

use self::search::{Question, Server};
pub use self::settings::{Bind, Settings};
pub(in crate::directory) use self::sync::{Pulse, Stream};
use super::{
    Directory, DirectoryError,
    reading::{self, Answered},
};
use crate::domain::{folding::Folding, identity::Identity, person::Standing};

/// The LDAP backend.
pub struct Ldap {
    settings: Settings,
    folding: Folding,
    server: Server,
    /// Set once the server's schema has shown the flag's attribute, or does not show anything.
    attribute_is_known: OnceCell<()>,
}

/// Whether a text is a search filter (RFC 4515).
pub fn is_filter(text: &str) -> bool {
    ldap3::parse_filter(text).is_ok()
}

impl Ldap {
    /// Takes the settings; connects at the first look-up.
    pub fn new(settings: Settings, folding: Folding) -> Self {
        Self {
            server: Server::new(&settings),
            settings,
            folding,
            attribute_is_known: OnceCell::new(),
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
        Some(template.render_any(&spellings))
    }

    /// Fails while the server's schema has no such attribute: a misspelt one is answered like an
    /// absent flag, and nobody would be flagged.
    async fn check_attribute(&self) -> Result<(), DirectoryError> {
        let attribute = &self.settings.marks.attribute;
        let entry = |base, filter, attribute| Question {
            base,
            scope: Scope::Base,
            filter,
            attribute,
            kind: "schema",
        };
        let root = entry("", "(objectClass=*)", "subschemaSubentry");
        let Some(place) = self.shown(root).await?.into_iter().next() else {
            return Ok(());
        };
        let place = String::from_utf8_lossy(&place);
        let types = entry(&place, "(objectClass=subschema)", "attributeTypes");
        let types = self.shown(types).await?;
        let is_it = |known: &Vec<u8>| reading::is_named(known, attribute);
        if types.is_empty() || types.iter().any(is_it) {
            return Ok(());
        }
        Err(DirectoryError::Attribute(attribute.clone()))
    }

    /// The values of a question that need not be answered: servers may hide their schema.
    async fn shown(&self, question: Question<'_>) -> Result<Vec<Vec<u8>>, DirectoryError> {
        let entries = match self.server.search(question).await {
            Err(DirectoryError::LookUp { .. }) => return Ok(Vec::new()),
            entries => entries?,
        };
        let values = entries.into_iter().flat_map(|entry| entry.values);
        Ok(values.map(|(_, value)| value).collect())
    }

    /// The time that one question may take: its own limit, or less if the message has less left.
    async fn within<T>(
        &self,
        deadline: Instant,
        answer: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = self.settings.timeout.min(left);
        if patience.is_zero() {
            // A timer may be late by a millisecond, and a look-up quicker than that.
            return Err(DirectoryError::Timeout(patience));
        }
        timeout(patience, answer)
            .await
            .unwrap_or(Err(DirectoryError::Timeout(patience)))
    }

    /// Searches the people, once it is sure that their flag would be seen.
    async fn people(
        &self,
        question: Question<'_>,
        deadline: Instant,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let asking = async {
            let check = self
                .attribute_is_known
                .get_or_try_init(|| self.check_attribute());
            check.await?;
            self.server.search(question).await
        };
        self.within(deadline, asking).await
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
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Subtree,
            filter: &filter,
            attribute: &self.settings.marks.attribute,
            kind: identity.kind(),
        };
        let entries = self.people(question, deadline).await?;
        let now = Utc::now();
        let read = |entry| Arc::new(reading::entry(&self.settings.marks, entry, now));
        Ok(Standing {
            entries: entries.into_iter().map(read).collect(),
        })
    }

    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError> {
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attribute: &self.settings.marks.attribute,
            kind: "probe",
        };
        self.people(question, deadline).await.map(drop)
    }
}
