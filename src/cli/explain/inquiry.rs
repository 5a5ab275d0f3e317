//! Goes the way of a message through the milter, step by step, without any effect.

use std::{net::IpAddr, time::Duration};

use tokio::time::Instant;

use crate::{
    directory::{self, Directory, Outage},
    domain::{
        capture::Client,
        envelope::{Envelope, Path},
        identity::Identity,
        policy::{Author, Evidence, Judgement, Matching, Moment, Policy, Submitters},
        verdict::{Freedom, Verdict},
    },
    mail::author,
    milter::intake::MOST_AUTHORS,
    telemetry::chain::Chain,
};

/// What is asked: a message as it could come.
pub struct Question {
    /// The argument of MAIL.
    pub sender: Vec<u8>,
    /// The arguments of RCPT.
    pub recipients: Vec<Vec<u8>>,
    /// The SASL login.
    pub login: Option<Vec<u8>>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Whose mail is submitted where it comes in.
    pub submitters: Submitters,
    /// The From fields; `None` if no message is given.
    pub header_from: Option<Vec<Vec<u8>>>,
    /// When it comes.
    pub at: Moment,
}

/// What the milter would work with.
pub struct Wanted<'a> {
    /// Who is flagged.
    pub directory: &'a dyn Directory,
    /// What happens while it cannot be asked.
    pub outage: Outage,
    /// The rules.
    pub policy: &'a Policy,
    /// All that the look-ups of one step may take.
    pub deadline: Duration,
}

/// What would become of the message, and what was found on the way.
pub struct Explanation {
    /// Who sends it.
    pub client: Client,
    /// From whom and to whom.
    pub envelope: Envelope,
    /// Whether it is mail of the house's own people.
    pub submitted: Submitted,
    /// What is known of the senders.
    pub evidence: Evidence,
    /// What the header field From had to say.
    pub from: HeaderFrom,
    /// Why an identity could not be looked up.
    pub failure: Option<String>,
    /// The recipients, and where each is.
    pub recipients: Vec<(String, Place)>,
    /// What every rule said, in order.
    pub rules: Vec<Ruled>,
    /// What would become of it.
    pub end: End,
}

/// Whether a message is submitted, and by what it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It comes in where all mail is submitted.
    ByListener,
    /// The client has signed in.
    ByLogin,
    /// The client's address is one of the house.
    ByNetwork,
    /// No networks are set, or the client is not known.
    InDoubt,
    /// It comes in.
    No,
}

/// What the header field From has to say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum HeaderFrom {
    /// The settings do not look at it here.
    NotAsked,
    /// It was read from the message given.
    Read,
    /// No message was given: it is taken to name the envelope sender.
    TakenAsSender,
}

/// Where a recipient is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Within the house.
    Internal,
    /// Out of the house.
    External,
    /// It does not count.
    Exempt,
    /// A protected correspondent.
    Protected,
}

/// What one rule said.
pub struct Ruled {
    /// Its name.
    pub name: String,
    /// Whether the senders are meant.
    pub who: Matching,
    /// Whether the recipients are.
    pub to: Matching,
    /// Whether it applies at this time.
    pub when: Matching,
    /// Whether it decided.
    pub decided: bool,
}

/// The end of the way.
pub enum End {
    /// The policy's word.
    Verdict(Verdict),
    /// It would be asked to come again, for this reason.
    TryAgain(String),
}

/// Asks everything that the milter would ask.
pub async fn inquire(wanted: &Wanted<'_>, question: Question) -> Explanation {
    let path = |argument: Vec<u8>| Path {
        argument,
        ..Path::default()
    };
    let client = Client {
        login: question.login.filter(|login| !login.is_empty()),
        address: question.client,
        ..Client::default()
    };
    let envelope = Envelope {
        sender: path(question.sender),
        recipients: question.recipients.into_iter().map(path).collect(),
    };
    let policy = wanted.policy;
    let mut explanation = Explanation {
        submitted: submitted(policy, &client, question.submitters),
        recipients: places(policy, &envelope),
        evidence: Evidence::default(),
        from: HeaderFrom::NotAsked,
        failure: None,
        rules: Vec::new(),
        end: End::Verdict(Verdict::Free(Freedom::Incoming)),
        client,
        envelope,
    };
    if explanation.submitted != Submitted::No {
        let end = judge(wanted, &mut explanation, question.header_from, question.at).await;
        explanation.end = end.unwrap_or_else(End::TryAgain);
    }
    explanation
}

/// The verdict, or why the message would be asked to come again.
async fn judge(
    wanted: &Wanted<'_>,
    explanation: &mut Explanation,
    header_from: Option<Vec<Vec<u8>>>,
    at: Moment,
) -> Result<End, String> {
    let policy = wanted.policy;
    let login = explanation.client.login.clone();
    let identities = Identity::of(login.as_deref(), &explanation.envelope.sender);
    add_known(wanted, explanation, identities).await?;
    explanation.evidence.author = policy.author(&explanation.client);
    let mut judgement = policy.judge(&explanation.evidence, &explanation.envelope, at);
    if judgement == Judgement::AwaitsAuthor {
        let authors = authors(explanation, header_from)?;
        explanation.evidence.author = Author::Settled;
        add_known(wanted, explanation, authors).await?;
        judgement = policy.judge(&explanation.evidence, &explanation.envelope, at);
    }
    explanation.rules = ruled(policy, &explanation.evidence, &explanation.envelope, at);
    match judgement {
        Judgement::Final(verdict) => Ok(End::Verdict(verdict)),
        // Nothing is awaited any more.
        Judgement::AwaitsAuthor => Err("the header field From is missing".to_owned()),
    }
}

fn authors(
    explanation: &mut Explanation,
    header_from: Option<Vec<Vec<u8>>>,
) -> Result<Vec<Identity>, String> {
    let authors = match header_from {
        Some(fields) => {
            explanation.from = HeaderFrom::Read;
            author::authors(&fields, MOST_AUTHORS)
        }
        None => {
            explanation.from = HeaderFrom::TakenAsSender;
            explanation.envelope.sender.addresses()
        }
    };
    if authors.len() > MOST_AUTHORS {
        return Err(format!("the header names more than {MOST_AUTHORS} authors"));
    }
    Ok(authors.into_iter().map(Identity::Author).collect())
}

async fn add_known(
    wanted: &Wanted<'_>,
    explanation: &mut Explanation,
    identities: Vec<Identity>,
) -> Result<(), String> {
    let deadline = Instant::now() + wanted.deadline;
    let law = (wanted.policy, wanted.outage);
    let evidence = &mut explanation.evidence;
    let known = directory::add_known(wanted.directory, law, identities, deadline, evidence).await;
    let (failure, end) = match known {
        Ok(None) => return Ok(()),
        Ok(Some(error)) => (Chain(&error).to_string(), Ok(())),
        Err(error) => (Chain(&error).to_string(), Err(())),
    };
    explanation.failure = Some(failure.clone());
    end.map_err(|()| failure)
}

fn submitted(policy: &Policy, client: &Client, submitters: Submitters) -> Submitted {
    if !policy.networks.submitted(client, submitters) {
        return Submitted::No;
    }
    match (submitters, &client.login) {
        (Submitters::All, _) => Submitted::ByListener,
        (Submitters::ByClient, Some(_)) => Submitted::ByLogin,
        (Submitters::ByClient, None) => match (policy.networks.list(), client.address) {
            (Some(_), Some(_)) => Submitted::ByNetwork,
            (None, _) | (_, None) => Submitted::InDoubt,
        },
    }
}

fn places(policy: &Policy, envelope: &Envelope) -> Vec<(String, Place)> {
    let place = |recipient: &Path| {
        if policy.is_protected(recipient) {
            Place::Protected
        } else if policy.is_exempt(recipient) {
            Place::Exempt
        } else if policy.is_external(recipient) {
            Place::External
        } else {
            Place::Internal
        }
    };
    let recipients = envelope.recipients.iter();
    recipients
        .map(|one| (one.to_display(), place(one)))
        .collect()
}

fn ruled(policy: &Policy, evidence: &Evidence, envelope: &Envelope, at: Moment) -> Vec<Ruled> {
    let mut is_open = true;
    let findings = policy.findings(evidence, envelope, at);
    let ruled = findings.map(|finding| {
        let matches = finding.matching() == Matching::Yes;
        let decided = is_open && matches;
        is_open &= !matches;
        Ruled {
            name: finding.rule.name.clone(),
            who: finding.who,
            to: match finding.to {
                Some(_) => Matching::Yes,
                None => Matching::No,
            },
            when: finding.when,
            decided,
        }
    });
    ruled.collect()
}
