//! Is the file on hold the message that was captured? Asked before a message can be decided, and
//! again right before anything is done to it.

use crate::{
    postfix::{Held, Postfix, error::PostfixError, presence::Presence},
    store::work::Standing,
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

/// Looks at the queue file of a capture.
///
/// # Errors
/// The hold queue cannot be looked at just now.
pub async fn look(postfix: &Postfix, standing: &Standing) -> Result<Found, PostfixError> {
    let id = &standing.queue_id;
    match postfix.presence(id).await? {
        Presence::Missing => return Ok(Found::Missing),
        Presence::NotReady => return Ok(Found::NotReady),
        Presence::ForceExpired => {
            let text = "it is marked as expired (postsuper -e): a release would bounce it";
            return Ok(Found::Doubtful(text.to_owned()));
        }
        Presence::NotRegular => {
            return Ok(Found::Doubtful(
                "it is not a queue file that Postfix makes".to_owned(),
            ));
        }
        Presence::Ready => {}
    }
    match postfix.read_held(id).await {
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
        // It was moved between the two looks.
        Err(PostfixError::NotReady {
            presence: Presence::Missing,
            ..
        }) => Ok(Found::Missing),
        Err(error @ PostfixError::ReadQueueFile { .. }) if !error.is_transient() => Ok(
            Found::Doubtful(crate::telemetry::chain::Chain(&error).to_string()),
        ),
        Err(error) => Err(error),
    }
}
