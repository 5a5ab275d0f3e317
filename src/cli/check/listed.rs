//! The lists of milters: ours is in each, the last one, fails to the safe side, and has the time
//! that it needs.

use std::{path::Path, time::Duration};

use super::{
    Scene,
    milters::{self, Entry},
    report::Answer,
};
use crate::{
    milter::ListenerSettings,
    postfix::{
        postconf::{parse_time, parse_version},
        survey::{Service, Survey},
    },
};

/// What a service may set for itself that changes how its milters are asked.
const ABOUT_MILTERS: [&str; 3] = [
    "milter_default_action",
    "milter_command_timeout",
    "milter_content_timeout",
];

/// A list that counts somewhere.
pub struct List<'a> {
    parameter: &'static str,
    /// The service that has it for itself; `None`: that of `main.cf`.
    service: Option<&'a Service>,
    entries: Vec<Entry>,
}

/// One of our listeners in a list.
pub struct Listed<'a> {
    /// The list.
    pub list: &'a List<'a>,
    /// The entry.
    pub entry: &'a Entry,
    /// The listener that it means.
    pub listener: &'a ListenerSettings,
}

impl<'a> List<'a> {
    /// The lists for mail that comes in by SMTP.
    pub fn of_smtp(survey: &'a Survey) -> Vec<Self> {
        Self::of(survey, "smtpd_milters", "smtpd")
    }

    /// The lists for mail that comes in otherwise.
    pub fn of_others(survey: &'a Survey) -> Vec<Self> {
        Self::of(survey, "non_smtpd_milters", "cleanup")
    }

    /// All lists.
    pub fn all(survey: &'a Survey) -> Vec<Self> {
        let mut lists = Self::of_smtp(survey);
        lists.extend(Self::of_others(survey));
        lists
    }

    /// That of `main.cf` where any service uses it, and those of single services. An empty one of a
    /// service is a way past all milters, and judged as such elsewhere.
    fn of(survey: &'a Survey, parameter: &'static str, program: &'a str) -> Vec<Self> {
        let has_own = |service: &&Service| service.options.contains_key(parameter);
        let differs = |service: &&Service| {
            let names = ABOUT_MILTERS.iter().chain([&parameter]);
            names
                .into_iter()
                .any(|name| service.options.contains_key(*name))
        };
        let main = Self {
            parameter,
            service: None,
            entries: milters::parse(survey.parameter(parameter).unwrap_or_default()),
        };
        let is_main_unused =
            survey.running(program).count() > 0 && survey.running(program).all(|one| has_own(&one));
        let own = survey.running(program).filter(differs).map(|service| Self {
            parameter,
            service: Some(service),
            entries: milters::parse(survey.of_service(service, parameter)),
        });
        let own = own.filter(|list| !list.entries.is_empty());
        let main = (!is_main_unused).then_some(main);
        main.into_iter().chain(own).collect()
    }

    /// Our listeners in it.
    pub fn ours(&'a self, scene: &'a Scene, survey: &Survey) -> Vec<Listed<'a>> {
        let queue = queue_directory(survey);
        let listeners = &scene.milter.milter.listeners;
        let entries = self.entries.iter();
        let listed = entries.filter_map(|entry| {
            Some(Listed {
                list: self,
                entry,
                listener: entry.listener(listeners, queue)?,
            })
        });
        listed.collect()
    }

    /// The services that use it.
    pub fn users(&self, survey: &'a Survey) -> Vec<&'a Service> {
        let program = if self.parameter == "smtpd_milters" {
            "smtpd"
        } else {
            "cleanup"
        };
        let users = survey.running(program).filter(|one| match self.service {
            Some(service) => *one == service,
            None => !one.options.contains_key(self.parameter),
        });
        users.collect()
    }

    /// The list's name, for people.
    pub fn name(&self) -> String {
        match self.service {
            Some(service) => format!("{} of {}/{}", self.parameter, service.name, service.kind),
            None => self.parameter.to_owned(),
        }
    }

    /// The file that it stands in.
    fn file(&self, scene: &Scene) -> String {
        scene.postfix_file(if self.service.is_some() {
            "master.cf"
        } else {
            "main.cf"
        })
    }

    fn value<'b>(&'b self, survey: &'b Survey, name: &str) -> &'b str {
        match self.service {
            Some(service) => survey.of_service(service, name),
            None => survey.parameter(name).unwrap_or_default(),
        }
    }
}

/// Where Postfix's services look from.
pub fn queue_directory(survey: &Survey) -> &Path {
    Path::new(survey.parameter("queue_directory").unwrap_or("/"))
}

/// Mail by SMTP: our milter is asked, and no other one after it.
pub fn smtpd_milters(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    places(scene, survey, List::of_smtp(survey))
}

/// The same for `sendmail` and its like.
pub fn non_smtpd_milters(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    places(scene, survey, List::of_others(survey))
}

/// A service's own list without mailhold is a way past it, and may be meant: judged with the
/// services.
fn places(scene: &Scene, survey: &Survey, mut lists: Vec<List<'_>>) -> Vec<Answer> {
    lists.retain(|list| list.service.is_none() || !list.ours(scene, survey).is_empty());
    if lists.is_empty() {
        return vec![super::live::unmade(
            "every service has a list of its own without mailhold (see `services`)",
        )];
    }
    let placed = lists.iter().map(|list| place(scene, survey, list));
    placed.collect()
}

fn place(scene: &Scene, survey: &Survey, list: &List<'_>) -> Answer {
    let (name, file) = (list.name(), list.file(scene));
    let ours = list.ours(scene, survey);
    let Some(first) = ours.first() else {
        return Answer::fault(
            format!("{name} does not name mailhold: this mail is not reviewed"),
            format!("write the lines of `mailhold check --print-postfix` into {file}"),
        );
    };
    if ours.len() > 1 {
        return Answer::fault(
            format!(
                "{name} names mailhold {} times: mail would be captured twice",
                ours.len()
            ),
            format!("leave one of them in {file}, the last one"),
        );
    }
    let behind: Vec<_> = list
        .entries
        .iter()
        .rev()
        .map(|one| &*one.endpoint)
        .collect();
    let behind = behind
        .iter()
        .take_while(|one| **one != first.entry.endpoint);
    let behind: Vec<_> = behind.copied().collect();
    if !behind.is_empty() {
        return Answer::fault(
            format!(
                "{name}: behind mailhold stands {}, which sees no held mail",
                behind.join(", ")
            ),
            format!("move mailhold to the end of {name} in {file}"),
        );
    }
    let (named, served) = (
        &first.listener.entrance.instance,
        &scene.worker.worker.instance,
    );
    if named != served {
        return Answer::fault(
            format!("{name} leads to the listener of instance {named}, the worker serves {served}"),
            format!(
                "name a listener with `instance = \"{served}\"` of {} in {file}",
                scene.file
            ),
        );
    }
    Answer::good(format!("{name}: {} is last", first.entry.endpoint))
}

/// While the milter is away, or when it fails, no mail passes; and no other milter has mail put on
/// hold before ours is asked.
pub fn default_action(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let version = survey.parameter("mail_version").and_then(parse_version);
    let own = of_ours(scene, survey, |listed| {
        let list = listed.list;
        let own = listed.entry.option("default_action");
        let action = own.unwrap_or_else(|| list.value(survey, "milter_default_action"));
        let is_safe = match action {
            "tempfail" => true,
            "shutdown" => version >= Some((3, 11)),
            _ => false,
        };
        if is_safe {
            return None;
        }
        let effect = match action {
            "accept" => "mail passes unreviewed while the milter is away",
            "quarantine" => "everything is held without a record while the milter is away",
            "reject" => "mail is turned away for good while the milter is away",
            _ => "this Postfix does not know it",
        };
        Some(Answer::fault(
            format!("{}: default_action is {action}: {effect}", list.name()),
            format!(
                "write `{{ {}, default_action=tempfail }}` into {} in {}",
                listed.entry.endpoint,
                list.name(),
                list.file(scene)
            ),
        ))
    })
    .unwrap_or_else(|| {
        vec![Answer::good(
            "mail is asked to come again while the milter is away",
        )]
    });
    own.into_iter()
        .chain(others_that_hold(scene, survey))
        .collect()
}

/// Milters beside ours whose mail is put on hold while they are away: Postfix asks no further one
/// about it then, ours among them (`milter_conn_event` in `src/milter/milter.c`).
fn others_that_hold(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let lists = List::all(survey);
    let (listeners, queue) = (&scene.milter.milter.listeners, queue_directory(survey));
    let is_ours = |entry: &Entry| entry.listener(listeners, queue).is_some();
    let mut answers = Vec::new();
    for list in &lists {
        if !list.entries.iter().any(is_ours) {
            continue;
        }
        for entry in list.entries.iter().filter(|entry| !is_ours(entry)) {
            let own = entry.option("default_action");
            let action = own.unwrap_or_else(|| list.value(survey, "milter_default_action"));
            if action == "quarantine" {
                let (name, other) = (list.name(), &entry.endpoint);
                answers.push(Answer::warning(
                    format!("{name}: while {other} is away, mail is held without a record"),
                    format!("write `{{ {other}, default_action=tempfail }}` into {name}"),
                ));
            }
        }
    }
    answers
}

/// Postfix waits longer than the milter takes, or the default action hits mail that is captured.
pub fn timeouts(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let settings = &scene.milter.milter;
    let pairs = [
        ("command_timeout", "mail_deadline", settings.mail_deadline),
        (
            "content_timeout",
            "end_of_message_deadline",
            settings.end_of_message_deadline,
        ),
    ];
    let faults = pairs.map(|(theirs, ours, deadline)| {
        of_ours(scene, survey, |listed| {
            let global = format!("milter_{theirs}");
            let own = listed.entry.option(theirs);
            let value = own.unwrap_or_else(|| listed.list.value(survey, &global));
            let time = parse_time(value, Duration::from_secs(1));
            (time <= Some(deadline)).then(|| {
                let list = listed.list;
                Answer::fault(
                    format!(
                        "{}: {theirs} {value} is not above milter.{ours} ({deadline:?})",
                        list.name()
                    ),
                    format!(
                        "write {theirs}={}s into mailhold's entry of {} in {}",
                        deadline.as_secs() * 2 + 1,
                        list.name(),
                        list.file(scene)
                    ),
                )
            })
        })
    });
    let good = || vec![Answer::good("Postfix waits longer than the milter takes")];
    match faults {
        [None, None] => good(),
        [command, content] => [command, content].into_iter().flatten().flatten().collect(),
    }
}

/// What is wrong with our entries; `None` if nothing is. Without an entry, nothing can be told.
fn of_ours(
    scene: &Scene,
    survey: &Survey,
    fault: impl Fn(&Listed<'_>) -> Option<Answer>,
) -> Option<Vec<Answer>> {
    let lists = List::all(survey);
    let ours: Vec<_> = lists
        .iter()
        .flat_map(|list| list.ours(scene, survey))
        .collect();
    if ours.is_empty() {
        return Some(vec![super::live::unmade("no list names mailhold")]);
    }
    let faults: Vec<_> = ours.iter().filter_map(fault).collect();
    (!faults.is_empty()).then_some(faults)
}
