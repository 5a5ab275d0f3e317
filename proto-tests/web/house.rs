//! A house with a review desk, for all tests of the desk: a Postfix of its own, milter, worker, outline
//! and two web processes, one over TLS for browsers and one plain for requests that no browser sends.

use std::time::Duration;

use mailhold::domain::{capture_id::CaptureId, queue_id::QueueId};
use tokio::sync::OnceCell;

use crate::lab::{
    Lab, Person,
    browser::{Browser, Certificates, View},
    desk::{Desk, Servers},
    eventually::eventually,
    http::{Answer, Ask},
    place::random_text,
    postfix::Postfix,
    review_desk::{Door, Passwords, ReviewDesk, Sitter},
    smtp,
};

static HOUSE: OnceCell<House> = OnceCell::const_new();

/// Captures are outlined within moments.
pub const OUTLINE_BOUND: Duration = Duration::from_secs(240);

pub struct House {
    pub desk: Desk,
    pub postfix: Postfix,
    /// For browsers.
    pub secure: ReviewDesk,
    /// For requests that no browser sends.
    pub plain: ReviewDesk,
    pub rita: Sitter,
    pub robert: Sitter,
    pub otto: Sitter,
    pub ada: Sitter,
    /// A reviewer whose rights a test takes away.
    pub simon: Sitter,
    /// A reviewer whose own mail is reviewed.
    pub sven: Sitter,
    pub flagged_sven: Person,
}

/// A message that is held and outlined.
#[derive(Clone, Debug)]
pub struct Held {
    pub queue_id: QueueId,
    pub id: CaptureId,
}

/// Somebody's session over plain HTTP.
pub struct Session<'a> {
    house: &'a House,
    cookie: String,
}

impl House {
    /// The house of this run; the first to ask starts it.
    pub async fn shared(lab: &Lab) -> &'static Self {
        HOUSE.get_or_init(|| Self::start(lab)).await
    }

    async fn start(lab: &Lab) -> Self {
        let postfix = Postfix::start(&lab.tools, "desk", lab.sink.address).await;
        let servers = Servers {
            tools: &lab.tools,
            slapd: &lab.slapd,
            postgres: &lab.postgres,
            postfix: &postfix,
        };
        let desk = Desk::start(servers, |_| {}).await;
        let mut passwords = Passwords::new(&lab.tools);
        let rita = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
        let robert = passwords
            .add("robert", &["reviewer"], "robert@corp.test")
            .await;
        let otto = passwords.add("otto", &["auditor"], "otto@corp.test").await;
        let ada = passwords
            .add("ada", &["administrator"], "ada@corp.test")
            .await;
        let simon = passwords
            .add("simon", &["reviewer"], "simon@corp.test")
            .await;
        let flagged_sven = lab.person(&["Y"]).await;
        let sven = passwords
            .add("sven", &["reviewer"], &flagged_sven.address)
            .await;
        let (secure, plain) = tokio::join!(
            ReviewDesk::start(&lab.tools, &desk.settings, &passwords, Door::Tls, |_| {}),
            ReviewDesk::start(&lab.tools, &desk.settings, &passwords, Door::Plain, |_| {}),
        );
        Self {
            desk,
            postfix,
            secure,
            plain,
            rita,
            robert,
            otto,
            ada,
            simon,
            sven,
            flagged_sven,
        }
    }

    /// Sends a message of a flagged person, and waits until it can be read and decided.
    pub async fn held(&self, sender: &Person, recipients: &[&str], content: &[u8]) -> Held {
        let held = self.send(sender, recipients, content).await;
        self.outlined(&held).await;
        held
    }

    /// The same without waiting for the outline.
    pub async fn send(&self, sender: &Person, recipients: &[&str], content: &[u8]) -> Held {
        let reply = smtp::send(self.postfix.smtp, &sender.address, recipients, content).await;
        self.on_hold(reply.ok().queue_id()).await
    }

    /// A message that Postfix has taken, once it is on hold and known.
    pub async fn on_hold(&self, queue_id: QueueId) -> Held {
        let sql = format!(
            "select capture_id from capture where queue_id = '{queue_id}' and state = 'held'"
        );
        let id = eventually("the message is held", OUTLINE_BOUND, async || {
            let found = self.desk.database.execute(&sql).await;
            found.trim().parse().map_err(|_| found)
        })
        .await;
        Held { queue_id, id }
    }

    pub async fn outlined(&self, held: &Held) {
        let sql = format!(
            "select status from outline where capture_id = '{}'",
            held.id
        );
        eventually("the message is outlined", OUTLINE_BOUND, async || {
            let status = self.desk.database.execute(&sql).await;
            if status.trim().is_empty() {
                Err(status)
            } else {
                Ok(())
            }
        })
        .await;
    }

    /// The messages of a sender, once so many are held and outlined, oldest first.
    pub async fn all_of(&self, sender: &Person, count: usize) -> Vec<CaptureId> {
        let sql = format!(
            "select string_agg(capture_id::text, ' ' order by capture_id)
            from capture join outline using (capture_id)
            where sender = '{}' and state = 'held'",
            sender.address
        );
        eventually("all are held and outlined", OUTLINE_BOUND, async || {
            let found = self.desk.database.execute(&sql).await;
            let ids: Vec<CaptureId> = found
                .split_whitespace()
                .map(|id| id.parse().unwrap())
                .collect();
            if ids.len() == count {
                Ok(ids)
            } else {
                Err(ids.len())
            }
        })
        .await
    }

    /// A browser that takes the desk's certificate.
    pub async fn browser(&self, lab: &Lab, view: View) -> Browser {
        let view = View {
            certificates: Certificates::Any,
            ..view
        };
        Browser::start(&lab.tools, &view).await
    }

    /// Signs in with a browser.
    pub async fn sign_in(&self, browser: &Browser, who: &Sitter, path: &str) {
        self.sign_in_at(browser, &self.secure, who, path).await;
    }

    /// The same at another desk.
    pub async fn sign_in_at(&self, browser: &Browser, desk: &ReviewDesk, who: &Sitter, path: &str) {
        browser.open(&format!("{}{path}", desk.url)).await;
        let form = browser
            .client
            .form(fantoccini::Locator::Css("form.stack"))
            .await;
        let form = form.unwrap();
        form.set_by_name("login", &who.login).await.unwrap();
        form.set_by_name("password", &who.password).await.unwrap();
        browser.click("form.stack button.main").await;
        browser.text("form.leave .who").await;
        browser.calm().await;
    }

    /// A session over plain HTTP.
    pub async fn session(&self, who: &Sitter) -> Session<'_> {
        let form = [("login", who.login.as_str()), ("password", &who.password)];
        let answer = Ask::post("/sign-in", &form).send(self.plain.address).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let cookie = answer.cookie("__Host-session").unwrap();
        Session {
            house: self,
            cookie: format!("__Host-session={cookie}"),
        }
    }
}

impl Session<'_> {
    /// The answer to a page.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Ask::get(path)).await
    }

    /// Sends any request within the session.
    pub async fn send(&self, ask: Ask) -> Answer {
        ask.header("Cookie", &self.cookie)
            .send(self.house.plain.address)
            .await
    }

    /// The token of the first form of a page with this action.
    pub async fn token(&self, page: &str, action: &str) -> String {
        let text = self.get(page).await.text();
        token(&text, action).unwrap_or_else(|| panic!("{page} has no form for {action}: {text}"))
    }

    /// Changes what is known of this session's person, as the directory would have it from now on.
    pub async fn becomes(&self, change: &str) {
        let (_, token) = self.cookie.split_once('=').unwrap();
        // What was asked for in the future is not asked for anew while a test lasts.
        let sql = format!(
            "update web_session set {change}, renewed_at = now() + interval '1 hour'
            where token_hash = sha256('{token}')"
        );
        self.house.desk.database.execute(&sql).await;
    }

    /// Decides a message by its form.
    pub async fn decide(&self, held: &Held, decision: &str) -> Answer {
        let action = format!("/review/{}/decide", held.id);
        let token = self.token(&format!("/inbox?at={}", held.id), &action).await;
        let form = [("token", token.as_str()), ("decision", decision)];
        self.send(Ask::post(&action, &form)).await
    }
}

/// The hidden token of the form with this action.
pub fn token(page: &str, action: &str) -> Option<String> {
    let (_, form) = page.split_once(&format!("action=\"{action}\""))?;
    let (_, value) = form.split_once("name=\"token\" value=\"")?;
    Some(value.split('"').next()?.to_owned())
}

/// A name that no other test uses, for a subject.
pub fn word() -> String {
    format!("w{}", &random_text()[..10])
}
