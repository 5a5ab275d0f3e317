//! Which mail of a flagged person is held: outgoing mail, unless all its recipients are exempt.

use super::{
    address::Address,
    envelope::{Envelope, Path},
    person::Suspicion,
    verdict::{Grounds, Matched, Verdict},
};

/// Holds what a flagged person sends out of the house.
#[derive(Clone, Debug)]
pub struct Policy {
    internal: Vec<DomainPattern>,
    exempt: Vec<RecipientPattern>,
}

/// A domain of the settings: `corp.test`, or `.corp.test` for all domains below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainPattern {
    /// This very domain.
    Exactly(String),
    /// All domains below this one, not the domain itself (Postfix's `.domain` notation).
    Below(String),
}

/// A recipient of the settings: `doctor@clinic.test`, or `@clinic.test` for the whole domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientPattern {
    /// This very mailbox.
    Mailbox(Address),
    /// Every mailbox of this domain.
    Domain(DomainPattern),
}

/// A text that names no domain or recipient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Not a domain.
    #[error("{0:?} is not a domain such as corp.test, or .corp.test for all below it")]
    Domain(String),
    /// Neither a mailbox nor a domain with `@` before it.
    #[error("{0:?} is neither an address such as a@b.test nor a domain such as @b.test")]
    Recipient(String),
}

impl Policy {
    /// Takes the domains of the house and the recipients whose mail is never held.
    pub fn new(internal: Vec<DomainPattern>, exempt: Vec<RecipientPattern>) -> Self {
        Self { internal, exempt }
    }

    /// The verdict on a suspected message whose recipients are all known.
    pub fn judge(&self, suspicion: &Suspicion, envelope: &Envelope) -> Verdict {
        let external = envelope
            .recipients
            .iter()
            .find(|recipient| self.is_external(recipient));
        let Some(external) = external else {
            return Verdict::Pass(grounds("internal-only", suspicion, None));
        };
        if envelope
            .recipients
            .iter()
            .all(|recipient| self.is_exempt(recipient))
        {
            return Verdict::Pass(grounds("exempt-recipients", suspicion, None));
        }
        let rule = match suspicion {
            Suspicion::Flagged { .. } => "flagged-external",
            Suspicion::DirectoryOutage => "directory-outage",
        };
        Verdict::Hold(grounds(rule, suspicion, Some(external)))
    }

    /// A recipient is internal only if every form of it is; what cannot be understood is external.
    fn is_external(&self, recipient: &Path) -> bool {
        // Without a domain Postfix's own form decides: `<postmaster>` becomes postmaster@$myorigin.
        let addresses = recipient.addresses();
        let mut with_domain = addresses
            .iter()
            .filter(|a| !a.domain().is_empty())
            .peekable();
        with_domain.peek().is_none() || with_domain.any(|address| !self.is_internal(address))
    }

    fn is_internal(&self, address: &Address) -> bool {
        let matches = |pattern: &DomainPattern| pattern.matches(address.domain());
        !may_be_routed_on(address) && self.internal.iter().any(matches)
    }

    fn is_exempt(&self, recipient: &Path) -> bool {
        let addresses = recipient.addresses();
        let matches = |address: &Address| self.exempt.iter().any(|known| known.matches(address));
        !addresses.is_empty() && addresses.iter().all(matches)
    }
}

/// `user%elsewhere@here`, `elsewhere!user@here` and `"user@elsewhere"@here` may be routed on where
/// Postfix serves the domain: allow_percent_hack, swap_bangpath and resolve_dequoted_address are on
/// by default.
fn may_be_routed_on(address: &Address) -> bool {
    address.local().iter().any(|byte| b"%!@".contains(byte))
}

fn grounds(rule: &str, suspicion: &Suspicion, recipient: Option<&Path>) -> Grounds {
    let recipient = recipient.map(Path::to_display).unwrap_or_default();
    let matched = match suspicion {
        Suspicion::Flagged { identity, entry } => Matched {
            identity_kind: identity.kind().to_owned(),
            identity: String::from_utf8_lossy(&identity.to_bytes()).into_owned(),
            entry: entry.name.clone(),
            flag: entry.flag.shown().to_owned(),
            recipient,
        },
        Suspicion::DirectoryOutage => Matched {
            recipient,
            ..Matched::default()
        },
    };
    Grounds {
        rule: rule.to_owned(),
        matched,
    }
}

impl DomainPattern {
    /// Reads a domain of the settings.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let (name, below) = match text.strip_prefix('.') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let forbidden =
            |sign: char| sign.is_whitespace() || sign.is_control() || "@<>*/".contains(sign);
        let broken =
            name.is_empty() || name.contains(forbidden) || name.split('.').any(str::is_empty);
        if broken {
            return Err(BadPattern::Domain(text.to_owned()));
        }
        let name = name.to_lowercase();
        Ok(if below {
            Self::Below(name)
        } else {
            Self::Exactly(name)
        })
    }

    fn matches(&self, domain: &[u8]) -> bool {
        match self {
            Self::Exactly(name) => domain == name.as_bytes(),
            Self::Below(name) => domain
                .strip_suffix(name.as_bytes())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with(b".")),
        }
    }
}

impl RecipientPattern {
    /// Reads an exempt recipient of the settings.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern::Recipient(text.to_owned());
        if let Some(domain) = text.strip_prefix('@') {
            return DomainPattern::parse(domain)
                .map(Self::Domain)
                .map_err(|_| bad());
        }
        let address = Address::from_envelope(text.as_bytes()).ok_or_else(bad)?;
        if address.domain().is_empty() || address.local().is_empty() {
            return Err(bad());
        }
        Ok(Self::Mailbox(address))
    }

    fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Mailbox(known) => {
                known.domain() == address.domain()
                    && known.local().eq_ignore_ascii_case(address.local())
            }
            Self::Domain(pattern) => {
                !may_be_routed_on(address) && pattern.matches(address.domain())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        identity::Identity,
        person::{Entry, Flag, FlagReading},
    };
    use std::sync::Arc;

    fn policy() -> Policy {
        Policy::new(
            vec![
                DomainPattern::parse("corp.test").unwrap(),
                DomainPattern::parse(".corp.test").unwrap(),
            ],
            vec![
                RecipientPattern::parse("doctor@clinic.test").unwrap(),
                RecipientPattern::parse("@lawyer.test").unwrap(),
            ],
        )
    }

    fn path(argument: &str, rewritten: Option<&str>) -> Path {
        Path {
            argument: argument.as_bytes().to_vec(),
            parameters: Vec::new(),
            rewritten: rewritten.map(|form| form.as_bytes().to_vec()),
        }
    }

    fn rule(recipients: Vec<Path>) -> String {
        let sender = path("<anna@corp.test>", None);
        let suspicion = Suspicion::Flagged {
            identity: Identity::of(None, &sender).remove(0),
            entry: Arc::new(Entry {
                name: "uid=anna".into(),
                flag: Flag::Raised {
                    shown: "Y".into(),
                    reading: FlagReading::Known,
                },
                groups: Vec::new(),
            }),
        };
        match policy().judge(&suspicion, &Envelope { sender, recipients }) {
            Verdict::Hold(grounds) => {
                format!("hold {} {}", grounds.rule, grounds.matched.recipient)
            }
            Verdict::Pass(grounds) => format!("pass {}", grounds.rule),
        }
    }

    #[test]
    fn one_external_recipient_among_internal_ones_holds_the_mail() {
        let held = rule(vec![
            path("<a@corp.test>", None),
            path("<b@elsewhere.test>", None),
        ]);
        assert_eq!(held, "hold flagged-external b@elsewhere.test");
    }

    #[test]
    fn mail_within_the_house_passes() {
        assert_eq!(
            rule(vec![
                path("<a@CORP.test>", None),
                path("<b@x.corp.test>", None)
            ]),
            "pass internal-only"
        );
        assert_eq!(
            rule(vec![path("<postmaster>", Some("postmaster@corp.test"))]),
            "pass internal-only"
        );
    }

    #[test]
    fn a_domain_that_only_ends_alike_is_external() {
        assert!(rule(vec![path("<a@evilcorp.test>", None)]).starts_with("hold"));
    }

    #[test]
    fn a_routed_address_is_external_whatever_its_domain() {
        for dodge in [
            "<a%elsewhere.test@corp.test>",
            "<elsewhere.test!a@corp.test>",
            "<\"a@elsewhere.test\"@corp.test>",
        ] {
            assert!(rule(vec![path(dodge, None)]).starts_with("hold"), "{dodge}");
        }
    }

    #[test]
    fn a_recipient_that_nobody_understands_is_external() {
        for odd in ["<postmaster>", "<>", "<@>", "<a@[192.0.2.1]>"] {
            assert!(rule(vec![path(odd, None)]).starts_with("hold"), "{odd}");
        }
    }

    #[test]
    fn a_mail_is_exempt_only_when_all_its_recipients_are() {
        let doctor = || path("<Doctor@clinic.test>", None);
        assert_eq!(
            rule(vec![doctor(), path("<any@lawyer.test>", None)]),
            "pass exempt-recipients"
        );
        assert!(rule(vec![doctor(), path("<b@elsewhere.test>", None)]).starts_with("hold"));
    }

    #[test]
    fn a_routed_address_is_not_exempt_by_its_domain() {
        for dodge in [
            "<a%elsewhere.test@lawyer.test>",
            "<elsewhere.test!a@lawyer.test>",
            "<\"a@elsewhere.test\"@lawyer.test>",
        ] {
            assert!(rule(vec![path(dodge, None)]).starts_with("hold"), "{dodge}");
        }
    }

    #[test]
    fn odd_domains_in_the_settings_are_refused() {
        for text in ["", ".", "a..b", "a@b", "*.test", "a b"] {
            assert!(DomainPattern::parse(text).is_err(), "{text:?}");
        }
    }
}
