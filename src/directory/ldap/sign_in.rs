//! Signing in by LDAP: the person is searched with our own rights, and the password is tried on a
//! connection of its own, which is thrown away. Never asks anybody with an empty password.

use futures_util::FutureExt;
use ldap3::{LdapError, Scope as SearchScope};
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Bind, Membership, Settings,
    connect::connect,
    membership::UID,
    search::{Question, Server, Wanted, is_gone},
    servers::Servers,
};
use crate::{
    directory::{
        DirectoryError,
        filter::{any_of, escape},
        reading::{Answered, Marks},
        sign_in::{LdapSettings, ScopeRule},
    },
    domain::{
        folding::Folding,
        person::{Group, folded_parent},
        rights::{Principal, own_names},
        scope::Scope,
    },
    telemetry::events,
};

const KIND: &str = "sign-in";
/// How people are called on a page, the best one first.
const DISPLAY_NAMES: [&str; 2] = ["displayName", "cn"];
const MAIL: &str = "mail";
/// More people than this are in nobody's scope by name.
const SCOPE_LIMIT: i32 = 5_000;
/// What Active Directory writes before an address.
const PROXY_PREFIX: &str = "smtp:";
/// inappropriateAuthentication, invalidCredentials, noSuchObject, insufficientAccessRights,
/// unwillingToPerform (RFC 4511, appendix A.2): no, and not for want of a server.
const REFUSALS: [u32; 5] = [48, 49, 32, 50, 53];

/// The directory as far as it lets people in.
pub struct LdapSignIn {
    settings: LdapSettings,
    folding: Folding,
    servers: Servers,
    /// What tells the groups of a person.
    marks: Marks,
}

impl LdapSignIn {
    /// Takes the settings; connects when somebody signs in.
    pub fn new(settings: LdapSettings, folding: Folding) -> Self {
        let groups = settings.groups.iter().map(|(_, group)| group.clone());
        Self {
            servers: Servers::new(&settings.directory),
            marks: Marks {
                member_of: settings.directory.marks.member_of.clone(),
                groups: groups.collect(),
                ..Marks::default()
            },
            settings,
            folding,
        }
    }

    /// Finds the one entry of a login, tries the password, and reads what the person may do.
    pub(in crate::directory) async fn identify(
        &self,
        login: &str,
        password: &SecretString,
        deadline: Instant,
    ) -> Result<Option<Principal>, DirectoryError> {
        let question = |server| self.identify_at(server, login, password).boxed();
        self.servers.ask(KIND, deadline, question).await
    }

    async fn identify_at(
        &self,
        server: &Server,
        login: &str,
        password: &SecretString,
    ) -> Result<Option<Principal>, DirectoryError> {
        let base = &self.settings.directory.base;
        let found = self
            .search(server, base, SearchScope::Subtree, login)
            .await?;
        let person = match <[Answered; 1]>::try_from(found) {
            Ok([person]) => person,
            Err(found) => {
                if !found.is_empty() {
                    events::sign_in_ambiguous(found.len());
                }
                return Ok(None);
            }
        };
        // A bind without a name is a wish to be nobody, and succeeds.
        if person.name.is_empty() || !self.is_password_of(server, &person.name, password).await? {
            return Ok(None);
        }
        self.read(server, login, person).await.map(Some)
    }

    /// On a connection of its own: after a bind that was cut off, nobody knows whose it is.
    async fn is_password_of(
        &self,
        server: &Server,
        dn: &str,
        password: &SecretString,
    ) -> Result<bool, DirectoryError> {
        let settings = Settings {
            bind: Bind::Password {
                dn: dn.to_owned(),
                password: password.clone(),
            },
            ..self.settings.directory.clone()
        };
        match connect(&settings, &server.url).await {
            Ok(mut connection) => {
                // The polite way to close it; it is closed in any case.
                let _impolite = connection.unbind().await;
                Ok(true)
            }
            Err(DirectoryError::Bind { cause, .. }) if is_refusal(&*cause) => Ok(false),
            // Not with the name of the person, which an alarm would show.
            Err(DirectoryError::Bind { cause, .. }) => {
                Err(DirectoryError::LookUp { kind: KIND, cause })
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the entry of a person anew.
    pub(in crate::directory) async fn renew(
        &self,
        principal: &Principal,
        deadline: Instant,
    ) -> Result<Option<Principal>, DirectoryError> {
        let Some(entry) = principal.entry.as_deref() else {
            return Ok(None);
        };
        let question = |server| self.renew_at(server, &principal.login, entry).boxed();
        self.servers.ask(KIND, deadline, question).await
    }

    async fn renew_at(
        &self,
        server: &Server,
        login: &str,
        entry: &str,
    ) -> Result<Option<Principal>, DirectoryError> {
        let found = self.search(server, entry, SearchScope::Base, login).await;
        let found = match found {
            Err(error) if is_gone(&error) => return Ok(None),
            found => found?,
        };
        match found.into_iter().next() {
            Some(person) => self.read(server, login, person).await.map(Some),
            None => Ok(None),
        }
    }

    pub(in crate::directory) async fn probe(
        &self,
        deadline: Instant,
    ) -> Result<(), DirectoryError> {
        let question = |server| self.probe_at(server).boxed();
        self.servers.ask(KIND, deadline, question).await
    }

    async fn probe_at(&self, server: &Server) -> Result<(), DirectoryError> {
        let question = Question {
            base: &self.settings.directory.base,
            scope: SearchScope::Base,
            filter: "(objectClass=*)",
            attributes: &["1.1"],
            wanted: Wanted::All,
            kind: KIND,
        };
        server.search(question).await.map(drop)
    }

    async fn search(
        &self,
        server: &Server,
        base: &str,
        scope: SearchScope,
        login: &str,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let question = Question {
            base,
            scope,
            filter: &self.settings.filter.render(login.as_bytes()),
            attributes: &self.attributes(),
            wanted: Wanted::All,
            kind: KIND,
        };
        server.search(question).await
    }

    /// All by which a person sends or signs in, is called, or gets a role or scope.
    fn attributes(&self) -> Vec<&str> {
        let mut attributes = self.name_attributes();
        attributes.extend(DISPLAY_NAMES);
        if self.settings.directory.membership == Membership::OfPerson {
            attributes.push(&self.marks.member_of);
        }
        if let ScopeRule::Attribute(name) = &self.settings.scope {
            attributes.push(name);
        }
        attributes
    }

    /// The attributes in which the milter finds this person too, and the one that is typed here.
    fn name_attributes(&self) -> Vec<&str> {
        let directory = &self.settings.directory;
        let mut attributes = self.settings.filter.attributes();
        attributes.extend(directory.filter.attributes());
        attributes.extend(directory.login_filter.iter().flat_map(|f| f.attributes()));
        attributes.extend([UID, MAIL]);
        attributes
    }

    async fn read(
        &self,
        server: &Server,
        typed: &str,
        mut person: Answered,
    ) -> Result<Principal, DirectoryError> {
        let login = self.login(typed, &person);
        let names = self.name_attributes();
        let names = names.iter().flat_map(|name| values(&person, name));
        let names = names.map(without_prefix).chain([login.as_bytes()]);
        let names = own_names(&self.folding, names);
        let display_name = DISPLAY_NAMES.iter().find_map(|name| text(&person, name));
        let display_name = display_name.unwrap_or_else(|| login.clone());
        let scope = self.scope(server, &person).await?;
        // Last: it takes the logins out of the values.
        let membership = &self.settings.directory.membership;
        let complete = membership.complete(server, &self.marks, &mut person);
        complete.await?;
        let of: Vec<Group> = values(&person, &self.marks.member_of)
            .filter_map(|value| std::str::from_utf8(value).ok().map(Group::new))
            .collect();
        let roles = self.settings.groups.iter();
        let roles = roles.filter(|(_, group)| of.contains(group));
        Ok(Principal {
            login,
            display_name,
            roles: roles.map(|(role, _)| *role).collect(),
            scope,
            names,
            entry: Some(person.name),
        })
    }

    /// As the directory spells it: one person has one name on the record.
    fn login(&self, typed: &str, person: &Answered) -> String {
        let attributes = self.settings.filter.attributes();
        let first = attributes.first().and_then(|name| text(person, name));
        first.unwrap_or_else(|| typed.to_owned())
    }

    async fn scope(&self, server: &Server, person: &Answered) -> Result<Scope, DirectoryError> {
        let filter = match &self.settings.scope {
            ScopeRule::All => return Ok(Scope::All),
            ScopeRule::Place => {
                let suffix = folded_parent(&person.name);
                return Ok(Scope::Unit { suffix });
            }
            ScopeRule::Attribute(name) => {
                let same = values(person, name).filter(|value| !value.is_empty());
                let same: Vec<String> = same
                    .map(|value| format!("({name}={})", escape(value)))
                    .collect();
                if same.is_empty() {
                    return Ok(Scope::entries([]));
                }
                any_of(same)
            }
            ScopeRule::Manager => format!("(manager={})", escape(person.name.as_bytes())),
        };
        let question = Question {
            base: &self.settings.directory.base,
            scope: SearchScope::Subtree,
            filter: &filter,
            attributes: &["1.1"],
            wanted: Wanted::Many(SCOPE_LIMIT),
            kind: KIND,
        };
        let found = server.search(question).await?;
        Ok(Scope::entries(found.iter().map(|one| one.name.as_str())))
    }
}

fn is_refusal(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(
        cause.downcast_ref(),
        Some(LdapError::LdapResult { result }) if REFUSALS.contains(&result.rc)
    )
}

/// The values of an attribute, whatever its options.
fn values<'a>(person: &'a Answered, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let is_it = move |attribute: &str| {
        let bare = attribute.split(';').next().unwrap_or_default();
        bare.eq_ignore_ascii_case(name)
    };
    let values = person.values.iter();
    values
        .filter(move |(attribute, _)| is_it(attribute))
        .map(|(_, value)| value.as_slice())
}

fn text(person: &Answered, name: &str) -> Option<String> {
    let found = values(person, name).find_map(|value| std::str::from_utf8(value).ok());
    let found = found.map(|text| text.trim().to_owned());
    found.filter(|text| !text.is_empty())
}

fn without_prefix(value: &[u8]) -> &[u8] {
    match value.split_at_checked(PROXY_PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PROXY_PREFIX.as_bytes()) => rest,
        _ => value,
    }
}
