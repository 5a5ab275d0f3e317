//! Asks the rules, one after the other. The milter and `mailhold explain` ask in the same way.

use super::{
    Evidence, Gap, Known, Matching, Mode, Moment, Policy, ProtectedMix, RecipientPattern, Rule,
    ToWhom, Who,
    pattern::may_be_routed_on,
    rule::{Action, Quantity},
};
use crate::domain::{
    address::Address,
    envelope::{Envelope, Path},
    verdict::{Freedom, Grounds, Matched, Verdict},
};

/// What can be said once the recipients are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The verdict.
    Final(Verdict),
    /// It depends on the header field From, which has not arrived.
    AwaitsAuthor,
}

/// What one rule found in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether the senders are meant.
    pub who: Matching,
    /// The first recipient that is meant; `None` if the recipients are not.
    pub to: Option<&'a Path>,
    /// Whether it applies at this time.
    pub when: Matching,
}

impl Finding<'_> {
    /// Whether the rule as a whole matches.
    pub fn matching(&self) -> Matching {
        match (self.to, self.when) {
            (None, _) | (_, Matching::No) => Matching::No,
            (Some(_), Matching::Yes | Matching::Open) => self.who,
        }
    }
}

impl Policy {
    /// MAIL: whether any rule may hold or watch the message, whoever its recipients are.
    pub fn may_concern(&self, evidence: &Evidence) -> bool {
        let concerns = |rule: &&Rule| match rule.action {
            Action::Hold | Action::Watch => {
                rule.who.matches(evidence, rule.action, &self.folding) != Matching::No
            }
            Action::Pass => false,
        };
        self.rules.iter().any(|rule| concerns(&rule))
    }

    /// MAIL, when no rule may hold or watch the message: why it is none of our business.
    pub fn unconcerned(&self, evidence: &Evidence) -> Freedom {
        match evidence.gap {
            Gap::Unreviewed => Freedom::Unreviewed,
            Gap::None | Gap::Outage => Freedom::Unflagged,
        }
    }

    /// DATA, and again at the end of the header if the author was awaited.
    pub fn judge(&self, evidence: &Evidence, envelope: &Envelope, at: Moment) -> Judgement {
        if let Some(freedom) = self.freedom(envelope) {
            return Judgement::Final(Verdict::Free(freedom));
        }
        for finding in self.findings(evidence, envelope, at) {
            match finding.matching() {
                Matching::No => {}
                Matching::Open => return Judgement::AwaitsAuthor,
                Matching::Yes => {
                    return Judgement::Final(self.decided(finding, evidence, envelope));
                }
            }
        }
        Judgement::Final(self.undecided(evidence, envelope))
    }

    /// What every rule finds, in order. Recipients that are exempt or protected do not count.
    pub fn findings<'a>(
        &'a self,
        evidence: &'a Evidence,
        envelope: &'a Envelope,
        at: Moment,
    ) -> impl Iterator<Item = Finding<'a>> {
        let counted = self.counted(envelope);
        self.rules.iter().map(move |rule| Finding {
            rule,
            who: rule.who.matches(evidence, rule.action, &self.folding),
            to: self.meant(rule, &counted),
            when: match rule.when.includes(at) {
                true => Matching::Yes,
                false => Matching::No,
            },
        })
    }

    /// Whether a recipient is out of the house. It is internal only if every form of it is; what
    /// cannot be understood is external.
    pub fn is_external(&self, recipient: &Path) -> bool {
        // Without a domain Postfix's own form decides: `<postmaster>` becomes postmaster@$myorigin.
        let addresses = recipient.addresses();
        let mut with_domain = addresses
            .iter()
            .filter(|address| !address.domain().is_empty())
            .peekable();
        with_domain.peek().is_none() || with_domain.any(|address| !self.is_internal(address))
    }

    /// Whether a recipient's mail must not be read.
    pub fn is_protected(&self, recipient: &Path) -> bool {
        is_in(&self.protected, recipient)
    }

    /// Whether a recipient does not count.
    pub fn is_exempt(&self, recipient: &Path) -> bool {
        is_in(&self.exempt, recipient)
    }

    fn is_internal(&self, address: &Address) -> bool {
        let mut patterns = self.internal.iter();
        !may_be_routed_on(address) && patterns.any(|pattern| pattern.matches(address.domain()))
    }

    /// Why no rule is asked, if none is.
    fn freedom(&self, envelope: &Envelope) -> Option<Freedom> {
        if !self.counted(envelope).is_empty() {
            return None;
        }
        let is_protected = envelope.recipients.iter().any(|one| self.is_protected(one));
        Some(match is_protected {
            true => Freedom::Protected,
            false => Freedom::Exempt,
        })
    }

    fn counted<'a>(&self, envelope: &'a Envelope) -> Vec<&'a Path> {
        let counts = |one: &&Path| !self.is_protected(one) && !self.is_exempt(one);
        envelope.recipients.iter().filter(counts).collect()
    }

    /// The first recipient that a rule means, if it means enough of them.
    fn meant<'a>(&self, rule: &Rule, counted: &[&'a Path]) -> Option<&'a Path> {
        let is_meant = |recipient: &&&Path| match &rule.to {
            ToWhom::Any => true,
            ToWhom::External => self.is_external(recipient),
            ToWhom::Listed(list) => match rule.action.quantity() {
                Quantity::Any => {
                    let may_mean =
                        |form: &Address| list.iter().any(|one| one.may_mean(form, &self.folding));
                    recipient.addresses().iter().any(may_mean)
                }
                Quantity::All => is_in(list, recipient),
            },
        };
        match rule.action.quantity() {
            Quantity::All if !counted.iter().all(|one| is_meant(&one)) => None,
            Quantity::Any | Quantity::All => counted.iter().find(is_meant).copied(),
        }
    }

    fn decided(&self, finding: Finding<'_>, evidence: &Evidence, envelope: &Envelope) -> Verdict {
        let grounds = self.grounds(finding, evidence);
        let is_mixed = envelope.recipients.iter().any(|one| self.is_protected(one));
        match (finding.rule.action, self.mode) {
            (Action::Pass, _) => self.passed(grounds, evidence, envelope),
            // A record of it would be one of protected correspondence.
            (Action::Watch, _) | (Action::Hold, Mode::Watch) if is_mixed => {
                Verdict::Free(Freedom::Protected)
            }
            (Action::Watch, _) | (Action::Hold, Mode::Watch) => Verdict::Watch(grounds),
            (Action::Hold, Mode::Enforce) => match self.protected_mix {
                ProtectedMix::Refuse if is_mixed => Verdict::Refuse(grounds),
                ProtectedMix::Refuse | ProtectedMix::Hold => Verdict::Hold(grounds),
            },
        }
    }

    /// No rule matches.
    fn undecided(&self, evidence: &Evidence, envelope: &Envelope) -> Verdict {
        let is_internal = !envelope.recipients.iter().any(|one| self.is_external(one));
        let rule = match is_internal {
            true => "internal-only",
            false => "no-rule",
        };
        let grounds = Grounds {
            rule: rule.to_owned(),
            matched: flag_of(evidence),
        };
        self.passed(grounds, evidence, envelope)
    }

    /// Only a flagged person's mail is told of when it passes.
    fn passed(&self, grounds: Grounds, evidence: &Evidence, envelope: &Envelope) -> Verdict {
        let is_mixed = envelope.recipients.iter().any(|one| self.is_protected(one));
        match evidence.gap {
            // A line about it would be one about protected correspondence.
            _ if evidence.is_suspect() && is_mixed => Verdict::Free(Freedom::Protected),
            _ if evidence.is_suspect() => Verdict::Pass(grounds),
            Gap::Unreviewed => Verdict::Free(Freedom::Unreviewed),
            Gap::None | Gap::Outage => Verdict::Free(Freedom::Unflagged),
        }
    }

    fn grounds(&self, finding: Finding<'_>, evidence: &Evidence) -> Grounds {
        let who = &finding.rule.who;
        let meant = |one: &&Known| who.means(one, &self.folding);
        let known = evidence.known.iter().find(meant);
        let is_by_outage = evidence.gap == Gap::Outage && known.is_none() && *who != Who::Anyone;
        let rule = match is_by_outage {
            true => "directory-outage",
            false => &finding.rule.name,
        };
        let mut matched = match who {
            Who::Flagged => flag_of(evidence),
            Who::Listed(_) | Who::Group(_) | Who::Anyone => known.map(named).unwrap_or_default(),
        };
        matched.recipient = finding.to.map(Path::to_display).unwrap_or_default();
        Grounds {
            rule: rule.to_owned(),
            matched,
        }
    }
}

/// Whether every form of a recipient is in a list: a form that is not may be where the mail goes.
/// Without a domain Postfix's own form decides.
fn is_in(list: &[RecipientPattern], recipient: &Path) -> bool {
    if list.is_empty() {
        return false;
    }
    let addresses = recipient.addresses();
    let mut whole = addresses
        .iter()
        .filter(|form| !form.domain().is_empty())
        .peekable();
    whole.peek().is_some() && whole.all(|form| means(list, form))
}

fn means(list: &[RecipientPattern], form: &Address) -> bool {
    list.iter().any(|known| known.matches(form))
}

fn flag_of(evidence: &Evidence) -> Matched {
    let flagged = evidence.flagged();
    flagged.map_or_else(Matched::default, |(identity, entry)| Matched {
        identity_kind: identity.kind().to_owned(),
        identity: String::from_utf8_lossy(&identity.to_bytes()).into_owned(),
        entry: entry.name.clone(),
        flag: entry.flag.shown().to_owned(),
        recipient: String::new(),
    })
}

/// An identity that a rule means whether it is flagged or not.
fn named(one: &Known) -> Matched {
    let entry = one.standing.entries.first();
    Matched {
        identity_kind: one.identity.kind().to_owned(),
        identity: String::from_utf8_lossy(&one.identity.to_bytes()).into_owned(),
        entry: entry.map(|entry| entry.name.clone()).unwrap_or_default(),
        flag: entry
            .map(|entry| entry.flag.shown().to_owned())
            .unwrap_or_default(),
        recipient: String::new(),
    }
}

#[cfg(test)]
mod tests;
