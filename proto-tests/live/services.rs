//! Ways past the milter, ways to it twice, and its seats: each check where it fails.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_service_with_an_empty_list_is_a_fault_by_its_name,
        a_service_with_a_list_of_others_is_a_fault,
        a_service_with_mailhold_in_its_own_list_is_none,
        a_service_without_milters_is_a_fault,
        no_milters_for_all_is_a_fault,
        local_mail_without_milters_is_a_fault,
        a_cleanup_with_an_empty_list_is_a_fault,
        a_way_past_the_milter_for_this_host_alone_is_a_warning,
        a_proxy_filter_is_a_fault,
        a_map_of_milters_is_a_warning,
        a_map_of_milters_of_a_single_service_is_a_warning,
        a_service_for_a_filter_that_is_not_there_is_a_warning,
        a_service_that_takes_mail_back_from_the_filter_of_another_service_is_well,
        a_service_that_takes_mail_back_must_not_ask_again,
        a_service_that_takes_mail_back_without_milters_is_well,
        a_filter_without_a_service_that_takes_mail_back_is_a_warning,
        more_processes_than_seats_are_a_fault,
        processes_without_a_limit_are_a_warning,
        a_signer_behind_the_content_filter_is_well,
        where_no_service_uses_the_list_nothing_is_called_ok,
    ]
}

const FILTER: &str = "content_filter = smtp-amavis:[127.0.0.1]:10024";
const BACK: &str = "127.0.0.1:10025 inet n - y - 10 smtpd\n  -o content_filter=";

async fn a_service_with_an_empty_list_is_a_fault_by_its_name(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("submission inet n - y - - smtpd\n  -o smtpd_milters=");
    let words = [
        "submission/inet",
        "not reviewed",
        "take `-o smtpd_milters=` away",
    ];
    let seen = house.failing("services", &words).await;
    assert_eq!(seen.code, Some(78));
    seen.says("smtpd-milters", "ok", &[]);
}

async fn a_service_with_a_list_of_others_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("dkim = inet:localhost:8891");
    house.master_cf("465 inet n - y - - smtpd\n  -o smtpd_milters=$dkim");
    let words = ["465/inet has a list of milters without mailhold"];
    let seen = house.failing("services", &words).await;
    seen.says("smtpd-milters", "ok", &[]);
    assert_eq!(seen.named("smtpd-milters").len(), 1, "told once");
}

async fn a_service_with_mailhold_in_its_own_list_is_none(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf(
        "465 inet n - y - - smtpd\n  \
         -o { smtpd_milters = { unix:mailhold/smtp.sock, command_timeout=10s } }",
    );
    let seen = house.check().await;
    seen.says("services", "ok", &[]);
    seen.says("smtpd-milters", "ok", &["smtpd_milters of 465/inet"]);
}

async fn a_service_without_milters_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf(
        "465 inet n - y - - smtpd\n  \
         -o receive_override_options=no_header_body_checks,no_milters",
    );
    let words = ["465/inet has receive_override_options=no_milters"];
    house.failing("services", &words).await;
}

async fn no_milters_for_all_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("receive_override_options = no_milters");
    house
        .failing("services", &["no mail is reviewed", "main.cf"])
        .await;
}

async fn local_mail_without_milters_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("pickup unix n - y 60 1 pickup\n  -o receive_override_options=no_milters");
    house.failing("services", &["pickup/unix"]).await;
}

async fn a_cleanup_with_an_empty_list_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("cleanup unix n - y - 0 cleanup\n  -o non_smtpd_milters=");
    let words = ["cleanup/unix", "take `-o non_smtpd_milters=` away"];
    house.failing("services", &words).await;
}

async fn a_way_past_the_milter_for_this_host_alone_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("127.0.0.1:2525 inet n - y - - smtpd\n  -o smtpd_milters=");
    let seen = house.check().await;
    seen.says(
        "services",
        "warn",
        &["127.0.0.1:2525/inet", "programs of this host"],
    );
    let house = House::new(lab).await;
    house.main_cf("inet_interfaces = loopback-only");
    house.master_cf("2525 inet n - y - - smtpd\n  -o smtpd_milters=");
    house.check().await.says("services", "warn", &["2525/inet"]);
}

async fn a_proxy_filter_is_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("465 inet n - y - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:10024");
    house
        .failing("services", &["465/inet has smtpd_proxy_filter"])
        .await;
}

async fn a_map_of_milters_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("smtpd_milter_maps = cidr:/etc/postfix/milters");
    let seen = house.check().await;
    seen.says(
        "milter-maps",
        "warn",
        &["cidr:/etc/postfix/milters", "DISABLE"],
    );
}

async fn a_map_of_milters_of_a_single_service_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("465 inet n - y - - smtpd\n  -o smtpd_milter_maps=cidr:/etc/postfix/m");
    let seen = house.check().await;
    seen.says("milter-maps", "warn", &["smtpd_milter_maps of 465/inet"]);
}

async fn a_service_for_a_filter_that_is_not_there_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf(&format!("{BACK} -o smtpd_milters="));
    house.main_cf("content_filter =");
    let words = ["127.0.0.1:10025/inet", "programs of this host"];
    house.check().await.says("services", "warn", &words);
}

async fn a_service_that_takes_mail_back_from_the_filter_of_another_service_is_well(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("465 inet n - y - - smtpd\n  -o content_filter=scan:[127.0.0.1]:10024");
    house.master_cf("127.0.0.1:10025 inet n - y - 10 smtpd\n  -o smtpd_milters=");
    let seen = house.check().await;
    seen.says("services", "ok", &[]);
    seen.says("reinjection", "ok", &["127.0.0.1:10025"]);
    // The lab's own services on loopback, which ask the milter, are for programs.
    assert_eq!(seen.named("reinjection").len(), 1);
}

async fn a_service_that_takes_mail_back_must_not_ask_again(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(FILTER).master_cf(BACK);
    let words = ["127.0.0.1:10025/inet takes mail back", "-o smtpd_milters="];
    house.failing("reinjection", &words).await;
}

async fn a_service_that_takes_mail_back_without_milters_is_well(lab: &Lab) {
    for option in ["smtpd_milters=", "receive_override_options=no_milters"] {
        let house = House::new(lab).await;
        house.main_cf(FILTER);
        house.master_cf(&format!("{BACK} -o {option}"));
        let seen = house.check().await;
        seen.says("reinjection", "ok", &["127.0.0.1:10025"]);
        seen.says("services", "ok", &[]);
    }
}

async fn a_filter_without_a_service_that_takes_mail_back_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(FILTER);
    let seen = house.check().await;
    seen.says("reinjection", "warn", &["smtp-amavis", "sendmail"]);
}

async fn more_processes_than_seats_are_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.settings.set("milter.max_connections", 250);
    house
        .check()
        .await
        .says("process-limits", "ok", &["= 201 of 250"]);
    house.master_cf("465 inet n - y - 60 smtpd");
    let words = ["465 60", "= 261 of 250", "max_connections to 261"];
    house.failing("process-limits", &words).await;
}

async fn processes_without_a_limit_are_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf("465 inet n - y - 0 smtpd");
    let seen = house.check().await;
    seen.says("process-limits", "warn", &["465/inet has no limit"]);
}

async fn a_signer_behind_the_content_filter_is_well(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf(FILTER);
    house.master_cf(&format!("{BACK} -o smtpd_milters=inet:localhost:8891"));
    let seen = house.check().await;
    for check in ["smtpd-milters", "services", "reinjection"] {
        let answers = seen.named(check);
        assert!(
            answers.iter().all(|one| one["outcome"] == "ok"),
            "{answers:?}"
        );
    }
}

async fn where_no_service_uses_the_list_nothing_is_called_ok(lab: &Lab) {
    let house = House::new(lab).await;
    house.master_cf_with(" smtpd\n", " smtpd\n  -o smtpd_milters=\n");
    let seen = house.check().await;
    seen.says("services", "warn", &["asks no milter"]);
    seen.says("smtpd-milters", "skip", &["see `services`"]);
}
