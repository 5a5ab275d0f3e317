//! Directory and database: each check where it fails.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::{
        Lab,
        ports::free_address,
        postgres::{Database, OWNER, Postgres},
        slapd::{SERVICE, Setup, Slapd},
        user::User,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared:
        a_directory_that_is_not_there_is_away,
        each_server_of_the_directory_is_asked_for_itself,
        a_wrong_password_for_the_directory_is_a_fault,
        a_base_that_is_not_there_is_a_fault,
        a_flag_that_the_schema_does_not_know_is_a_fault,
        a_table_of_flags_needs_no_server,
        a_slow_look_up_is_a_warning,
        a_flag_that_nobody_has_is_a_warning,
        a_flag_that_the_account_may_not_read_is_a_warning,
        a_flag_that_the_account_may_not_read_everywhere_is_a_warning,
        a_flag_without_an_index_is_a_warning_where_the_server_shows_its_settings,
        a_server_that_gives_no_whole_mirror_is_a_warning,
        a_server_that_mirrors_is_told_with_what_it_gave,
        a_server_without_a_mirror_is_a_fault_where_one_is_wanted,
        a_database_that_is_not_there_is_away,
        a_login_that_the_database_refuses_is_a_fault_by_its_name,
        a_database_without_a_schema_is_a_fault,
        a_commit_that_nobody_waits_for_is_a_fault,
        a_database_that_does_not_write_through_is_a_fault,
    ];
    tests.extend(tests![trials.exclusive:
        where_the_server_shows_nothing_the_search_is_measured,
    ]);
    tests
}

async fn a_directory_that_is_not_there_is_away(lab: &Lab) {
    let mut house = House::new(lab).await;
    let url = format!("ldap://{}", free_address());
    house.settings.set("directory.ldap.urls", vec![url.clone()]);
    let seen = house
        .failing("directory-bind", &[&url, "directory.ldap.urls"])
        .await;
    seen.says("directory-lookup", "skip", &[]);
    seen.says("directory-speed", "skip", &[]);
}

async fn each_server_of_the_directory_is_asked_for_itself(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "other-slapd", "").await;
    let mut house = House::new(lab).await;
    let (dead, alive) = (format!("ldap://{}", free_address()), lab.slapd.url());
    let refusing = slapd.url();
    let urls = vec![dead.clone(), refusing.clone(), alive.clone()];
    house.settings.set("directory.ldap.urls", urls);
    house.settings.set("directory.ldap.timeout", "1s");
    let seen = house.check().await;
    // The lab's account has another password there.
    assert_eq!(seen.code, Some(78));
    seen.says("directory-bind", "fail", &[&dead, "directory.ldap.urls"]);
    seen.says("directory-bind", "fail", &[&refusing, "bind_password_file"]);
    seen.says("directory-bind", "ok", &[SERVICE, &alive]);
    assert_eq!(seen.named("directory-bind").len(), 3);
    seen.says("directory-lookup", "skip", &[&dead]);
    seen.says("directory-lookup", "skip", &[&refusing]);
    seen.says("directory-lookup", "ok", &[&alive]);
    seen.says("directory-speed", "ok", &[]);
    seen.says("directory-flags", "ok", &[]);
    house.settings.set("directory.ldap.urls", vec![alive, dead]);
    assert!(matches!(house.exit_code().await, None | Some(69)));
    slapd.kill();
}

async fn a_wrong_password_for_the_directory_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let place = &lab.tools.place;
    let (_, file) = place.password("wrong-ldap.password", User::ROOT);
    let file = file.display().to_string();
    house
        .settings
        .set("directory.ldap.bind_password_file", file);
    let words = [SERVICE, "bind_password_file"];
    let seen = house.failing("directory-bind", &words).await;
    seen.says("directory-lookup", "skip", &[]);
}

async fn a_base_that_is_not_there_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let base = "ou=nobody,dc=corp,dc=test";
    house.settings.set("directory.ldap.base", base);
    let seen = house
        .failing("directory-lookup", &["directory.ldap.base"])
        .await;
    seen.says("directory-bind", "ok", &[SERVICE]);
    seen.says("directory-speed", "skip", &[]);
}

async fn a_flag_that_the_schema_does_not_know_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    house
        .settings
        .set("directory.ldap.attribute", "IsMailMonitored");
    let words = ["IsMailMonitored", "config/ldap/mailhold.ldif"];
    house.failing("directory-lookup", &words).await;
}

async fn a_table_of_flags_needs_no_server(lab: &Lab) {
    let mut house = House::new(lab).await;
    let file = lab
        .tools
        .place
        .file("house.flags", User::ROOT, 0o644, "anna Y\n");
    house.settings.set("directory.backend", "table");
    house
        .settings
        .set("directory.table.file", file.display().to_string());
    house
        .check()
        .await
        .says("directory-lookup", "ok", &["table"]);
    let odd = lab
        .tools
        .place
        .file("odd.flags", User::ROOT, 0o644, "anna\n");
    house
        .settings
        .set("directory.table.file", odd.display().to_string());
    house.failing("directory-lookup", &["odd.flags"]).await;
}

async fn a_slow_look_up_is_a_warning(lab: &Lab) {
    let setup = Setup {
        global: "moduleload retcode\n".to_owned(),
        database: "overlay retcode\nretcode-parent \"ou=codes,dc=corp,dc=test\"\nretcode-sleep 1\n"
            .to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slow-slapd", &setup).await;
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    house.settings.set("directory.ldap.timeout", "10s");
    house.settings.set("milter.mail_deadline", "12s");
    let words = ["an index is likely missing", "olcDbIndex: mail eq"];
    let seen = house.check().await;
    seen.says("directory-bind", "ok", &[]);
    seen.says("directory-speed", "warn", &words);
    slapd.kill();
}

async fn a_flag_that_nobody_has_is_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    house
        .settings
        .set("directory.ldap.base", "ou=services,dc=corp,dc=test");
    let seen = house.check().await;
    seen.says(
        "directory-flags",
        "warn",
        &["sees no IsMailMonitor", SERVICE],
    );
}

/// A slapd that shows the account its settings, and searches by the flag, but not the flag.
async fn a_flag_that_the_account_may_not_read_is_a_warning(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "mute-slapd", MUTE).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    let seen = house.check().await;
    seen.says("directory-flags", "warn", &["may not read IsMailMonitor"]);
    slapd.kill();
}

async fn a_flag_that_the_account_may_not_read_everywhere_is_a_warning(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "shy-slapd", SHY).await;
    for login in ["anna", "ben"] {
        let address = format!("{login}@corp.test");
        slapd.add_person(login, &[&address], &["Y"]).await;
    }
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    let words = ["may not read IsMailMonitor on 1 of the 2 entries"];
    house.check().await.says("directory-flags", "warn", &words);
    slapd.kill();
}

async fn a_flag_without_an_index_is_a_warning_where_the_server_shows_its_settings(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "open-slapd", OPEN).await;
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    let seen = house.check().await;
    seen.says("directory-index", "ok", &["olcDbIndex: "]);
    house
        .settings
        .set("directory.ldap.attribute", "description");
    let seen = house.check().await;
    let words = ["no index on description", "olcDbIndex: description eq,pres"];
    seen.says("directory-index", "warn", &words);
    slapd.kill();
}

async fn where_the_server_shows_nothing_the_search_is_measured(lab: &Lab) {
    let house = House::new(lab).await;
    let seen = house.check().await;
    seen.says(
        "directory-index",
        "ok",
        &["measured: the search (IsMailMonitor=*) took"],
    );
}

/// What stands last is for the settings of the server, together with the rights that follow in the
/// lab's file.
const OPEN: &str = "\
access to * by dn.exact=\"cn=mailhold,ou=services,dc=corp,dc=test\" read by * none
database config
";
const MUTE: &str = "\
access to attrs=IsMailMonitor by * search
access to * by dn.exact=\"cn=mailhold,ou=services,dc=corp,dc=test\" read by * none
database config
";

/// One entry is found by its flag, and shown without.
const SHY: &str = "\
access to dn.exact=\"uid=anna,ou=people,dc=corp,dc=test\" attrs=IsMailMonitor by * search
access to * by dn.exact=\"cn=mailhold,ou=services,dc=corp,dc=test\" read by * none
database config
";

async fn mirroring(lab: &Lab, name: &str, limit: &str) -> Slapd {
    let setup = Setup {
        global: format!("moduleload syncprov\n{limit}"),
        database: "overlay syncprov\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, name, &setup).await;
    for login in ["anna", "ben"] {
        let address = format!("{login}@corp.test");
        slapd.add_person(login, &[&address], &["Y"]).await;
    }
    slapd
}

async fn a_server_that_gives_no_whole_mirror_is_a_warning(lab: &Lab) {
    let slapd = mirroring(lab, "live-stingy", "sizelimit 1\n").await;
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    let words = ["every message is looked up", "docs/mirror.md"];
    house.check().await.says("directory-mirror", "warn", &words);
}

async fn a_server_that_mirrors_is_told_with_what_it_gave(lab: &Lab) {
    let slapd = mirroring(lab, "live-mirroring", "").await;
    let mut house = House::new(lab).await;
    at_slapd(&mut house, &slapd);
    let seen = house.check().await;
    seen.says(
        "directory-mirror",
        "ok",
        &["2 entries were read into memory"],
    );
    house.settings.set("directory.ldap.mirror", "off");
    let seen = house.check().await;
    seen.says(
        "directory-mirror",
        "ok",
        &["is off: every message is looked up"],
    );
}

async fn a_server_without_a_mirror_is_a_fault_where_one_is_wanted(lab: &Lab) {
    let mut house = House::new(lab).await;
    let words = ["every message is looked up", "RFC 4533"];
    house.check().await.says("directory-mirror", "ok", &words);
    house.settings.set("directory.ldap.mirror", "on");
    let words = ["mirror is on", "RFC 4533", "docs/mirror.md"];
    house.failing("directory-mirror", &words).await;
    let filter = "(mail=*{address})";
    house.settings.set("directory.ldap.filter", filter);
    let words = ["cannot answer these filters", "docs/mirror.md"];
    house.check().await.says("directory-mirror", "warn", &words);
    house.settings.set("directory.ldap.mirror", "auto");
    house
        .check()
        .await
        .says("directory-mirror", "ok", &words[..1]);
}

fn at_slapd(house: &mut House<'_>, slapd: &Slapd) {
    let file = slapd.service_password.display().to_string();
    house.settings.set("directory.ldap.urls", vec![slapd.url()]);
    house
        .settings
        .set("directory.ldap.bind_password_file", file);
}

async fn a_database_that_is_not_there_is_away(lab: &Lab) {
    let mut house = House::new(lab).await;
    let url = format!("postgres://mailhold_milter@{}/mailhold", free_address());
    house.settings.set("milter.database.url", url);
    let seen = house.failing("database", &["milter: cannot connect"]).await;
    seen.says("database", "ok", &["mailhold_worker"]);
    seen.says("database-durability", "skip", &[]);
    seen.says("database-clock", "skip", &[]);
}

async fn a_login_that_the_database_refuses_is_a_fault_by_its_name(lab: &Lab) {
    let mut house = House::new(lab).await;
    let (_, file) = lab.tools.place.password("wrong-db.password", User::ROOT);
    let file = file.display().to_string();
    house.settings.set("reviews.database.password_file", file);
    let seen = house
        .failing("database", &["reviews: ", "--create-roles"])
        .await;
    assert_eq!(seen.code, Some(78));
    seen.says("database-schema", "ok", &[]);
}

async fn a_database_without_a_schema_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let name = lab.postgres.empty_database().await;
    for login in ["milter", "worker", "reviews"] {
        let url = format!(
            "postgres://mailhold_{login}@127.0.0.1:{}/{name}",
            lab.postgres.port
        );
        house.settings.set(&format!("{login}.database.url"), url);
    }
    let seen = house
        .failing("database-schema", &["no schema yet", "migrate"])
        .await;
    seen.says("database", "ok", &["mailhold_milter"]);
}

fn at(house: &mut House<'_>, database: &Database) {
    for login in ["milter", "worker", "reviews"] {
        let name = format!("mailhold_{login}");
        let key = |setting: &str| format!("{login}.database.{setting}");
        let file = database.login(&name).password_file.display().to_string();
        house.settings.set(&key("url"), database.url(&name));
        house.settings.set(&key("password_file"), file);
    }
}

async fn a_commit_that_nobody_waits_for_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let database = lab.postgres.database().await;
    at(&mut house, &database);
    let name = &database.name;
    let off = format!("alter role mailhold_worker in database {name} set synchronous_commit = off");
    database.execute(&off).await;
    let words = ["worker: synchronous_commit = off", "mailhold_worker"];
    let seen = house.failing("database-durability", &words).await;
    seen.says("database-durability", "ok", &["milter: "]);
}

async fn a_database_that_does_not_write_through_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    let postgres = Postgres::start_as(&lab.tools, "careless-postgres").await;
    let database = postgres.database().await;
    at(&mut house, &database);
    assert_eq!(database.login(OWNER).name, OWNER);
    for setting in ["fsync", "full_page_writes"] {
        let off = format!("alter system set {setting} = off");
        database.execute(&off).await;
    }
    database.execute("select pg_reload_conf()").await;
    crate::lab::eventually::eventually_true(
        "the settings are read",
        std::time::Duration::from_secs(10),
        async || database.execute("show full_page_writes").await == "off",
    )
    .await;
    let seen = house.failing("database-durability", &["fsync = off"]).await;
    seen.says("database-durability", "fail", &["full_page_writes = off"]);
    postgres.stop();
}
