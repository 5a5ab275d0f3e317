//! Release, discard and return: one decision per message, and who won if somebody was faster.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use super::{ambiguous, complain, own_fault, shapes, spelt};
use crate::{
    cli::{Failure, Outcome, args::DecideArguments, exit, person, record},
    domain::{
        audit::{AuditKind, Event},
        capture_id::CaptureId,
        decision::Decision,
    },
    store::{
        Store, StoreError,
        audit::AuditKey,
        decisions::{Answer, Ballot, Via},
        reviews::ReviewKey,
    },
};

/// What is decided, by whom, and why.
pub struct Ruling {
    pub decision: Decision,
    pub reviewer: String,
    pub note: Option<String>,
}

impl Ruling {
    /// Refuses a reviewer whom the configuration does not know.
    pub fn new(
        reviewers: &[String],
        decision: Decision,
        arguments: &DecideArguments,
    ) -> Result<Self, Failure> {
        Ok(Self {
            decision,
            reviewer: person::known("reviews.reviewers", reviewers, &arguments.reviewer)?,
            note: arguments.note.clone(),
        })
    }
}

/// What one ID came to.
pub struct Outcomes {
    pub key: String,
    pub capture_id: Option<CaptureId>,
    pub text: String,
    pub end: End,
}

/// How it ended for one ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The decision stands.
    Accepted,
    /// No message has this name.
    Unknown,
    /// The message cannot be decided so.
    Refused,
}

/// Decides all messages that are named, each by itself.
pub async fn run(
    store: &Store,
    key: &AuditKey,
    ruling: &Ruling,
    arguments: &DecideArguments,
) -> Outcome {
    let mut worst = End::Accepted;
    let mut written = Ok(());
    for (at, id) in arguments.ids.iter().enumerate() {
        let outcome = match decide_one(store, key, id, ruling).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let left = arguments.ids.get(at + 1..).unwrap_or_default();
                return Err(interrupted(id, left, error));
            }
        };
        worst = worst.max(outcome.end);
        // All are decided, even if nobody reads what came of it.
        written = written.and(tell(&outcome, ruling, arguments));
    }
    written.map_err(own_fault)?;
    Ok(match worst {
        End::Accepted => ExitCode::SUCCESS,
        End::Unknown => ExitCode::from(exit::NO_INPUT),
        End::Refused => ExitCode::from(exit::REFUSED),
    })
}

fn tell(outcome: &Outcomes, ruling: &Ruling, arguments: &DecideArguments) -> io::Result<()> {
    let line = format!("{}: {}", outcome.key, outcome.text);
    if arguments.json {
        writeln!(
            io::stdout(),
            "{}",
            shapes::outcome(outcome, ruling.decision)
        )
    } else if outcome.end == End::Accepted {
        writeln!(io::stdout(), "{line}")
    } else {
        complain(&line);
        Ok(())
    }
}

/// The database went away in the middle: whether this one was decided is not known.
fn interrupted(key: &ReviewKey, left: &[ReviewKey], error: StoreError) -> Failure {
    let key = spelt(key);
    complain(&format!(
        "{key}: no answer; see `mailhold reviews show {key}` before you decide it again"
    ));
    if !left.is_empty() {
        let left: Vec<String> = left.iter().map(spelt).collect();
        complain(&format!("not decided: {}", left.join(" ")));
    }
    error.into()
}

async fn decide_one(
    store: &Store,
    key: &AuditKey,
    id: &ReviewKey,
    ruling: &Ruling,
) -> Result<Outcomes, StoreError> {
    let found = store.find(id).await?;
    let (capture_id, text, end) = match found.as_slice() {
        [] => (None, "there is no such review".to_owned(), End::Unknown),
        [one] => {
            let answer = vote(store, key, *one, ruling).await?;
            (Some(*one), spoken(&answer, ruling), end(&answer))
        }
        several => (None, ambiguous(several), End::Refused),
    };
    if end != End::Accepted {
        let tried = match capture_id {
            Some(_) => ruling.decision.to_string(),
            None => format!("{} {}", ruling.decision, spelt(id)),
        };
        let detail = format!("{tried}: {text}");
        let refused = event(ruling, AuditKind::Refused, capture_id, &detail);
        store.append_audit(key, &refused).await?;
    }
    Ok(Outcomes {
        key: spelt(id),
        capture_id,
        text,
        end,
    })
}

async fn vote(
    store: &Store,
    key: &AuditKey,
    capture_id: CaptureId,
    ruling: &Ruling,
) -> Result<Answer, StoreError> {
    let ballot = Ballot {
        capture_id,
        decision: ruling.decision,
        reviewer: ruling.reviewer.clone(),
        os_user: person::os_user(),
        via: Via::Cli,
        note: ruling.note.clone(),
    };
    let detail = ballot.decision.as_str();
    let decided = event(ruling, AuditKind::Decided, Some(capture_id), detail);
    store.decide_on_record(&ballot, key, &decided).await
}

/// What the reviewer of a ruling does, for the record.
fn event(ruling: &Ruling, kind: AuditKind, capture_id: Option<CaptureId>, detail: &str) -> Event {
    Event {
        actor: ruling.reviewer.clone(),
        ..record::event(kind, capture_id, detail)
    }
}

fn end(answer: &Answer) -> End {
    match answer {
        Answer::Accepted { .. } => End::Accepted,
        Answer::Unknown => End::Unknown,
        Answer::AlreadyDecided(_)
        | Answer::NotHeldYet
        | Answer::AlreadySettled(_)
        | Answer::NobodyToReturnTo
        | Answer::NobodyToBeTold => End::Refused,
    }
}

/// An answer for people.
fn spoken(answer: &Answer, ruling: &Ruling) -> String {
    match answer {
        Answer::Accepted { .. } => format!("{} decided", ruling.decision),
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
        Answer::NobodyToBeTold => {
            "its sender wants no notice for any recipient (NOTIFY=NEVER), nobody would be told: \
             release or discard it"
                .to_owned()
        }
        Answer::Unknown => "there is no such review".to_owned(),
    }
}
