//! Text for people about what the worker and the database found beside a message: recipients that
//! Postfix added, doubts, and twins.

use super::text::{Fact, time};
use crate::{
    domain::address::Address,
    store::{
        added::{Added, AddedRecipient, How},
        reviews::{Doubt, Likeness, Twins},
    },
};

/// The recipients that the client did not name.
pub fn added(added: &Added) -> Vec<Fact> {
    let mut facts: Vec<Fact> = added.recipients.iter().map(recipient).collect();
    let n_more = added.n_in_all.saturating_sub(added.recipients.len());
    if n_more > 0 {
        facts.push(("Added", format!("and {n_more} more by the mail server")));
    }
    facts
}

fn recipient(recipient: &AddedRecipient) -> Fact {
    let shown = |address: &[u8]| Address::from_queue(address).to_display();
    let address = shown(&recipient.address);
    let from = recipient.original.as_deref().map(shown);
    match (recipient.how, from) {
        (How::Rewritten, Some(from)) => ("Rewritten", format!("{address} from {from}")),
        (How::Added, Some(from)) => ("Added", format!("{address} from {from} by the mail server")),
        (How::Rewritten | How::Added, None) => ("Added", format!("{address} by the mail server")),
        (How::Redirected, _) => (
            "Redirected",
            format!("{address} gets it in the place of all recipients"),
        ),
    }
}

/// When the queue file was not the captured message.
pub fn doubts(doubts: &[Doubt]) -> Vec<Fact> {
    let fact = |doubt: &Doubt| {
        let seen = time(doubt.seen_at);
        let span = match doubt.cleared_at {
            None => format!("since {seen}"),
            Some(at) => format!("from {seen} to {}", time(at)),
        };
        let name = match doubt.cleared_at {
            None => "In doubt",
            Some(_) => "Was in doubt",
        };
        (name, format!("{span}: {}", doubt.reason))
    };
    doubts.iter().map(fact).collect()
}

/// What the same person sent once more.
pub fn twins(twins: &Twins) -> Vec<Fact> {
    let mut facts = Vec::new();
    for twin in &twins.known {
        let likeness = match twin.likeness {
            Likeness::Content => "the same content",
            Likeness::MessageId => "the same Message-ID",
        };
        let (id, instance) = (&twin.queue_id, &twin.instance);
        let when = time(twin.captured_at);
        let twin = format!(
            "{id} on {instance}, {}, captured {when}: {likeness}",
            twin.state
        );
        facts.push(("Twin", twin));
    }
    if twins.are_cut {
        facts.push(("Twin", "and older ones".to_owned()));
    }
    facts
}
