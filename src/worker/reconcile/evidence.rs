//! What is said of an undecided message that is not on hold any more, and what that makes of it.

use super::sightings::Stay;
use crate::{
    domain::{lifecycle::State, queue_id::QueueId},
    postfix::{hold::Place, log::Findings},
    store::{
        settlements::{Closing, Undecided},
        standings::Known,
    },
    worker::traces::Traces,
};

/// What log and queues tell of how a message left, if they do.
pub(super) fn told(traces: &Traces) -> Option<String> {
    if let Some((effect, stamp)) = &traces.logged {
        let mut evidence = format!("postsuper logged {effect:?} at {stamp}, before a decision");
        match (&traces.requeued_as, traces.place) {
            (Some(new), _) => evidence.push_str(&format!("; it is {new} now")),
            (None, Some(Place::Maildrop)) => evidence.push_str("; it waits to be picked up"),
            (None, _) => {}
        }
        return Some(evidence);
    }
    if let Some(new) = &traces.requeued_as {
        return Some(format!(
            "pickup logged that it is {new} now, and no log tells who let it go"
        ));
    }
    if let Some(stamp) = &traces.taken_up {
        return Some(format!(
            "qmgr logged at {stamp} that it took it up for delivery, and no log tells who let it go"
        ));
    }
    let place = traces.place?.directory();
    Some(format!(
        "it is in Postfix's queue {place}, and no log tells who let it go"
    ))
}

pub(super) fn gone(known: &Known, evidence: String) -> Closing {
    Closing {
        capture_id: known.capture_id,
        end: Undecided::Gone,
        evidence,
    }
}

/// What it means that the log tells nothing of how a message left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// It tells of its arrival, and all that was logged since was read.
    Proof,
    /// There is no log, or it could not be read back to the message's arrival.
    Nothing,
}

impl Silence {
    pub(super) fn of(id: &QueueId, findings: &Findings) -> Self {
        if findings.followed.contains(id) {
            Self::Proof
        } else {
            Self::Nothing
        }
    }
}

/// Where the log proves nothing, mail that was delivered all the same looks like mail that was never
/// queued.
pub(super) fn closing_of_silent(known: &Known, stay: Stay, silence: Silence) -> Closing {
    let evidence = match (known.state, stay, silence) {
        (State::Captured, Stay::Never, Silence::Nothing) => {
            "it is in no queue and was not seen on hold, and no log that reaches back to its arrival \
             tells whether it was delivered"
        }
        (State::Captured, Stay::Never, Silence::Proof) => {
            return Closing {
                capture_id: known.capture_id,
                end: Undecided::NeverQueued,
                evidence:
                    "it was never on hold, is in no queue, and the log tells of its arrival alone"
                        .to_owned(),
            };
        }
        (State::Captured, Stay::Unknown, _) => {
            "it is in no queue, no log tells why, and the hold queue was not watched all the time \
             since it was captured"
        }
        (State::Captured, Stay::Seen, _)
        | (State::Held | State::Decided | State::Settled(_), _, _) => {
            "it was on hold and is not there, and no log tells why"
        }
    };
    gone(known, evidence.to_owned())
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use uuid::Uuid;

    use super::*;
    use crate::domain::capture_id::CaptureId;

    #[test]
    fn without_a_log_back_to_the_arrival_nothing_is_called_never_queued() {
        let known = Known {
            capture_id: CaptureId::new(Uuid::nil()),
            queue_id: "4jWpV34xY7z1X8k0".parse().unwrap(),
            captured_at: Utc::now(),
            state: State::Captured,
        };
        let end = |silence| closing_of_silent(&known, Stay::Never, silence).end;
        let mut findings = Findings::default();
        let silence = Silence::of(&known.queue_id, &findings);
        assert_eq!(end(silence), Undecided::Gone);
        findings.followed.insert(known.queue_id.clone());
        let silence = Silence::of(&known.queue_id, &findings);
        assert_eq!(end(silence), Undecided::NeverQueued);
    }

    #[test]
    fn a_new_name_tells_that_a_message_left_where_nothing_else_is_logged() {
        let traces = Traces {
            requeued_as: Some("4jWpV34xY7z1X8k0".parse().unwrap()),
            ..Traces::default()
        };
        let evidence = told(&traces).unwrap_or_default();
        assert!(evidence.contains("4jWpV34xY7z1X8k0"), "{evidence}");
        assert_eq!(told(&Traces::default()), None);
    }
}
