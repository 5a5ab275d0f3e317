//! `mailhold check --print-postfix`: the lines for this host's `main.cf`, and what to look at in
//! its `master.cf`. Writes to standard output alone.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use super::{
    super::{Failure, Outcome, exit},
    Scene,
    listed::queue_directory,
    milters::{self, Entry},
    own_fault, services, socket,
};
use crate::{
    milter::{ListenerSettings, listener::Socket},
    postfix::survey::Survey,
};

/// Asks this host's Postfix and prints.
pub async fn run(scene: &Scene) -> Outcome {
    let survey = Survey::ask(&scene.worker.postfix).await.map_err(|error| {
        let code = if super::is_away(&error) {
            exit::UNAVAILABLE
        } else {
            exit::CONFIG
        };
        Failure::new(code, error)
    })?;
    let printed = io::stdout().write_all(lines(scene, &survey).as_bytes());
    printed.map_err(own_fault)?;
    Ok(ExitCode::SUCCESS)
}

fn lines(scene: &Scene, survey: &Survey) -> String {
    let mut text = format!(
        "# mailhold: lines for {}. They take the place of the same parameters there;\n\
         # then `postfix reload` and `mailhold check --live`.\n\
         enable_long_queue_ids = yes\n",
        scene.postfix_file("main.cf")
    );
    let instance = &scene.worker.worker.instance;
    let all = scene.milter.milter.listeners.iter();
    let listeners: Vec<_> = all
        .filter(|one| one.entrance.instance == *instance)
        .collect();
    let Some(choice) = Choice::of(&listeners, survey, scene) else {
        let _written = writeln!(
            text,
            "# No [[milter.listen]] in {} is for the instance {instance}: add one.",
            scene.file
        );
        return text;
    };
    if let Some(doubt) = choice.doubt {
        let _written = writeln!(text, "# {doubt}");
    }
    for (parameter, listener) in [
        ("smtpd_milters", choice.smtp),
        ("non_smtpd_milters", choice.others),
    ] {
        text.push_str(&list(scene, survey, parameter, listener));
    }
    text.push_str(&hints(scene, survey));
    text
}

/// Which listener serves which parameter.
struct Choice<'a> {
    smtp: &'a ListenerSettings,
    others: &'a ListenerSettings,
    doubt: Option<&'static str>,
}

impl<'a> Choice<'a> {
    /// What `main.cf` has already counts; then the sockets' names; then their order.
    fn of(listeners: &[&'a ListenerSettings], survey: &Survey, scene: &Scene) -> Option<Self> {
        let (first, last) = (*listeners.first()?, *listeners.last()?);
        let is_only = listeners.len() == 1;
        let named = |parameter: &str| {
            let entries = entries(survey, parameter);
            let known = &scene.milter.milter.listeners;
            let found = entries
                .iter()
                .find_map(|one| one.listener(known, queue_directory(survey)))?;
            let same = |one: &&&ListenerSettings| one.socket == found.socket;
            listeners.iter().find(same).copied()
        };
        let called = |words: &[&str]| {
            let fits = |one: &&&ListenerSettings| match &one.socket {
                Socket::Unix { path, .. } => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    words.iter().any(|word| name.contains(word))
                }
                Socket::Inet(_) => false,
            };
            listeners.iter().find(fits).copied()
        };
        let others = named("non_smtpd_milters").or_else(|| called(&["local", "non", "sendmail"]));
        let smtp = named("smtpd_milters").or_else(|| {
            let other_than =
                |one: &&ListenerSettings| others.is_none_or(|others| others.socket != one.socket);
            called(&["smtp"]).filter(other_than)
        });
        let doubt = "Which listener is for which parameter cannot be told: the first is taken for \
                     smtpd_milters, the last for non_smtpd_milters.";
        Some(Self {
            smtp: smtp.unwrap_or(first),
            others: others.unwrap_or(last),
            doubt: (!is_only && (smtp.is_none() || others.is_none())).then_some(doubt),
        })
    }
}

/// One parameter: what is there already, in its order, then ours.
fn list(scene: &Scene, survey: &Survey, parameter: &str, listener: &ListenerSettings) -> String {
    let queue = queue_directory(survey);
    let listeners = &scene.milter.milter.listeners;
    let mut kept = entries(survey, parameter);
    kept.retain(|entry| entry.listener(listeners, queue).is_none());
    let (endpoint, warning) = endpoint(queue, &listener.socket);
    let settings = &scene.milter.milter;
    let mut text = String::new();
    if let Some(warning) = warning {
        let _written = writeln!(text, "# {warning}");
    }
    let _written = writeln!(text, "{parameter} =");
    for entry in kept {
        let _written = writeln!(text, "    {},", entry.text);
    }
    let _written = writeln!(
        text,
        "    {{ {endpoint}, default_action=tempfail,\n      connect_timeout=5s, \
         command_timeout={}s, content_timeout={}s }}",
        settings.mail_deadline.as_secs() * 2 + u64::from(settings.mail_deadline.as_secs() < 1),
        settings.end_of_message_deadline.as_secs() * 3
            + u64::from(settings.end_of_message_deadline.as_secs() < 1),
    );
    text
}

fn entries(survey: &Survey, parameter: &str) -> Vec<Entry> {
    milters::parse(survey.parameter(parameter).unwrap_or_default())
}

/// How Postfix names a socket, and what is wrong with it.
fn endpoint(queue: &Path, socket: &Socket) -> (String, Option<String>) {
    match socket {
        Socket::Unix { path, .. } => match socket::relative(queue, path) {
            Some(inside) => (format!("unix:{}", inside.display()), None),
            None => {
                let warning = format!(
                    "{} lies outside of the queue directory {}: a chrooted Postfix does not see it",
                    path.display(),
                    queue.display()
                );
                (format!("unix:{}", path.display()), Some(warning))
            }
        },
        Socket::Inet(address) => (format!("inet:{address}"), None),
    }
}

/// What to change in `master.cf`, as comments.
fn hints(scene: &Scene, survey: &Survey) -> String {
    let mut text = String::new();
    let master_cf = scene.postfix_file("master.cf");
    for service in services::take_back(survey) {
        let asks = ["smtpd_milters", "receive_override_options"]
            .iter()
            .all(|name| !service.options.contains_key(*name));
        if asks {
            let _written = writeln!(
                text,
                "# {master_cf}: {} takes mail back from the content filter. Put below it, or\n\
                 # flagged mail is held twice:\n\
                 #   -o smtpd_milters=\n\
                 #   -o receive_override_options=no_milters",
                service.name
            );
        }
    }
    for answer in services::ways_past(scene, survey) {
        if let Some(cure) = answer.cure {
            let _written = writeln!(text, "# {}\n#   -> {cure}", answer.seen);
        }
    }
    text
}
