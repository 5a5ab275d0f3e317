//! Mail on hold: how it comes there, what another hand does to it, and whether it left the house.

use std::{fs, path::PathBuf};

use mailhold::{
    domain::{capture::Capture, queue_id::QueueId},
    mail::digest::ContentHasher,
};

use super::workplace::{BOUND, Workplace};
use crate::{
    lab::{
        eventually::eventually,
        place::random_text,
        program::text,
        smtp::{Smtp, small_mail},
        user::User,
    },
    store::fixture::{Fixture, path},
};

/// A message on hold, and its capture.
#[derive(Clone)]
pub struct Mail {
    pub id: QueueId,
    pub sender: String,
    pub recipient: String,
    pub content: Vec<u8>,
    pub capture: Capture,
}

impl Mail {
    /// Sends a message to people that no other test knows.
    pub async fn submit(smtp: &mut Smtp, fixture: &Fixture<'_>) -> Self {
        let name = &random_text()[..10];
        let sender = format!("s{name}@corp.test");
        let recipient = format!("r{name}@elsewhere.test");
        let content = small_mail(&sender, &recipient, name);
        Self::submit_as(smtp, fixture, (&sender, &recipient), content).await
    }

    /// Sends a message; the capture is what a milter would have made.
    pub async fn submit_as(
        smtp: &mut Smtp,
        fixture: &Fixture<'_>,
        (sender, recipient): (&str, &str),
        content: Vec<u8>,
    ) -> Self {
        let reply = smtp.send(sender, &[recipient], &content).await.ok();
        Self::captured(fixture, reply.queue_id(), (sender, recipient), content)
    }

    /// A message that has this name in Postfix, and the capture that a milter would have made now.
    pub fn captured(
        fixture: &Fixture<'_>,
        id: QueueId,
        (sender, recipient): (&str, &str),
        content: Vec<u8>,
    ) -> Self {
        let mut hasher = ContentHasher::new();
        hasher.update(&content);
        let mut capture = fixture.capture();
        capture.queue_id = id.clone();
        capture.digest = hasher.finish();
        capture.size_bytes = content.len() as u64;
        capture.envelope.sender = path(&format!("<{sender}>"));
        capture.envelope.recipients = vec![path(&format!("<{recipient}>"))];
        Self {
            id,
            sender: sender.to_owned(),
            recipient: recipient.to_owned(),
            content,
            capture,
        }
    }
}

impl Workplace<'_> {
    /// Something by another hand than the worker's: `postsuper`, as root.
    pub async fn by_hand(&self, option: &str, mail: &Mail) {
        let command = self.postfix.command("postsuper");
        let output = command
            .arguments([option, "-", "hold"])
            .output(mail.id.as_str().as_bytes())
            .await;
        let said = text(&output.stderr);
        assert!(said.contains(mail.id.as_str()), "{option}: {said}");
    }

    /// Has Postfix try all deferred mail now.
    pub async fn flush(&self) {
        let command = self.postfix.command("postqueue");
        command.arguments(["-f"]).run(b"").await;
    }

    /// The queue file of a message on hold.
    pub fn hold_file(&self, mail: &Mail) -> PathBuf {
        let hold = self.postfix.queue_directory.join("hold");
        let mut directories = vec![hold];
        while let Some(directory) = directories.pop() {
            let file = directory.join(mail.id.as_str());
            if fs::symlink_metadata(&file).is_ok() {
                return file;
            }
            let entries = fs::read_dir(directory).unwrap().flatten();
            directories.extend(
                entries
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.path()),
            );
        }
        panic!("{} is not on hold", mail.id)
    }

    /// A path outside the queue, on the same file system.
    pub fn outside(&self, mail: &Mail) -> PathBuf {
        let directory = format!("{}-outside", self.name());
        let owner = User::named("postfix");
        let directory = self.lab.tools.place.directory(&directory, owner, 0o755);
        directory.join(mail.id.as_str())
    }

    /// Whether a message is on hold.
    pub fn is_on_hold(&self, mail: &Mail) -> bool {
        self.postfix.held().contains(&mail.id)
    }

    /// Nothing was done to a message: it is on hold, and nothing of it left the house.
    pub fn is_untouched(&self, mail: &Mail) {
        assert!(self.is_on_hold(mail), "{} has left hold", mail.id);
        let delivered = self.lab.sink.messages_to(&mail.recipient);
        assert!(delivered.is_empty(), "{} was delivered", mail.id);
        let returned = self.lab.sink.messages_to(&mail.sender);
        assert!(returned.is_empty(), "{} was returned", mail.id);
    }

    /// Waits for a message at its recipient, once and with the captured bytes.
    pub async fn is_delivered_once(&self, mail: &Mail) {
        let sink = &self.lab.sink;
        let delivered = sink.message_to(&mail.recipient, BOUND).await;
        assert_eq!(text(delivered.without_trace()), text(&mail.content));
        eventually("the message has left the queue", BOUND, async || {
            let queued = self.postfix.queued();
            if queued.contains(&mail.id) {
                Err(queued)
            } else {
                Ok(())
            }
        })
        .await;
        assert_eq!(sink.messages_to(&mail.recipient).len(), 1);
    }
}
