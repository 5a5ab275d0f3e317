//! A small desk with a database of its own and one reviewer, for tests that change what others must keep.

use std::{fs, path::PathBuf};

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

    /// What is on record, oldest first: kind, person and client.
    pub async fn record(&self) -> Vec<String> {
        let sql = "select kind || ' ' || actor || ' ' || coalesce(client, 'none')
            from audit_event order by seq";
        let lines = self.database.execute(sql).await;
        lines.lines().map(str::to_owned).collect()
    }

    pub async fn end(self) {
        self.desk.web.stop().await;
        self.desk.outline.stop().await;
    }
}
