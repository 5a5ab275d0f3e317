//! `mailhold check --live` has a line for each alarm that stands.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    milter::Milter,
    signs::{Course, green, red},
};
use crate::{
    lab::{Lab, role},
    live::house::Seen,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        each_alarm_of_a_running_process_is_a_line_of_the_live_check,
    ]
}

async fn each_alarm_of_a_running_process_is_a_line_of_the_live_check(lab: &Lab) {
    let milter = Milter::start(lab, |settings| {
        settings.set(
            "worker.metrics",
            crate::lab::ports::free_address().to_string(),
        );
    })
    .await;
    let check = async || {
        let program = lab.tools.mailhold("mailhold");
        let program = role::program(program, &milter.settings_file, "check");
        let output = program.arguments(["--live", "--json"]).output(b"").await;
        Seen::of(&output)
    };
    let seen = check().await;
    seen.says("alarms", "ok", &["the milter has no alarm"]);
    let words = ["the worker does not answer", "mailhold-worker"];
    seen.says("alarms", "fail", &words);
    milter.database.set(super::proxy::Way::Cut);
    red(&milter.role, "store_unreachable", Course::InTheWay).await;
    let words = ["milter: store_unreachable: ", "docs/monitoring.md"];
    check().await.says("alarms", "fail", &words);
    milter.database.set(super::proxy::Way::Open);
    green(&milter.role, "store_unreachable").await;
    check()
        .await
        .says("alarms", "ok", &["the milter has no alarm"]);
}
