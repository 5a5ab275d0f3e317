//! The review desk in the demo: with people to sign in, and a dozen mails to be read.

use std::time::Duration;

use super::mails;
use crate::lab::{
    Lab,
    desk::Desk,
    eventually::eventually,
    http::{Answer, Ask},
    program::Program,
    review_desk::{Door, Passwords, ReviewDesk, Sitter},
    smtp,
};

const BOUND: Duration = Duration::from_secs(30);

/// The desk and who may sit at it.
pub struct Reviewing {
    pub desk: ReviewDesk,
    pub reviewer: Sitter,
    pub keeper: Sitter,
}

impl Reviewing {
    /// Sets it up beside the milter and the worker.
    pub async fn start(lab: &Lab, desk: &Desk, door: Door) -> Self {
        let mut passwords = Passwords::new(&lab.tools);
        let reviewer = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
        let roles = ["auditor", "administrator"];
        let keeper = passwords.add("otto", &roles, "otto@corp.test").await;
        Self {
            desk: ReviewDesk::start(&lab.tools, &desk.settings, &passwords, door, |_| {}).await,
            reviewer,
            keeper,
        }
    }

    /// Sends the dozen mails, and waits until all can be read.
    pub async fn fill(&self, lab: &Lab, desk: &Desk, sender: &str) -> usize {
        let all = mails::all(sender);
        for mail in &all {
            smtp::send(lab.postfix.smtp, sender, mail.recipients, &mail.content)
                .await
                .ok();
        }
        eventually("all mails are taken apart", BOUND, async || {
            let sql = "select count(*) filter (where o.capture_id is null or c.state = 'captured')
                from capture c left join outline o using (capture_id)";
            let waiting = desk.database.execute(sql).await;
            if waiting.trim() == "0" {
                Ok(())
            } else {
                Err(waiting)
            }
        })
        .await;
        all.len()
    }

    /// Where to go, and who may.
    pub async fn describe(&self) {
        println!("The review desk: {}/", self.desk.url);
        println!(
            "  sign in as  {}   password {}   reads and decides",
            self.reviewer.login, self.reviewer.password
        );
        println!(
            "          or  {}   password {}   sees the record, health and settings",
            self.keeper.login, self.keeper.password
        );
        let fingerprint = Program::new("openssl", "/usr/bin/openssl")
            .arguments(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
            .arguments([&self.desk.certificate.file]);
        let fingerprint = fingerprint.run(b"").await;
        println!(
            "  certificate {}\n",
            fingerprint.trim().rsplit('=').next().unwrap_or_default()
        );
    }

    /// Decides a message as the page's form does, and gives the answer.
    pub async fn decide(&self, id: &str, decision: &str) -> Answer {
        let form = [
            ("login", self.reviewer.login.as_str()),
            ("password", &self.reviewer.password),
        ];
        let entered = Ask::post("/sign-in", &form).send(self.desk.address).await;
        let session = entered.cookie("__Host-session").expect("a session");
        let cookie = format!("__Host-session={session}");
        let page = Ask::get(&format!("/inbox?at={id}")).header("Cookie", &cookie);
        let page = page.send(self.desk.address).await.text();
        let action = format!("/review/{id}/decide");
        let token = token(&page, &action);
        let form = [("token", token), ("decision", decision)];
        let decide = Ask::post(&action, &form).header("Cookie", &cookie);
        decide.send(self.desk.address).await
    }
}

/// The hidden token of the form with this action.
pub fn token<'a>(page: &'a str, action: &str) -> &'a str {
    let found = page
        .split_once(&format!("action=\"{action}\""))
        .and_then(|(_, form)| form.split_once("name=\"token\" value=\""))
        .and_then(|(_, value)| value.split('"').next());
    found.unwrap_or_else(|| panic!("no form for {action}: {page}"))
}
