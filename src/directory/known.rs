//! Looks up who sends a message, each name once. Decides nothing about the message.

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{Directory, DirectoryError, Outage};
use crate::domain::{
    identity::Identity,
    person::Standing,
    policy::{Evidence, Gap, Known, Policy},
};

/// What the directory said of the identities of a message.
#[derive(Debug)]
pub struct Answers {
    /// Every identity, in order; without an entry also where the look-up failed.
    pub known: Vec<Known>,
    /// The last look-up that failed. Whoever reads `known` must not take it for the whole truth then.
    pub failure: Option<DirectoryError>,
}

/// Looks identities up and adds what is known of them to the evidence. A failed look-up that does not
/// keep the message from being judged is given back.
///
/// # Errors
/// A failed look-up, where the settings ask such mail to come again.
pub async fn add_known(
    directory: &dyn Directory,
    (policy, outage): (&Policy, Outage),
    identities: Vec<Identity>,
    deadline: Instant,
    evidence: &mut Evidence,
) -> Result<Option<DirectoryError>, DirectoryError> {
    let identities = unknown(identities, evidence);
    if !policy.needs_directory() || identities.is_empty() {
        let unasked = |identity| Known {
            identity,
            standing: Standing::default(),
        };
        evidence.known.extend(identities.into_iter().map(unasked));
        return Ok(None);
    }
    let answers = look_up(directory, identities, deadline).await;
    evidence.known.extend(answers.known);
    let Some(error) = answers.failure else {
        return Ok(None);
    };
    // One flagged name settles every rule, but for those about groups: who could not be looked up may
    // be a member.
    let is_settled = evidence.flagged().is_some() && policy.groups().is_empty();
    if !is_settled {
        match outage.gap(&error) {
            Some(gap) => evidence.gap = gap,
            None => return Err(error),
        }
    }
    Ok(Some(error))
}

/// Those that are to be looked up. Most authors are the envelope sender, who is known by then, unless
/// there was no answer.
fn unknown(identities: Vec<Identity>, evidence: &mut Evidence) -> Vec<Identity> {
    if evidence.gap != Gap::None {
        return identities;
    }
    let mut unknown = Vec::new();
    for identity in identities {
        let before = evidence.known.iter();
        let before = before.filter(|known| known.identity.is_same_address(&identity));
        let standing = before.map(|known| known.standing.clone()).next();
        match standing {
            Some(standing) => evidence.known.push(Known { identity, standing }),
            None => unknown.push(identity),
        }
    }
    unknown
}

/// Looks all identities of a message up at once.
pub async fn look_up(
    directory: &dyn Directory,
    identities: Vec<Identity>,
    deadline: Instant,
) -> Answers {
    let questions = identities.iter().map(|one| ask(directory, one, deadline));
    let answers = join_all(questions).await;
    let mut failure = None;
    let known = identities
        .into_iter()
        .zip(answers)
        .map(|(identity, answer)| Known {
            identity,
            standing: answer.unwrap_or_else(|error| {
                failure = Some(error);
                Standing::default()
            }),
        });
    Answers {
        known: known.collect(),
        failure,
    }
}

/// No backend is trusted to look at the clock: mail waits for this answer.
async fn ask(
    directory: &dyn Directory,
    identity: &Identity,
    deadline: Instant,
) -> Result<Standing, DirectoryError> {
    let patience = deadline.saturating_duration_since(Instant::now());
    timeout_at(deadline, directory.standing(identity, deadline))
        .await
        .unwrap_or(Err(DirectoryError::Timeout(patience)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::address::Address;

    fn author(text: &str) -> Identity {
        Identity::Author(Address::from_queue(text.as_bytes()))
    }

    #[test]
    fn an_author_who_is_the_envelope_sender_is_not_looked_up_again() {
        let sender = author("anna@corp.test");
        let known = Known {
            identity: sender.clone(),
            standing: Standing::default(),
        };
        let mut evidence = Evidence {
            known: vec![known],
            ..Evidence::default()
        };
        let other = author("bert@corp.test");
        let asked = unknown(vec![sender.clone(), other.clone()], &mut evidence);
        assert_eq!((asked, evidence.known.len()), (vec![other], 2));
        evidence.gap = Gap::Outage;
        assert_eq!(unknown(vec![sender.clone()], &mut evidence), [sender]);
    }
}
