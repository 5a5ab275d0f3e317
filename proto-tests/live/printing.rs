//! The lines for `main.cf` of this host: written to a copy, Postfix takes them, and all is well.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::{
        Lab,
        program::{Program, text},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_lines_make_a_bare_postfix_ask_mailhold,
        milters_that_are_there_stay_and_mailhold_comes_last,
        printed_again_the_lines_stay_the_same,
        the_time_limits_follow_the_settings,
        a_socket_outside_of_the_queue_is_warned_about,
        one_listener_serves_both,
        listeners_that_tell_nothing_are_taken_in_their_order,
        a_service_that_takes_mail_back_is_pointed_out,
        without_postfix_nothing_is_printed,
    ]
}

async fn lines(house: &House<'_>) -> String {
    house.command(&["--print-postfix"]).run(b"").await
}

/// What `postconf` reads after the lines were written, without a word of complaint.
async fn read_back(house: &House<'_>, name: &str) -> String {
    let postconf = Program::new("postconf", "/usr/sbin/postconf");
    let postconf = postconf
        .arguments(["-c"])
        .arguments([&house.config_directory]);
    let output = postconf.arguments(["-xh", name]).output(b"").await;
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout).trim_end().to_owned()
}

async fn bare(lab: &Lab) -> House<'_> {
    let house = House::new(lab).await;
    house.main_cf("smtpd_milters =\nnon_smtpd_milters =\nenable_long_queue_ids = no");
    house
}

async fn the_lines_make_a_bare_postfix_ask_mailhold(lab: &Lab) {
    let house = bare(lab).await;
    house.failing("smtpd-milters", &["does not name"]).await;
    house.main_cf(&lines(&house).await);
    assert_eq!(read_back(&house, "enable_long_queue_ids").await, "yes");
    assert_eq!(
        read_back(&house, "smtpd_milters").await,
        "{ unix:mailhold/smtp.sock, default_action=tempfail, connect_timeout=5s, \
         command_timeout=10s, content_timeout=60s }"
    );
    let seen = house.check().await;
    for check in [
        "long-queue-ids",
        "smtpd-milters",
        "non-smtpd-milters",
        "milter-action",
        "milter-timeouts",
        "milter-sockets",
        "services",
    ] {
        seen.says(check, "ok", &[]);
    }
}

async fn milters_that_are_there_stay_and_mailhold_comes_last(lab: &Lab) {
    let house = bare(lab).await;
    house.main_cf(
        "smtpd_milters = unix:spf/spf.sock, { inet:localhost:8891, default_action=tempfail }\n\
         non_smtpd_milters = unix:mailhold/local.sock, inet:localhost:8891",
    );
    house.main_cf(&lines(&house).await);
    let smtp = read_back(&house, "smtpd_milters").await;
    let kept =
        "unix:spf/spf.sock, { inet:localhost:8891, default_action=tempfail }, { unix:mailhold/";
    assert!(smtp.starts_with(kept), "{smtp}");
    let local = read_back(&house, "non_smtpd_milters").await;
    assert_eq!(local.matches("mailhold/").count(), 1, "{local}");
    let seen = house.check().await;
    seen.says("smtpd-milters", "ok", &["smtp.sock is last"]);
    seen.says("non-smtpd-milters", "ok", &["local.sock is last"]);
}

async fn printed_again_the_lines_stay_the_same(lab: &Lab) {
    let house = bare(lab).await;
    house.main_cf("smtpd_milters = inet:localhost:8891");
    let first = lines(&house).await;
    house.main_cf(&first);
    assert_eq!(lines(&house).await, first);
}

async fn the_time_limits_follow_the_settings(lab: &Lab) {
    let mut house = bare(lab).await;
    house.settings.set("milter.mail_deadline", "8s");
    house.settings.set("milter.end_of_message_deadline", "400s");
    let lines = lines(&house).await;
    assert!(
        lines.contains("command_timeout=16s, content_timeout=1200s"),
        "{lines}"
    );
    house.main_cf(&lines);
    house.check().await.says("milter-timeouts", "ok", &[]);
}

async fn a_socket_outside_of_the_queue_is_warned_about(lab: &Lab) {
    let mut house = bare(lab).await;
    let outside = "unix:/run/mailhold/smtp.sock".to_owned();
    house
        .settings
        .listen(&[(outside.clone(), &lab.postfix.name)]);
    let lines = lines(&house).await;
    assert!(
        lines.contains("# /run/mailhold/smtp.sock lies outside of the queue"),
        "{lines}"
    );
    house.main_cf(&lines);
    assert!(read_back(&house, "smtpd_milters").await.contains(&outside));
}

async fn one_listener_serves_both(lab: &Lab) {
    let mut house = bare(lab).await;
    let socket = "inet:127.0.0.1:9460".to_owned();
    house
        .settings
        .listen(&[(socket.clone(), &lab.postfix.name)]);
    let lines = lines(&house).await;
    assert_eq!(lines.matches(&socket).count(), 2, "{lines}");
    assert!(!lines.contains("cannot be told"), "{lines}");
}

async fn listeners_that_tell_nothing_are_taken_in_their_order(lab: &Lab) {
    let mut house = bare(lab).await;
    let [one, two] = [9460, 9461].map(|port| format!("inet:127.0.0.1:{port}"));
    let instance = &*lab.postfix.name;
    house
        .settings
        .listen(&[(one.clone(), instance), (two.clone(), instance)]);
    let lines = lines(&house).await;
    assert!(
        lines.contains("# Which listener is for which parameter cannot be told"),
        "{lines}"
    );
    house.main_cf(&lines);
    assert!(read_back(&house, "smtpd_milters").await.contains(&one));
    assert!(read_back(&house, "non_smtpd_milters").await.contains(&two));
}

async fn a_service_that_takes_mail_back_is_pointed_out(lab: &Lab) {
    let house = bare(lab).await;
    house.main_cf("content_filter = smtp-amavis:[127.0.0.1]:10024");
    house.master_cf("127.0.0.1:10025 inet n - y - 10 smtpd\n  -o content_filter=");
    house.master_cf("submission inet n - y - - smtpd\n  -o smtpd_milters=");
    let lines = lines(&house).await;
    assert!(lines.contains("127.0.0.1:10025 takes mail back"), "{lines}");
    assert!(lines.contains("#   -o smtpd_milters="), "{lines}");
    assert!(lines.contains("submission/inet"), "{lines}");
    house.main_cf(&lines);
    assert_eq!(read_back(&house, "enable_long_queue_ids").await, "yes");
}

async fn without_postfix_nothing_is_printed(lab: &Lab) {
    let mut house = bare(lab).await;
    house
        .settings
        .set("postfix.command_directory", "/nonexistent");
    let output = house.command(&["--print-postfix"]).output(b"").await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("/nonexistent/postconf"));
}
