//! Follows the content of a server by RFC 4533: a search that does not end. One connection of its
//! own; what comes is handed on in the mirror's words.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};

use futures_util::{FutureExt, future::Fuse};
use ldap3::{
    LdapError, LdapResult, ResultEntry, Scope, SearchOptions, SearchStream,
    controls::{
        Control, ControlType, EntryState, MakeCritical, RefreshMode, SyncInfo, SyncRequest,
        SyncState, parse_syncinfo,
    },
};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    Bind, Ldap, Settings,
    connect::{self, Driving},
    entry,
};
use crate::directory::{
    DirectoryError,
    mirror::{
        refresh::{Kind, Message, Position, Rest, Said},
        source::{Content, Loss, is_called},
    },
    reading::Answered,
};

/// A search by an attribute that no entry has may look through all of them.
const RIGHTS_PATIENCE: Duration = Duration::from_secs(30);
/// Result codes (RFC 4511, section 4.1.9; RFC 4533, section 2.7).
const TIME_LIMIT: u32 = 3;
const SIZE_LIMIT: u32 = 4;
const ADMIN_LIMIT: u32 = 11;
const NO_SUCH_EXTENSION: u32 = 12;
const REFRESH_REQUIRED: u32 = 4_096;

/// The messages of one connection.
pub struct Stream {
    settings: Settings,
    server: String,
    kind: Kind,
    search: SearchStream<'static, String, Vec<String>>,
    /// Another handle on the same connection.
    ldap: ldap3::Ldap,
    driving: Fuse<Driving>,
}

impl Ldap {
    /// Begins to follow the content at the first server that answers: from a position of that very
    /// server, or else from the beginning.
    pub(in crate::directory) async fn follow(
        &self,
        content: &Content,
        from: Option<Position>,
    ) -> Result<Stream, Loss> {
        let settings = &self.settings;
        let (server, driving, mut ldap) = self.proven().await.map_err(Loss::Directory)?;
        let mut driving = driving.fuse();
        // Another server may have other entries, whatever its cookies look like.
        let from = from.filter(|position| position.server == server);
        let kind = match from {
            Some(_) => Kind::Resumed,
            None => Kind::Full,
        };
        let request = SyncRequest {
            mode: RefreshMode::RefreshAndPersist,
            cookie: from.map(|position| position.cookie),
            reload_hint: false,
        };
        let attributes: Vec<String> = content.attributes().map(str::to_owned).collect();
        let search = ldap.with_controls(request.critical()).streaming_search(
            &settings.base,
            Scope::Subtree,
            &content.filter,
            attributes,
        );
        let search = timeout(settings.timeout, driven(&mut driving, search))
            .await
            .map_err(|_| Loss::Silent(settings.timeout))?
            .map_err(cut)?;
        Ok(Stream {
            settings: settings.clone(),
            server,
            kind,
            search,
            ldap,
            driving,
        })
    }

    /// A connection of its own to a server that has the base and knows what marks a person: else
    /// nothing would be told.
    async fn proven(&self) -> Result<(String, Driving, ldap3::Ldap), DirectoryError> {
        let n_servers = u32::try_from(self.settings.servers.len()).unwrap_or(u32::MAX);
        let patience = self.settings.timeout.saturating_mul(n_servers);
        let question = |server| {
            async move {
                self.probe_server(server).await?;
                let (driving, ldap) = connect::open(&self.settings, &server.url).await?;
                Ok((server.url.to_string(), driving, ldap))
            }
            .boxed()
        };
        let deadline = Instant::now() + patience;
        self.servers.ask("mirror", deadline, question).await
    }
}

impl Stream {
    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Whether everything is told, or what has changed.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The next message. May be called again after it was cancelled.
    pub async fn next(&mut self) -> Result<Message<Answered>, Loss> {
        let next = driven(&mut self.driving, self.search.next());
        match next.await.map_err(cut)? {
            Some(entry) => message(entry),
            None => Err(ended(&self.settings, self.search.finish().await)),
        }
    }

    /// An account that may search by an attribute and not read it would get people without names,
    /// whom nobody would find. Asked on this very connection.
    pub async fn check_rights(&mut self, content: &Content) -> Result<(), Loss> {
        for name in &content.names {
            let filter = format!("(&{}({name}=*))", content.filter);
            self.check_right(name, &filter).await?;
        }
        Ok(())
    }

    async fn check_right(&mut self, name: &str, filter: &str) -> Result<(), Loss> {
        let settings = &self.settings;
        let mut ldap = self.ldap.clone();
        let one = SearchOptions::new().sizelimit(1);
        let search = ldap.with_search_options(one).search(
            &settings.base,
            Scope::Subtree,
            filter,
            vec![name],
        );
        let found = timeout(RIGHTS_PATIENCE, driven(&mut self.driving, search))
            .await
            .map_err(|_| Loss::Silent(RIGHTS_PATIENCE))?
            .map_err(cut)?;
        let (entries, outcome) = (found.0, found.1);
        if ![0, SIZE_LIMIT].contains(&outcome.rc) {
            return Err(ended(settings, outcome));
        }
        let entries = entries.into_iter().filter(|entry| !entry.is_ref());
        for entry in entries {
            let Answered { values, .. } = read(entry)?;
            if !values.iter().any(|(told, _)| is_called(told, name)) {
                return Err(Loss::Unreliable(format!(
                    "the account may search by {name:?} but not read it: give it the right"
                )));
            }
        }
        Ok(())
    }

    /// Something to ask for signs of life, on this very connection. Its answer comes only while the
    /// next message is waited for.
    pub fn pulse(&self) -> Pulse {
        Pulse {
            settings: self.settings.clone(),
            ldap: self.ldap.clone(),
        }
    }
}

/// Waits for an answer, and drives the connection as long as there is none. So what was read is used
/// before more is read: a task of its own would fill the memory with entries that nobody has taken yet.
async fn driven<T>(driving: &mut Fuse<Driving>, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // How it ended is told to whoever waits.
        _end = driving => answer.await,
    }
}

/// Asks for signs of life.
pub struct Pulse {
    settings: Settings,
    ldap: ldap3::Ldap,
}

impl Pulse {
    /// Waits for an answer, whatever it is: the server works, and so does the connection.
    pub async fn feel(&mut self) -> Result<(), Loss> {
        let patience = self.settings.timeout;
        let question = self
            .ldap
            .search("", Scope::Base, "(objectClass=*)", vec!["1.1"]);
        match timeout(patience, question).await {
            Ok(answer) => answer.map(drop).map_err(cut),
            Err(_) => Err(Loss::Silent(patience)),
        }
    }
}

fn cut(cause: LdapError) -> Loss {
    Loss::Cut(cause.into())
}

/// Why a search without an end has ended.
fn ended(settings: &Settings, outcome: LdapResult) -> Loss {
    let code = outcome.rc;
    let cause = match outcome.success() {
        Err(cause) => cause.into(),
        Ok(_) => "the search has ended".into(),
    };
    match code {
        REFRESH_REQUIRED => Loss::Forgotten(cause),
        NO_SUCH_EXTENSION => Loss::Unsupported {
            base: settings.base.clone(),
        },
        TIME_LIMIT | SIZE_LIMIT | ADMIN_LIMIT => Loss::Limit {
            who: match &settings.bind {
                Bind::Password { dn, .. } => dn.clone(),
                nameless @ (Bind::Anonymous | Bind::External) => nameless.to_string(),
            },
            cause,
        },
        _ => Loss::Refused(cause),
    }
}

/// The library panics on what is not after the RFC, and the server is somebody else's.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, Loss> {
    let odd = |_| Loss::Unreliable("a message of the server cannot be read".to_owned());
    catch_unwind(AssertUnwindSafe(read)).map_err(odd)
}

fn read(entry: ResultEntry) -> Result<Answered, Loss> {
    entry::read(entry).map_err(|error| Loss::Unreliable(error.to_string()))
}

fn message(entry: ResultEntry) -> Result<Message<Answered>, Loss> {
    if entry.is_ref() {
        let text = "a part of the tree is on another server (a referral)";
        return Err(Loss::Unreliable(text.to_owned()));
    }
    if entry.is_intermediate() {
        return guarded(|| parse_syncinfo(entry)).and_then(intermediate);
    }
    let is_state = |control: &&Control| matches!(control.0, Some(ControlType::SyncState));
    let Some(Control(_, control)) = entry.1.iter().find(is_state).cloned() else {
        return Err(Loss::Unreliable("an entry without its state".to_owned()));
    };
    let state: SyncState = guarded(|| control.parse())?;
    let id = id(&state.entry_uuid)?;
    let said = match state.state {
        EntryState::Present => Said::Present(vec![id]),
        EntryState::Delete => Said::Gone(vec![id]),
        EntryState::Add | EntryState::Modify => Said::Is(id, read(entry)?),
    };
    Ok(Message {
        said,
        cookie: state.cookie,
    })
}

fn intermediate(told: SyncInfo) -> Result<Message<Answered>, Loss> {
    let rest = |refresh_done| match refresh_done {
        true => Rest::Changes,
        false => Rest::More,
    };
    let (said, cookie) = match told {
        SyncInfo::NewCookie(cookie) => (Said::Nothing, Some(cookie)),
        SyncInfo::RefreshDelete {
            cookie,
            refresh_done,
        } => (Said::DeletePhaseOver(rest(refresh_done)), cookie),
        SyncInfo::RefreshPresent {
            cookie,
            refresh_done,
        } => (Said::PresentPhaseOver(rest(refresh_done)), cookie),
        SyncInfo::SyncIdSet {
            cookie,
            refresh_deletes,
            sync_uuids,
        } => {
            let ids = sync_uuids.iter().map(|bytes| id(bytes));
            let ids = ids.collect::<Result<_, _>>()?;
            let said = match refresh_deletes {
                true => Said::Gone(ids),
                false => Said::Present(ids),
            };
            (said, cookie)
        }
    };
    Ok(Message { said, cookie })
}

fn id(bytes: &[u8]) -> Result<Uuid, Loss> {
    Uuid::from_slice(bytes).map_err(|_| Loss::Unreliable("an entry's ID is no UUID".to_owned()))
}
