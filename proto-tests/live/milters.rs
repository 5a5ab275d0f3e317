//! The lists of milters: each check where it fails.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_list_without_mailhold_is_a_fault,
        a_milter_behind_mailhold_is_a_fault,
        a_milter_before_mailhold_is_none,
        mailhold_twice_is_a_fault,
        the_listener_of_another_instance_is_a_fault,
        local_mail_without_mailhold_is_a_fault,
        a_milter_behind_mailhold_for_local_mail_is_a_fault,
        an_action_that_lets_mail_pass_is_a_fault,
        the_action_for_all_milters_counts_where_mailhold_sets_none,
        the_action_of_a_single_service_counts_there,
        another_milter_that_has_mail_held_while_it_is_away_is_a_warning,
        shutdown_needs_a_postfix_that_knows_it,
        a_short_command_timeout_is_a_fault,
        a_short_content_timeout_is_a_fault,
    ]
}

const OURS: &str = "unix:mailhold/smtp.sock";
const LOCAL: &str = "unix:mailhold/local.sock";

async fn a_list_without_mailhold_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("smtpd_milters = inet:localhost:8891");
    let words = ["smtpd_milters does not name mailhold", "--print-postfix"];
    let seen = house.failing("smtpd-milters", &words).await;
    assert_eq!(seen.code, Some(78));
    seen.says("non-smtpd-milters", "ok", &[]);
}

async fn a_milter_behind_mailhold_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(&format!("smtpd_milters = {OURS}, inet:localhost:8891"));
    let words = [
        "behind mailhold stands inet:localhost:8891",
        "move mailhold to the end",
    ];
    house.failing("smtpd-milters", &words).await;
}

async fn a_milter_before_mailhold_is_none(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(&format!("smtpd_milters = inet:localhost:8891 {OURS}"));
    house
        .check()
        .await
        .says("smtpd-milters", "ok", &["is last"]);
}

async fn mailhold_twice_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(&format!("smtpd_milters = {LOCAL}, {OURS}"));
    house.failing("smtpd-milters", &["2 times"]).await;
}

async fn the_listener_of_another_instance_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let socket = |name: &str| format!("unix:{}", lab.postfix.socket(name).display());
    house.settings.listen(&[
        (socket("smtp.sock"), "postfix-out"),
        (socket("local.sock"), "postfix"),
    ]);
    let words = ["instance postfix-out", "the worker serves postfix"];
    let seen = house.failing("smtpd-milters", &words).await;
    seen.says(
        "process-limits",
        "ok",
        &["without those of other instances"],
    );
}

async fn local_mail_without_mailhold_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("non_smtpd_milters =");
    let words = ["non_smtpd_milters does not name mailhold"];
    let seen = house.failing("non-smtpd-milters", &words).await;
    seen.says("smtpd-milters", "ok", &[]);
}

async fn a_milter_behind_mailhold_for_local_mail_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(&format!("non_smtpd_milters = {LOCAL}, inet:localhost:8891"));
    let words = ["behind mailhold stands inet:localhost:8891"];
    house.failing("non-smtpd-milters", &words).await;
}

async fn an_action_that_lets_mail_pass_is_a_fault(lab: &Lab) {
    for (action, effect) in [
        ("accept", "passes unreviewed"),
        ("quarantine", "without a record"),
        ("reject", "turned away"),
    ] {
        let house = House::new(lab).await;
        house.main_cf_with(
            "default_action=tempfail",
            &format!("default_action={action}"),
        );
        let words = [effect, "default_action=tempfail"];
        let seen = house.failing("milter-action", &words).await;
        assert_eq!(seen.named("milter-action").len(), 2, "both lists");
    }
}

async fn the_action_for_all_milters_counts_where_mailhold_sets_none(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf_with("default_action=tempfail, ", "");
    house.check().await.says("milter-action", "ok", &[]);
    house.main_cf("milter_default_action = accept");
    house.failing("milter-action", &["accept"]).await;
}

async fn the_action_of_a_single_service_counts_there(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf_with("default_action=tempfail, ", "");
    house.master_cf("587 inet n - y - - smtpd\n  -o milter_default_action=accept");
    let words = ["smtpd_milters of 587/inet", "master.cf"];
    let seen = house.failing("milter-action", &words).await;
    assert_eq!(seen.named("milter-action").len(), 1);
}

async fn another_milter_that_has_mail_held_while_it_is_away_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    let with = |action: &str| {
        let other = format!("{{ inet:localhost:8891, default_action={action} }}");
        format!("smtpd_milters = {other}, {{ {OURS}, default_action=tempfail }}")
    };
    house.main_cf(&with("accept"));
    let seen = house.check().await;
    assert_eq!(seen.named("milter-action").len(), 1);
    seen.says("milter-action", "ok", &[]);

    house.main_cf(&with("quarantine"));
    let words = ["while inet:localhost:8891 is away", "without a record"];
    let seen = house.check().await;
    seen.says("milter-action", "warn", &words);
    assert_eq!(seen.named("milter-action").len(), 2, "ours is well");
}

async fn shutdown_needs_a_postfix_that_knows_it(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.main_cf_with("default_action=tempfail", "default_action=shutdown");
    house.failing("milter-action", &["does not know it"]).await;
    house.other_postconf("s/^mail_version = .*/mail_version = 3.11.0/");
    house.check().await.says("milter-action", "ok", &[]);
}

async fn a_short_command_timeout_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf_with("command_timeout=10s, ", "command_timeout=5s, ");
    let words = [
        "command_timeout 5s is not above milter.mail_deadline (5s)",
        "command_timeout=11s",
    ];
    house.failing("milter-timeouts", &words).await;
}

async fn a_short_content_timeout_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf_with(", content_timeout=60s", "");
    house.check().await.says("milter-timeouts", "ok", &[]);
    house.main_cf("milter_content_timeout = 15");
    let words = ["content_timeout 15 is not above milter.end_of_message_deadline (20s)"];
    house.failing("milter-timeouts", &words).await;
}
