//! Whom the settings name: domains, recipients and senders.

use crate::domain::{
    address::Address,
    folding::Folding,
    identity::Identity,
    idn::{to_ascii, to_lower},
};

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

/// A sender of the settings: `anna@corp.test`, `@sales.corp.test`, or a login such as `anna`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderPattern {
    /// This mailbox or login, in its one form (see [`Folding`]).
    Name(Vec<u8>),
    /// Every mailbox of this domain.
    Domain(DomainPattern),
}

/// A text that names no domain, recipient or sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// Not a domain.
    #[error("{0:?} is not a domain such as corp.test, or .corp.test for all below it")]
    Domain(String),
    /// Neither a mailbox nor a domain with `@` before it.
    #[error("{0:?} is neither an address such as a@b.test nor a domain such as @b.test")]
    Recipient(String),
    /// A domain with `@` before it, where a domain is meant.
    #[error("\"@{0}\" is not a domain: write \"{0}\", without @")]
    AtDomain(String),
    /// Nothing at all.
    #[error("an empty text names no sender")]
    Sender,
}

impl DomainPattern {
    /// Reads a domain of the settings.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let (name, below) = match text.strip_prefix('.') {
            Some(name) => (name, true),
            None => (text, false),
        };
        if let Some(domain) = text.strip_prefix('@') {
            return Err(BadPattern::AtDomain(domain.to_owned()));
        }
        let forbidden =
            |sign: char| sign.is_whitespace() || sign.is_control() || "@<>*/".contains(sign);
        let broken =
            name.is_empty() || name.contains(forbidden) || name.split('.').any(str::is_empty);
        if broken {
            return Err(BadPattern::Domain(text.to_owned()));
        }
        let name = String::from_utf8_lossy(&to_ascii(to_lower(name).as_bytes())).into_owned();
        Ok(if below {
            Self::Below(name)
        } else {
            Self::Exactly(name)
        })
    }

    /// Whether a domain, in any spelling, is this one or one of these.
    pub fn matches(&self, domain: &[u8]) -> bool {
        let domain = &*to_ascii(domain);
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

    /// Whether mail to an address may come to this one or one of these: also by a tag, by another
    /// name of the domain, or by a host of the domain that routes it on.
    pub fn may_mean(&self, address: &Address, folding: &Folding) -> bool {
        match self {
            Self::Mailbox(known) => folding.fold(known) == folding.fold(address),
            Self::Domain(pattern) => pattern.matches(address.domain()),
        }
    }

    /// Whether an address is surely this one or one of these. One that may be routed on is in no
    /// domain.
    pub fn matches(&self, address: &Address) -> bool {
        match self {
            Self::Mailbox(known) => {
                to_ascii(known.domain()) == to_ascii(address.domain())
                    && known.local().eq_ignore_ascii_case(address.local())
            }
            Self::Domain(pattern) => {
                !may_be_routed_on(address) && pattern.matches(address.domain())
            }
        }
    }
}

impl SenderPattern {
    /// Reads a sender of the settings.
    pub fn parse(text: &str, folding: &Folding) -> Result<Self, BadPattern> {
        match text.strip_prefix('@') {
            Some(domain) => DomainPattern::parse(domain).map(Self::Domain),
            None if text.trim().is_empty() => Err(BadPattern::Sender),
            None => Ok(Self::Name(folding.fold_login(text.as_bytes()))),
        }
    }

    /// Whether an identity is this one or one of these. A login that is no mailbox has no domain.
    pub fn matches(&self, identity: &Identity, folding: &Folding) -> bool {
        let mut folded = identity.fold(folding).into_iter();
        match self {
            Self::Name(name) => folded.any(|form| *name == form),
            Self::Domain(pattern) => {
                let is_in = |form: Vec<u8>| {
                    let at = form.iter().rposition(|byte| *byte == b'@');
                    let domain = at.and_then(|at| form.get(at + 1..));
                    domain.is_some_and(|domain| pattern.matches(domain))
                };
                folded.any(is_in) || pattern.matches(identity.domain())
            }
        }
    }
}

/// `user%elsewhere@here`, `elsewhere!user@here` and `"user@elsewhere"@here` may be routed on where
/// Postfix serves the domain: allow_percent_hack, swap_bangpath and resolve_dequoted_address are on
/// by default.
pub(super) fn may_be_routed_on(address: &Address) -> bool {
    address.local().iter().any(|byte| b"%!@".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::from_envelope(text.as_bytes()).unwrap()
    }

    #[test]
    fn odd_domains_in_the_settings_are_refused() {
        for text in ["", ".", "a..b", "a@b", "*.test", "a b"] {
            assert!(DomainPattern::parse(text).is_err(), "{text:?}");
        }
        let at = DomainPattern::parse("@corp.test").unwrap_err().to_string();
        assert_eq!(
            at,
            "\"@corp.test\" is not a domain: write \"corp.test\", without @"
        );
    }

    #[test]
    fn an_international_domain_is_the_same_in_both_spellings() {
        for (pattern, domain) in [
            ("bücher.test", "xn--bcher-kva.test"),
            ("xn--bcher-kva.test", "BÜCHER.test"),
            (".bücher.test", "shop.xn--bcher-kva.test"),
        ] {
            let domain = address(&format!("a@{domain}"));
            assert!(
                DomainPattern::parse(pattern)
                    .unwrap()
                    .matches(domain.domain()),
                "{pattern}"
            );
        }
    }

    #[test]
    fn a_sender_is_named_by_mailbox_domain_or_login() {
        let folding = Folding::new(b"+", [("corp.example.com", "corp.test")]).unwrap();
        let anna = Identity::Sender(address("Anna+x@corp.example.com"));
        let login = Identity::Login(b"Anna".to_vec());
        let matches = |text, identity| {
            let pattern = SenderPattern::parse(text, &folding).unwrap();
            pattern.matches(identity, &folding)
        };
        for named in ["anna@corp.test", "@corp.test", "@corp.example.com"] {
            assert!(matches(named, &anna), "{named}");
            assert!(!matches(named, &login), "{named}");
        }
        assert!(matches("anna", &login) && !matches("anna", &anna));
        assert!(!matches(".corp.test", &anna) && !matches("@test", &anna));
    }

    #[test]
    fn a_sender_in_capitals_is_the_same_whatever_stands_around_a_letter() {
        let folding = Folding::default();
        let pattern = SenderPattern::parse("ως.x@ΕΛΛΑΣ.test", &folding).unwrap();
        for sent in ["ΩΣ.X@ελλασ.test", "ως.x@ΕΛΛΑΣ.test", "ωσ.x@ΕΛΛΑΣ.TEST"] {
            let sender = Identity::Sender(address(sent));
            assert!(pattern.matches(&sender, &folding), "{sent}");
        }
    }

    #[test]
    fn a_login_with_its_realm_is_named_by_either() {
        let realms = ["corp.test".to_owned()];
        let folding = Folding::default().with_realms(&realms).unwrap();
        let login = Identity::Login(b"Anna@corp.test".to_vec());
        for named in ["anna", "anna@corp.test", "@corp.test"] {
            let pattern = SenderPattern::parse(named, &folding).unwrap();
            assert!(pattern.matches(&login, &folding), "{named}");
        }
    }
}
