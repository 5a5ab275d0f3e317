//! The services of `master.cf` and other settings that lead mail past the milter, or to it twice.

use std::net::IpAddr;

use super::{Scene, listed::List, milters, report::Answer};
use crate::postfix::survey::{Service, Survey};

/// How mail goes past the milter at a service.
enum Bypass {
    /// The service has an empty list of its own.
    Empty,
    /// The service has a list of its own without mailhold.
    List,
    /// The service asks no milter at all.
    NoMilters,
    /// What is behind a proxy filter has no content to show.
    Proxy,
}

/// Each service at which mail goes past the milter.
pub fn ways_past(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let master_cf = scene.postfix_file("master.cf");
    if has_no_milters(
        survey
            .parameter("receive_override_options")
            .unwrap_or_default(),
    ) {
        return vec![Answer::fault(
            "receive_override_options has no_milters: no mail is reviewed",
            format!("take no_milters out of {}", scene.postfix_file("main.cf")),
        )];
    }
    let back = take_back(survey);
    let mut answers = Vec::new();
    for service in &survey.services {
        let Some(bypass) = bypass(scene, survey, service) else {
            continue;
        };
        let name = format!("{}/{}", service.name, service.kind);
        let seen = match bypass {
            Bypass::Empty => format!("{name} asks no milter (`-o {}=`)", list_of(service)),
            Bypass::List => format!("{name} has a list of milters without mailhold"),
            Bypass::NoMilters => format!("{name} has receive_override_options=no_milters"),
            Bypass::Proxy => {
                format!("{name} has smtpd_proxy_filter, which shows milters no content")
            }
        };
        let cure = match bypass {
            Bypass::Empty => format!(
                "take `-o {}=` away from {name} in {master_cf}",
                list_of(service)
            ),
            Bypass::List => format!(
                "put mailhold at the end of {} of {name} in {master_cf}",
                list_of(service)
            ),
            Bypass::NoMilters => format!("take no_milters away from {name} in {master_cf}"),
            Bypass::Proxy => format!(
                "use content_filter in place of smtpd_proxy_filter for {name} ({master_cf})"
            ),
        };
        let is_inside = service.program == "smtpd" && is_loopback(survey, service);
        match (is_inside, back.contains(&service)) {
            // What a content filter gives back was shown to the milter when it came in.
            (true, true) => {}
            (true, false) => answers.push(Answer::warning(
                format!("{seen}: programs of this host send unreviewed there"),
                cure,
            )),
            (false, _) => answers.push(Answer::fault(
                format!("{seen}: mail that comes in there is not reviewed"),
                cure,
            )),
        }
    }
    if answers.is_empty() {
        let n_smtpd = survey.running("smtpd").count();
        answers.push(Answer::good(format!(
            "{n_smtpd} smtpd in master.cf, none leads past the milter"
        )));
    }
    answers
}

fn bypass(scene: &Scene, survey: &Survey, service: &Service) -> Option<Bypass> {
    let takes_mail = ["smtpd", "pickup", "qmqpd"].contains(&&*service.program);
    if takes_mail && has_no_milters(survey.of_service(service, "receive_override_options")) {
        return Some(Bypass::NoMilters);
    }
    if service.program == "smtpd" && !survey.of_service(service, "smtpd_proxy_filter").is_empty() {
        return Some(Bypass::Proxy);
    }
    let has_lists = ["smtpd", "cleanup"].contains(&&*service.program);
    let own = service
        .options
        .get(list_of(service))
        .filter(|_| has_lists)?;
    let queue = super::listed::queue_directory(survey);
    let listeners = &scene.milter.milter.listeners;
    let mut entries = milters::parse(own).into_iter();
    let names_us = entries.any(|entry| entry.listener(listeners, queue).is_some());
    let bypass = if own.is_empty() {
        Bypass::Empty
    } else {
        Bypass::List
    };
    (!names_us).then_some(bypass)
}

fn list_of(service: &Service) -> &'static str {
    if service.program == "cleanup" {
        "non_smtpd_milters"
    } else {
        "smtpd_milters"
    }
}

fn has_no_milters(options: &str) -> bool {
    options
        .split([',', ' ', '\t'])
        .any(|word| word == "no_milters")
}

/// Whether only programs of this host reach a service.
pub fn is_loopback(survey: &Survey, service: &Service) -> bool {
    let is_here = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        ["localhost", "loopback-only"].contains(&host)
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    };
    match (service.kind.as_str(), service.name.rsplit_once(':')) {
        ("inet", Some((host, _))) => is_here(host),
        ("inet", None) => {
            let interfaces = survey.of_service(service, "inet_interfaces");
            let mut hosts = interfaces.split([',', ' ']).filter(|host| !host.is_empty());
            hosts.all(is_here)
        }
        // postscreen hands over what comes in from everywhere.
        ("pass", _) => false,
        _ => true,
    }
}

/// The content filters of `main.cf` and of services.
fn filters(survey: &Survey) -> impl Iterator<Item = &str> {
    let main = survey.parameter("content_filter");
    let own = survey.services.iter();
    let own = own.filter_map(|service| service.options.get("content_filter"));
    main.into_iter()
        .chain(own.map(String::as_str))
        .filter(|value| !value.is_empty())
}

/// `smtpd_milter_maps` puts another list in the place of ours, client by client.
pub fn milter_maps(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    const NAME: &str = "smtpd_milter_maps";
    let main = survey.parameter(NAME).unwrap_or_default();
    let main = [("main.cf", NAME.to_owned(), main)];
    let own = survey.running("smtpd").filter_map(|service| {
        let value = service.options.get(NAME)?;
        let place = format!("{NAME} of {}/{}", service.name, service.kind);
        Some(("master.cf", place, value.as_str()))
    });
    let set = main.into_iter().chain(own);
    let set = set.filter(|(_, _, value)| !value.is_empty());
    let mut answers: Vec<_> = set
        .map(|(file, place, value)| {
            Answer::warning(
                format!("{place} = {value}: clients listed there have other milters, or none"),
                format!(
                    "take it out of {}, or end each of its lists with mailhold, DISABLE included",
                    scene.postfix_file(file)
                ),
            )
        })
        .collect();
    if answers.is_empty() {
        answers.push(Answer::good("smtpd_milter_maps is empty"));
    }
    answers
}

/// What a content filter gives back must not come to the milter a second time.
pub fn reinjection(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let Some(filter) = filters(survey).next() else {
        return vec![Answer::good("no content_filter")];
    };
    let services = take_back(survey);
    let twice = asking_again(scene, survey);
    if services.is_empty() {
        return vec![Answer::warning(
            format!("content_filter = {filter}, and no service of its own takes mail back from it"),
            "if the filter gives mail back with sendmail, flagged mail is held twice: let it use \
             SMTP to a loopback service with `-o content_filter= -o smtpd_milters=`",
        )];
    }
    if twice.is_empty() {
        let names: Vec<_> = services.iter().map(|one| &*one.name).collect();
        return vec![Answer::good(format!(
            "{} takes mail back from {filter} and asks no milter",
            names.join(", ")
        ))];
    }
    let master_cf = scene.postfix_file("master.cf");
    let answers = twice.into_iter().map(|service| {
        let name = format!("{}/{}", service.name, service.kind);
        Answer::fault(
            format!("{name} takes mail back from {filter} and asks the milter again: held twice"),
            format!(
                "write `-o smtpd_milters=` and `-o receive_override_options=no_milters` below \
                 {name} in {master_cf}"
            ),
        )
    });
    answers.collect()
}

/// The services that take mail back from a content filter: those on loopback that switch the filter
/// off, or their milters. Where `main.cf` has no filter, any other one may be for programs.
pub fn take_back(survey: &Survey) -> Vec<&Service> {
    if filters(survey).next().is_none() {
        return Vec::new();
    }
    let services = survey.running("smtpd").filter(|service| {
        let is_set = |name: &str| service.options.get(name);
        let is_marked = is_set("content_filter").is_some()
            || is_set("smtpd_milters").is_some_and(String::is_empty)
            || is_set("receive_override_options").is_some_and(|set| has_no_milters(set));
        let has_filter = !survey.of_service(service, "content_filter").is_empty();
        is_loopback(survey, service) && is_marked && !has_filter
    });
    services.collect()
}

/// Those of them that ask our milter a second time.
pub fn asking_again<'a>(scene: &Scene, survey: &'a Survey) -> Vec<&'a Service> {
    let lists = List::of_smtp(survey);
    let asked: Vec<&Service> = lists
        .iter()
        .filter(|list| !list.ours(scene, survey).is_empty())
        .flat_map(|list| list.users(survey))
        .collect();
    let mut services = take_back(survey);
    services.retain(|service| {
        let options = survey.of_service(service, "receive_override_options");
        asked.contains(service) && !has_no_milters(options)
    });
    services
}
