//! All live checks by name. A new check is a line in one of the tables below, and a function beside
//! those that it resembles. Never changes anything.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    Scene, database, directory, files, host, limits, listed, policy, postfix,
    report::{Answer, Finding},
    services, socket, sudo,
};
use crate::{
    postfix::{error::PostfixError, survey::Survey},
    telemetry::chain::Chain,
};

/// How long the looks at one group of files may take: a dead file system never answers.
const FILES_DEADLINE: Duration = Duration::from_secs(15);

/// A check of Postfix's settings.
type OfPostfix = fn(&Scene, &Survey) -> Vec<Answer>;
/// A check of this host.
type OfHost = fn(&Scene) -> Vec<Answer>;

/// The checks that need what `postconf` says.
const OF_POSTFIX: [(&str, OfPostfix); 14] = [
    ("postfix-version", postfix::version),
    ("bare-newlines", postfix::bare_newlines),
    ("long-queue-ids", postfix::long_queue_ids),
    ("smtpd-milters", listed::smtpd_milters),
    ("non-smtpd-milters", listed::non_smtpd_milters),
    ("milter-action", listed::default_action),
    ("milter-timeouts", listed::timeouts),
    ("services", services::ways_past),
    ("milter-maps", services::milter_maps),
    ("reinjection", services::reinjection),
    ("submitted-networks", policy::networks),
    ("process-limits", limits::connections),
    ("milter-sockets", socket::reachable),
    ("clock-files", files::queue_clock),
];

/// The checks of what is on this host.
const OF_HOST: [(&str, OfHost); 4] = [
    ("policy-rules", policy::rules),
    ("spool", host::spool),
    ("spool-space", host::spool_space),
    ("clock-sync", host::clock_sync),
];

/// Makes all checks, those of different servers side by side.
pub async fn run(scene: Scene) -> Vec<Finding> {
    let scene = Arc::new(scene);
    let (postfix, directory, database, host) = tokio::join!(
        of_postfix(&scene),
        directory::findings(&scene),
        database::findings(&scene),
        of_host(&scene),
    );
    [postfix, directory, database, host].concat()
}

async fn of_postfix(scene: &Arc<Scene>) -> Vec<Finding> {
    let survey = match Survey::ask(&scene.worker.postfix).await {
        Ok(survey) => survey,
        Err(error) => return unasked(&error),
    };
    let sudo = sudo::findings(scene, &survey);
    let shared = Arc::clone(scene);
    let names = OF_POSTFIX.map(|(name, _)| name);
    let (checked, survey_sudo) = tokio::join!(
        in_background(&names, {
            let survey = survey.clone();
            move || {
                let of_one = |(name, check): (&'static str, OfPostfix)| {
                    let answers = check(&shared, &survey).into_iter();
                    answers.map(move |answer| answer.of(name))
                };
                OF_POSTFIX.into_iter().flat_map(of_one).collect()
            }
        }),
        sudo
    );
    [checked, survey_sudo].concat()
}

/// `postconf` gave no answer: that is one failure, and no word about anything else.
fn unasked(error: &PostfixError) -> Vec<Finding> {
    let seen = Chain(error).to_string();
    let cure = "see that postfix.config_directory and postfix.command_directory name this \
                instance, and that `postconf -c DIRECTORY` works";
    let first = if super::is_away(error) {
        Answer::away(seen, cure)
    } else {
        Answer::fault(seen, cure)
    };
    let rest = OF_POSTFIX.map(|(name, _)| name).into_iter().chain(["sudo"]);
    let skipped = rest.map(|name| unmade("Postfix's settings are not known").of(name));
    std::iter::once(first.of("postfix"))
        .chain(skipped)
        .collect()
}

async fn of_host(scene: &Arc<Scene>) -> Vec<Finding> {
    let shared = Arc::clone(scene);
    let names = OF_HOST.map(|(name, _)| name);
    in_background(&names, move || {
        let of_one = |(name, check): (&'static str, OfHost)| {
            let answers = check(&shared).into_iter();
            answers.map(move |answer| answer.of(name))
        };
        OF_HOST.into_iter().flat_map(of_one).collect()
    })
    .await
}

/// Looks at files on a thread of its own, for a while.
async fn in_background(
    names: &[&'static str],
    look: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> Vec<Finding> {
    let looking = tokio::task::spawn_blocking(look);
    if let Ok(Ok(findings)) = timeout(FILES_DEADLINE, looking).await {
        return findings;
    }
    let seen = format!("no answer from the file system within {FILES_DEADLINE:?}");
    let all = names.iter().map(|name| unmade(&seen).of(name));
    all.collect()
}

/// A check that another failure made impossible.
pub fn unmade(why: &str) -> Answer {
    Answer::skipped(why, "mend that first, then run this again")
}
