//! What follows from the traces of a message that has left hold. Pure: it looks at nothing itself.

use crate::{
    domain::{decision::Decision, queue_id::QueueId},
    postfix::{
        hold::Place,
        log::{Effect, Findings},
    },
    store::settlements::Method,
};

/// Whose work it can be that a message has left hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    /// No worker ever began a command for it.
    Another,
    /// A worker began one after it had seen the message on hold, and may have run it.
    Ours,
}

/// What can be seen of a message that has left hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Traces {
    /// How `postsuper` logged that it left, and when; nothing if it logged something else later.
    pub logged: Option<(Effect, String)>,
    /// Its new name, if it was submitted anew.
    pub requeued_as: Option<QueueId>,
    /// When Postfix itself took it up for delivery, if that was asked for.
    pub taken_up: Option<String>,
    /// When Postfix itself gave it back as expired, if that was asked for.
    pub given_back: Option<String>,
    /// Where it is now.
    pub place: Option<Place>,
}

/// What follows from the traces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// The decision was carried out.
    Fulfilled(Method, String),
    /// It was moved, and the log tells that it was by another hand.
    Gone(String),
    /// It was moved, and nothing tells how.
    Vanished(&'static str),
}

impl Traces {
    /// What the log and the queues have of one message.
    pub fn of(id: &QueueId, findings: &Findings, place: Option<Place>) -> Self {
        Self {
            logged: last_of(findings, id),
            requeued_as: findings.requeued_as.get(id).cloned(),
            taken_up: findings.taken_up.get(id).cloned(),
            given_back: findings.given_back.get(id).cloned(),
            place,
        }
    }
}

/// What became of a decided message.
pub(super) fn conclude(decision: Decision, hand: Hand, traces: Traces) -> Conclusion {
    let Traces {
        logged,
        requeued_as,
        taken_up,
        given_back,
        place,
    } = traces;
    match (hand, logged) {
        (Hand::Ours, Some((effect, stamp))) => {
            let evidence = format!("postsuper logged {effect:?} at {stamp}");
            match method_of(decision, effect, requeued_as) {
                Some(method) => Conclusion::Fulfilled(method, evidence),
                None => Conclusion::Gone(evidence),
            }
        }
        (Hand::Another, Some((effect, stamp))) => Conclusion::Gone(format!(
            "postsuper logged {effect:?} at {stamp}, before this worker had begun"
        )),
        (Hand::Ours, None) => {
            let seen = on_its_way(decision, place).map(|method| {
                let evidence = "it is in Postfix's queue for delivery".to_owned();
                (method, evidence)
            });
            let found = submitted_anew(decision, requeued_as)
                .or(seen)
                .or_else(|| by_the_queue_manager(decision, taken_up, given_back));
            match found {
                Some((method, evidence)) => Conclusion::Fulfilled(method, evidence),
                None => {
                    Conclusion::Vanished("this worker or another hand moved it, no log tells which")
                }
            }
        }
        (Hand::Another, None) => Conclusion::Vanished("it is not on hold, and no log tells why"),
    }
}

/// The method of an effect that this decision asks for.
fn method_of(decision: Decision, effect: Effect, new_queue_id: Option<QueueId>) -> Option<Method> {
    match (decision, effect) {
        (Decision::Release, Effect::Released) => Some(Method::Unhold),
        (Decision::Release, Effect::Requeued) => Some(Method::Requeue { new_queue_id }),
        (Decision::Discard, Effect::Removed) => Some(Method::Delete),
        (Decision::Return, Effect::Released) => Some(Method::Expire),
        (
            Decision::Release | Decision::Discard | Decision::Return,
            Effect::Held | Effect::Released | Effect::Removed | Effect::Requeued | Effect::Expired,
        ) => None,
    }
}

/// The method by which a message to be released came where it is.
fn on_its_way(decision: Decision, place: Option<Place>) -> Option<Method> {
    match (decision, place?) {
        (Decision::Release, Place::Maildrop) => Some(Method::Requeue { new_queue_id: None }),
        (Decision::Release, Place::Incoming | Place::Active | Place::Deferred) => {
            Some(Method::Unhold)
        }
        (Decision::Discard | Decision::Return, _) => None,
    }
}

/// What pickup logged of a message that waits, or waited, in maildrop under its old name: only a
/// release submits anew.
fn submitted_anew(decision: Decision, requeued_as: Option<QueueId>) -> Option<(Method, String)> {
    let new = requeued_as.filter(|_| decision == Decision::Release)?;
    Some((
        Method::Requeue {
            new_queue_id: Some(new),
        },
        "pickup logged the new queue ID".to_owned(),
    ))
}

/// What the queue manager logged of a message whose command died before its own line: it takes up
/// what was released, and gives back at once what is marked as expired.
fn by_the_queue_manager(
    decision: Decision,
    taken_up: Option<String>,
    given_back: Option<String>,
) -> Option<(Method, String)> {
    match (decision, taken_up, given_back) {
        (Decision::Release, Some(stamp), None) => Some((
            Method::Unhold,
            format!("qmgr logged at {stamp} that it took it up for delivery"),
        )),
        (Decision::Return, _, Some(stamp)) => Some((
            Method::Expire,
            format!("qmgr logged at {stamp} that it gave it back as expired"),
        )),
        (Decision::Release | Decision::Discard | Decision::Return, _, _) => None,
    }
}

/// The last that was done to a message, if that made it leave hold. After anything else the message
/// should be there still, and that it is not is unexplained.
fn last_of(findings: &Findings, id: &QueueId) -> Option<(Effect, String)> {
    let told = findings
        .evidence
        .iter()
        .rfind(|told| told.queue_id == *id)?;
    let leaves = match told.effect {
        Effect::Released | Effect::Removed | Effect::Requeued => true,
        Effect::Held | Effect::Expired => false,
    };
    leaves.then(|| (told.effect, told.stamp.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postfix::log::Evidence;

    const EFFECTS: [Effect; 5] = [
        Effect::Held,
        Effect::Released,
        Effect::Removed,
        Effect::Requeued,
        Effect::Expired,
    ];

    fn logged(effect: Effect) -> Traces {
        Traces {
            logged: Some((effect, "12:00:00".to_owned())),
            ..Traces::default()
        }
    }

    #[test]
    fn only_what_makes_a_message_leave_hold_explains_that_it_left() {
        let id: QueueId = "4jWpV34xY7z1X8k0".parse().unwrap();
        let told = |effect| Evidence {
            queue_id: id.clone(),
            effect,
            stamp: "12:00:00".to_owned(),
        };
        let traces = |effects: &[Effect]| {
            let findings = Findings {
                evidence: effects.iter().copied().map(told).collect(),
                ..Findings::default()
            };
            Traces::of(&id, &findings, None)
                .logged
                .map(|(effect, _)| effect)
        };
        assert_eq!(traces(&[Effect::Released, Effect::Held]), None);
        assert_eq!(traces(&[Effect::Expired]), None);
        let returned = traces(&[Effect::Expired, Effect::Released]);
        assert_eq!(returned, Some(Effect::Released));
        let other: QueueId = "4jWpV34xY7z1X8k1".parse().unwrap();
        let findings = Findings {
            evidence: vec![told(Effect::Removed)],
            ..Findings::default()
        };
        assert_eq!(Traces::of(&other, &findings, None).logged, None);
    }

    fn seen_in(place: Place) -> Traces {
        Traces {
            place: Some(place),
            ..Traces::default()
        }
    }

    fn method(conclusion: Conclusion) -> Option<Method> {
        match conclusion {
            Conclusion::Fulfilled(method, _) => Some(method),
            Conclusion::Gone(_) | Conclusion::Vanished(_) => None,
        }
    }

    #[test]
    fn what_was_never_begun_is_another_hands_work_whatever_the_traces() {
        for decision in Decision::ALL {
            let logs = EFFECTS.map(logged);
            let places = Place::ALL.map(seen_in);
            for traces in logs.into_iter().chain(places) {
                let conclusion = conclude(decision, Hand::Another, traces);
                assert_eq!(method(conclusion), None, "{decision}");
            }
        }
    }

    #[test]
    fn what_was_begun_is_ours_if_the_log_has_the_effect_that_was_decided() {
        let ours = |decision, effect| method(conclude(decision, Hand::Ours, logged(effect)));
        assert_eq!(
            ours(Decision::Release, Effect::Released),
            Some(Method::Unhold)
        );
        assert_eq!(
            ours(Decision::Release, Effect::Requeued),
            Some(Method::Requeue { new_queue_id: None })
        );
        assert_eq!(
            ours(Decision::Discard, Effect::Removed),
            Some(Method::Delete)
        );
        assert_eq!(
            ours(Decision::Return, Effect::Released),
            Some(Method::Expire)
        );
        for (decision, effect) in [
            (Decision::Release, Effect::Removed),
            (Decision::Discard, Effect::Released),
            (Decision::Discard, Effect::Requeued),
            (Decision::Return, Effect::Removed),
        ] {
            assert_eq!(ours(decision, effect), None, "{decision} {effect:?}");
        }
    }

    #[test]
    fn where_a_command_died_before_its_line_the_queue_manager_tells() {
        let stamp = || Some("12:00:00".to_owned());
        let ours = |decision, taken_up, given_back| {
            let traces = Traces {
                taken_up,
                given_back,
                ..Traces::default()
            };
            method(conclude(decision, Hand::Ours, traces))
        };
        assert_eq!(ours(Decision::Release, stamp(), None), Some(Method::Unhold));
        assert_eq!(
            ours(Decision::Return, stamp(), stamp()),
            Some(Method::Expire)
        );
        for (decision, given_back) in [
            (Decision::Release, stamp()),
            (Decision::Return, None),
            (Decision::Discard, None),
            (Decision::Discard, stamp()),
        ] {
            assert_eq!(ours(decision, stamp(), given_back), None, "{decision}");
        }
        let others = Traces {
            taken_up: stamp(),
            ..Traces::default()
        };
        assert_eq!(
            method(conclude(Decision::Release, Hand::Another, others)),
            None
        );
    }

    #[test]
    fn where_a_command_died_before_its_line_pickup_tells_of_a_requeue() {
        let new: QueueId = "4jWpV34xY7z1X8k0".parse().unwrap();
        let anew = |decision, hand| {
            let traces = Traces {
                requeued_as: Some(new.clone()),
                ..Traces::default()
            };
            conclude(decision, hand, traces)
        };
        let method_of_new = Method::Requeue {
            new_queue_id: Some(new.clone()),
        };
        assert_eq!(
            anew(Decision::Release, Hand::Ours),
            Conclusion::Fulfilled(method_of_new, "pickup logged the new queue ID".to_owned())
        );
        assert_eq!(method(anew(Decision::Discard, Hand::Ours)), None);
        assert_eq!(method(anew(Decision::Return, Hand::Ours)), None);
        assert_eq!(method(anew(Decision::Release, Hand::Another)), None);
    }

    #[test]
    fn without_a_log_only_a_message_on_its_way_is_a_release() {
        let ours = |decision, place| method(conclude(decision, Hand::Ours, seen_in(place)));
        for place in [Place::Incoming, Place::Active, Place::Deferred] {
            assert_eq!(ours(Decision::Release, place), Some(Method::Unhold));
            assert_eq!(ours(Decision::Discard, place), None);
            assert_eq!(ours(Decision::Return, place), None);
        }
        assert_eq!(
            ours(Decision::Release, Place::Maildrop),
            Some(Method::Requeue { new_queue_id: None })
        );
        let nowhere = conclude(Decision::Release, Hand::Ours, Traces::default());
        assert_eq!(method(nowhere), None);
    }
}
