//! Rights of people who are signed in: asked for anew after a minute, and too old after five while
//! nobody can be asked.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::rights::DeskRole;

use super::alone::Alone;
use crate::{
    lab::{
        Lab,
        eventually::eventually,
        place::random_text,
        settings::Settings,
        slapd::{PEOPLE, SERVICE, Slapd},
        user::User,
    },
    signing::house::{self, PASSWORD},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        rights_are_asked_for_anew_after_a_minute,
        who_has_no_rights_any_more_is_signed_out,
        a_role_that_is_taken_away_in_the_directory_is_gone_after_a_minute,
        old_rights_end_after_five_minutes_while_the_directory_is_away,
    ]
}

const BOUND: Duration = Duration::from_secs(40);
const OLD: &str = "61 seconds";

async fn rights_are_asked_for_anew_after_a_minute(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let statuses = async || {
        let (inbox, log) = (alone.get("/inbox", &cookie), alone.get("/log", &cookie));
        (inbox.await.status, log.await.status)
    };
    assert_eq!(statuses().await, (200, 403), "a reviewer");
    alone.change_passwords(|lines| lines.replace(":reviewer:", ":auditor:"));
    alone.age_rights("0 seconds").await;
    assert_eq!(statuses().await, (200, 403), "nobody is asked");
    alone.age_rights(OLD).await;
    assert_eq!(statuses().await, (403, 200), "an auditor");
    let record = alone.record().await;
    let changes = record
        .iter()
        .filter(|line| line.starts_with("rights_changed rita"));
    assert_eq!(changes.count(), 1, "{record:?}");
    alone.end().await;
}

async fn who_has_no_rights_any_more_is_signed_out(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    alone.change_passwords(|lines| lines.replace("rita:", "someone:"));
    alone.age_rights(OLD).await;
    let answer = alone.get("/inbox", &cookie).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert_eq!(
        answer.header("location"),
        Some("/sign-in?next=%2Finbox"),
        "to the sign-in"
    );
    alone.change_passwords(|lines| lines.replace("someone:", "rita:"));
    let answer = alone.get("/inbox", &cookie).await;
    assert_eq!(answer.status, 303, "the session is over for good");
    let record = alone.record().await;
    assert!(record[1].starts_with("signed_out rita"), "{record:?}");
    alone.end().await;
}

/// A desk that lets people in by a directory.
async fn by_directory(lab: &Lab, slapd: &Slapd) -> Alone {
    let password = fs::read(&slapd.service_password).unwrap();
    let name = format!("sign-in-{}", &random_text()[..8]);
    let password = lab.tools.place.file(&name, User::web(), 0o400, password);
    let set = |settings: &mut Settings| {
        settings
            .set("web.sign_in.backend", "ldap")
            .set(
                "web.sign_in.reviewers_group",
                house::group(DeskRole::Reviewer),
            )
            .set("directory.ldap.urls", vec![slapd.url()])
            .set("directory.ldap.base", PEOPLE)
            .set("directory.ldap.bind_dn", SERVICE)
            .set(
                "directory.ldap.bind_password_file",
                password.display().to_string(),
            );
    };
    Alone::start(lab, set).await
}

async fn a_role_that_is_taken_away_in_the_directory_is_gone_after_a_minute(lab: &Lab) {
    let slapd = house::slapd(lab).await;
    house::add_reviewer(slapd, "webber1").await;
    let alone = by_directory(lab, slapd).await;
    let cookie = alone.cookie("webber1", PASSWORD).await;
    assert_eq!(alone.get("/inbox", &cookie).await.status, 200);
    let entry = house::dn("webber1", "sales");
    house::change_group(slapd, "delete", DeskRole::Reviewer, &entry).await;
    alone.age_rights(OLD).await;
    assert_eq!(alone.get("/inbox", &cookie).await.status, 303);
    assert_eq!(alone.enter("webber1", PASSWORD).await.status, 401);
    alone.end().await;
}

async fn old_rights_end_after_five_minutes_while_the_directory_is_away(lab: &Lab) {
    let slapd = house::start(lab, "slapd-web-away").await;
    house::add_reviewer(&slapd, "webber2").await;
    let alone = by_directory(lab, &slapd).await;
    let cookie = alone.cookie("webber2", PASSWORD).await;
    slapd.kill();
    alone.age_rights("4 minutes").await;
    let answer = alone.get("/inbox", &cookie).await;
    assert_eq!(answer.status, 200, "what was right a moment ago");
    alone.age_rights("301 seconds").await;
    for path in ["/inbox", "/", "/preferences"] {
        let answer = alone.get(path, &cookie).await;
        let text = answer.text();
        assert_eq!(answer.status, 503, "{path}: {text}");
        assert_eq!(answer.header("retry-after"), Some("10"));
        assert!(text.contains("A service that is needed is away."), "{text}");
    }
    slapd.start_again().await;
    eventually("the same session goes on", BOUND, async || {
        match alone.get("/inbox", &cookie).await.status {
            200 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    alone.end().await;
}
