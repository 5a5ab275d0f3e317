//! What would become of a mail, as an operator asks beforehand; and that it comes true.

use std::{process::Output, sync::Arc};

use libtest_mimic::Trial;
use serde_json::Value;
use toml::Table;

use crate::{
    lab::{
        Lab,
        place::random_text,
        ports::free_address,
        program::text,
        role,
        settings::Settings,
        slapd::{PEOPLE, SERVICE},
    },
    policy::house::Mail,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_mail_that_would_be_held_is_explained_step_by_step,
        a_mail_that_would_pass_is_explained,
        the_author_is_read_from_a_message,
        an_author_that_is_not_given_is_taken_to_be_the_sender,
        mail_that_comes_in_asks_nobody,
        a_rule_is_tried_at_the_time_given,
        an_outage_is_explained_as_the_settings_say,
        programs_get_one_object,
        what_is_explained_comes_true,
        odd_words_are_refused_with_the_cure,
        a_message_that_cannot_be_read_is_named,
    ]
}

const RULES: &str = r#"
[[rule]]
name = "partners"
who = "flagged"
to = "listed"
recipients = ["@partner.test"]
verdict = "pass"

[[rule]]
name = "at-night"
who = "anyone"
to = "external"
hours = "22:00-06:00"
verdict = "watch"

[[rule]]
name = "flagged-external"
who = "flagged"
"#;

/// What the command says with these settings. Neither spool nor database is there.
pub async fn explain(lab: &Lab, adjust: impl FnOnce(&mut Settings), words: &[&str]) -> Output {
    explain_with(lab, adjust, words, b"").await
}

async fn explain_with(
    lab: &Lab,
    adjust: impl FnOnce(&mut Settings),
    words: &[&str],
    input: &[u8],
) -> Output {
    let mut settings = Settings::sample();
    let password = lab.tools.place.path().join("slapd.password");
    let rules: Table = RULES.parse().unwrap();
    settings
        .set("directory.ldap.urls", vec![lab.slapd.url()])
        .set("directory.ldap.base", PEOPLE)
        .set("directory.ldap.bind_dn", SERVICE)
        .set(
            "directory.ldap.bind_password_file",
            password.display().to_string(),
        )
        .set("policy.internal_domains", vec!["corp.test".to_owned()])
        .set("policy.submitted_networks", vec!["127.0.0.0/8".to_owned()])
        .set(
            "policy.protected_correspondents",
            vec!["@lawyer.test".to_owned()],
        )
        .set("policy.rule", rules["rule"].clone());
    adjust(&mut settings);
    let name = format!("explain-{}.toml", &random_text()[..8]);
    let file = settings.write(&lab.tools.place, &name);
    let program = role::program(lab.tools.mailhold("explain"), &file, "explain");
    program.arguments(words).output(input).await
}

/// What it prints with the lab's own settings.
pub async fn told(lab: &Lab, words: &[&str]) -> String {
    let output = explain(lab, |_| {}, words).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text(&output.stdout)
}

/// Every one of these lines is in a text.
#[track_caller]
pub fn tells(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
}

/// A Tuesday.
pub const NOON: &str = "2026-11-24 12:00";

async fn a_mail_that_would_be_held_is_explained_step_by_step(lab: &Lab) {
    let anna = lab.person(&["Y"]).await;
    let sender = anna.address.to_uppercase();
    let words = [
        "--from",
        &sender,
        "--to",
        "bob@elsewhere.test",
        "--to",
        "eve@corp.test",
    ];
    let text = told(
        lab,
        &[&words[..], &["--client", "127.0.0.1", "--at", NOON]].concat(),
    )
    .await;
    let entry = format!("flagged, IsMailMonitor=Y in uid={},{PEOPLE}", anna.login);
    tells(
        &text,
        &[
            "verdict    HOLD: rule \"flagged-external\" matches\n",
            "submitted  yes: from a network of policy.submitted_networks\n",
            &entry,
            "bob@elsewhere.test is external\n",
            "eve@corp.test is internal\n",
            "partners (flagged to listed: pass) does not match: who receives\n",
            "at-night (anyone to external at its hours: watch) does not match: the time\n",
            "flagged-external (flagged to external: hold) matches and decides\n",
        ],
    );
}

async fn a_mail_that_would_pass_is_explained(lab: &Lab) {
    let (anna, ben) = (lab.person(&["Y"]).await, lab.person(&["N"]).await);
    let words = [
        "--login",
        &anna.login,
        "--from",
        &ben.address,
        "--at",
        NOON,
        "--to",
    ];
    let text = told(lab, &[&words[..], &["x@partner.test"]].concat()).await;
    tells(
        &text,
        &["PASS: rule \"partners\" lets it pass", "yes: with a login"],
    );
    let text = told(lab, &[&words[..], &["eve@corp.test"]].concat()).await;
    tells(
        &text,
        &["PASS: no rule matches; all recipients are internal"],
    );
    let text = told(lab, &[&words[..], &["x@lawyer.test"]].concat()).await;
    tells(
        &text,
        &[
            "ACCEPT: protected correspondence",
            "x@lawyer.test is a protected",
        ],
    );
    let both = ["x@lawyer.test", "--to", "x@elsewhere.test"];
    let text = told(lab, &[&words[..], &both].concat()).await;
    tells(
        &text,
        &["REFUSE: rule \"flagged-external\" matches, but it also goes to"],
    );
    let words = [
        "--from",
        &ben.address,
        "--to",
        "x@elsewhere.test",
        "--at",
        NOON,
    ];
    let text = told(lab, &words).await;
    tells(
        &text,
        &[
            "ACCEPT: no rule holds it",
            "not flagged, IsMailMonitor=N in uid=",
        ],
    );
}

async fn the_author_is_read_from_a_message(lab: &Lab) {
    let anna = lab.person(&["Y"]).await;
    let mail = format!(
        "Subject: x\r\nFrom: Anna\r\n <{}>\r\n\r\nHello\r\n",
        anna.address
    );
    let words = [
        "--from",
        "<>",
        "--to",
        "b@elsewhere.test",
        "--eml",
        "-",
        "--at",
        NOON,
    ];
    let output = explain_with(lab, |_| {}, &words, mail.as_bytes()).await;
    let author = format!("header From {}: flagged", anna.address);
    tells(
        &text(&output.stdout),
        &["HOLD: rule \"flagged-external\"", &author],
    );
}

async fn an_author_that_is_not_given_is_taken_to_be_the_sender(lab: &Lab) {
    let anna = lab.person(&["N"]).await;
    let words = [
        "--from",
        &anna.address,
        "--to",
        "b@elsewhere.test",
        "--at",
        NOON,
    ];
    tells(
        &told(lab, &words).await,
        &["(header From taken to be the envelope sender: no --eml)"],
    );
    let with_login = [&words[..], &["--login", "nobody"]].concat();
    let text = told(lab, &with_login).await;
    assert!(!text.contains("header From"), "{text}");
}

async fn mail_that_comes_in_asks_nobody(lab: &Lab) {
    let anna = lab.person(&["Y"]).await;
    let words = [
        "--from",
        &anna.address,
        "--to",
        "eve@corp.test",
        "--client",
        "192.0.2.1",
    ];
    let text = told(lab, &words).await;
    tells(
        &text,
        &["ACCEPT: it comes in", "no: neither a login nor a network"],
    );
    let text = told(lab, &[&words[..], &["--submission"]].concat()).await;
    tells(&text, &["yes: by a listener where all mail is submitted"]);
}

async fn a_rule_is_tried_at_the_time_given(lab: &Lab) {
    let ben = lab.person(&[]).await;
    let words = ["--from", &ben.address, "--to", "b@elsewhere.test", "--at"];
    let text = told(lab, &[&words[..], &["2026-11-24 23:30"]].concat()).await;
    tells(
        &text,
        &["WATCH: rule \"at-night\" matches; it goes on and is recorded"],
    );
    let text = told(lab, &[&words[..], &[NOON]].concat()).await;
    tells(&text, &["ACCEPT"]);
}

async fn an_outage_is_explained_as_the_settings_say(lab: &Lab) {
    for (outage, wanted) in [
        (
            "tempfail",
            "TRY AGAIN: the sender is asked to come again: cannot reach",
        ),
        (
            "hold",
            "HOLD: the directory cannot be asked, and directory.outage says hold",
        ),
        (
            "pass",
            "ACCEPT: the directory cannot be asked, and directory.outage says pass",
        ),
    ] {
        let closed = format!("ldap://{}", free_address());
        let away = |settings: &mut Settings| {
            settings
                .set("directory.ldap.urls", vec![closed])
                .set("directory.outage", outage);
        };
        let words = [
            "--from",
            "a@corp.test",
            "--to",
            "b@elsewhere.test",
            "--at",
            NOON,
        ];
        let output = explain(lab, away, &words).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        tells(&text(&output.stdout), &[wanted]);
    }
}

async fn programs_get_one_object(lab: &Lab) {
    let anna = lab.person(&["perhaps"]).await;
    let words = [
        "--from",
        &anna.address,
        "--to",
        "b@elsewhere.test",
        "--at",
        NOON,
        "--json",
    ];
    let told: Value = serde_json::from_str(&told(lab, &words).await).unwrap();
    assert_eq!(told["verdict"], "hold");
    assert_eq!(told["reason"], "flagged-external");
    assert_eq!(told["matched"]["identity"], anna.address);
    assert_eq!(told["identities"][0]["entries"][0]["standing"], "doubtful");
    assert_eq!(told["recipients"][0]["is"], "external");
    assert_eq!(told["rules"][2]["decided"], true);
    assert_eq!(told["error"], Value::Null);
}

/// The same settings in the milter and in the explanation.
async fn what_is_explained_comes_true(lab: &Lab) {
    let desk = lab.desk().await;
    let (anna, ben) = (lab.person(&["Y"]).await, lab.person(&[]).await);
    let tagged = anna.address.replace('@', "+news@");
    for sender in [&anna.address, &tagged, &ben.address, &String::new()] {
        for domain in ["corp.test", "elsewhere.test"] {
            let mail = Mail::new(sender, &[domain]);
            let from = if sender.is_empty() { "<>" } else { sender };
            let message = mail.content.clone();
            let words = [
                "--from",
                from,
                "--to",
                &mail.recipients[0],
                "--eml",
                "-",
                "--json",
            ];
            let explain = desk.command("explain").arguments(words);
            let told: Value = serde_json::from_str(&explain.run(&message).await).unwrap();
            let id = mail.send(&lab.postfix).await.ok().queue_id();
            if told["verdict"] == "hold" {
                desk.held(&id).await;
            } else {
                let bound = crate::policy::house::BOUND;
                lab.sink.message_to(&mail.recipients[0], bound).await;
            }
        }
    }
}

async fn odd_words_are_refused_with_the_cure(lab: &Lab) {
    let words = ["--from", "a@corp.test", "--to", "b@elsewhere.test"];
    for (odd, cure) in [
        (
            ["--at", "tomorrow"],
            "is no time such as '2026-11-28 22:00'",
        ),
        (["--client", "localhost"], "invalid IP address"),
        (["--to", "postmaster"], "has no domain"),
    ] {
        let output = explain(lab, |_| {}, &[&words[..], &odd].concat()).await;
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert!(text(&output.stderr).contains(cure), "{output:?}");
    }
}

async fn a_message_that_cannot_be_read_is_named(lab: &Lab) {
    let words = [
        "--from",
        "a@corp.test",
        "--to",
        "b@elsewhere.test",
        "--eml",
        "/no/such.eml",
    ];
    let output = explain(lab, |_| {}, &words).await;
    assert_eq!(output.status.code(), Some(66), "{output:?}");
    assert!(
        text(&output.stderr).contains("cannot read /no/such.eml"),
        "{output:?}"
    );
}
