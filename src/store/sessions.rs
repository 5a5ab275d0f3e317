//! Who is signed in at the review desk. Of a token its hash alone is kept; whether a person may still
//! sign in is the directory's word, which is renewed from outside.

use std::{collections::BTreeSet, fmt, time::Duration};

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use crate::domain::{
    rights::{DeskRole, Principal},
    scope::Scope,
};

use super::{Cause, Store, StoreError, row, within};

/// A session is marked as seen this often at most: a page is many requests.
const TOUCH_SECONDS: f64 = 30.0;

/// When a session ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// After no request has come for so long; longer than a minute.
    pub idle: Duration,
    /// After it was begun, whatever came.
    pub absolute: Duration,
}

/// A session that stands.
#[derive(Clone)]
pub struct Session {
    /// Who is signed in, as the directory told it last.
    pub principal: Principal,
    /// When it was begun.
    pub started_at: DateTime<Utc>,
    /// When the directory was asked last.
    pub renewed_at: DateTime<Utc>,
    id: SessionId,
    form_secret: Vec<u8>,
}

/// The name of a session in the database: the hash of its token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl Session {
    /// Its name in the database.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What a form of this session must carry for an act such as `decide`.
    pub fn form_token(&self, act: &str) -> String {
        HEXLOWER.encode(&self.form_mac(act).finalize().into_bytes())
    }

    /// Whether a form carries it, compared in constant time.
    pub fn is_form_token(&self, act: &str, given: &str) -> bool {
        let Ok(given) = HEXLOWER.decode(given.as_bytes()) else {
            return false;
        };
        self.form_mac(act).verify_slice(&given).is_ok()
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn form_mac(&self, act: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.form_secret);
        let mut mac = mac.expect("a key of any length");
        mac.update(&self.id.0);
        mac.update(act.as_bytes());
        mac
    }
}

impl Store {
    /// Begins a session and gives its token, which is told this once.
    pub async fn begin_session(&self, principal: &Principal) -> Result<SecretString, StoreError> {
        let begun = async {
            let token = HEXLOWER.encode(&random()?);
            let (scope, scope_entries) = scope_columns(&principal.scope);
            let asked = sqlx::query!(
                "insert into web_session (
                    token_hash, form_secret, login, display_name, entry, roles, scope,
                    scope_entries, names
                )
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                &SessionId::of(&token).0[..],
                &random()?[..],
                row::text(&principal.login),
                row::text(&principal.display_name),
                row::optional_text(principal.entry.as_deref()),
                &roles(principal),
                scope,
                &scope_entries,
                &names(principal),
            )
            .execute(&self.pool);
            within(asked).await?;
            Ok(SecretString::from(token))
        };
        begun.await.map_err(|cause| StoreError::Sessions { cause })
    }

    /// The session of a token, if it stands; it is seen now.
    pub async fn find_session(
        &self,
        token: &SecretString,
        limits: Limits,
    ) -> Result<Option<Session>, StoreError> {
        let failed = |cause| StoreError::Sessions { cause };
        let id = SessionId::of(token.expose_secret());
        let asked = sqlx::query_as!(
            SessionRow,
            r#"select form_secret, login, display_name, entry, roles, scope, scope_entries, names,
                started_at, renewed_at,
                seen_at < now() - make_interval(secs => $4) as "is_stale!"
            from web_session
            where token_hash = $1
                and ended_at is null
                and seen_at > now() - make_interval(secs => $2)
                and started_at > now() - make_interval(secs => $3)"#,
            &id.0[..],
            limits.idle.as_secs_f64(),
            limits.absolute.as_secs_f64(),
            TOUCH_SECONDS,
        )
        .fetch_optional(&self.pool);
        let Some(found) = within(asked).await.map_err(failed)? else {
            return Ok(None);
        };
        if found.is_stale {
            self.touch(id).await.map_err(failed)?;
        }
        found.read(id).map(Some).map_err(failed)
    }

    async fn touch(&self, id: SessionId) -> Result<(), Cause> {
        let asked = sqlx::query!(
            "update web_session set seen_at = now() where token_hash = $1 and ended_at is null",
            &id.0[..],
        )
        .execute(&self.pool);
        within(asked).await.map(drop)
    }

    /// Ends a session; `false` if it does not stand any more.
    pub async fn end_session(&self, id: SessionId) -> Result<bool, StoreError> {
        let asked = sqlx::query!(
            "update web_session set ended_at = now() where token_hash = $1 and ended_at is null",
            &id.0[..],
        )
        .execute(&self.pool);
        let ended = within(asked)
            .await
            .map_err(|cause| StoreError::Sessions { cause })?;
        Ok(ended.rows_affected() > 0)
    }

    /// Keeps what the directory says of a session's person now. The name on the record stays.
    pub async fn renew_session(
        &self,
        id: SessionId,
        principal: &Principal,
    ) -> Result<(), StoreError> {
        let (scope, scope_entries) = scope_columns(&principal.scope);
        let asked = sqlx::query!(
            "update web_session
            set display_name = $2, entry = $3, roles = $4, scope = $5, scope_entries = $6,
                names = $7, renewed_at = now()
            where token_hash = $1 and ended_at is null",
            &id.0[..],
            row::text(&principal.display_name),
            row::optional_text(principal.entry.as_deref()),
            &roles(principal),
            scope,
            &scope_entries,
            &names(principal),
        )
        .execute(&self.pool);
        let renewed = within(asked).await.map(drop);
        renewed.map_err(|cause| StoreError::Sessions { cause })
    }

    /// Removes sessions that cannot stand any more, and tells how many there were.
    pub async fn remove_old_sessions(&self, limits: Limits) -> Result<u64, StoreError> {
        let asked = sqlx::query!(
            "delete from web_session
            where ended_at is not null
                or seen_at <= now() - make_interval(secs => $1)
                or started_at <= now() - make_interval(secs => $2)",
            limits.idle.as_secs_f64(),
            limits.absolute.as_secs_f64(),
        )
        .execute(&self.pool);
        let removed = within(asked)
            .await
            .map_err(|cause| StoreError::Sessions { cause })?;
        Ok(removed.rows_affected())
    }
}

/// 256 bits that nobody can guess.
fn random() -> Result<[u8; 32], Cause> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Cause::Unreachable(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

fn roles(principal: &Principal) -> Vec<String> {
    let roles = principal.roles.iter();
    roles.map(|role| role.as_str().to_owned()).collect()
}

fn names(principal: &Principal) -> Vec<String> {
    principal.names.iter().map(|name| row::text(name)).collect()
}

fn scope_columns(scope: &Scope) -> (&'static str, Vec<String>) {
    match scope {
        Scope::All => ("all", Vec::new()),
        Scope::Unit { suffix } => ("unit", vec![suffix.clone()]),
        Scope::Entries(names) => ("entries", names.iter().cloned().collect()),
    }
}

struct SessionRow {
    form_secret: Vec<u8>,
    login: String,
    display_name: String,
    entry: Option<String>,
    roles: Vec<String>,
    scope: String,
    scope_entries: Vec<String>,
    names: Vec<String>,
    started_at: DateTime<Utc>,
    renewed_at: DateTime<Utc>,
    is_stale: bool,
}

impl SessionRow {
    fn read(self, id: SessionId) -> Result<Session, Cause> {
        let roles = self.roles.iter();
        let roles: Result<BTreeSet<DeskRole>, _> =
            roles.map(|role| row::parsed(role, "roles")).collect();
        let scope = match self.scope.as_str() {
            "all" => Scope::All,
            "unit" => Scope::Unit {
                suffix: self.scope_entries.into_iter().next().unwrap_or_default(),
            },
            "entries" => Scope::Entries(self.scope_entries.into_iter().collect()),
            other => return Err(Cause::Unreadable(format!("column scope: {other:?}"))),
        };
        Ok(Session {
            principal: Principal {
                login: self.login,
                display_name: self.display_name,
                entry: self.entry,
                roles: roles?,
                scope,
                names: self.names.into_iter().collect(),
            },
            started_at: self.started_at,
            renewed_at: self.renewed_at,
            id,
            form_secret: self.form_secret,
        })
    }
}

/// Without the secret.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("principal", &self.principal)
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

/// The first bytes of the hash; it opens nothing.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, ..] = self.0;
        write!(f, "SessionId({first:02x}{second:02x}…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(token: &str, form_secret: [u8; 32]) -> Session {
        Session {
            principal: Principal {
                login: "rita".to_owned(),
                display_name: "Rita".to_owned(),
                entry: None,
                roles: BTreeSet::new(),
                scope: Scope::All,
                names: BTreeSet::new(),
            },
            started_at: DateTime::UNIX_EPOCH,
            renewed_at: DateTime::UNIX_EPOCH,
            id: SessionId::of(token),
            form_secret: form_secret.to_vec(),
        }
    }

    #[test]
    fn a_form_belongs_to_one_session_and_one_act() {
        let one = session("a", [1; 32]);
        let token = one.form_token("decide");
        assert!(one.is_form_token("decide", &token));
        assert!(!one.is_form_token("adopt", &token));
        assert!(!session("b", [1; 32]).is_form_token("decide", &token));
        assert!(!session("a", [2; 32]).is_form_token("decide", &token));
        for odd in [
            "",
            "0",
            "xx",
            "é",
            &token[2..],
            &format!("{token}00"),
            &"0".repeat(200),
        ] {
            assert!(!one.is_form_token("decide", odd), "{odd:?}");
        }
    }

    #[test]
    fn a_session_tells_no_secret() {
        let shown = format!("{:?} {:?}", session("a", [1; 32]), SessionId::of("a"));
        assert!(!shown.contains("form_secret"), "{shown}");
        assert!(shown.len() < 400, "{shown}");
    }
}
