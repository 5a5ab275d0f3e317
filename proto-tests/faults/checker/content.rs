//! I8: what is captured, held and delivered is what was sent, byte for byte. Only the trace fields
//! that Postfix puts on top are new.

use super::{
    super::snapshot::{Capture, Delivery, QueueFile},
    durable,
    report::Finding,
    view::{Letter, View},
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    for delivery in view.found.deliveries.iter().filter(|one| !one.is_bounce()) {
        if let Some(letter) = letter_of(view, delivery) {
            finding.examined(delivered(letter, delivery));
        }
    }
    for letter in view.letters.values() {
        for capture in letter.queue_ids.iter().flat_map(|id| view.captures(id)) {
            // One that is torn in itself is a matter of I3.
            if durable::torn(capture).is_none() {
                finding.examined(captured(letter, capture));
            }
        }
    }
    for file in view
        .found
        .queue_files
        .iter()
        .filter(|file| file.queue == "hold")
    {
        for capture in view
            .captures(&file.name)
            .iter()
            .filter(|one| one.is_under_review())
        {
            finding.examined(held(file, capture));
        }
    }
}

/// The message that a delivery is, by its queue ID, or else by what is in it.
fn letter_of<'a, 'b>(view: &'b View<'a>, delivery: &'a Delivery) -> Option<&'b Letter<'a>> {
    let origin = delivery.queue_ids.last().map(|id| view.origin(id));
    let by_name = origin.and_then(|id| view.letter(id));
    by_name.or_else(|| {
        let mut canaries = delivery.canaries.iter();
        canaries.find_map(|canary| view.letters.get(canary))
    })
}

fn delivered(letter: &Letter<'_>, delivery: &Delivery) -> Option<String> {
    let ids = &delivery.queue_ids;
    let sent = &letter.submissions[0].imprint;
    if delivery.sender != letter.sender() {
        let (is, was) = (&delivery.sender, letter.sender());
        return Some(format!(
            "{ids:?} {}: sender {is}, sent by {was}",
            letter.canary
        ));
    }
    let strangers = delivery.recipients.iter();
    let mut strangers = strangers.filter(|one| !letter.recipients().contains(one));
    if let Some(stranger) = strangers.next() {
        return Some(format!(
            "{ids:?} {}: delivered to {stranger}, not a recipient",
            letter.canary
        ));
    }
    let difference = sent.difference(&delivery.imprint);
    (!difference.is_empty()).then(|| {
        format!(
            "{ids:?} {}: delivered with another {difference} than sent",
            letter.canary
        )
    })
}

fn captured(letter: &Letter<'_>, capture: &Capture) -> Option<String> {
    let id = &capture.queue_id;
    let difference = letter.submissions[0].imprint.difference(&capture.imprint);
    let is_envelope = capture.plain_sender() == letter.sender()
        && capture.plain_recipients() == letter.recipients();
    if !difference.is_empty() {
        Some(format!(
            "{id} {}: captured with another {difference} than sent",
            letter.canary
        ))
    } else if !is_envelope {
        let (sender, recipients) = (&capture.sender, &capture.recipients);
        Some(format!(
            "{id} {}: captured from {sender} to {recipients:?}",
            letter.canary
        ))
    } else {
        None
    }
}

fn held(file: &QueueFile, capture: &Capture) -> Option<String> {
    let id = &file.name;
    match &file.digest {
        Some(digest) if *digest == capture.digest => None,
        Some(_) => Some(format!("{id}: on hold is another content than captured")),
        None => Some(format!("{id}: the file on hold cannot be read")),
    }
}
