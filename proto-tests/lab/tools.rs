//! What every server of a lab needs to start. Never starts anything by itself.

use std::{env, fs, path::PathBuf, sync::Arc};

use super::{
    child::Starter,
    place::{Place, random_text},
    postgres::Database,
    program::Program,
    settings::Settings,
    user::User,
};

/// The executable under test, unless [`OTHER_MAILHOLD`] names another one.
const MAILHOLD: &str = env!("CARGO_BIN_EXE_mailhold");
/// The bench measures a release build of mailhold, while it is none itself.
const OTHER_MAILHOLD: &str = "MAILHOLD_EXECUTABLE";

const AUDIT_KEY: &str = "audit.key";

/// The directory of the lab and the thread that starts its programs.
#[derive(Clone)]
pub struct Tools {
    /// The directory of the lab.
    pub place: Arc<Place>,
    /// Starts its long-running programs.
    pub starter: Starter,
    mailhold: PathBuf,
}

impl Tools {
    /// Makes the directory of a lab.
    pub fn make() -> Self {
        let place = Arc::new(Place::make());
        let starter = Starter::new(&place.directory("output", User::ROOT, 0o755));
        // The build directory may be closed to the users that the programs run as.
        let mailhold = place.directory("bin", User::ROOT, 0o755).join("mailhold");
        let executable = env::var_os(OTHER_MAILHOLD).unwrap_or_else(|| MAILHOLD.into());
        fs::copy(executable, &mailhold).unwrap();
        let key = format!("{}{}\n", random_text(), random_text());
        let owner = User {
            gid: User::web().gid,
            ..User::ROOT
        };
        place.file(AUDIT_KEY, owner, 0o640, key);
        Self {
            place,
            starter,
            mailhold,
        }
    }

    /// The executable under test by the name of its output, still without arguments.
    pub fn mailhold(&self, name: &str) -> Program {
        Program::new(name, &self.mailhold).variable("RUST_BACKTRACE", "1")
    }

    /// Ends all programs of the lab and removes its directory.
    pub fn end(&self) {
        self.starter.end_all();
        self.place.remove();
    }

    /// The path of the executable under test.
    pub fn mailhold_path(&self) -> &PathBuf {
        &self.mailhold
    }

    /// The file with the key of all audit records of this lab: for root, and for `mailhold web`.
    pub fn audit_key(&self) -> PathBuf {
        self.place.path().join(AUDIT_KEY)
    }

    /// The sample settings with the logins of a database.
    pub fn settings(&self, database: &Database) -> Settings {
        let mut settings = Settings::sample();
        let key = self.audit_key().display().to_string();
        settings.set("audit.key_file", key);
        for (section, login) in [
            ("milter", "mailhold_milter"),
            ("worker", "mailhold_worker"),
            ("outline", "mailhold_outline"),
            ("web", "mailhold_web"),
            ("reviews", "mailhold_reviews"),
            ("migrate", "mailhold"),
        ] {
            if !settings.has_section(&format!("{section}.database")) {
                continue;
            }
            let file = &database.login(login).password_file;
            settings
                .set(&format!("{section}.database.url"), database.url(login))
                .set(
                    &format!("{section}.database.password_file"),
                    file.display().to_string(),
                );
        }
        settings.set(
            "spool.directory",
            self.place.path().join("spool").display().to_string(),
        );
        settings
    }
}
