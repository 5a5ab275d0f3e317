//! The milter: the next connection has the new settings, the running ones keep theirs.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;

use super::{AS_IT_WAS_READ, REFUSED, house, refused, reload, shows, taken_up, told_again};
use crate::{
    lab::{
        Lab,
        desk::HOUSE,
        eventually::eventually_true,
        place,
        ports::free_address,
        smtp::{Reply, Smtp},
        user::User,
    },
    policy::house::{BOUND, House, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_changed_policy_acts_on_the_next_connection_and_not_on_the_running_one,
        a_file_with_faults_is_refused_with_all_of_them_and_changes_nothing,
        a_setting_that_needs_a_restart_is_named_until_the_restart,
        another_directory_is_asked_at_once_and_looked_after,
        a_table_of_flags_is_read_again_unless_it_has_a_fault,
    ]
}

async fn send(smtp: &mut Smtp, mail: &Mail) -> Reply {
    smtp.send(&mail.sender, &[&mail.recipients[0]], &mail.content)
        .await
        .ok()
}

async fn a_changed_policy_acts_on_the_next_connection_and_not_on_the_running_one(lab: &Lab) {
    let house = house(lab).await;
    let flagged = house.person(&["Y"]).await;
    let mail = || Mail::new(&flagged.address, &["elsewhere.test"]);
    let mut running = Smtp::connect(house.postfix.smtp).await;
    let before = read_at(&house).await;

    let answer = reload(&house.desk, &house.desk.milter, |settings| {
        let domains = [HOUSE, "elsewhere.test"].map(str::to_owned);
        settings.set("policy.internal_domains", domains.to_vec());
    })
    .await;
    taken_up(&answer, "");
    assert_eq!(answer["role"], "milter");
    assert!(read_at(&house).await >= before, "the time is told");

    let within = mail();
    house.send(&within).await.ok();
    house.delivered(&within).await;
    let id = send(&mut running, &mail()).await.queue_id();
    house.desk.held(&id).await;
}

async fn read_at(house: &House) -> f64 {
    let figure = "mailhold_config_last_reload_success_timestamp_seconds";
    let at = house.desk.milter.metric(figure).await;
    assert!(at > 1e9, "{at}");
    at
}

async fn a_file_with_faults_is_refused_with_all_of_them_and_changes_nothing(lab: &Lab) {
    let house = house(lab).await;
    let milter = &house.desk.milter;
    let flagged = house.person(&["Y"]).await;
    assert_eq!(shows(milter).await, AS_IT_WAS_READ);

    let answer = reload(&house.desk, milter, |settings| {
        settings
            .set("milter.mail_deadline", "5")
            .set("policy.internal_domains", "elsewhere.test");
    })
    .await;
    let faults = ["milter.mail_deadline", "policy.internal_domains"];
    refused(&answer, &house.desk.settings_file, &faults);
    assert_eq!(shows(milter).await, REFUSED);
    assert!(milter.is_ready().await, "it works as before");
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;

    let file = &house.desk.settings_file;
    place::write(file, User::ROOT, 0o644, "[milter");
    let answer = told_again(milter).await;
    assert!(
        answer["error"].as_str().unwrap().contains("not valid TOML"),
        "{answer}"
    );
    fs::remove_file(file).unwrap();
    let answer = told_again(milter).await;
    assert!(
        answer["error"].as_str().unwrap().contains("cannot read"),
        "{answer}"
    );
    assert_eq!(shows(milter).await, REFUSED);

    taken_up(&reload(&house.desk, milter, |_| {}).await, "");
    assert_eq!(shows(milter).await, AS_IT_WAS_READ);
    milter
        .event_with(&["alarm.ended", "config_refused"], BOUND)
        .await;
}

async fn a_setting_that_needs_a_restart_is_named_until_the_restart(lab: &Lab) {
    let house = house(lab).await;
    let milter = &house.desk.milter;
    let flagged = house.person(&["Y"]).await;
    let answer = reload(&house.desk, milter, |settings| {
        settings
            .set("log.level", "error")
            .set("milter.max_connections", 1)
            .set("spool.memory_limit", "64 KiB")
            .set("worker.batch", 7)
            .listen(&[(format!("inet:{}", free_address()), "postfix")]);
    })
    .await;
    let named = "log.level, milter.listen, milter.max_connections, spool.memory_limit";
    taken_up(&answer, named);
    taken_up(&told_again(milter).await, named);

    // All of it is as before: sockets, seats, log.
    let _idle = Smtp::connect(house.postfix.smtp).await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    milter
        .event_with(&["message.captured", id.as_str()], BOUND)
        .await;

    let answer = reload(&house.desk, milter, |settings| {
        settings.set("milter.max_connections", 50);
    })
    .await;
    taken_up(&answer, "milter.max_connections");
    milter.stop().await;
    milter.start_again().await;
    taken_up(&told_again(milter).await, "");
    let answer = reload(&house.desk, milter, |_| {}).await;
    taken_up(&answer, "milter.max_connections");
    milter.stop().await;
    milter.start_again().await;
}

async fn another_directory_is_asked_at_once_and_looked_after(lab: &Lab) {
    let house = house(lab).await;
    let milter = &house.desk.milter;
    let flagged = house.person(&["Y"]).await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let nowhere = format!("ldap://{}", free_address());
    let answer = reload(&house.desk, milter, |settings| {
        settings.set("directory.ldap.urls", vec![nowhere.clone()]);
    })
    .await;
    taken_up(&answer, "");
    assert_eq!(house.send(&mail).await.code, 451);
    milter
        .event_with(&["alarm.began", "directory_unreachable", &nowhere], BOUND)
        .await;

    taken_up(&reload(&house.desk, milter, |_| {}).await, "");
    eventually_true("the alarm is over", BOUND, async || {
        let figure = "mailhold_alarm{kind=\"directory_unreachable\"}";
        milter.metric(figure).await == 0.0
    })
    .await;
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
}

async fn a_table_of_flags_is_read_again_unless_it_has_a_fault(lab: &Lab) {
    let place = &lab.tools.place;
    let write = |lines: &str| place.file("reloaded-flags", User::milter(), 0o640, lines);
    let table = write("ben@corp.test N\n");
    let house = house(lab).await;
    let milter = &house.desk.milter;
    let answer = reload(&house.desk, milter, |settings| {
        settings
            .set("directory.backend", "table")
            .set("directory.table.file", table.display().to_string());
    })
    .await;
    taken_up(&answer, "");
    let mail = || Mail::new("anna@corp.test", &["elsewhere.test"]);
    let unflagged = mail();
    house.send(&unflagged).await.ok();
    house.delivered(&unflagged).await;
    write("ben@corp.test N\nanna@corp.test Y\n");
    taken_up(&told_again(milter).await, "");
    let id = house.send(&mail()).await.ok().queue_id();
    house.desk.held(&id).await;

    write("ben@corp.test N\nanna@corp.test\n");
    let answer = told_again(milter).await;
    assert_eq!(answer["event"], "config.kept", "{answer}");
    let fault = format!("{}: line 2", table.display());
    assert!(
        answer["error"].as_str().unwrap().contains(&fault),
        "{answer}"
    );
    let id = house.send(&mail()).await.ok().queue_id();
    house.desk.held(&id).await;
}
