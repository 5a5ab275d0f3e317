//! The shipped sudo lines let Postfix's user act on held mail, and on nothing else.

use std::{process::Output, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    lab::{
        Lab,
        program::{Program, text},
        smtp::{self, small_mail},
        sudo_view,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_sudo_lines_let_postfix_discard_a_held_mail,
        the_sudo_lines_allow_no_other_queue_and_no_other_command,
        postfix_may_ask_the_queue_of_its_own_instance,
    ]
}

async fn the_sudo_lines_let_postfix_discard_a_held_mail(lab: &Lab) {
    let (sender, recipient) = ("carla@corp.test", "sudo@elsewhere.test");
    let mail = small_mail(sender, recipient, "sudo");
    let reply = smtp::send(lab.postfix.holding_smtp, sender, &[recipient], &mail)
        .await
        .ok();
    let id = reply.queue_id();
    let output = postsuper(lab, &["-d", "-", "hold"], id.as_str()).await;
    assert!(output.status.success(), "{output:?}");
    assert!(text(&output.stderr).contains(&format!("{id}: removed")));
    assert!(!lab.postfix.held().contains(&id));
}

async fn the_sudo_lines_allow_no_other_queue_and_no_other_command(lab: &Lab) {
    let refused: [&[&str]; 4] = [
        &["-d", "-"],
        &["-d", "-", "deferred"],
        &["-d", "ALL", "hold"],
        &["-h", "-", "hold"],
    ];
    for arguments in refused {
        let output = postsuper(lab, arguments, "").await;
        assert!(!output.status.success(), "allowed: {arguments:?}");
        assert!(text(&output.stderr).contains("sudo:"), "{output:?}");
    }
}

async fn postfix_may_ask_the_queue_of_its_own_instance(lab: &Lab) {
    let postqueue = lab.postfix.command("postqueue").arguments(["-j"]);
    let output = sudo_view::with_sudo(postqueue, &lab.postfix)
        .output(b"")
        .await;
    assert!(output.status.success(), "{output:?}");
}

async fn postsuper(lab: &Lab, arguments: &[&str], input: &str) -> Output {
    let sudo = Program::new("sudo", "/usr/bin/sudo")
        .arguments(["-n", "/usr/sbin/postsuper", "-c"])
        .arguments([&lab.postfix.config_directory])
        .arguments(arguments);
    sudo_view::with_sudo(sudo, &lab.postfix)
        .output(input.as_bytes())
        .await
}
