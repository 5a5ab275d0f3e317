//! One connection of Postfix: many messages, one after the other, each begun anew at MAIL.

use std::{ffi::CString, sync::Arc};

use indymilter::{Macros, ProtoOpts};
use tokio::time::{Instant, timeout};

use super::{
    Desk,
    answer::{self, Answer, IntakeError},
    intake, macros,
    transaction::{Addressing, Reading, Transaction},
};
use crate::{
    domain::{capture::Capture, envelope::Path, instance::Instance, queue_id::QueueId},
    spool::SpoolError,
    telemetry::{AlarmKind, events},
};

/// What lives as long as a connection.
pub struct Session {
    desk: Arc<Desk>,
    instance: Instance,
    transaction: Option<Transaction>,
    /// The protocol options that were agreed.
    pub opts: ProtoOpts,
    state: State,
}

/// Where a connection stands, and so how it ended when it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// All messages have come to their end.
    Idle,
    /// A message was begun. One that is given up counts until the next: indymilter reports a cut
    /// connection as an abort first (`session.rs: process_commands`).
    InMessage,
    /// A callback panicked: nothing of this session can be trusted.
    Panicked,
}

impl Session {
    /// Begins with the negotiation.
    pub fn new(desk: Arc<Desk>, instance: Instance, opts: ProtoOpts) -> Self {
        desk.metrics.connection_opened();
        Self {
            desk,
            instance,
            transaction: None,
            opts,
            state: State::Idle,
        }
    }

    /// MAIL: nothing of the message before is left.
    pub async fn mail(&mut self, arguments: Vec<CString>, macros: &Macros) -> Answer {
        self.transaction = None;
        if self.state == State::Panicked {
            return self.try_again(&IntakeError::Panicked, macros::queue_id(macros));
        }
        self.state = State::Idle;
        let sender = path(arguments, macros::rewritten(macros, c"{mail_addr}"));
        match intake::begin(&self.desk, sender, macros::client(macros)).await {
            Ok(None) => Answer::Accept,
            Ok(Some(addressing)) => {
                self.state = State::InMessage;
                self.transaction = Some(Transaction::Addressing(Box::new(addressing)));
                Answer::Continue
            }
            Err(error) => self.try_again(&error, macros::queue_id(macros)),
        }
    }

    /// RCPT: another recipient that Postfix has accepted.
    pub fn rcpt(&mut self, arguments: Vec<CString>, macros: &Macros) {
        if let Some(Transaction::Addressing(addressing)) = &mut self.transaction {
            addressing.add_recipient(path(arguments, macros::rewritten(macros, c"{rcpt_addr}")));
        }
    }

    /// DATA: the recipients are final, and so is the verdict.
    pub fn data(&mut self, macros: &Macros) -> Answer {
        match self.transaction.take() {
            // Without a recipient no rule could match: this must not be a way around them.
            Some(Transaction::Addressing(addressing))
                if !addressing.envelope.recipients.is_empty() =>
            {
                self.judge(*addressing, macros::queue_id(macros))
            }
            Some(Transaction::Addressing(_) | Transaction::Reading(_) | Transaction::Failed(_))
            | None => self.try_again(&IntakeError::NoTransaction, None),
        }
    }

    fn judge(&mut self, addressing: Addressing, queue_id: Option<String>) -> Answer {
        self.state = State::Idle;
        match intake::judge(&self.desk, addressing, queue_id.clone()) {
            Ok(None) => Answer::Accept,
            Ok(Some(reading)) => {
                self.state = State::InMessage;
                self.transaction = Some(Transaction::Reading(Box::new(reading)));
                Answer::Continue
            }
            Err(error) => self.try_again(&error, queue_id),
        }
    }

    /// A header field. What fails here is answered at the end of the message.
    pub async fn header(&mut self, name: CString, value: CString) {
        let patience = self.desk.end_of_message_deadline;
        let Some(reading) = self.reading() else {
            return;
        };
        let written = timeout(
            patience,
            reading.add_field(name.as_bytes(), value.as_bytes()),
        )
        .await;
        self.note(written.unwrap_or(Err(SpoolError::Stalled)));
    }

    /// The header section is complete.
    pub async fn end_of_header(&mut self) {
        let patience = self.desk.end_of_message_deadline;
        let Some(reading) = self.reading() else {
            return;
        };
        let written = timeout(patience, reading.end_header()).await;
        self.note(written.unwrap_or(Err(SpoolError::Stalled)));
    }

    /// A piece of the body, at most 64 KiB from Postfix.
    pub async fn body(&mut self, chunk: &[u8]) {
        let patience = self.desk.end_of_message_deadline;
        let Some(reading) = self.reading() else {
            return;
        };
        let written = timeout(patience, reading.add_body(chunk)).await;
        self.note(written.unwrap_or(Err(SpoolError::Stalled)));
    }

    /// End of message: the capture to be quarantined, or why it must come again.
    pub async fn end_of_message(&mut self, macros: &Macros) -> Result<Capture, Answer> {
        let began = Instant::now();
        let queue_id = macros::queue_id(macros);
        if self.state == State::InMessage {
            self.state = State::Idle;
        }
        let captured = match self.transaction.take() {
            Some(Transaction::Reading(reading)) => {
                intake::capture(&self.desk, &self.instance, *reading, queue_id.clone()).await
            }
            Some(Transaction::Failed(error)) => Err(IntakeError::Capture(error)),
            Some(Transaction::Addressing(_)) | None => Err(IntakeError::NoTransaction),
        };
        self.desk.metrics.end_of_message(began.elapsed());
        captured.map_err(|error| self.try_again(&error, queue_id))
    }

    /// Postfix did not take the quarantine request.
    pub fn quarantine_failed(&self, error: indymilter::ActionError, queue_id: &QueueId) -> Answer {
        let error = IntakeError::Quarantine(error);
        answer::try_again(
            &error,
            Some(queue_id),
            &self.desk.metrics,
            &self.desk.alarms,
        )
    }

    /// The message was given up (RSET, disconnect): it leaves no trace.
    pub fn abort(&mut self) {
        self.transaction = None;
    }

    /// Passes on what an event came to; after a panic this session takes no more mail.
    pub fn survived<T>(&mut self, stage: &'static str, outcome: Option<T>) -> Option<T> {
        if outcome.is_none() {
            self.transaction = None;
            self.state = State::Panicked;
            self.desk.alarms.raise(AlarmKind::SessionPanicked, stage);
            self.desk.metrics.verdict("try_again");
            events::session_panicked(stage);
        }
        outcome
    }

    fn reading(&mut self) -> Option<&mut Reading> {
        match &mut self.transaction {
            Some(Transaction::Reading(reading)) => Some(reading),
            Some(Transaction::Addressing(_) | Transaction::Failed(_)) | None => None,
        }
    }

    fn note(&mut self, written: Result<(), SpoolError>) {
        if let Err(error) = written {
            self.transaction = Some(Transaction::Failed(error));
        }
    }

    fn try_again(&self, error: &IntakeError, queue_id: Option<String>) -> Answer {
        let known = queue_id.and_then(|text| text.parse().ok());
        answer::try_again(error, known.as_ref(), &self.desk.metrics, &self.desk.alarms)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let ending = match self.state {
            State::Idle => "quit",
            State::InMessage => "cut",
            State::Panicked => "panic",
        };
        self.desk.metrics.connection_ended(ending);
    }
}

/// A path as Postfix hands it over: the address first, then its ESMTP arguments.
fn path(arguments: Vec<CString>, rewritten: Option<Vec<u8>>) -> Path {
    let mut arguments = arguments.into_iter().map(CString::into_bytes);
    let argument = arguments.next().unwrap_or_default();
    Path {
        argument,
        parameters: arguments.collect(),
        rewritten,
    }
}
