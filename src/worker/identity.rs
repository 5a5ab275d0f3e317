//! Is the file on hold the message that was captured? Asked before a message can be decided, and
//! again right before anything is done to it.

use crate::{
    domain::decision::Decision,
    postfix::{Held, Postfix, error::PostfixError, presence::Presence},
    store::work::Standing,
    telemetry::chain::Chain,
};

/// How the queue file of a capture stands.
pub enum Found {
    /// It is on hold, ready, and the captured message by name, time and content.
    Same(Box<Held>),
    /// Postfix is still writing it.
    NotReady,
    /// It is not on hold.
    Missing,
    /// Something is there that must not be touched; why.
    Doubtful(String),
}

/// Looks at the queue file of a capture, for a decision or to see whether it can be decided.
///
/// A message that is marked as expired can only be returned. `postsuper -f` itself marks it first,
/// and may have ended right then.
///
/// # Errors
/// The hold queue cannot be looked at just now.
pub async fn look(
    postfix: &Postfix,
    standing: &Standing,
    decision: Option<Decision>,
) -> Result<Found, PostfixError> {
    let id = &standing.queue_id;
    let read = match postfix.presence(id).await? {
        Presence::Ready => postfix.read_held(id).await,
        Presence::ForceExpired if decision == Some(Decision::Return) => {
            postfix.read_expired(id).await
        }
        presence @ (Presence::Missing
        | Presence::NotReady
        | Presence::ForceExpired
        | Presence::NotRegular) => return Ok(stands(presence)),
    };
    match read {
        Ok(held) if !held.holds(&standing.digest) => {
            let text = format!(
                "its content is {}, captured was {}",
                held.message.digest, standing.digest
            );
            Ok(Found::Doubtful(text))
        }
        Ok(held) if !held.was_made_as(id) => Ok(Found::Doubtful(
            "its inode or time is not that of its queue ID".to_owned(),
        )),
        Ok(held) => Ok(Found::Same(Box::new(held))),
        // It changed between the two looks.
        Err(PostfixError::NotReady { presence, .. }) => Ok(stands(presence)),
        Err(error @ PostfixError::ReadQueueFile { .. }) if !error.is_transient() => {
            Ok(Found::Doubtful(Chain(&error).to_string()))
        }
        Err(error) => Err(error),
    }
}

fn stands(presence: Presence) -> Found {
    match presence {
        Presence::Missing => Found::Missing,
        // Ready again by now: the next look tells.
        Presence::NotReady | Presence::Ready => Found::NotReady,
        Presence::ForceExpired => Found::Doubtful(
            "it is marked as expired (postsuper -e): a release would bounce it".to_owned(),
        ),
        Presence::NotRegular => {
            Found::Doubtful("it is not a queue file that Postfix makes".to_owned())
        }
    }
}
