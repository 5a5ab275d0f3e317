//! Is the file on hold the message that was captured? Asked before a message can be decided, and
//! again right before anything is done to it.

use crate::{
    domain::decision::Decision,
    postfix::{Held, Outcome, Postfix, error::PostfixError, presence::Presence},
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
    let read = match postfix.read_held(id).await {
        Err(PostfixError::NotReady {
            presence: Presence::ForceExpired,
            ..
        }) if decision == Some(Decision::Return) => postfix.read_expired(id).await,
        read => read,
    };
    judge(standing, read)
}

/// Looks at the queue files of several captures, to see whether they can be decided.
///
/// # Errors
/// The hold queue cannot be looked at just now.
pub async fn look_at_several(
    postfix: &Postfix,
    standings: Vec<Standing>,
) -> Result<Vec<(Standing, Result<Found, PostfixError>)>, PostfixError> {
    let ids = standings.iter().map(|one| one.queue_id.clone()).collect();
    let outcomes = postfix.read_several(ids).await?;
    let both = standings.into_iter().zip(outcomes);
    let judged = both.map(|(standing, read)| {
        let found = judge(&standing, read);
        (standing, found)
    });
    Ok(judged.collect())
}

fn judge(standing: &Standing, read: Outcome) -> Result<Found, PostfixError> {
    match read {
        Ok(held) if !held.holds(&standing.digest) => {
            let text = format!(
                "its content is {}, captured was {}",
                held.message.digest, standing.digest
            );
            Ok(Found::Doubtful(text))
        }
        Ok(held) if !held.was_made_as(&standing.queue_id) => Ok(Found::Doubtful(
            "its inode or time is not that of its queue ID".to_owned(),
        )),
        Ok(held) => Ok(Found::Same(Box::new(held))),
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
