//! PostgreSQL as each process would use it. Reads its settings and its clock, and no table of mail.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Scene, live,
    report::{Answer, Finding},
};
use crate::{
    store::{
        Role, Settings, Store, StoreError,
        survey::{Survey, clocks_apart},
    },
    telemetry::chain::Chain,
};

const CONNECT: &str = "database";
const SCHEMA: &str = "database-schema";
const DURABLE: &str = "database-durability";
const CLOCK: &str = "database-clock";

/// A difference that people see in the times of a review.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(2);

/// The logins of all three processes, then what the milter's may see.
pub async fn findings(scene: &Scene) -> Vec<Finding> {
    let [milter, worker, reviews] = [
        (&scene.milter.database, Role::Milter, "milter"),
        (&scene.worker.database, Role::Worker, "worker"),
        (&scene.reviews.database, Role::Reviews, "reviews"),
    ];
    let (milter, worker, reviews) = tokio::join!(ask(milter), ask(worker), ask(reviews));
    let all = [&milter, &worker, &reviews];
    let mut findings: Vec<_> = all.map(|one| one.reached(scene).of(CONNECT)).into();
    findings.push(schema(&all).of(SCHEMA));
    // Both settings may be other ones for a single login. The milter forgets a capture once
    // PostgreSQL has it; the worker records what became of it.
    let mut durable = Vec::new();
    for asked in [&milter, &worker] {
        let answers = match &asked.survey {
            Some(Ok(survey)) => durability(survey, asked.name),
            Some(Err(error)) => vec![refused(error)],
            None => vec![live::unmade("the database was not asked")],
        };
        durable.extend(answers);
    }
    durable.dedup();
    findings.extend(durable.into_iter().map(|answer| answer.of(DURABLE)));
    let clock = match &milter.survey {
        Some(Ok(survey)) => clock(survey.clock, milter.before, milter.after),
        Some(Err(error)) => refused(error),
        None => live::unmade("the database was not asked"),
    };
    findings.push(clock.of(CLOCK));
    findings
}

/// What one login was told.
struct Asked {
    name: &'static str,
    compared: Result<(), StoreError>,
    /// `None` if there was no use in asking.
    survey: Option<Result<Survey, StoreError>>,
    before: DateTime<Utc>,
    after: DateTime<Utc>,
}

async fn ask((settings, role, name): (&Settings, Role, &'static str)) -> Asked {
    let mut asked = Asked {
        name,
        compared: Ok(()),
        survey: None,
        before: Utc::now(),
        after: Utc::now(),
    };
    let store = match Store::connect_lazy(settings, role) {
        Ok(store) => store,
        Err(error) => {
            asked.compared = Err(error);
            return asked;
        }
    };
    asked.compared = store.check_schema().await;
    if asked.is_connected() {
        asked.before = Utc::now();
        asked.survey = Some(store.survey().await);
        asked.after = Utc::now();
    }
    store.close().await;
    asked
}

impl Asked {
    fn is_connected(&self) -> bool {
        !matches!(
            self.compared,
            Err(StoreError::Connect { .. } | StoreError::Url { .. })
        )
    }

    fn reached(&self, scene: &Scene) -> Answer {
        let name = self.name;
        match &self.compared {
            Err(error @ (StoreError::Connect { .. } | StoreError::Url { .. })) => {
                let seen = format!("{name}: {}", Chain(error));
                let cure = format!(
                    "see that PostgreSQL runs and lets {name}.database.url in with its \
                     password_file ({}), and run `mailhold migrate --create-roles`",
                    scene.file
                );
                if error.is_refusal() {
                    Answer::fault(seen, cure)
                } else {
                    Answer::away(seen, cure)
                }
            }
            Ok(()) | Err(_) => Answer::good(match &self.survey {
                Some(Ok(survey)) => {
                    // What packagers put behind the number tells nothing here.
                    let version = survey.version.split(' ').next().unwrap_or_default();
                    format!("{name}: {} at PostgreSQL {version}", survey.login)
                }
                Some(Err(_)) | None => format!("{name}: connected"),
            }),
        }
    }
}

fn schema(all: &[&Asked]) -> Answer {
    let connected = all.iter().filter(|one| one.is_connected());
    let compared: Vec<_> = connected.map(|one| &one.compared).collect();
    if compared.is_empty() {
        return live::unmade("the database was not asked");
    }
    let fault = compared.iter().find_map(|one| one.as_ref().err());
    match fault {
        None => Answer::good(format!(
            "version {}, as this program needs it",
            crate::store::schema::needed_version()
        )),
        Some(error @ StoreError::Schema(_)) => Answer::fault(
            Chain(error).to_string(),
            "run `mailhold migrate` of the newest version",
        ),
        Some(error) => refused(error),
    }
}

fn refused(error: &StoreError) -> Answer {
    let cure = "look at PostgreSQL's log, then run this again";
    Answer::away(Chain(error).to_string(), cure)
}

/// What was committed survives a crash: the spool gives captures away after the COMMIT.
fn durability(survey: &Survey, name: &str) -> Vec<Answer> {
    const RELOAD: &str = "then `select pg_reload_conf()`";
    let mut answers = Vec::new();
    if survey.fsync != "on" {
        answers.push(Answer::fault(
            format!(
                "fsync = {}: a crash of the host can destroy the database",
                survey.fsync
            ),
            format!("run `alter system set fsync = on`, {RELOAD}"),
        ));
    }
    if survey.full_page_writes != "on" {
        answers.push(Answer::fault(
            format!(
                "full_page_writes = {}: a power cut can leave half-written pages",
                survey.full_page_writes
            ),
            format!("run `alter system set full_page_writes = on`, {RELOAD}"),
        ));
    }
    if survey.synchronous_commit == "off" {
        answers.push(Answer::fault(
            format!("{name}: synchronous_commit = off: a crash loses what was just recorded"),
            format!(
                "find where it is set (postgresql.conf, `alter role {}`, `alter database`) and set \
                 it to on",
                survey.login
            ),
        ));
    }
    if answers.is_empty() {
        answers.push(Answer::good(format!(
            "{name}: fsync on, full_page_writes on, synchronous_commit {}",
            survey.synchronous_commit
        )));
    }
    answers
}

fn clock(theirs: DateTime<Utc>, before: DateTime<Utc>, after: DateTime<Utc>) -> Answer {
    let apart = clocks_apart(theirs, before, after);
    if apart.abs() <= CLOCK_TOLERANCE {
        return Answer::good("PostgreSQL has the time of this host");
    }
    let side = if apart < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    Answer::fault(
        format!(
            "PostgreSQL is {} s {side} this host",
            apart.abs().num_seconds()
        ),
        "let both hosts take their time from the same source (NTP)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    fn survey() -> Survey {
        Survey {
            version: "15.1".to_owned(),
            login: "mailhold_milter".to_owned(),
            fsync: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            synchronous_commit: "on".to_owned(),
            clock: Utc::now(),
        }
    }

    #[test]
    fn each_setting_that_loses_data_is_a_fault_of_its_own() {
        let survey = Survey {
            fsync: "off".to_owned(),
            full_page_writes: "off".to_owned(),
            synchronous_commit: "off".to_owned(),
            ..survey()
        };
        let answers = durability(&survey, "milter");
        assert_eq!(answers.len(), 3);
        assert!(answers.iter().all(|one| one.verdict == Verdict::Fault));
    }

    #[test]
    fn a_commit_that_waits_for_a_disk_is_good_enough() {
        for setting in ["on", "local", "remote_write", "remote_apply"] {
            let survey = Survey {
                synchronous_commit: setting.to_owned(),
                ..survey()
            };
            let answers = durability(&survey, "milter");
            assert_eq!(answers[0].verdict, Verdict::Good, "{setting}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_a_fault_on_either_side() {
        let now = Utc::now();
        let at = |seconds| clock(now + TimeDelta::seconds(seconds), now, now);
        assert_eq!(at(0).verdict, Verdict::Good);
        assert!(at(-30).seen.contains("30 s behind this host"));
        assert!(at(90).seen.contains("90 s ahead of this host"));
        assert_eq!(at(90).verdict, Verdict::Fault);
    }
}
