//! Goes the way of a message through the milter, step by step, without any effect.

use std::{net::IpAddr, time::Duration};

use tokio::time::Instant;

use crate::{
    directory::{self, Directory, Outage},
    domain::{
        capture::Client,
        envelope::{Envelope, Path},
        identity::Identity,
        person::Standing,
        policy::{Author, Evidence, Judgement, Known, Matching, Moment, Policy, Submitters},
        verdict::{Freedom, Verdict},
    },
    mail::author,
    milter::intake::MOST_AUTHORS,
    telemetry::chain::Chain,
};

/// What is asked: a message as it could come.
pub struct Question {
    pub sender: Vec<u8>,
    pub recipients: Vec<Vec<u8>>,
    pub login: Option<Vec<u8>>,
    pub client: Option<IpAddr>,
    pub submitters: Submitters,
    /// The From fields; `None` if no message is given.
    pub header_from: Option<Vec<Vec<u8>>>,
    pub at: Moment,
}

/// What the milter would work with.
pub struct Wanted<'a> {
    pub directory: &'a dyn Directory,
    pub outage: Outage,
    pub policy: &'a Policy,
    pub deadline: Duration,
}

/// What would become of the message, and what was found on the way.
pub struct Explanation {
    pub client: Client,
    pub envelope: Envelope,
    /// Whether it is mail of the house's own people.
    pub submitted: Submitted,
    pub evidence: Evidence,
    pub from: HeaderFrom,
    /// Why an identity could not be looked up.
    pub failure: Option<String>,
    pub recipients: Vec<(String, Place)>,
    pub rules: Vec<Ruled>,
    pub end: End,
}

/// Whether a message is submitted, and by what it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    ByListener,
    ByLogin,
    ByNetwork,
    /// No networks are set, or the client is not known.
    InDoubt,
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
    Internal,
    External,
    Exempt,
    Protected,
}

/// What one rule said.
pub struct Ruled {
    pub name: String,
    pub who: Matching,
    pub to: Matching,
    pub when: Matching,
    /// Whether it decided.
    pub decided: bool,
}

/// The end of the way.
pub enum End {
    Verdict(Verdict),
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
    if policy.author(&explanation.client) == Author::Awaited {
        let authors = match header_from {
            Some(fields) => {
                explanation.from = HeaderFrom::Read;
                author::authors(&fields)
            }
            None => {
                explanation.from = HeaderFrom::TakenAsSender;
                explanation.envelope.sender.addresses()
            }
        };
        if authors.len() > MOST_AUTHORS {
            return Err(format!("the header names {} authors", authors.len()));
        }
        let authors = authors.into_iter().map(Identity::Author).collect();
        add_known(wanted, explanation, authors).await?;
    }
    let Explanation {
        evidence, envelope, ..
    } = explanation;
    let verdict = match policy.judge(evidence, envelope, at) {
        Judgement::Final(verdict) => verdict,
        // Nothing is awaited any more.
        Judgement::AwaitsAuthor => return Err("the header field From is missing".to_owned()),
    };
    explanation.rules = ruled(policy, evidence, envelope, at);
    Ok(End::Verdict(verdict))
}

async fn add_known(
    wanted: &Wanted<'_>,
    explanation: &mut Explanation,
    identities: Vec<Identity>,
) -> Result<(), String> {
    if !wanted.policy.needs_directory() {
        let unasked = |identity| Known {
            identity,
            standing: Standing::default(),
        };
        explanation
            .evidence
            .known
            .extend(identities.into_iter().map(unasked));
        return Ok(());
    }
    let deadline = Instant::now() + wanted.deadline;
    let answers = directory::look_up(wanted.directory, identities, deadline).await;
    let evidence = &mut explanation.evidence;
    evidence.known.extend(answers.known);
    let Some(error) = answers.failure else {
        return Ok(());
    };
    let text = Chain(&error).to_string();
    explanation.failure = Some(text.clone());
    if evidence.flagged().is_none() {
        evidence.gap = wanted.outage.gap(&error).ok_or(text)?;
    }
    Ok(())
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
