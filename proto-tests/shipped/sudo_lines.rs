//! The sudo lines, and the rights that the worker's unit leaves to what runs behind them.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::units;
use crate::{
    lab::{
        Lab,
        program::{Program, text},
        smtp::{self, small_mail},
        sudo_view,
        user::User,
    },
    trials::{Trials, tests},
};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/sudoers/mailhold");
const WORKER: &str = include_str!("../../config/systemd/mailhold-worker.service");

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.alone:
        visudo_finds_no_fault_in_the_sudo_lines,
        the_sudo_lines_are_four_and_end_in_the_hold_queue,
    ];
    tests.extend(tests![trials.shared:
        every_decision_can_be_carried_out_with_the_capabilities_of_the_unit,
    ]);
    tests
}

async fn visudo_finds_no_fault_in_the_sudo_lines() {
    let visudo = Program::new("visudo", "/usr/sbin/visudo").arguments(["-c", "-s", "-f", SHIPPED]);
    assert!(visudo.run(b"").await.contains("parsed OK"));
}

async fn the_sudo_lines_are_four_and_end_in_the_hold_queue() {
    let lines = std::fs::read_to_string(SHIPPED).unwrap();
    let rules = lines.lines().filter(|line| !line.starts_with('#'));
    let commands: Vec<_> = rules
        .filter(|line| line.contains("/usr/sbin/postsuper"))
        .collect();
    assert_eq!(commands.len(), 4);
    for command in commands {
        let plain = command.trim_end_matches(['\\', ',', ' ']);
        assert!(plain.ends_with(" - hold"), "{command}");
    }
}

/// A container may lack some of them itself, but never one without which this fails.
async fn every_decision_can_be_carried_out_with_the_capabilities_of_the_unit(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so sudo is not tried");
        return;
    }
    for option in ["-H", "-d", "-f", "-r"] {
        let (sender, recipient) = ("carla@corp.test", "capabilities@elsewhere.test");
        let mail = small_mail(sender, recipient, "capabilities");
        let sent = smtp::send(lab.postfix.holding_smtp, sender, &[recipient], &mail).await;
        let id = sent.ok().queue_id();
        let output = behind_sudo(lab, option)
            .output(id.as_str().as_bytes())
            .await;
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stderr).contains(id.as_str()), "{output:?}");
        assert!(!lab.postfix.held().contains(&id), "{option} had no effect");
    }
}

/// `postsuper` as the worker runs it, bounded as systemd bounds the worker.
fn behind_sudo(lab: &Lab, option: &str) -> Program {
    let postfix = User::named("postfix");
    let bounded = Program::new("setpriv", "/usr/bin/setpriv")
        .arguments(["--bounding-set", &bounding_set(), "--inh-caps=-all"])
        .arguments([
            format!("--reuid={}", postfix.uid),
            format!("--regid={}", postfix.gid),
        ])
        .arguments(["--clear-groups", "--", "/usr/bin/sudo", "-n"])
        .arguments(["/usr/sbin/postsuper", "-c"])
        .arguments([&lab.postfix.config_directory])
        .arguments([option, "-", "hold"]);
    sudo_view::with_sudo(bounded, &lab.postfix).user(User::ROOT)
}

/// The unit's capabilities as `setpriv` spells them.
fn bounding_set() -> String {
    let wanted = units::value(WORKER, "CapabilityBoundingSet");
    let words = wanted.split_whitespace().map(|name| {
        let name = name.strip_prefix("CAP_").expect("a capability");
        format!(",+{}", name.to_lowercase())
    });
    format!("-all{}", words.collect::<String>())
}
