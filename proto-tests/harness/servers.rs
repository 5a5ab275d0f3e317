//! The private slapd and PostgreSQL keep what they are told, also over a restart.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, slapd::PEOPLE},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared: the_flag_is_found_in_any_case];
    tests.extend(tests![trials.exclusive:
        the_directory_comes_back_with_its_entries,
        the_database_comes_back_with_its_rows,
    ]);
    tests
}

async fn the_flag_is_found_in_any_case(lab: &Lab) {
    let person = ["cased@corp.test", "Cased.Person@corp.test"];
    lab.slapd.add_person("cased", &person, &["TRUE"]).await;
    let filter = "(&(ismailmonitor=true)(mailAlternateAddress=cased.person@corp.test))";
    assert!(search(lab, filter).await.contains("uid=cased"));
    lab.slapd.set_flags("cased", &[]).await;
    assert!(!search(lab, filter).await.contains("uid=cased"));
}

async fn the_directory_comes_back_with_its_entries(lab: &Lab) {
    lab.slapd
        .add_person("steady", &["steady@corp.test"], &[])
        .await;
    lab.slapd.kill();
    lab.slapd.start_again().await;
    assert!(
        search(lab, "(uid=steady)")
            .await
            .contains("mail: steady@corp.test")
    );
}

async fn the_database_comes_back_with_its_rows(lab: &Lab) {
    let database = lab.postgres.empty_database().await;
    lab.postgres
        .execute(&database, "create table kept as select 42 as answer")
        .await;
    lab.postgres.stop();
    assert!(!lab.postgres.is_up().await);
    lab.postgres.start_again().await;
    assert_eq!(
        lab.postgres
            .execute(&database, "select answer from kept")
            .await,
        "42"
    );
}

async fn search(lab: &Lab, filter: &str) -> String {
    let search = lab.slapd.ldap_program("/usr/bin/ldapsearch");
    search
        .arguments(["-LLL", "-b", PEOPLE, filter])
        .run(b"")
        .await
}
