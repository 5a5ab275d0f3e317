//! The demo to play with: tells what to try in another terminal and what then happens.

use std::{collections::BTreeMap, env, process::ExitCode, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::review_desk::Reviewing;
use crate::lab::{
    Lab,
    desk::{Desk, REVIEWERS},
    place,
    review_desk::Door,
    slapd::{FLAG, PEOPLE},
    smtp::{self, small_mail},
    user::User,
};

const ANNA: &str = "anna@corp.test";
const BEN: &str = "ben@corp.test";
const BOB: &str = "bob@elsewhere.test";
const LOOK: Duration = Duration::from_millis(250);

/// Sends a first mail of each kind, tells what to try, and then what is seen, for ever.
pub async fn guide(lab: &Lab, desk: &Desk) -> ExitCode {
    lab.slapd.add_person("anna", &[ANNA], &["Y"]).await;
    lab.slapd.add_person("ben", &[BEN], &[]).await;
    write_command(lab, desk);
    describe(lab, desk);
    let reviewing = Reviewing::start(lab, desk, Door::Tls).await;
    let unflagged = small_mail(BEN, BOB, "Lunch on Friday");
    let flagged = small_mail(ANNA, BOB, "The new price list");
    let passed = smtp::send(lab.postfix.smtp, BEN, &[BOB], &unflagged)
        .await
        .ok()
        .queue_id();
    let held = smtp::send(lab.postfix.smtp, ANNA, &[BOB], &flagged)
        .await
        .ok()
        .queue_id();
    println!("Sent over SMTP: one mail from ben as {passed}, one from anna as {held}.");
    lab.postfix
        .sendmail(ANNA, &[BOB], b"Subject: From a script\n\nAs promised.\n")
        .await;
    println!("Sent with sendmail: one more mail from anna.\n");
    let n_mails = reviewing.fill(lab, desk, ANNA).await;
    println!("Sent {n_mails} more from anna, of all kinds.\n");
    desk.held(&held).await;
    suggest(lab, held.as_str());
    reviewing.describe().await;
    watch(lab, desk).await
}

/// A short name for the executable with its settings.
fn write_command(lab: &Lab, desk: &Desk) {
    let tools = &lab.tools;
    let script = format!(
        "#!/bin/sh\nexec {} --config {} \"$@\"\n",
        tools.mailhold_path().display(),
        desk.settings_file.display()
    );
    place::write(
        &tools.place.path().join("mailhold"),
        User::ROOT,
        0o755,
        script,
    );
}

fn describe(lab: &Lab, desk: &Desk) {
    println!(
        "Private servers in {}, on loopback only:",
        lab.tools.place.path().display()
    );
    println!(
        "  Postfix     {}   log: {}",
        lab.postfix.smtp,
        lab.postfix.log_path().display()
    );
    println!("  slapd       {}", lab.slapd.url());
    println!("  PostgreSQL  127.0.0.1:{}", lab.postgres.port);
    println!(
        "  sink        {}   takes all mail that leaves Postfix",
        lab.sink.address
    );
    println!("  milter      http://{}/metrics", desk.milter.metrics);
    println!("  worker      http://{}/metrics\n", desk.worker.metrics);
}

fn suggest(lab: &Lab, held: &str) {
    let sudo = if env::var_os("SUDO_USER").is_some() {
        "sudo "
    } else {
        ""
    };
    let mailhold = format!("{sudo}{}/mailhold", lab.tools.place.path().display());
    let (reviewer, config) = (REVIEWERS[0], lab.postfix.config_directory.display());
    let (url, admin, password) = lab.slapd.administrator();
    let flag = |value: &str| {
        format!(
            "printf 'dn: uid=anna,{PEOPLE}\\nchangetype: modify\\nreplace: {FLAG}\\n{value}' \
             | {sudo}ldapmodify -x -H {url} -D {admin} -y {}",
            password.display()
        )
    };
    let mail = |sender: &str| {
        format!(
            "printf 'Subject: hello\\n\\nHow are you?\\n' \
             | {sudo}/usr/sbin/sendmail -C {config} -f {sender} {BOB}"
        )
    };
    println!("Try in another terminal:");
    for (what, command) in [
        (
            "what waits for a decision",
            format!("{mailhold} reviews list"),
        ),
        (
            "one of them in full",
            format!("{mailhold} reviews show {held}"),
        ),
        (
            "its content",
            format!("{mailhold} reviews show {held} --content"),
        ),
        (
            "let it go",
            format!("{mailhold} reviews release {held} --as {reviewer}"),
        ),
        ("send another one", mail(ANNA)),
        (
            "remove it",
            format!("{mailhold} reviews discard QUEUE-ID --as {reviewer}"),
        ),
        (
            "or give it back",
            format!("{mailhold} reviews return QUEUE-ID --as {reviewer}"),
        ),
        ("no more reviews for anna", flag("")),
        ("and again", flag(&format!("{FLAG}: Y\\n"))),
        ("mail that nobody reviews", mail(BEN)),
        ("the queue", format!("{sudo}postqueue -c {config} -p")),
    ] {
        println!("  # {what}\n  {command}");
    }
    println!("\nWhat happens appears here. Ctrl-C ends it all.");
}

/// Past the command line, whose lists go on record: the record is the visitor's.
const REVIEWS: &str =
    "select json_build_object('queue_id', queue_id, 'state', state, 'sender', sender,
        'subject', subject)
    from capture
    order by captured_at";

/// Tells of each delivery and each change of a review.
async fn watch(lab: &Lab, desk: &Desk) -> ExitCode {
    let mut n_told = 0;
    let mut states = BTreeMap::new();
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for message in lab.sink.messages_after(n_told) {
            n_told += 1;
            let text = message.text();
            let subject = text.lines().find(|line| line.starts_with("Subject: "));
            let (to, subject) = (message.recipients().join(", "), subject.unwrap_or_default());
            println!(
                "delivered   from <{}> to {to}   {subject}",
                message.sender()
            );
        }
        let list = desk.database.try_execute(REVIEWS).await;
        for line in list.unwrap_or_default().lines() {
            let review: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
            let field = |name: &str| review[name].as_str().unwrap_or_default().to_owned();
            let (id, state) = (field("queue_id"), field("state"));
            if states.insert(id.clone(), state.clone()).as_ref() != Some(&state) {
                println!(
                    "{state:<11} {id}   from {}   {}",
                    field("sender"),
                    field("subject")
                );
            }
        }
    }
}
