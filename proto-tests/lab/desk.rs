//! A whole house with reviews: settings, a database, a milter and a worker for one Postfix instance.

use std::{net::SocketAddr, path::PathBuf, process::Output, sync::Arc, time::Duration};

use mailhold::domain::queue_id::QueueId;
use serde_json::Value;

use super::{
    Tools,
    eventually::eventually,
    place::random_text,
    ports::free_address,
    postfix::Postfix,
    postgres::{Database, Postgres},
    program::{Program, text},
    role::{self, Role},
    settings::Settings,
    slapd::{PEOPLE, SERVICE, Slapd},
    sudo_view,
    user::User,
};

/// Who may be named with `--as`.
pub const REVIEWERS: [&str; 2] = ["rita", "robert"];
/// The domain of the house.
pub const HOUSE: &str = "corp.test";

/// Waking up is quick; the worker's next round comes within seconds.
const REVIEW_BOUND: Duration = Duration::from_secs(20);

/// The servers that a desk stands between.
#[derive(Clone, Copy)]
pub struct Servers<'a> {
    /// The directory of the lab.
    pub tools: &'a Tools,
    /// Where the flags are.
    pub slapd: &'a Slapd,
    /// Where the desk gets a database of its own.
    pub postgres: &'a Arc<Postgres>,
    /// The instance whose milters the desk serves: one desk for each.
    pub postfix: &'a Postfix,
}

/// A milter and a worker at work.
pub struct Desk {
    /// What both run with.
    pub settings: Settings,
    /// The file with the same.
    pub settings_file: PathBuf,
    /// Their database.
    pub database: Database,
    /// `mailhold milter`.
    pub milter: Role,
    /// `mailhold worker`.
    pub worker: Role,
    tools: Tools,
}

impl Desk {
    /// Sets one up; `adjust` changes the settings before anything starts.
    pub async fn start(servers: Servers<'_>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let tools = servers.tools;
        let database = servers.postgres.database().await;
        let name = format!("{}-desk", servers.postfix.name);
        let [milter_metrics, worker_metrics] = [free_address(), free_address()];
        let mut settings = settings(servers, &database, [milter_metrics, worker_metrics]);
        adjust(&mut settings);
        let settings_file = settings.write(&tools.place, &format!("{name}.toml"));

        let program = |role: &str| {
            role::program(
                tools.mailhold(&format!("{name}-{role}")),
                &settings_file,
                role,
            )
        };
        let milter = program("milter").user(User::milter());
        let worker = program("worker");
        let worker = if sudo_view::is_possible().await {
            sudo_view::with_sudo(worker, servers.postfix)
        } else {
            eprintln!("lab: no private mounts here, so the worker runs as root without sudo");
            worker
        };
        let (milter, worker) = tokio::join!(
            Role::start(&tools.starter, milter, milter_metrics),
            Role::start(&tools.starter, worker, worker_metrics),
        );
        Self {
            settings,
            settings_file,
            database,
            milter,
            worker,
            tools: tools.clone(),
        }
    }

    /// `mailhold reviews …` as an operator runs it.
    pub async fn reviews(&self, arguments: &[&str]) -> Output {
        self.command("reviews")
            .arguments(arguments)
            .output(b"")
            .await
    }

    /// The same with `--json`: one object per message.
    ///
    /// # Panics
    /// When it fails, with all it printed.
    pub async fn reviews_json(&self, arguments: &[&str]) -> Vec<Value> {
        let command = self
            .command("reviews")
            .arguments(arguments)
            .arguments(["--json"]);
        let out = command.run(b"").await;
        out.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits until a message's record satisfies `wanted`; a message without one is `null`.
    pub async fn review(&self, id: &QueueId, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        eventually(&format!("{id} is {what}"), REVIEW_BOUND, async || {
            let show = self.reviews(&["show", id.as_str(), "--json"]).await;
            let review: Value = serde_json::from_slice(&show.stdout).unwrap_or_default();
            let seen = format!("{} {}", review["state"], text(&show.stderr).trim_end());
            if wanted(&review) {
                Ok(review)
            } else {
                Err(seen)
            }
        })
        .await
    }

    /// Waits until a message can be decided.
    pub async fn held(&self, id: &QueueId) -> Value {
        self.review(id, "held", |review| review["state"] == "held")
            .await
    }

    /// Waits until a decision was carried out.
    pub async fn settled(&self, id: &QueueId) -> Value {
        self.review(id, "settled", |review| !review["settled"].is_null())
            .await
    }

    /// Decides on a held message as the first reviewer.
    pub async fn decide(&self, decision: &str, id: &QueueId) {
        let arguments = [decision, id.as_str(), "--as", REVIEWERS[0]];
        self.command("reviews").arguments(arguments).run(b"").await;
    }

    /// A subcommand of mailhold with this desk's settings.
    pub fn command(&self, subcommand: &str) -> Program {
        role::program(
            self.tools.mailhold("mailhold"),
            &self.settings_file,
            subcommand,
        )
    }
}

fn settings(servers: Servers<'_>, database: &Database, metrics: [SocketAddr; 2]) -> Settings {
    let Servers {
        tools,
        slapd,
        postfix,
        ..
    } = servers;
    let spool = format!("spool-{}", &random_text()[..4]);
    let spool = tools.place.directory(&spool, User::milter(), 0o700);
    let socket = |name: &str| {
        (
            format!("unix:{}", postfix.socket(name).display()),
            &*postfix.name,
        )
    };
    let mut settings = tools.settings(database);
    settings
        .listen(&[socket("smtp.sock"), socket("local.sock")])
        .set("log.format", "json")
        // Tests under load send more as one person than anybody would.
        .set("milter.sender_cap", 0)
        .set("milter.metrics", metrics[0].to_string())
        .set("worker.metrics", metrics[1].to_string())
        .set("worker.instance", postfix.name.as_str())
        .set("directory.ldap.urls", vec![slapd.url()])
        .set("directory.ldap.base", PEOPLE)
        .set("directory.ldap.bind_dn", SERVICE)
        .set(
            "directory.ldap.bind_password_file",
            slapd.service_password.display().to_string(),
        )
        .set("policy.internal_domains", vec![HOUSE.to_owned()])
        .set("spool.directory", spool.display().to_string())
        .set("spool.min_free_percent", 1)
        .set("spool.min_free", "64 MiB")
        .set(
            "postfix.config_directory",
            postfix.config_directory.display().to_string(),
        )
        .set("postfix.log", postfix.log_path().display().to_string())
        .set("reviews.reviewers", REVIEWERS.map(str::to_owned).to_vec());
    settings
}
