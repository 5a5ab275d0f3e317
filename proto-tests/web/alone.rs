//! A small desk with a database of its own and one reviewer, for tests that change what others must keep.

use std::{fs, path::PathBuf};

use mailhold::domain::person::folded_entry;

use super::house::token;
use crate::lab::{
    Lab,
    http::{Answer, Ask},
    place,
    postgres::Database,
    program::Program,
    review_desk::{Door, Passwords, ReviewDesk, Sitter},
    settings::Settings,
    user::User,
};

/// The client that asks, as the proxy before the desk tells it.
pub const CLIENT: &str = "192.0.2.10";

pub struct Alone {
    pub database: Database,
    pub desk: ReviewDesk,
    pub rita: Sitter,
    /// The file that the desk lets people in by.
    passwords: PathBuf,
}

impl Alone {
    pub async fn start(lab: &Lab, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::start_with(lab, adjust, |web| web).await
    }

    /// The same; `dress` changes how the web is started.
    pub async fn start_with(
        lab: &Lab,
        adjust: impl FnOnce(&mut Settings),
        dress: impl FnOnce(Program) -> Program,
    ) -> Self {
        let database = lab.postgres.database().await;
        let mut passwords = Passwords::new(&lab.tools);
        let rita = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
        let file = passwords.write();
        let set = |settings: &mut Settings| {
            settings.set("web.sign_in.file", file.display().to_string());
            adjust(settings);
        };
        let settings = lab.tools.settings(&database);
        let desk =
            ReviewDesk::start_with(&lab.tools, &settings, &passwords, Door::Plain, set, dress);
        Self {
            desk: desk.await,
            database,
            rita,
            passwords: file,
        }
    }

    /// Sends what the proxy before the desk would.
    pub async fn send(&self, ask: Ask) -> Answer {
        let ask = ask.header("X-Forwarded-For", CLIENT);
        ask.send(self.desk.address).await
    }

    /// Tries to sign in.
    pub async fn enter(&self, login: &str, password: &str) -> Answer {
        let form = [("login", login), ("password", password)];
        self.send(Ask::post("/sign-in", &form)).await
    }

    /// Signs in, and gives the cookie.
    pub async fn cookie(&self, login: &str, password: &str) -> String {
        let answer = self.enter(login, password).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        format!(
            "__Host-session={}",
            answer.cookie("__Host-session").unwrap()
        )
    }

    /// A page for whoever has the cookie.
    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Ask::get(path).header("Cookie", cookie)).await
    }

    /// Signs out.
    pub async fn leave(&self, cookie: &str) -> Answer {
        let page = self.get("/preferences", cookie).await.text();
        let token = token(&page, "/sign-out").unwrap();
        let ask = Ask::post("/sign-out", &[("token", &token)]);
        self.send(ask.header("Cookie", cookie)).await
    }

    /// Writes the password file anew.
    pub fn change_passwords(&self, change: impl FnOnce(&str) -> String) {
        let lines = fs::read_to_string(&self.passwords).unwrap();
        let changed = change(&lines);
        assert_ne!(lines, changed, "a change");
        place::write(&self.passwords, User::web(), 0o400, changed);
    }

    /// Makes it so long ago that the rights of all who are signed in were asked for.
    pub async fn age_rights(&self, age: &str) {
        let sql = format!("update web_session set renewed_at = now() - interval '{age}'");
        self.database.execute(&sql).await;
    }

    /// Whoever is signed in sees mail of this entry alone from now on.
    pub async fn narrow(&self, entry: &str) {
        // What was asked for in the future is not asked for anew while a test lasts.
        let sql = format!(
            "update web_session
            set scope = 'entries', scope_entries = array['{}'],
                renewed_at = now() + interval '1 hour'",
            folded_entry(entry)
        );
        self.database.execute(&sql).await;
    }

    /// What is on record, oldest first: kind, person and client.
    pub async fn record(&self) -> Vec<String> {
        let sql = "select kind || ' ' || actor || ' ' || coalesce(client, 'none')
            from audit_event order by seq";
        let lines = self.database.execute(sql).await;
        lines.lines().map(str::to_owned).collect()
    }

    /// A message on hold, as the milter and the worker would have left it, that cannot be taken apart.
    /// Nobody carries out what is decided on it.
    pub async fn hold(&self) -> String {
        let id = uuid::Uuid::now_v7().to_string();
        let sql = format!(
            "begin;
            insert into capture (
                capture_id, instance, queue_id, captured_at, sender, sender_argument,
                sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
                matched_entry, matched_flag, matched_recipient, size_bytes, digest, subject,
                twin_by_digest
            )
            values ('{id}', 'mx1', '4jWkMG56f7z1j', now(), 'anna@corp.test', '<anna@corp.test>',
                '{{}}', 1, 'flagged-external', 'envelope sender', 'anna@corp.test', '', 'Y', '', 18,
                sha256(''), 'alone', gen_random_uuid());
            insert into capture_recipient (capture_id, ordinal, recipient, argument, parameters)
            values ('{id}', 0, 'bob@elsewhere.test', '<bob@elsewhere.test>', '{{}}');
            insert into capture_content (capture_id, ordinal, encoding, bytes)
            values ('{id}', 0, 'identity', 'Words of the mail.');
            insert into outline (capture_id, status, reason) values ('{id}', 'failed', 'crashed');
            insert into listing (
                capture_id, captured_at, size_bytes, n_attachments, has_html, has_image,
                is_doubtful, entry, texts, snippet, grams
            )
            values ('{id}', now(), 18, 0, false, false, false, '', '', '', '');
            delete from outline_due;
            update capture set state = 'held' where capture_id = '{id}';
            commit"
        );
        self.database.execute(&sql).await;
        id
    }

    /// Sends the form by which a message is decided.
    pub async fn decide(&self, id: &str, cookie: &str, more: &[(&str, &str)]) -> Answer {
        let ask = self.deciding(id, cookie, more).await;
        self.send(ask).await
    }

    /// The same, not sent yet.
    pub async fn deciding(&self, id: &str, cookie: &str, more: &[(&str, &str)]) -> Ask {
        let action = format!("/review/{id}/decide");
        let page = self.get(&format!("/inbox?at={id}"), cookie).await.text();
        let token = token(&page, &action).unwrap_or_else(|| panic!("no form: {page}"));
        let mut form = vec![("token", token.as_str()), ("decision", "discard")];
        form.extend(more);
        Ask::post(&action, &form).header("Cookie", cookie)
    }

    pub async fn end(self) {
        self.desk.web.stop().await;
        self.desk.outline.stop().await;
    }
}
