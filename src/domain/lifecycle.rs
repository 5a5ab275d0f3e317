//! The states of a capture, and what leads from one to the next.

use std::{fmt, str::FromStr};

use super::decision::{BadWord, Disposition};

/// Where a capture stands. In the database: `captured`, `held`, `decided`, or a disposition's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Captured, not yet seen in the hold queue.
    Captured,
    /// Seen ready in the hold queue with the captured content: can be decided.
    Held,
    /// Decided by a person, not yet carried out.
    Decided,
    /// Left review.
    Settled(Disposition),
}

/// What can happen to a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The worker saw the ready queue file with the same content.
    SeenOnHold,
    /// A reviewer decided.
    Decided,
    /// The worker proved what became of it.
    Settled(Disposition),
}

impl State {
    /// The state after `event`, or `None` if the event cannot happen here.
    pub fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Captured, Event::SeenOnHold) => Some(Self::Held),
            (Self::Captured, Event::Settled(Disposition::NeverQueued | Disposition::Gone)) => {
                event.settled()
            }
            (Self::Held, Event::Decided) => Some(Self::Decided),
            (Self::Held, Event::Settled(Disposition::Gone)) => event.settled(),
            (
                Self::Decided,
                Event::Settled(
                    Disposition::Released
                    | Disposition::Discarded
                    | Disposition::Returned
                    | Disposition::Gone,
                ),
            ) => event.settled(),
            (
                Self::Captured | Self::Held | Self::Decided | Self::Settled(_),
                Event::SeenOnHold | Event::Decided | Event::Settled(_),
            ) => None,
        }
    }

    /// All states, in the order of the life cycle.
    pub fn all() -> Vec<Self> {
        let settled = Disposition::ALL.into_iter().map(Self::Settled);
        [Self::Captured, Self::Held, Self::Decided]
            .into_iter()
            .chain(settled)
            .collect()
    }

    /// The word used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Held => "held",
            Self::Decided => "decided",
            Self::Settled(disposition) => disposition.as_str(),
        }
    }
}

impl Event {
    fn settled(self) -> Option<State> {
        match self {
            Self::Settled(disposition) => Some(State::Settled(disposition)),
            Self::SeenOnHold | Self::Decided => None,
        }
    }

    /// All events.
    pub fn all() -> Vec<Self> {
        let settled = Disposition::ALL.into_iter().map(Self::Settled);
        [Self::SeenOnHold, Self::Decided]
            .into_iter()
            .chain(settled)
            .collect()
    }
}

impl FromStr for State {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        match text {
            "captured" => Ok(Self::Captured),
            "held" => Ok(Self::Held),
            "decided" => Ok(Self::Decided),
            other => other.parse().map(Self::Settled),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_held_message_can_be_decided() {
        for state in State::all() {
            let next = state.after(Event::Decided);
            assert_eq!(next.is_some(), state == State::Held, "{state}");
        }
    }

    #[test]
    fn a_settled_message_stays_settled() {
        for disposition in Disposition::ALL {
            for event in Event::all() {
                assert_eq!(State::Settled(disposition).after(event), None);
            }
        }
    }

    #[test]
    fn an_undecided_message_is_never_released_discarded_or_returned() {
        for state in [State::Captured, State::Held] {
            for done in [
                Disposition::Released,
                Disposition::Discarded,
                Disposition::Returned,
            ] {
                assert_eq!(state.after(Event::Settled(done)), None, "{state} {done}");
            }
        }
    }

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in State::all() {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
    }
}
