//! Whether the worker's user may run `postsuper` through `sudo`. Runs only `sudo -l`.

use super::{
    Scene,
    report::{Answer, Finding},
};
use crate::{
    postfix::{
        permission::{self, Permission},
        postsuper::Action,
        survey::Survey,
    },
    telemetry::chain::Chain,
};

const NAME: &str = "sudo";

/// The four lines, each as the worker runs it.
pub async fn findings(scene: &Scene, survey: &Survey) -> Vec<Finding> {
    let answer = if nix::unistd::geteuid().is_root() {
        ask(scene, survey).await
    } else {
        Answer::skipped(
            "only root may ask sudo for another user",
            "run this as root",
        )
    };
    vec![answer.of(NAME)]
}

async fn ask(scene: &Scene, survey: &Survey) -> Answer {
    let settings = &scene.worker.postfix;
    let user = survey.parameter("mail_owner").unwrap_or("postfix");
    let answers = match permission::ask(settings, &Action::ALL, user).await {
        Ok(answers) => answers,
        Err(error) => {
            return Answer::skipped(
                Chain(&error).to_string(),
                "install sudo and name it in postfix.sudo, unless the worker runs as root",
            );
        }
    };
    let commands: Vec<_> = Action::ALL
        .into_iter()
        .zip(answers)
        .map(|(action, answer)| (permission::command_line(settings, action), answer))
        .collect();
    let missing = |wanted| {
        let mut commands = commands.iter().filter(|(_, answer)| *answer == wanted);
        commands.next().map(|(command, _)| command)
    };
    if let Some(command) = missing(Permission::Refused) {
        return Answer::fault(
            format!("{user} may not run `{command}`: decisions cannot be carried out"),
            format!(
                "install config/sudoers/mailhold as /etc/sudoers.d/mailhold, with {}",
                of_instance(scene)
            ),
        );
    }
    if let Some(command) = missing(Permission::WithPassword) {
        return Answer::fault(
            format!("{user} needs a password for `{command}`, and the worker has none"),
            "write NOPASSWD: before the commands, as in config/sudoers/mailhold",
        );
    }
    Answer::good(format!(
        "{user} may run the four commands of config/sudoers/mailhold"
    ))
}

fn of_instance(scene: &Scene) -> String {
    let line = permission::command_line(&scene.worker.postfix, Action::Release);
    format!("lines like `{line}`")
}
