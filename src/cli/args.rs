//! What can be typed.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use chrono::NaiveDateTime;
use clap::{Args, Parser, Subcommand};

use crate::{
    config::value,
    domain::{instance::Instance, queue_id::QueueId, rights::DeskRole},
    store::reviews::ReviewKey,
};

/// Reviews outgoing mail before it leaves a Postfix server.
///
/// A milter holds what flagged people send out of the house, a person decides in a browser or with
/// `mailhold reviews`, and a worker carries the decision out. Start with `mailhold check`.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Exit codes: 0 done, 1 a decision was refused (another one stands), 64 usage, 66 no such review,
69 a service is away, 70 own fault, 77 not allowed, 78 fault in the configuration."
)]
pub struct Arguments {
    /// The configuration file
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "/etc/mailhold/mailhold.toml",
        global = true
    )]
    pub config: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Serve Postfix: capture what flagged people send out, and quarantine it
    Milter,
    /// Carry decisions out: confirm, release, discard and return held messages
    Worker,
    /// Take held messages apart for the review desk; needs nothing but the database
    Outline,
    /// Serve the review desk to browsers
    Web,
    /// The child of `mailhold outline` that reads one message after the other
    #[command(hide = true)]
    OutlineReader(ReaderArguments),
    /// List, show and decide held messages
    #[command(after_help = "\
Examples:
  mailhold reviews list                          what waits for a decision
  mailhold reviews show 4jWkMG56f7z1j            headers and facts; --content for all of it
  mailhold reviews release 4jWkMG56f7z1j --as anna@example.com
  mailhold reviews return 4jWkMG56f7z1j 4jWkMG6z3Vz1k --as anna@example.com --note 'wrong customer'")]
    Reviews(ReviewsArguments),
    /// List mail on hold that nobody captured, and adopt it for review
    #[command(after_help = "\
Examples:
  mailhold strays list                           name, age and size; nobody has read them
  mailhold strays adopt 4jWkMG56f7z1j --as ops@example.com --note 'held by another milter'")]
    Strays(StraysArguments),
    /// Tell whether the record of what people did is whole
    #[command(after_help = "\
Examples:
  mailhold audit verify                       every entry, from the first to the last
  mailhold audit head >> /media/kept/heads    the end of the record, to keep elsewhere
  mailhold audit verify --head /media/kept/heads
  mailhold audit export --after 4711          for other programs: JSON, one entry a line

Exit codes: 0 the record is sound, 1 it is broken, 66 no kept head can be read or there is no such
entry, 69 PostgreSQL is away, 78 fault in the configuration.")]
    Audit(AuditArguments),
    /// Make a line of the password file from a password on standard input
    #[command(after_help = "\
Example:
  mailhold password rita --role reviewer --address rita@example.com >> /etc/mailhold/passwords")]
    Password(PasswordArguments),
    /// Show how much would have been held: the figures of what was only watched
    #[command(after_help = "\
Examples:
  mailhold watched                          the last 7 days
  mailhold watched --since 24h --senders    the last day, and whose mail it was")]
    Watched(WatchedArguments),
    /// Bring the database schema to the version of this program
    Migrate(MigrateArguments),
    /// Check the configuration file: every fault with its line; --live: the servers too
    #[command(after_help = "\
Examples:
  mailhold check                    the file alone; no server is asked
  mailhold check --live             Postfix, directory, database, this host; run it as root
  mailhold check --print-postfix    the lines for main.cf of this host

Exit codes: 0 nothing fails (warnings may be there), 69 a service could not be asked,
78 something must be changed. What each check means: docs/operations.md.")]
    Check(CheckArguments),
    /// Tell what would become of a mail, and why; nothing is sent, held or recorded
    #[command(after_help = "\
Examples:
  mailhold explain --from anna@example.com --to bob@partner.test
  mailhold explain --from anna@example.com --to bob@partner.test --login anna --client 192.0.2.7
  mailhold explain --from '<>' --to bob@partner.test --eml mail.eml --at '2026-11-28 22:00'")]
    Explain(ExplainArguments),
}

/// `mailhold outline-reader`
#[derive(Args)]
pub struct ReaderArguments {
    /// The address space that it may use, in bytes
    pub memory_bytes: u64,
}

/// `mailhold check`
#[derive(Args)]
pub struct CheckArguments {
    /// Ask the servers too: one line for each check, with its cure unless it is ok
    #[arg(long)]
    pub live: bool,
    /// One JSON object per check
    #[arg(long, requires = "live")]
    pub json: bool,
    /// Print the main.cf lines for this host; changes nothing
    #[arg(long, conflicts_with = "live")]
    pub print_postfix: bool,
}

/// `mailhold explain`
#[derive(Args)]
pub struct ExplainArguments {
    /// The envelope sender with its domain; '<>' for the null sender
    #[arg(long, value_name = "ADDRESS", value_parser = sender)]
    pub from: String,
    /// An envelope recipient with its domain; may be given several times
    #[arg(long, value_name = "ADDRESS", required = true, value_parser = recipient)]
    pub to: Vec<String>,
    /// The SASL login, if the client signs in
    #[arg(long, value_name = "LOGIN")]
    pub login: Option<String>,
    /// The client's address
    #[arg(long, value_name = "ADDRESS")]
    pub client: Option<IpAddr>,
    /// The mail comes in where all mail is submitted (submitted = "all"), as from sendmail
    #[arg(long)]
    pub submission: bool,
    /// The message, for its header field From; - reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub eml: Option<PathBuf>,
    /// The local time at which it comes, such as '2026-11-28 22:00'; else now
    #[arg(long, value_name = "TIME", value_parser = local_time)]
    pub at: Option<NaiveDateTime>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

fn sender(text: &str) -> Result<String, String> {
    match text {
        "" | "<>" => Ok(text.to_owned()),
        text => recipient(text),
    }
}

fn recipient(text: &str) -> Result<String, String> {
    match text.contains('@') {
        true => Ok(text.to_owned()),
        false => Err("has no domain: write it as Postfix completes it, with $myorigin".to_owned()),
    }
}

fn local_time(text: &str) -> Result<NaiveDateTime, String> {
    let read = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M");
    read.map_err(|_| "is no time such as '2026-11-28 22:00'".to_owned())
}

/// `mailhold audit`
#[derive(Args)]
pub struct AuditArguments {
    /// What to do with the record
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// The commands of `mailhold audit`.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Compare every entry with its seal: nothing was changed, taken away, put in or moved
    Verify(VerifyArguments),
    /// Print number, seal and time of the last entry, one line to keep elsewhere
    Head,
    /// Print entries as JSON, one on a line, for a system that keeps or searches logs
    Export(ExportArguments),
}

/// `mailhold audit export`
#[derive(Args)]
pub struct ExportArguments {
    /// Only entries behind this number, the last one of the export before
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub after: i64,
}

/// `mailhold audit verify`
#[derive(Args)]
pub struct VerifyArguments {
    /// Lines that `mailhold audit head` has printed; they show when the last entries are gone
    #[arg(long, value_name = "FILE")]
    pub head: Option<PathBuf>,
}

/// `mailhold password`
#[derive(Args)]
pub struct PasswordArguments {
    /// The name to sign in with
    pub login: String,
    /// reviewer, auditor or administrator; may be given several times
    #[arg(long = "role", value_name = "ROLE", required = true)]
    pub roles: Vec<DeskRole>,
    /// An address of this person, whose own mail is nobody's to review; may be given several times
    #[arg(long = "address", value_name = "ADDRESS", required = true)]
    pub addresses: Vec<String>,
}

/// `mailhold watched`
#[derive(Args)]
pub struct WatchedArguments {
    /// How far to look back, such as 24h or 30d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = value::duration)]
    pub since: Duration,
    /// Also show whose mail it was, busiest first, 20 at most
    #[arg(long)]
    pub senders: bool,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `mailhold migrate`
#[derive(Args)]
pub struct MigrateArguments {
    /// Also make the logins of milter, worker, outline, web and reviews, with the passwords of
    /// their sections
    #[arg(long)]
    pub create_roles: bool,
}

/// `mailhold reviews`
#[derive(Args)]
pub struct ReviewsArguments {
    /// What to do with reviews
    #[command(subcommand)]
    pub command: ReviewsCommand,
}

/// The commands of `mailhold reviews`.
#[derive(Subcommand)]
pub enum ReviewsCommand {
    /// List messages, by default those that wait for a decision, oldest first
    List(ListArguments),
    /// Show all that is known of messages, without their content
    Show(ShowArguments),
    /// Let messages go to their recipients
    Release(DecideArguments),
    /// Remove messages; nobody is told
    Discard(DecideArguments),
    /// Give messages back to their senders with a bounce
    Return(DecideArguments),
}

/// `mailhold reviews list`
#[derive(Args)]
pub struct ListArguments {
    /// Messages in any state, newest first
    #[arg(long)]
    pub all: bool,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `mailhold reviews show`
#[derive(Args)]
pub struct ShowArguments {
    /// Capture IDs or queue IDs (instance/queue-ID where several instances share a database)
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<ReviewKey>,
    /// Write the whole message as it was captured to standard output, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub content: bool,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `mailhold reviews release`, `discard` and `return`
#[derive(Args)]
pub struct DecideArguments {
    /// Capture IDs or queue IDs
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<ReviewKey>,
    /// Who decides: one of the reviewers of the configuration
    #[arg(long = "as", value_name = "REVIEWER")]
    pub reviewer: String,
    /// Why, for whoever looks later
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `mailhold strays`
#[derive(Args)]
pub struct StraysArguments {
    /// What to do with strays
    #[command(subcommand)]
    pub command: StraysCommand,
}

/// The commands of `mailhold strays`.
#[derive(Subcommand)]
pub enum StraysCommand {
    /// List mail on hold that nobody captured, oldest first
    List(StrayListArguments),
    /// Have a stray captured, so that reviewers see and decide it
    Adopt(AdoptArguments),
}

/// `mailhold strays list`
#[derive(Args)]
pub struct StrayListArguments {
    /// Also those that are none any more, newest first
    #[arg(long)]
    pub all: bool,
    /// At most this many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// One JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `mailhold strays adopt`
#[derive(Args)]
pub struct AdoptArguments {
    /// The queue ID (instance/queue-ID where several instances share a database)
    #[arg(value_name = "QUEUE_ID", value_parser = stray_key)]
    pub key: StrayKey,
    /// Who adopts: one of the administrators of the configuration
    #[arg(long = "as", value_name = "ADMINISTRATOR")]
    pub administrator: String,
    /// Why, for whoever looks later
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// The name of a stray.
#[derive(Clone, Debug)]
pub struct StrayKey {
    /// Where it is on hold, if that was said.
    pub instance: Option<Instance>,
    /// The queue file's name.
    pub queue_id: QueueId,
}

fn stray_key(text: &str) -> Result<StrayKey, String> {
    match text.parse() {
        Ok(ReviewKey::Queue(instance, queue_id)) => Ok(StrayKey { instance, queue_id }),
        Ok(ReviewKey::Capture(_)) | Err(_) => {
            Err("is neither a long queue ID nor instance/queue-ID".to_owned())
        }
    }
}
