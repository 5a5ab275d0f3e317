//! Release, discard and return: one decision per message, and who won if somebody was faster.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use super::{complain, no_reader, own_fault, shapes, spelt, unavailable};
use crate::{
    cli::{Failure, Outcome, args::DecideArguments, exit},
    domain::{capture_id::CaptureId, decision::Decision},
    store::{
        Store,
        decisions::{Answer, Ballot, Via},
        reviews::ReviewKey,
    },
};

/// What one ID came to.
pub struct Outcomes {
    pub key: String,
    pub capture_id: Option<CaptureId>,
    pub text: String,
    pub accepted: bool,
}

/// Decides all messages that are named, each by itself.
pub async fn run(
    store: &Store,
    reviewers: &[String],
    decision: Decision,
    arguments: &DecideArguments,
) -> Outcome {
    let reviewer = known_reviewer(reviewers, &arguments.reviewer)?;
    let mut code = ExitCode::SUCCESS;
    let mut out = io::stdout();
    for key in &arguments.ids {
        let outcome = decide_one(store, key, &reviewer, (decision, arguments)).await?;
        if !outcome.accepted {
            code = ExitCode::from(exit::REFUSED);
        }
        let written = if arguments.json {
            writeln!(out, "{}", shapes::outcome(&outcome, decision))
        } else if outcome.accepted {
            writeln!(out, "{}: {}", outcome.key, outcome.text)
        } else {
            complain(&format!("{}: {}", outcome.key, outcome.text));
            Ok(())
        };
        written.or_else(no_reader).map_err(own_fault)?;
    }
    Ok(code)
}

async fn decide_one(
    store: &Store,
    key: &ReviewKey,
    reviewer: &str,
    (decision, arguments): (Decision, &DecideArguments),
) -> Result<Outcomes, Failure> {
    let spelt = spelt(key);
    let refused = |capture_id, text| Outcomes {
        key: spelt.clone(),
        capture_id,
        text,
        accepted: false,
    };
    let found = store.find(key).await.map_err(unavailable)?;
    let capture_id = match found.as_slice() {
        [] => return Ok(refused(None, "there is no such review".to_owned())),
        [one] => *one,
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            let text = format!(
                "means several captures, name one of them: {}",
                names.join(" ")
            );
            return Ok(refused(None, text));
        }
    };
    let ballot = Ballot {
        capture_id,
        decision,
        reviewer: reviewer.to_owned(),
        os_user: os_user(),
        via: Via::Cli,
        note: arguments.note.clone(),
    };
    let text = match store.decide(&ballot).await.map_err(unavailable)? {
        Answer::Accepted { .. } => {
            let text = format!("{decision} decided");
            return Ok(Outcomes {
                key: spelt,
                capture_id: Some(capture_id),
                text,
                accepted: true,
            });
        }
        Answer::AlreadyDecided(winner) => format!(
            "already decided: {} by {} at {}, now {}",
            winner.decision,
            winner.reviewer,
            winner.decided_at.format("%Y-%m-%d %H:%M:%S UTC"),
            winner.state
        ),
        Answer::NotHeldYet => "not seen in the hold queue yet, try again in a moment".to_owned(),
        Answer::AlreadySettled(state) => format!("left review without a decision: {state}"),
        Answer::NobodyToReturnTo => {
            "has the null sender, nobody can be told: release or discard it".to_owned()
        }
        Answer::Unknown => "there is no such review".to_owned(),
    };
    Ok(refused(Some(capture_id), text))
}

fn known_reviewer(reviewers: &[String], named: &str) -> Result<String, Failure> {
    let known = reviewers
        .iter()
        .find(|known| known.eq_ignore_ascii_case(named));
    known.cloned().ok_or_else(|| {
        let text = format!("{named:?} is not in reviews.reviewers of the configuration");
        Failure::new(exit::NO_PERMISSION, anyhow::Error::msg(text))
    })
}

/// Who sits at the keyboard: the user behind sudo, if there is one.
fn os_user() -> Option<String> {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map(|user| user.name);
    let name = name.unwrap_or_else(|| uid.to_string());
    match std::env::var("SUDO_USER") {
        Ok(behind) if uid.is_root() && !behind.is_empty() => Some(format!("{behind} as {name}")),
        _ => Some(name),
    }
}
