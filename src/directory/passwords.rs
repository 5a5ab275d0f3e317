//! The password file: people of a small site, for signing in without a directory. Read anew for every
//! question, so that a change counts at once; never keeps or shows a password.

use std::{
    collections::BTreeSet, error::Error as StdError, fs, os::unix::fs::PermissionsExt, path::Path,
    sync::LazyLock,
};

use argon2::{Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret, SecretString};

use crate::domain::{
    folding::Folding,
    rights::{DeskRole, Principal, own_names},
    scope::Scope,
};

/// A shorter one is guessed (NIST SP 800-63B, section 3.1.1.2).
const SHORTEST_CHARS: usize = 8;
/// A longer one is no password.
const LONGEST_BYTES: usize = 1_024;

/// Why a line cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BadAccount {
    /// The line could not be read again.
    #[error(
        "{0:?} has a colon, a comma, a blank or nothing at all, which its place in a line does not allow"
    )]
    Text(String),
    /// Too short or too long.
    #[error(
        "the password must have at least {SHORTEST_CHARS} characters and at most {LONGEST_BYTES} bytes"
    )]
    Length,
    /// No random bytes, or no memory.
    #[error("cannot hash the password: {0}")]
    Hash(String),
}

/// A line of the file that is none.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
struct BadLine {
    line: usize,
    problem: String,
}

/// What is wrong with the file.
pub(super) type Fault = Box<dyn StdError + Send + Sync>;

/// One line of the file.
struct Account {
    login: String,
    roles: BTreeSet<DeskRole>,
    addresses: Vec<String>,
    hash: PasswordHash,
}

/// A hash that no password has, for logins that are not in the file: they take as long as others.
static NOBODYS: LazyLock<Option<PasswordHash>> = LazyLock::new(|| {
    let mut password = [0; 32];
    getrandom::fill(&mut password).ok()?;
    Argon2::default().hash_password(&password).ok()
});

/// A line of the file: `login:roles:addresses:hash`.
pub fn line(
    login: &str,
    roles: &[DeskRole],
    addresses: &[String],
    password: &str,
) -> Result<String, BadAccount> {
    let bad = |text: &str| {
        text.is_empty()
            || text.starts_with('#')
            || text.contains([':', ',', '\0'])
            || text.contains(char::is_whitespace)
    };
    let texts = addresses.iter().map(String::as_str).chain([login]);
    if let Some(text) = texts.into_iter().find(|text| bad(text)) {
        return Err(BadAccount::Text(text.to_owned()));
    }
    if password.chars().count() < SHORTEST_CHARS || password.len() > LONGEST_BYTES {
        return Err(BadAccount::Length);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash = hash.map_err(|error| BadAccount::Hash(error.to_string()))?;
    let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    let (roles, addresses) = (roles.join(","), addresses.join(","));
    Ok(format!("{login}:{roles}:{addresses}:{hash}"))
}

/// The person of a login and password. Blocks for as long as hashing takes, whoever asks.
pub(super) fn identify(
    file: &Path,
    folding: &Folding,
    login: &str,
    password: &SecretString,
) -> Result<Option<Principal>, Fault> {
    let password = password.expose_secret();
    if password.is_empty() || password.len() > LONGEST_BYTES {
        return Ok(None);
    }
    let account = find(file, login)?;
    let hash = account.as_ref().map(|account| &account.hash);
    let compared = hash.or(NOBODYS.as_ref()).is_some_and(|hash| {
        let verified = Argon2::default().verify_password(password.as_bytes(), hash);
        verified.is_ok()
    });
    let account = account.filter(|_| compared);
    Ok(account.map(|account| account.principal(folding)))
}

/// The person of a login, as the file has it now.
pub(super) fn renew(
    file: &Path,
    folding: &Folding,
    login: &str,
) -> Result<Option<Principal>, Fault> {
    let account = find(file, login)?;
    Ok(account.map(|account| account.principal(folding)))
}

/// Whether the file can be read, to its last line.
pub(super) fn probe(file: &Path) -> Result<(), Fault> {
    read(file).map(drop)
}

fn find(file: &Path, login: &str) -> Result<Option<Account>, Fault> {
    let is_it = |account: &Account| account.login.eq_ignore_ascii_case(login);
    Ok(read(file)?.into_iter().find(is_it))
}

fn read(file: &Path) -> Result<Vec<Account>, Fault> {
    if fs::metadata(file)?.permissions().mode() & 0o007 != 0 {
        return Err("it can be read by everyone (chmod 0640)".into());
    }
    let text = fs::read_to_string(file)?;
    let mut accounts: Vec<Account> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let bad = |problem: String| BadLine {
            line: line_number,
            problem,
        };
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let account = account(line).map_err(bad)?;
        let is_same = |other: &Account| other.login.eq_ignore_ascii_case(&account.login);
        if accounts.iter().any(is_same) {
            return Err(bad("this login stands twice".to_owned()).into());
        }
        accounts.push(account);
    }
    Ok(accounts)
}

/// The hash is never shown: not even that it cannot be read says what it is.
fn account(line: &str) -> Result<Account, String> {
    let mut fields = line.trim_end().splitn(4, ':');
    let mut field = || {
        let field = fields.next();
        field.ok_or_else(|| "want login:roles:addresses:hash".to_owned())
    };
    let (login, roles, addresses, hash) = (field()?, field()?, field()?, field()?);
    let login = login.trim();
    if login.is_empty() {
        return Err("the login is empty".to_owned());
    }
    let listed = |list: &str| -> Vec<String> {
        let items = list.split(',').map(str::trim);
        items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let roles = listed(roles).into_iter().map(|role| role.parse());
    let roles: Result<_, _> = roles.collect();
    Ok(Account {
        login: login.to_owned(),
        roles: roles.map_err(|bad: crate::domain::rights::BadRole| bad.to_string())?,
        addresses: listed(addresses),
        hash: PasswordHash::new(hash.trim())
            .map_err(|_| "the hash is none that `mailhold password` makes".to_owned())?,
    })
}

impl Account {
    fn principal(self, folding: &Folding) -> Principal {
        let names = self.addresses.iter().chain([&self.login]);
        Principal {
            names: own_names(folding, names.map(|name| name.as_bytes())),
            display_name: self.login.clone(),
            login: self.login,
            entry: None,
            roles: self.roles,
            scope: Scope::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    struct File(tempfile::TempDir);

    impl File {
        fn with(text: &str) -> Self {
            let file = Self(tempfile::tempdir().unwrap());
            fs::write(file.path(), text).unwrap();
            fs::set_permissions(file.path(), Permissions::from_mode(0o640)).unwrap();
            file
        }

        fn path(&self) -> std::path::PathBuf {
            self.0.path().join("passwords")
        }

        fn identify(&self, login: &str, password: &str) -> Result<Option<Principal>, String> {
            let password = SecretString::from(password.to_owned());
            let found = identify(&self.path(), &Folding::default(), login, &password);
            found.map_err(|fault| fault.to_string())
        }
    }

    fn rita() -> String {
        let addresses = ["Rita@corp.test".to_owned(), "r@corp.test".to_owned()];
        let roles = [DeskRole::Reviewer, DeskRole::Auditor];
        line("rita", &roles, &addresses, "correct horse").unwrap()
    }

    #[test]
    fn whoever_has_the_password_is_told_with_roles_and_addresses() {
        let file = File::with(&format!("# people\n\n{}\n", rita()));
        let found = file.identify("RITA", "correct horse").unwrap().unwrap();
        assert_eq!(found.login, "rita");
        assert_eq!(
            found.roles,
            BTreeSet::from([DeskRole::Reviewer, DeskRole::Auditor])
        );
        let names: Vec<_> = found.names.iter().map(String::as_str).collect();
        assert_eq!(names, ["r@corp.test", "rita", "rita@corp.test"]);
        assert_eq!(found.scope, Scope::All);
    }

    #[test]
    fn a_wrong_or_empty_password_and_an_unknown_login_are_nobody() {
        let file = File::with(&rita());
        for (login, password) in [
            ("rita", "wrong horse"),
            ("rita", ""),
            ("rita", &"x".repeat(LONGEST_BYTES + 1)),
            ("nobody", "correct horse"),
            ("", "correct horse"),
        ] {
            assert_eq!(file.identify(login, password), Ok(None), "{login}");
        }
    }

    #[test]
    fn a_change_of_the_file_counts_at_once() {
        let file = File::with(&rita());
        fs::write(file.path(), rita().replace("reviewer,auditor", "auditor")).unwrap();
        let found = renew(&file.path(), &Folding::default(), "rita")
            .unwrap()
            .unwrap();
        assert_eq!(found.roles, BTreeSet::from([DeskRole::Auditor]));
        fs::write(file.path(), "").unwrap();
        assert_eq!(
            renew(&file.path(), &Folding::default(), "rita").unwrap(),
            None
        );
    }

    #[test]
    fn a_file_with_a_fault_lets_nobody_in_and_names_the_line() {
        let rita = rita();
        for (text, told) in [
            (
                format!("{rita}\n{rita}\n"),
                "line 2: this login stands twice",
            ),
            (
                rita.replace("reviewer", "viewer"),
                "line 1: \"viewer\" is none of",
            ),
            ("rita:reviewer:x".to_owned(), "line 1: want login:roles"),
            (
                "rita:reviewer:x:plain".to_owned(),
                "line 1: the hash is none",
            ),
            (
                format!("\n{}", rita.replacen("rita", "", 1)),
                "line 2: the login is empty",
            ),
        ] {
            let fault = File::with(&text)
                .identify("rita", "correct horse")
                .unwrap_err();
            assert!(fault.contains(told), "{fault}");
            assert!(!fault.contains("argon2"), "{fault}");
        }
    }

    #[test]
    fn a_file_that_all_can_read_is_refused() {
        let file = File::with(&rita());
        fs::set_permissions(file.path(), Permissions::from_mode(0o644)).unwrap();
        let fault = file.identify("rita", "correct horse").unwrap_err();
        assert!(fault.contains("chmod 0640"), "{fault}");
    }

    #[test]
    fn what_would_break_a_line_is_refused() {
        let roles = [DeskRole::Reviewer];
        let address = ["a@corp.test".to_owned()];
        for login in ["", "a:b", "a b", "#a", "a\nb", "a,b"] {
            assert!(
                line(login, &roles, &address, "correct horse").is_err(),
                "{login:?}"
            );
        }
        assert!(line("a", &roles, &address, "short").is_err());
        assert!(line("a", &roles, &["a@b,c@d".to_owned()], "correct horse").is_err());
    }
}
