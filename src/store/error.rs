//! What can go wrong with the database. Never repeats message content or addresses.

use std::{fmt, io, time::Duration};

use crate::domain::capture_id::CaptureId;

/// An operation of the store that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The settings hold no usable URL.
    #[error("cannot read the database URL")]
    Url {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// No connection.
    #[error("cannot connect to the database")]
    Connect {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The schema is not the one that this program was built for.
    #[error("cannot use the database: {0}")]
    Schema(SchemaFault),
    /// The version of the schema could not be read.
    #[error("cannot read the version of the database schema")]
    CompareSchema {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A migration did not run; what it began is undone.
    #[error("cannot migrate the database schema")]
    Migrate {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A login could not be made.
    #[error("cannot create the login {login}")]
    CreateRole {
        /// Its name.
        login: &'static str,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Captures could not be recorded; none of the batch is.
    #[error("cannot record {count} captures")]
    Record {
        /// How many the batch had.
        count: usize,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Watched messages could not be recorded; none of the batch is.
    #[error("cannot record {count} watched messages")]
    RecordWatched {
        /// How many the batch had.
        count: usize,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The content of a capture could not be read from where it waits.
    #[error("cannot read the waiting content of capture {capture_id}")]
    ReadWaiting {
        /// Whose content.
        capture_id: CaptureId,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The content of a capture is not as long as its facts say.
    #[error("capture {capture_id} has {found_bytes} bytes of content, not {expected_bytes}")]
    ContentLength {
        /// Whose content.
        capture_id: CaptureId,
        /// What the capture says.
        expected_bytes: u64,
        /// What was read.
        found_bytes: u64,
    },
    /// Captures could not be looked up.
    #[error("cannot look up captures")]
    LookUp {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Captures could not be moved to `held`.
    #[error("cannot confirm captures")]
    Confirm {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// It could not be asked or recorded which directory the hold queue is.
    #[error("cannot ask or record which directory the hold queue is")]
    HoldDirectory {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A doubt about a message could not be recorded, or not that it is over.
    #[error("cannot record a doubt")]
    Doubt {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// An outline, or what waits for one, could not be read or recorded.
    #[error("cannot read or record an outline")]
    Outline {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// No work could be claimed.
    #[error("cannot claim decisions")]
    Claim {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// It could not be noted that commands begin.
    #[error("cannot begin claimed decisions")]
    Begin {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A claim could not be put off.
    #[error("cannot postpone a claimed decision")]
    Postpone {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// What became of messages could not be recorded.
    #[error("cannot record settlements")]
    Settle {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Strays could not be read, recorded or adopted.
    #[error("cannot read or change strays")]
    Strays {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A decision could not be stored.
    #[error("cannot store a decision")]
    Decide {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The audit record does not answer. What was to be done with its entry was not, or its COMMIT did not say.
    #[error("cannot write or read the audit record")]
    Audit {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// A session could not be begun, read, changed or ended.
    #[error("cannot read or change sessions")]
    Sessions {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Reviews could not be read.
    #[error("cannot read reviews")]
    Review {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// Reviews could not be searched.
    #[error("cannot search reviews")]
    Search {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The recorded content of a capture could not be read.
    #[error("cannot read the recorded content of capture {capture_id}")]
    ReadContent {
        /// Whose content.
        capture_id: CaptureId,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The figures for monitoring could not be read.
    #[error("cannot count captures and work")]
    Count {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The server's settings could not be read.
    #[error("cannot ask the database for its settings")]
    Survey {
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The figures of watched messages could not be read.
    #[error("cannot count watched messages")]
    CountWatched {
        /// Why.
        #[source]
        cause: Cause,
    },
}

/// Why the schema cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaFault {
    /// Nothing was ever migrated.
    #[error("it has no schema yet, run `mailhold migrate --create-roles`")]
    Missing,
    /// The program is newer.
    #[error(
        "its schema is at version {found}, this program needs {needed}: run `mailhold migrate`"
    )]
    Older {
        /// In the database.
        found: i64,
        /// In this program.
        needed: i64,
    },
    /// The database is newer.
    #[error(
        "its schema is at version {found}, this program knows {needed}: install the newer mailhold"
    )]
    Newer {
        /// In the database.
        found: i64,
        /// In this program.
        needed: i64,
    },
    /// Text could be refused.
    #[error("its encoding is not UTF8, make one with `create database … encoding 'UTF8'`")]
    Encoding,
    /// The logins that get rights do not exist.
    #[error("a login is missing, run `mailhold migrate --create-roles`")]
    Logins,
}

/// What PostgreSQL or the way to it said.
#[derive(Debug)]
pub enum Cause {
    /// No answer in time.
    Deadline(Duration),
    /// PostgreSQL refused a statement.
    Refused {
        /// The SQLSTATE.
        code: String,
        /// The message, which names no value of ours.
        message: String,
        /// The violated constraint, if it was one.
        constraint: Option<String>,
        /// More for programs; never shown.
        detail: Option<String>,
    },
    /// The way to PostgreSQL is broken.
    Unreachable(String),
    /// A row holds what this program does not know.
    Unreadable(String),
}

impl StoreError {
    /// Whether trying again may help: not where captures, settings or this program are to blame.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Url { .. } | Self::Schema(_) | Self::ContentLength { .. } => false,
            Self::ReadWaiting { cause, .. } => cause.kind() == io::ErrorKind::ResourceBusy,
            Self::Connect { cause }
            | Self::CompareSchema { cause }
            | Self::Migrate { cause }
            | Self::CreateRole { cause, .. }
            | Self::Record { cause, .. }
            | Self::RecordWatched { cause, .. }
            | Self::LookUp { cause }
            | Self::Confirm { cause }
            | Self::Doubt { cause }
            | Self::Outline { cause }
            | Self::HoldDirectory { cause }
            | Self::Claim { cause }
            | Self::Begin { cause }
            | Self::Postpone { cause }
            | Self::Settle { cause }
            | Self::Strays { cause }
            | Self::Decide { cause }
            | Self::Audit { cause }
            | Self::Sessions { cause }
            | Self::Review { cause }
            | Self::Search { cause }
            | Self::ReadContent { cause, .. }
            | Self::Count { cause }
            | Self::Survey { cause }
            | Self::CountWatched { cause } => cause.is_transient(),
        }
    }

    /// Whether this very request was refused, so that another one may get through: the server has
    /// answered, or what was to be sent could not be read.
    pub fn is_answer(&self) -> bool {
        let is_refused = |cause: &Cause| matches!(cause, Cause::Refused { .. });
        matches!(self, Self::Record { cause, .. } if is_refused(cause))
            || matches!(self, Self::ReadWaiting { .. })
    }

    /// Whether the server is there and does not let this login in: a matter of the settings.
    pub fn is_refusal(&self) -> bool {
        if let Self::Connect {
            cause: Cause::Refused { code, .. },
        } = self
        {
            // Invalid authorisation, or no such database.
            return code.starts_with("28") || code == "3D000";
        }
        matches!(self, Self::Url { .. })
    }
}

impl Cause {
    pub(super) fn from_sqlx(error: sqlx::Error) -> Self {
        let ours = matches!(
            error,
            sqlx::Error::RowNotFound
                | sqlx::Error::TypeNotFound { .. }
                | sqlx::Error::ColumnIndexOutOfBounds { .. }
                | sqlx::Error::ColumnNotFound(_)
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::InvalidArgument(_)
                | sqlx::Error::Encode(_)
                | sqlx::Error::Decode(_)
                | sqlx::Error::Configuration(_)
        );
        let text = error.to_string();
        match error.into_database_error() {
            Some(refusal) => Self::from_refusal(&*refusal),
            None if ours => Self::Unreadable(text),
            None => Self::Unreachable(text),
        }
    }

    fn from_refusal(refusal: &dyn sqlx::error::DatabaseError) -> Self {
        let detail = refusal
            .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .and_then(|refusal| refusal.detail());
        Self::Refused {
            code: refusal.code().unwrap_or_default().into_owned(),
            message: refusal.message().to_owned(),
            constraint: refusal.constraint().map(str::to_owned),
            detail: detail.map(str::to_owned),
        }
    }

    /// The name of the violated constraint.
    pub(super) fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused { constraint, .. } => constraint.as_deref(),
            Self::Deadline(_) | Self::Unreachable(_) | Self::Unreadable(_) => None,
        }
    }

    /// Only what the rows are to blame for is permanent: SQLSTATE classes 22 (value), 23 (constraint)
    /// and 54 (too large). A missing right or table is a person's to mend; what waits must stay.
    fn is_transient(&self) -> bool {
        match self {
            Self::Deadline(_) | Self::Unreachable(_) => true,
            Self::Refused { code, .. } => !["22", "23", "54"]
                .iter()
                .any(|class| code.starts_with(class)),
            Self::Unreadable(_) => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline(limit) => write!(f, "no answer within {limit:?}"),
            Self::Refused { code, message, .. } => write!(f, "{message} (SQLSTATE {code})"),
            Self::Unreachable(text) | Self::Unreadable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Cause {}
