//! Workers with a database of their own on a private Postfix. The test itself records what a milter
//! would, so that it decides when a worker sees it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use mailhold::{
    domain::{capture_id::CaptureId, decision::Decision, lifecycle::State, queue_id::QueueId},
    store::{
        captures::{HeaderFields, Record},
        decisions::{Answer, Ballot, Via},
        reviews::Review,
    },
};

use crate::{
    lab::{
        Lab,
        eventually::eventually,
        place::random_text,
        ports::free_address,
        postfix::Postfix,
        program::Program,
        role::{self, Role},
        settings::Settings,
        smtp::Smtp,
        sudo_view,
    },
    store::fixture::{Deciding, Fixture},
};

use super::mails::Mail;

/// The worker's next round comes within a fraction of this.
pub const BOUND: Duration = Duration::from_secs(20);
/// For what must not happen: several rounds of a worker that polls as below.
pub const POLL: &str = "200ms";
const REVIEWER: &str = "rita";
/// Who may adopt strays.
pub const ADMINISTRATOR: &str = "olga";
/// How often workers compare the hold queue with the database here.
pub const RECONCILE: &str = "500ms";

/// A Postfix instance, and captures of its held mail that no other test's worker sees.
pub struct Workplace<'a> {
    pub lab: &'a Lab,
    pub postfix: &'a Postfix,
    pub fixture: Fixture<'a>,
    name: String,
    n_workers: AtomicUsize,
    /// Where a worker serves its figures; the last one that was started.
    last_settings: Mutex<Option<PathBuf>>,
}

impl<'a> Workplace<'a> {
    /// On the lab's own Postfix, which other tests use too: their mail is not ours.
    pub async fn new(lab: &'a Lab) -> Self {
        Self::on(lab, &lab.postfix).await
    }

    /// On another Postfix.
    pub async fn on(lab: &'a Lab, postfix: &'a Postfix) -> Self {
        Self::with(postfix, Fixture::shared(lab).await)
    }

    /// On another Postfix or in another database.
    pub fn with(postfix: &'a Postfix, fixture: Fixture<'a>) -> Self {
        Self {
            lab: fixture.lab,
            postfix,
            fixture,
            name: format!("workplace-{}", &random_text()[..6]),
            n_workers: AtomicUsize::new(0),
            last_settings: Mutex::default(),
        }
    }

    /// Starts a worker with the sudo lines of the Postfix instance.
    pub async fn worker(&self, adjust: impl FnOnce(&mut Settings)) -> Role {
        let etc = self.postfix.config_directory.with_file_name("etc");
        self.worker_in(&etc, adjust).await
    }

    /// Starts a worker that sees this directory's sudo lines.
    pub async fn worker_in(&self, etc: &Path, adjust: impl FnOnce(&mut Settings)) -> Role {
        let (program, metrics) = self.program_in(etc, adjust).await;
        Role::start(&self.lab.tools.starter, program, metrics).await
    }

    /// The program of a worker, and where it will serve its figures: for one that dies.
    pub async fn program(&self, adjust: impl FnOnce(&mut Settings)) -> (Program, SocketAddr) {
        let etc = self.postfix.config_directory.with_file_name("etc");
        self.program_in(&etc, adjust).await
    }

    async fn program_in(
        &self,
        etc: &Path,
        adjust: impl FnOnce(&mut Settings),
    ) -> (Program, SocketAddr) {
        let number = self.n_workers.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-worker-{number}", self.name);
        let metrics = free_address();
        let mut settings = self.settings();
        settings.set("worker.metrics", metrics.to_string());
        adjust(&mut settings);
        let tools = &self.lab.tools;
        let file = settings.write(&tools.place, &format!("{name}.toml"));
        *self.last_settings.lock().unwrap() = Some(file.clone());
        let program = role::program(tools.mailhold(&name), &file, "worker");
        let program = if sudo_view::is_possible().await {
            sudo_view::with_view(program, etc)
        } else {
            program
        };
        (program, metrics)
    }

    fn settings(&self) -> Settings {
        let mut settings = Settings::sample();
        for (section, login) in [
            ("worker", "mailhold_worker"),
            ("reviews", "mailhold_reviews"),
        ] {
            let store = self.fixture.settings(login);
            let file = &self.lab.postgres.login(login).password_file;
            settings
                .set(&format!("{section}.database.url"), store.url)
                .set(
                    &format!("{section}.database.password_file"),
                    file.display().to_string(),
                );
        }
        let postfix = self.postfix;
        settings
            .set("log.format", "json")
            .set(
                "audit.key_file",
                self.lab.tools.audit_key().display().to_string(),
            )
            .set("worker.instance", self.fixture.instance.as_str())
            .set("worker.poll", POLL)
            .set("worker.reconcile", RECONCILE)
            .set(
                "postfix.config_directory",
                postfix.config_directory.display().to_string(),
            )
            .set("postfix.log", postfix.log_path().display().to_string())
            .set("reviews.reviewers", vec![REVIEWER.to_owned()])
            .set("reviews.administrators", vec![ADMINISTRATOR.to_owned()]);
        settings
    }

    /// Puts a message on hold without a capture of it.
    pub async fn stray(&self) -> Mail {
        self.strays(1).await.remove(0)
    }

    /// The same many times, over one connection.
    pub async fn strays(&self, n_mails: usize) -> Vec<Mail> {
        let mut smtp = Smtp::connect(self.postfix.holding_smtp).await;
        let mut mails = Vec::new();
        for _ in 0..n_mails {
            mails.push(Mail::submit(&mut smtp, &self.fixture).await);
        }
        mails
    }

    /// Records what a milter would have.
    pub async fn record(&self, mails: &[Mail]) {
        let record = |mail: &Mail| Record {
            capture: mail.capture.clone(),
            header: HeaderFields::default(),
            content: Bytes::from(mail.content.clone()),
        };
        // As a milter's recorder does it: until PostgreSQL takes them.
        eventually("they are recorded", BOUND, async || {
            let mut records: Vec<_> = mails.iter().map(record).collect();
            self.fixture.milter().record(&mut records).await
        })
        .await;
    }

    /// Puts a message on hold and records it.
    pub async fn captured(&self) -> Mail {
        let mail = self.stray().await;
        self.record(std::slice::from_ref(&mail)).await;
        mail
    }

    /// A message that can be decided, whether a worker runs or not.
    pub async fn held(&self) -> Mail {
        self.all_held(1).await.remove(0)
    }

    /// The same many times.
    pub async fn all_held(&self, n_mails: usize) -> Vec<Mail> {
        let mails = self.strays(n_mails).await;
        self.record(&mails).await;
        let ids: Vec<CaptureId> = mails.iter().map(|mail| mail.capture.id).collect();
        // A worker that runs may be faster.
        self.fixture.worker().confirm(&ids).await.unwrap();
        for mail in &mails {
            self.is(mail, State::Held).await;
        }
        mails
    }

    /// A message that is decided.
    pub async fn decided(&self, decision: Decision) -> Mail {
        let mail = self.held().await;
        self.decide(&mail, decision).await;
        mail
    }

    /// Decides.
    pub async fn decide(&self, mail: &Mail, decision: Decision) {
        let answer = self.vote(mail, decision).await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
    }

    /// Tries to decide.
    pub async fn vote(&self, mail: &Mail, decision: Decision) -> Answer {
        let ballot = Ballot {
            capture_id: mail.capture.id,
            decision,
            reviewer: REVIEWER.to_owned(),
            os_user: None,
            via: Via::Cli,
            note: None,
        };
        self.fixture.reviews().decide(&ballot).await.unwrap()
    }

    /// All that is known of a message.
    pub async fn review(&self, mail: &Mail) -> Review {
        let review = self.fixture.reviews().show(mail.capture.id).await;
        review.unwrap().unwrap()
    }

    /// Waits for a state and gives all that is known then.
    pub async fn is(&self, mail: &Mail, state: State) -> Review {
        let what = format!("{} is {state}", mail.id);
        eventually(&what, BOUND, async || {
            let review = self.review(mail).await;
            if review.state == state {
                Ok(review)
            } else {
                Err((review.state, review.pending))
            }
        })
        .await
    }

    /// Lets the next worker claim what was claimed or put off.
    pub async fn make_due(&self) {
        let instance = &self.fixture.instance;
        let sql = format!("update work set due_at = now() where instance = '{instance}'");
        self.fixture.execute(&sql).await;
    }

    /// Waits until a worker has tried in vain, and gives its reason.
    pub async fn put_off(&self, mail: &Mail) -> String {
        let what = format!("{} is put off", mail.id);
        eventually(&what, BOUND, async || {
            let review = self.review(mail).await;
            let reason = review.pending.as_ref().and_then(|p| p.last_failure.clone());
            // On a busy machine an attempt may come too late; the next one tells.
            let reason = reason.filter(|reason| reason != "the lease was half over");
            reason.ok_or((review.state, review.pending))
        })
        .await
    }

    /// A name that no other test uses.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `mailhold reviews show` as a reviewer sees it.
    pub async fn shown(&self, mail: &Mail) -> String {
        self.shown_as(&mail.id).await
    }

    /// The same by any queue ID.
    pub async fn shown_as(&self, id: &QueueId) -> String {
        let program = self.command("reviews");
        program.arguments(["show", id.as_str()]).run(b"").await
    }

    /// A command with the settings of the last worker.
    pub fn command(&self, command: &str) -> Program {
        let file = self.last_settings.lock().unwrap().clone().unwrap();
        role::program(self.lab.tools.mailhold("mailhold"), &file, command)
    }
}
