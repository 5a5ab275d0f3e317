//! Postfix's side of a milter connection, in its order and with its macros. For what a well-behaved
//! Postfix does; all else is sent by `raw`.

use std::{
    ffi::{CStr, CString},
    fmt,
};

use indymilter_test::{EomAction, MacroStage, Status, TestConnection, TestConnectionBuilder};

use super::{desk::Place, mail::Mail};

/// The steps of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub enum Stage {
    Mail,
    Recipients,
    Data,
    Header,
    EndOfHeader,
    Body,
    End,
}

impl Stage {
    pub const ALL: [Self; 7] = [
        Self::Mail,
        Self::Recipients,
        Self::Data,
        Self::Header,
        Self::EndOfHeader,
        Self::Body,
        Self::End,
    ];
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on its way.
    Accepted(Stage),
    /// It goes to the hold queue, for the reason given.
    Held(String),
    /// It is to come again, as the text says.
    TriesAgain(Stage, String),
    /// It is not to come again like this, as the text says.
    Refused(Stage, String),
}

impl Outcome {
    #[track_caller]
    pub fn accepted_at(&self, stage: Stage) {
        assert_eq!(*self, Self::Accepted(stage));
    }

    /// The reason given to Postfix.
    #[track_caller]
    pub fn held(self) -> String {
        let Self::Held(reason) = self else {
            panic!("not held but {self:?}");
        };
        reason
    }

    /// The text given to the sender.
    #[track_caller]
    pub fn tries_again_at(self, wanted: Stage) -> String {
        let Self::TriesAgain(stage, text) = self else {
            panic!("does not try again at {wanted:?} but {self:?}");
        };
        assert_eq!(stage, wanted);
        text
    }

    /// The text given to the sender.
    #[track_caller]
    pub fn refused_at(self, wanted: Stage) -> String {
        let Self::Refused(stage, text) = self else {
            panic!("not refused at {wanted:?} but {self:?}");
        };
        assert_eq!(stage, wanted);
        text
    }
}

/// A connection of Postfix.
pub struct Mta {
    pub connection: TestConnection,
}

impl Mta {
    /// Connects, and offers all that Postfix offers.
    pub async fn open(place: &Place) -> Self {
        Self::open_with(TestConnection::configure(), place).await
    }

    pub async fn open_with(builder: TestConnectionBuilder, place: &Place) -> Self {
        let builder = builder.exact_leading_space(true);
        let connection = match place {
            Place::Unix(path) => builder.open_unix(path).await,
            Place::Inet(address) => builder.open_tcp(address).await,
        };
        Self {
            connection: connection.unwrap(),
        }
    }

    /// Sends a message as far as it is wanted, and gives it up then, as Postfix does.
    pub async fn send(&mut self, mail: &Mail) -> Outcome {
        let outcome = self.send_until(Stage::End, mail).await;
        self.connection.abort().await.unwrap();
        outcome.expect("an answer to the end of the message")
    }

    /// Sends a message up to and with a stage; `None` if it is still wanted then.
    pub async fn send_until(&mut self, last: Stage, mail: &Mail) -> Option<Outcome> {
        for stage in Stage::ALL.into_iter().filter(|stage| *stage <= last) {
            let outcome = self.send_stage(stage, mail).await;
            if outcome.is_some() {
                return outcome;
            }
        }
        None
    }

    /// Sends one stage; `None` if the message is still wanted then.
    pub async fn send_stage(&mut self, stage: Stage, mail: &Mail) -> Option<Outcome> {
        let status = match stage {
            Stage::Mail => self.mail(mail).await,
            Stage::Recipients => self.recipients(mail).await,
            Stage::Data => self.data(mail).await,
            Stage::Header => self.header(mail).await,
            Stage::EndOfHeader => {
                self.macros(MacroStage::Eoh, &[(c"i", mail.queue_id_at_end.as_deref())])
                    .await;
                self.connection.eoh().await.unwrap()
            }
            Stage::Body => self.body(mail).await,
            Stage::End => return Some(self.end(mail).await),
        };
        match status {
            Status::Continue | Status::Noreply => None,
            Status::Accept => Some(Outcome::Accepted(stage)),
            Status::Tempfail { message } => Some(Outcome::TriesAgain(stage, text(message))),
            Status::Reject { message } => Some(Outcome::Refused(stage, text(message))),
            Status::Discard | Status::Skip => {
                panic!("{stage:?} was answered {status:?}")
            }
        }
    }

    async fn mail(&mut self, mail: &Mail) -> Status {
        let rewritten = mail.rewritten.clone();
        let address = rewritten.unwrap_or_else(|| bare(&mail.sender[0]));
        let login = mail.login.clone();
        self.macros(
            MacroStage::Mail,
            &[
                (c"{mail_addr}", Some(address)),
                (c"{auth_authen}", login),
                (c"{client_addr}", Some(b"192.0.2.7".to_vec())),
                (c"{client_name}", Some(b"pc.corp.test".to_vec())),
                (c"{daemon_name}", Some(b"mx.corp.test".to_vec())),
                (c"i", mail.queue_id_at_mail.clone().map(String::into_bytes)),
            ],
        )
        .await;
        let arguments = c_strings(&mail.sender);
        self.connection.mail(arguments).await.unwrap()
    }

    async fn recipients(&mut self, mail: &Mail) -> Status {
        let mut status = Status::Continue;
        for recipient in &mail.recipients {
            let macros = [
                (c"{rcpt_addr}", Some(bare(&recipient[0]))),
                (c"{client_addr}", Some(b"192.0.2.7".to_vec())),
            ];
            self.macros(MacroStage::Rcpt, &macros).await;
            status = self.connection.rcpt(c_strings(recipient)).await.unwrap();
        }
        status
    }

    async fn data(&mut self, mail: &Mail) -> Status {
        let macros = [
            (c"i", mail.queue_id_at_data.as_deref()),
            (c"{client_addr}", Some("192.0.2.7")),
        ];
        self.macros(MacroStage::Data, &macros).await;
        self.connection.data().await.unwrap()
    }

    async fn header(&mut self, mail: &Mail) -> Status {
        let mut status = Status::Continue;
        for (name, value) in &mail.fields {
            let (name, value) = (c_string(name), c_string(value));
            status = self.connection.header(name, value).await.unwrap();
        }
        status
    }

    async fn body(&mut self, mail: &Mail) -> Status {
        let mut status = Status::Continue;
        for chunk in &mail.chunks {
            status = self.connection.body(chunk.clone()).await.unwrap();
        }
        status
    }

    async fn end(&mut self, mail: &Mail) -> Outcome {
        let macros = [
            (c"i", mail.queue_id_at_end.as_deref()),
            (c"{client_addr}", Some("192.0.2.7")),
        ];
        self.macros(MacroStage::Eom, &macros).await;
        let (actions, status) = self.connection.eom().await.unwrap();
        let quarantine = match actions.actions.as_slice() {
            [] => None,
            [EomAction::Quarantine { reason }] => Some(reason.clone()),
            more => panic!("more than a quarantine was asked for: {more:?}"),
        };
        match (quarantine, status) {
            (Some(reason), Status::Accept) => Outcome::Held(text(Some(reason))),
            (None, Status::Accept) => Outcome::Accepted(Stage::End),
            (None, Status::Tempfail { message }) => Outcome::TriesAgain(Stage::End, text(message)),
            other => panic!("the end was answered {other:?}"),
        }
    }

    /// Sends the macros that are defined, as Postfix does.
    async fn macros<V: AsRef<[u8]>>(&mut self, stage: MacroStage, macros: &[(&CStr, Option<V>)]) {
        let defined = macros.iter().filter_map(|(name, value)| {
            let value = c_string(value.as_ref()?.as_ref());
            Some(((*name).to_owned(), value))
        });
        let defined: Vec<(CString, CString)> = defined.collect();
        if !defined.is_empty() {
            self.connection.macros(stage, defined).await.unwrap();
        }
    }
}

impl fmt::Debug for Mta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mta")
    }
}

/// The form of an address in Postfix's macros: without brackets.
fn bare(argument: &[u8]) -> Vec<u8> {
    match argument {
        [b'<', inner @ .., b'>'] => inner.to_vec(),
        other => other.to_vec(),
    }
}

fn c_strings(texts: &[Vec<u8>]) -> Vec<CString> {
    texts.iter().map(|text| c_string(text)).collect()
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap()
}

fn text(text: Option<CString>) -> String {
    text.map(|text| text.into_string().unwrap())
        .unwrap_or_default()
}
