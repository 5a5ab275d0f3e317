//! One connection of Postfix: many messages, one after the other, each begun anew at MAIL.

use std::{ffi::CString, sync::Arc};

use indymilter::{Macros, ProtoOpts};
use tokio::time::{Instant, timeout};

use super::{
    Desk, Entrance,
    answer::{self, Answer, IntakeError},
    intake::{self, Judged},
    macros,
    transaction::{Addressing, Reading, Transaction},
};
use crate::{
    domain::{capture::Capture, envelope::Path, queue_id::QueueId},
    spool::SpoolError,
    telemetry::{AlarmKind, events},
};

/// What lives as long as a connection.
pub struct Session {
    desk: Arc<Desk>,
    entrance: Entrance,
    transaction: Option<Transaction>,
    /// What the message is to be answered, known at a stage where Postfix reads no reply.
    due: Option<Answer>,
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
    pub fn new(desk: Arc<Desk>, entrance: Entrance, opts: ProtoOpts) -> Self {
        desk.metrics.connection_opened();
        Self {
            desk,
            entrance,
            transaction: None,
            due: None,
            opts,
            state: State::Idle,
        }
    }

    /// MAIL: nothing of the message before is left.
    pub async fn mail(&mut self, arguments: Vec<CString>, macros: &Macros) -> Answer {
        self.abort();
        if self.state == State::Panicked {
            return self.try_again(&IntakeError::Panicked, macros::queue_id(macros));
        }
        self.state = State::Idle;
        let sender = path(arguments, macros::rewritten(macros, c"{mail_addr}"));
        let client = macros::client(macros);
        match intake::begin(&self.desk, self.entrance.submitters, sender, client).await {
            Ok(None) => Answer::Accept,
            Ok(Some(addressing)) => {
                self.state = State::InMessage;
                self.transaction = Some(Transaction::Addressing(Box::new(addressing)));
                Answer::Continue
            }
            Err(error) => self.try_again(&error, macros::queue_id(macros)),
        }
    }

    /// RCPT: another recipient that Postfix has accepted. What fails here is answered at DATA.
    pub fn rcpt(&mut self, arguments: Vec<CString>, macros: &Macros) {
        if let Some(Transaction::Addressing(addressing)) = &mut self.transaction {
            let recipient = path(arguments, macros::rewritten(macros, c"{rcpt_addr}"));
            let added = addressing.add_recipient(recipient);
            self.note(added);
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
            Some(Transaction::Failed(error)) => {
                self.state = State::Idle;
                self.try_again(&error, macros::queue_id(macros))
            }
            Some(
                Transaction::Addressing(_) | Transaction::Heading(_) | Transaction::Reading(_),
            )
            | None => self.try_again(&IntakeError::NoTransaction, None),
        }
    }

    fn judge(&mut self, addressing: Addressing, queue_id: Option<String>) -> Answer {
        let judged = intake::judge(&self.desk, &self.entrance, addressing, queue_id.clone());
        self.go_on(judged, queue_id)
    }

    /// What a verdict means for this session.
    fn go_on(&mut self, judged: Result<Judged, IntakeError>, queue_id: Option<String>) -> Answer {
        self.state = State::InMessage;
        self.transaction = match judged {
            Ok(Judged::Reading(reading)) => Some(Transaction::Reading(reading)),
            Ok(Judged::Heading(heading)) => Some(Transaction::Heading(heading)),
            Ok(Judged::Done(answer)) => {
                self.state = State::Idle;
                return answer;
            }
            Err(error) => {
                self.state = State::Idle;
                return self.try_again(&error, queue_id);
            }
        };
        Answer::Continue
    }

    /// A header field. What fails here is answered at the end of the message.
    pub async fn header(&mut self, name: CString, value: CString) {
        let patience = self.desk.end_of_message_deadline;
        if let Some(Transaction::Heading(heading)) = &mut self.transaction {
            let added = heading.add_field(name.as_bytes(), value.as_bytes());
            return self.note(added);
        }
        let Some(reading) = self.reading() else {
            return;
        };
        let written = timeout(
            patience,
            reading.add_field(name.as_bytes(), value.as_bytes()),
        )
        .await;
        self.note(written.unwrap_or(Err(IntakeError::Capture(SpoolError::Stalled))));
    }

    /// Keeps an answer for the next stage at which Postfix reads one.
    pub fn answer_later(&mut self, answer: Answer) {
        if answer != Answer::Continue {
            self.due = Some(answer);
        }
    }

    /// The header section is complete. If its From fields were awaited, so is the verdict.
    pub async fn end_of_header(&mut self) -> Answer {
        // Whoever asks again for this message is not answered by it.
        if let Some(due) = self.due.take() {
            return due;
        }
        let heading = self
            .transaction
            .take_if(|stage| matches!(stage, Transaction::Heading(_)));
        if let Some(Transaction::Heading(heading)) = heading {
            let queue_id = heading.queue_id.clone();
            let judged = intake::judge_authors(&self.desk, &self.entrance, *heading).await;
            let answer = self.go_on(judged, queue_id);
            if answer != Answer::Continue {
                return answer;
            }
        }
        let patience = self.desk.end_of_message_deadline;
        if let Some(reading) = self.reading() {
            let written = timeout(patience, reading.end_header()).await;
            self.note_written(written.unwrap_or(Err(SpoolError::Stalled)));
        }
        Answer::Continue
    }

    /// A piece of the body, at most 64 KiB from Postfix.
    pub async fn body(&mut self, chunk: &[u8]) {
        let patience = self.desk.end_of_message_deadline;
        let Some(reading) = self.reading() else {
            return;
        };
        let written = timeout(patience, reading.add_body(chunk)).await;
        self.note_written(written.unwrap_or(Err(SpoolError::Stalled)));
    }

    /// End of message: the capture to be quarantined, or why it must come again.
    pub async fn end_of_message(&mut self, macros: &Macros) -> Result<Capture, Answer> {
        if let Some(due) = self.due.take() {
            return Err(due);
        }
        let began = Instant::now();
        let queue_id = macros::queue_id(macros);
        if self.state == State::InMessage {
            self.state = State::Idle;
        }
        let captured = match self.transaction.take() {
            Some(Transaction::Reading(reading)) => {
                let instance = &self.entrance.instance;
                intake::capture(&self.desk, instance, *reading, queue_id.clone()).await
            }
            Some(Transaction::Failed(error)) => Err(error),
            Some(Transaction::Addressing(_) | Transaction::Heading(_)) | None => {
                Err(IntakeError::NoTransaction)
            }
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
        self.due = None;
    }

    /// Passes on what an event came to; after a panic this session takes no more mail.
    pub fn survived<T>(&mut self, stage: &'static str, outcome: Option<T>) -> Option<T> {
        if outcome.is_none() {
            self.abort();
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
            Some(Transaction::Addressing(_) | Transaction::Heading(_) | Transaction::Failed(_))
            | None => None,
        }
    }

    fn note_written(&mut self, written: Result<(), SpoolError>) {
        self.note(written.map_err(IntakeError::Capture));
    }

    fn note(&mut self, done: Result<(), IntakeError>) {
        if let Err(error) = done {
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
