//! Figures that Prometheus can read, that move, and that name nobody.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, eventually::eventually, role::Role},
    policy::house::{BOUND, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        figures_are_in_the_format_of_prometheus,
        figures_name_no_address_and_no_message,
        every_label_is_there_before_its_first_event,
        a_held_mail_moves_the_figures_of_both,
        a_mail_that_is_not_held_moves_the_count_of_its_verdict,
        each_decision_moves_its_figures,
    ]
}

/// A line `name{label="value",…} number`, taken apart.
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
}

fn sample(line: &str) -> Sample {
    let (what, value) = line.rsplit_once(' ').unwrap();
    value
        .parse::<f64>()
        .unwrap_or_else(|e| panic!("{line}: {e}"));
    let (name, labels) = what.split_once('{').unwrap_or((what, "}"));
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
    let pair = |pair: &str| {
        let (label, value) = pair.split_once('=').unwrap();
        let value = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        (
            label.to_owned(),
            value.unwrap_or_else(|| panic!("{line}")).to_owned(),
        )
    };
    Sample {
        name: name.to_owned(),
        labels: labels
            .split(',')
            .filter(|pair| !pair.is_empty())
            .map(pair)
            .collect(),
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.bytes().all(plain)
}

async fn texts(lab: &Lab) -> [String; 2] {
    let desk = lab.desk().await;
    [
        desk.milter.metrics_text().await,
        desk.worker.metrics_text().await,
    ]
}

async fn figures_are_in_the_format_of_prometheus(lab: &Lab) {
    for text in texts(lab).await {
        let (mut told, mut families) = (BTreeSet::new(), BTreeSet::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, text) = help.split_once(' ').unwrap();
                assert!(!text.is_empty() && told.insert(name), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(told.contains(name) && families.insert(name), "{line}");
                assert!(
                    name.starts_with("mailhold_") || name.starts_with("process_"),
                    "{line}"
                );
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            } else {
                let Sample { name, labels } = sample(line);
                let parts = ["_bucket", "_sum", "_count"];
                let part = parts.iter().find_map(|part| name.strip_suffix(part));
                let family = part.filter(|family| families.contains(family));
                assert!(families.contains(family.unwrap_or(&name)), "{line}");
                assert!(is_name(&name) && labels.iter().all(|(label, _)| is_name(label)));
            }
        }
        assert_eq!(told, families);
    }
}

async fn figures_name_no_address_and_no_message(lab: &Lab) {
    let desk = lab.desk().await;
    let sender = lab.person(&["Y"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
    let numbers = |value: &str| value.parse::<f64>().is_ok();
    for text in texts(lab).await {
        for word in [id.as_str(), &sender.login, "elsewhere", "@", "corp"] {
            assert!(!text.contains(word), "{word} in:\n{text}");
        }
        let samples = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(sample);
        for (label, value) in samples.flat_map(|sample| sample.labels) {
            let known = match label.as_str() {
                "le" => value == "+Inf" || numbers(&value),
                "version" => value == env!("CARGO_PKG_VERSION"),
                "kind" | "verdict" | "result" | "store" | "decision" | "status" => is_name(&value),
                _ => false,
            };
            assert!(known, "{label}={value}");
        }
    }
}

/// Only then is the first event a change that an alert can see.
async fn every_label_is_there_before_its_first_event(lab: &Lab) {
    let text = mailhold::telemetry::Metrics::new().to_text();
    let shown = texts(lab).await;
    for line in text
        .lines()
        .filter(|line| line.ends_with(" 0") && line.contains('{'))
    {
        let what = line.rsplit_once(' ').unwrap().0;
        assert!(shown.iter().all(|text| text.contains(what)), "{what}");
    }
    for what in [
        "mailhold_milter_verdicts_total{verdict=\"try_again\"} 0",
        "mailhold_milter_sessions_total{result=\"panic\"} 0",
        "mailhold_directory_errors_total{kind=\"timeout\"} 0",
        "mailhold_capture_errors_total{kind=\"full\"} 0",
        "mailhold_review_decisions_total{decision=\"discard\"} 0",
        "mailhold_settle_total{decision=\"return\",result=\"postponed\"} 0",
        "mailhold_settle_duration_seconds_count{decision=\"release\"} 0",
    ] {
        assert!(text.contains(what), "no {what} in:\n{text}");
    }
}

/// Other tests use the same desk: a figure grows by so much at least.
async fn grows(role: &Role, figure: &str, from: f64, by: f64) {
    eventually(&format!("{figure} grows by {by}"), BOUND, async || {
        let now = role.metric(figure).await;
        if now >= from + by {
            Ok(())
        } else {
            Err((from, now))
        }
    })
    .await;
}

async fn a_held_mail_moves_the_figures_of_both(lab: &Lab) {
    let desk = lab.desk().await;
    let figures = [
        (
            &desk.milter,
            "mailhold_milter_verdicts_total{verdict=\"hold\"}",
            1.0,
        ),
        (&desk.milter, "mailhold_recorded_total", 1.0),
        (&desk.milter, "mailhold_capture_bytes_total", 100.0),
        (
            &desk.milter,
            "mailhold_milter_eom_duration_seconds_count",
            1.0,
        ),
        (&desk.milter, "mailhold_record_duration_seconds_count", 1.0),
        (
            &desk.milter,
            "mailhold_directory_lookup_duration_seconds_count",
            1.0,
        ),
        (
            &desk.milter,
            "mailhold_milter_sessions_total{result=\"quit\"}",
            1.0,
        ),
        (&desk.worker, "mailhold_confirmed_total", 1.0),
    ];
    let mut before = Vec::new();
    for (role, figure, by) in figures {
        before.push((role, figure, role.metric(figure).await, by));
    }
    let sender = lab.person(&["Y"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
    for (role, figure, from, by) in before {
        grows(role, figure, from, by).await;
    }
}

async fn a_mail_that_is_not_held_moves_the_count_of_its_verdict(lab: &Lab) {
    let desk = lab.desk().await;
    let (flagged, other) = (lab.person(&["Y"]).await, lab.person(&["N"]).await);
    for (sender, domain, verdict) in [
        (other, "elsewhere.test", "unflagged"),
        (flagged, "corp.test", "pass"),
    ] {
        let figure = format!("mailhold_milter_verdicts_total{{verdict=\"{verdict}\"}}");
        let before = desk.milter.metric(&figure).await;
        let mail = Mail::new(&sender.address, &[domain]);
        mail.send(&lab.postfix).await.ok();
        grows(&desk.milter, &figure, before, 1.0).await;
    }
}

async fn each_decision_moves_its_figures(lab: &Lab) {
    let desk = lab.desk().await;
    let sender = lab.person(&["Y"]).await;
    for decision in ["release", "discard", "return"] {
        let figures = [
            format!("mailhold_review_decisions_total{{decision=\"{decision}\"}}"),
            format!("mailhold_settle_total{{decision=\"{decision}\",result=\"done\"}}"),
            format!("mailhold_settle_duration_seconds_count{{decision=\"{decision}\"}}"),
        ];
        let mut before = Vec::new();
        for figure in &figures {
            before.push(desk.worker.metric(figure).await);
        }
        let mail = Mail::new(&sender.address, &["elsewhere.test"]);
        let id = mail.send(&lab.postfix).await.ok().queue_id();
        desk.held(&id).await;
        desk.decide(decision, &id).await;
        desk.settled(&id).await;
        for (figure, from) in figures.iter().zip(before) {
            grows(&desk.worker, figure, from, 1.0).await;
        }
    }
}
