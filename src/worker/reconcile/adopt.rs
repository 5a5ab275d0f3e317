//! Captures the strays that an administrator has adopted: the one time that the worker reads what a
//! message says. It is then confirmed and decided as any other.

use std::{collections::HashMap, ops::ControlFlow};

use uuid::Uuid;

use super::Memory;
use crate::{
    domain::{capture_id::CaptureId, instance::Instance, queue_id::QueueId},
    mail::header::{self, Excerpt, FROM_LIMIT_BYTES},
    postfix::{error::PostfixError, presence::Presence},
    store::{
        StoreError,
        captures::HeaderFields,
        strays::adoptions::{Foundling, Ward},
    },
    telemetry::{chain::Chain, events},
    worker::{
        Desk,
        asking::Asking,
        troubles::{Part, Troubles},
    },
};

/// Adoptions looked at in one pass.
const PART: u32 = 100;

/// The longest content: it is in memory as a whole.
const CONTENT_LIMIT_BYTES: usize = 64 * 1_024 * 1_024;

/// Why adoptions could not be carried out when they were tried last: told once.
#[derive(Debug, Default)]
pub(super) struct Refused(HashMap<QueueId, String>);

/// Captures what was adopted, one by one: one that cannot be read does not hold up the others.
pub(super) async fn capture_all(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let wards = desk.store.wards(instance, PART).await?;
    memory
        .refused
        .0
        .retain(|id, _| wards.iter().any(|ward| ward.queue_id == *id));
    for ward in wards {
        match read(desk, &ward.queue_id).await {
            Ok(Some(found)) => capture(desk, memory, &ward, found).await?,
            // It has left, or is not ready: the next pass tells.
            Ok(None) => {}
            Err(reason) => refuse(desk, memory, &ward, reason).await?,
        }
    }
    Ok(())
}

/// Ends the second record of what was adopted and has a capture of its own, before it counts as missing.
pub(super) async fn end_doubles(desk: &Desk, instance: &Instance) -> Result<(), StoreError> {
    for double in desk.store.end_doubles(instance, &desk.name).await? {
        events::recorded_twice(&double.queue_id, double.capture_id);
    }
    Ok(())
}

async fn capture(
    desk: &Desk,
    memory: &mut Memory,
    ward: &Ward,
    found: Foundling,
) -> Result<(), StoreError> {
    let capture_id = CaptureId::new(Uuid::now_v7());
    match desk.store.capture_ward(ward, capture_id, &found).await {
        Ok(true) => {
            memory.strays.adopted(&ward.queue_id);
            events::stray_adopted(&ward.queue_id, capture_id);
            Ok(())
        }
        // Another worker was faster.
        Ok(false) => Ok(()),
        Err(error) => {
            // Too large for the time there is, it may be: then the others have their turn first.
            if error.is_transient() {
                Asking::Reconcile.note(desk, &error);
            }
            let reason = Chain(&error).to_string();
            refuse(desk, memory, ward, reason).await
        }
    }
}

async fn refuse(
    desk: &Desk,
    memory: &mut Memory,
    ward: &Ward,
    reason: String,
) -> Result<(), StoreError> {
    if memory.refused.0.get(&ward.queue_id) == Some(&reason) {
        return Ok(());
    }
    desk.store.note_ward(ward, &reason).await?;
    events::adoption_failed(&ward.queue_id, &reason);
    memory.refused.0.insert(ward.queue_id.clone(), reason);
    Ok(())
}

/// Reads a queue file; nothing if it is not ready on hold, a reason if it cannot be captured.
async fn read(desk: &Desk, id: &QueueId) -> Result<Option<Foundling>, String> {
    let read = desk
        .postfix
        .read_content(id, Presence::Ready, CONTENT_LIMIT_BYTES);
    let (held, content) = match read.await {
        Ok(read) => read,
        Err(PostfixError::NotReady {
            presence: Presence::Missing | Presence::NotReady,
            ..
        }) => return Ok(None),
        Err(error) if error.is_transient() => {
            Troubles::note(desk, Part::Queue, &error);
            return Ok(None);
        }
        Err(error) => return Err(Chain(&error).to_string()),
    };
    if !held.was_made_as(id) {
        return Err("its inode or time is not that of its queue ID".to_owned());
    }
    let message = held.message;
    let recipients = message.recipients.into_iter().map(|one| one.address);
    Ok(Some(Foundling {
        sender: message.sender,
        recipients: recipients.collect(),
        login: message.login,
        client_address: message.client_address,
        header: header_fields(&content)?,
        content: content.into(),
    }))
}

/// Rights depend on all authors: what names more than are read is not adopted.
fn header_fields(content: &[u8]) -> Result<HeaderFields, String> {
    let mut excerpt = Excerpt::default();
    // Either way it has ended.
    let (ControlFlow::Break(()) | ControlFlow::Continue(())) = excerpt.add(content);
    let section = excerpt.within_limit();
    let too_long = || format!("what it says in From is longer than {FROM_LIMIT_BYTES} bytes");
    let fields = header::fields(&section.ok_or_else(too_long)?);
    if fields.is_unread {
        return Err("its header cannot be read".to_owned());
    }
    Ok(HeaderFields {
        subject: fields.subject,
        from: fields.from,
        to: fields.to,
        date: fields.date,
        message_id: fields.message_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_behind_a_long_header_is_known() {
        let others = "a:b\r\n".repeat(70_000);
        let content = format!("{others}From: Rita <rita@corp.test>\r\n\r\nFrom: x\r\n");
        let read = header_fields(content.as_bytes()).unwrap();
        assert_eq!(read.from.as_deref(), Some("Rita <rita@corp.test>"));
    }

    #[test]
    fn mail_that_names_more_authors_than_are_read_is_not_adopted() {
        let content = format!("From: {}\r\n\r\n", "a@b.test, ".repeat(7_000));
        assert!(header_fields(content.as_bytes()).is_err());
    }
}
