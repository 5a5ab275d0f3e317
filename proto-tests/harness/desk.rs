//! The lab's milter and worker run as they would in a house.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    lab::{
        Lab,
        role::Role,
        smtp::{Smtp, small_mail},
        user::User,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_milter_and_the_worker_run_as_users_of_their_own,
        a_login_named_by_a_trusted_proxy_reaches_the_milter,
    ]
}

async fn the_milter_and_the_worker_run_as_users_of_their_own(lab: &Lab) {
    let desk = lab.desk().await;
    assert_eq!(user_of(&desk.milter), User::milter().uid);
    assert_eq!(user_of(&desk.worker), User::named("postfix").uid);
}

async fn a_login_named_by_a_trusted_proxy_reaches_the_milter(lab: &Lab) {
    let desk = lab.desk().await;
    let (flagged, unflagged) = (lab.person(&["Y"]).await, lab.person(&[]).await);
    let mut smtp = Smtp::connect(lab.postfix.smtp).await;
    smtp.log_in_as(&flagged.login).await;
    let recipient = "login@elsewhere.test";
    let mail = small_mail(&unflagged.address, recipient, "login");
    let reply = smtp
        .send(&unflagged.address, &[recipient], &mail)
        .await
        .ok();
    let review = desk.held(&reply.queue_id()).await;
    assert_eq!(review["login"], flagged.login);
}

/// The effective user ID.
fn user_of(role: &Role) -> u32 {
    let status = fs::read_to_string(format!("/proc/{}/status", role.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
