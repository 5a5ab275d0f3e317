//! All live checks by name. A new check is a line in one of the tables below, and a function beside
//! those that it resembles. Never changes anything.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{
    Scene, alarms, database, directory, files, host, limits, listed, policy, postfix,
    report::{Answer, Finding},
    services, socket, sudo,
};
use crate::{
    postfix::{error::PostfixError, survey::Survey},
    telemetry::chain::Chain,
};

/// How long one check may look at files and sockets: a dead file system never answers.
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
    let (postfix, directory, database, host, alarms) = tokio::join!(
        of_postfix(&scene),
        directory::findings(&scene),
        database::findings(&scene),
        of_host(&scene),
        alarms::findings(&scene),
    );
    [postfix, directory, database, host, alarms].concat()
}

async fn of_postfix(scene: &Arc<Scene>) -> Vec<Finding> {
    let survey = match Survey::ask(&scene.worker.postfix).await {
        Ok(survey) => survey,
        Err(error) => return unasked(&error),
    };
    let shared = Arc::new(survey.clone());
    let checks = OF_POSTFIX.map(|(name, check)| {
        let (scene, survey) = (Arc::clone(scene), Arc::clone(&shared));
        in_background(name, FILES_DEADLINE, move || check(&scene, &survey))
    });
    let (checked, sudo) = tokio::join!(join_all(checks), sudo::findings(scene, &survey));
    [checked.concat(), sudo].concat()
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
    let checks = OF_HOST.map(|(name, check)| {
        let scene = Arc::clone(scene);
        in_background(name, FILES_DEADLINE, move || check(&scene))
    });
    join_all(checks).await.concat()
}

/// Makes one check on a thread of its own, as long as `patience`: none is lost because another one hangs.
async fn in_background(
    name: &'static str,
    patience: Duration,
    check: impl FnOnce() -> Vec<Answer> + Send + 'static,
) -> Vec<Finding> {
    let checking = tokio::task::spawn_blocking(check);
    let answers = match timeout(patience, checking).await {
        Ok(Ok(answers)) => answers,
        Ok(Err(fault)) => vec![Answer::fault(
            format!("the check itself broke off: {fault}"),
            "this is a fault in mailhold: report it with what stands on standard error",
        )],
        Err(_elapsed) => vec![Answer::away(
            format!("no answer within {patience:?} from a file system or a socket"),
            "look at the mounts below the paths of this check, and at the program that listens there",
        )],
    };
    answers.into_iter().map(|answer| answer.of(name)).collect()
}

/// A check that another failure made impossible.
pub fn unmade(why: &str) -> Answer {
    Answer::skipped(why, "mend that first, then run this again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[tokio::test]
    async fn a_check_that_hangs_is_a_service_away_and_one_that_panics_is_our_own_fault() {
        let (release, hold) = std::sync::mpsc::channel::<()>();
        let hang = move || hold.recv().map(|()| Vec::new()).unwrap_or_default();
        let (hanging, broken) = tokio::join!(
            in_background("clock-files", Duration::from_millis(20), hang),
            in_background("spool", FILES_DEADLINE, || panic!("on purpose")),
        );
        drop(release);
        assert_eq!(hanging[0].answer.verdict, Verdict::Away);
        assert!(hanging[0].answer.seen.contains("no answer within 20ms"));
        assert_eq!(broken[0].answer.verdict, Verdict::Fault);
        assert!(broken[0].answer.seen.contains("broke off"));
    }
}
