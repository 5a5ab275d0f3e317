//! The one form of a mailbox that has many spellings: case, tags, other names of a domain, IDN.
//!
//! A flagged person must not become a stranger by writing the same mailbox in another way. Both
//! sides are folded: what a message says, and what the directory has.

use std::collections::BTreeMap;

use super::{
    address::Address,
    idn::{parse_domain, to_ascii, to_lower, to_unicode},
};

/// Which spellings of a mailbox mean the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folding {
    /// The signs that begin a tag in a local part (`anna+news@corp.test`); none: there are no tags.
    tags: Vec<u8>,
    /// Other names of domains, each with the name that it means; all in ASCII.
    aliases: BTreeMap<String, String>,
    /// Realms of SASL: a login with one of them is the same as without; all in ASCII.
    realms: Vec<String>,
}

/// Names of domains that cannot be folded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDomain {
    /// Not a domain.
    #[error("{0:?} is not a domain such as corp.test")]
    Text(String),
    /// An alias that is named twice.
    #[error("{0:?} means two domains: name one")]
    TwoMeanings(String),
    /// An alias that leads back to itself.
    #[error(
        "{0:?} means itself, by way of the others: name one of them as the domain that is meant"
    )]
    Circle(String),
}

impl Default for Folding {
    /// Tags begin with `+`, as Postfix's `recipient_delimiter` is most often set; no domain has
    /// another name.
    fn default() -> Self {
        Self {
            tags: vec![b'+'],
            aliases: BTreeMap::new(),
            realms: Vec::new(),
        }
    }
}

impl Folding {
    /// Takes the signs that begin a tag, and pairs of a domain and the one that it means.
    ///
    /// # Errors
    /// A text that is no domain, and names that mean each other or two domains.
    pub fn new<'a>(
        tags: &[u8],
        aliases: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, BadDomain> {
        let mut direct = BTreeMap::new();
        for (alias, meant) in aliases {
            let (alias, meant) = (named(alias)?, named(meant)?);
            if direct.insert(alias.clone(), meant).is_some() {
                return Err(BadDomain::TwoMeanings(alias));
            }
        }
        let last = |alias: &String| {
            let mut meant = alias;
            // An alias of an alias means the last.
            for _ in 0..=direct.len() {
                match direct.get(meant) {
                    Some(next) => meant = next,
                    None => return Ok((alias.clone(), meant.clone())),
                }
            }
            Err(BadDomain::Circle(alias.clone()))
        };
        let aliases = direct.keys().map(last).collect::<Result<_, _>>()?;
        Ok(Self {
            tags: tags.to_vec(),
            aliases,
            realms: Vec::new(),
        })
    }

    /// The same with realms of SASL.
    ///
    /// # Errors
    /// A text that is no domain.
    pub fn with_realms(self, realms: &[String]) -> Result<Self, BadDomain> {
        let realms = realms.iter().map(|realm| named(realm));
        let realms = realms.collect::<Result<_, _>>()?;
        Ok(Self { realms, ..self })
    }

    /// The one form of a mailbox: lower case, without tag, its domain in ASCII and by its first name.
    pub fn fold(&self, address: &Address) -> Vec<u8> {
        let domain = to_ascii(address.domain());
        let domain = self.meant_by(&domain);
        joined(&lower(self.untagged(address.local())), domain)
    }

    /// The one form of a SASL login as it stands in a list: like a mailbox if it is one, else in lower
    /// case.
    pub fn fold_login(&self, login: &[u8]) -> Vec<u8> {
        match Address::from_envelope(login) {
            Some(address) if !address.domain().is_empty() => self.fold(&address),
            _ => lower(login),
        }
    }

    /// Every spelling under which a directory may have this mailbox, the given one first. A search
    /// there compares without case, but knows nothing of tags, aliases and IDN.
    pub fn spellings(&self, address: &Address) -> Vec<Vec<u8>> {
        let ascii = to_ascii(address.domain());
        let mut domains = vec![address.domain().to_vec(), ascii.to_vec()];
        let meant = self.meant_by(&ascii);
        domains.push(meant.to_vec());
        let others = self.aliases.iter().filter(|(_, of)| of.as_bytes() == meant);
        domains.extend(others.map(|(alias, _)| alias.clone().into_bytes()));
        let unicode: Vec<_> = domains.iter().filter_map(|name| to_unicode(name)).collect();
        domains.extend(unicode);
        let local = address.local();
        let mut spellings: Vec<Vec<u8>> = Vec::new();
        for local in [local, self.untagged(local)] {
            for domain in &domains {
                let spelling = joined(local, domain);
                if !spellings.contains(&spelling) {
                    spellings.push(spelling);
                }
            }
        }
        spellings
    }

    /// A SASL login without its realm; `None` if it has none. Where a client may write the realm or
    /// leave it out, both are the same account (Cyrus SASL, `sasl_checkpass`).
    pub fn without_realm<'a>(&self, login: &'a [u8]) -> Option<&'a [u8]> {
        let at = login.iter().rposition(|byte| *byte == b'@')?;
        let realm = to_ascii(login.get(at + 1..)?);
        let is_realm = self.realms.iter().any(|known| known.as_bytes() == &*realm);
        login.get(..at).filter(|user| is_realm && !user.is_empty())
    }

    /// As [`Folding::spellings`], for a SASL login, which need not be a mailbox.
    pub fn login_spellings(&self, login: &[u8]) -> Vec<Vec<u8>> {
        let mut spellings = vec![login.to_vec()];
        spellings.extend(self.without_realm(login).map(<[u8]>::to_vec));
        if let Some(address) = Address::from_envelope(login)
            && !address.domain().is_empty()
        {
            let further = self.spellings(&address).into_iter();
            spellings.extend(further.filter(|spelling| spelling != login));
        }
        spellings
    }

    /// Where these spellings may have a tag: what stands before and after it, each pair once. For a
    /// search of mailboxes that have one in the directory.
    pub fn tag_places(&self, spellings: &[Vec<u8>]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut places = Vec::new();
        for spelling in spellings {
            let at = spelling.iter().rposition(|byte| *byte == b'@');
            let parts = at.and_then(|at| spelling.split_at_checked(at));
            let Some((local, domain)) = parts else {
                continue;
            };
            for tag in &self.tags {
                let place = ([self.untagged(local), &[*tag]].concat(), domain.to_vec());
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        places
    }

    fn meant_by<'a>(&'a self, domain: &'a [u8]) -> &'a [u8] {
        let name = std::str::from_utf8(domain).ok();
        let meant = name.and_then(|name| self.aliases.get(name));
        meant.map_or(domain, String::as_bytes)
    }

    /// A tag needs a name before it: `+x@corp.test` is a mailbox of its own.
    fn untagged<'a>(&self, local: &'a [u8]) -> &'a [u8] {
        let at = local.iter().position(|byte| self.tags.contains(byte));
        at.filter(|at| *at > 0)
            .and_then(|at| local.get(..at))
            .unwrap_or(local)
    }
}

fn named(text: &str) -> Result<String, BadDomain> {
    parse_domain(text).ok_or_else(|| BadDomain::Text(text.to_owned()))
}

/// The sigma of the end of a word is the other one's twin: in capitals they are one letter.
fn lower(local: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(local) {
        Ok(text) => to_lower(text).replace('\u{3c2}', "\u{3c3}").into_bytes(),
        Err(_) => local.to_ascii_lowercase(),
    }
}

fn joined(local: &[u8], domain: &[u8]) -> Vec<u8> {
    if domain.is_empty() {
        return local.to_vec();
    }
    [local, b"@", domain].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folding() -> Folding {
        let aliases = [
            ("corp.example.com", "corp.test"),
            ("Bücher.test", "books.test"),
        ];
        Folding::new(b"+", aliases).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::from_envelope(text.as_bytes()).unwrap()
    }

    fn folded(text: &str) -> String {
        String::from_utf8(folding().fold(&address(text))).unwrap()
    }

    #[test]
    fn every_spelling_of_a_mailbox_folds_alike() {
        for spelling in [
            "anna@corp.test",
            "ANNA@Corp.Test.",
            "Anna+news@corp.test",
            "\"anna\"@corp.example.com",
            "anna+a+b@CORP.example.com",
        ] {
            assert_eq!(folded(spelling), "anna@corp.test", "{spelling}");
        }
    }

    #[test]
    fn a_tag_of_any_bytes_is_none_of_the_name() {
        let tagged = Address::from_envelope(b"<\xc3\x89va+\xff@b.test>").unwrap();
        assert_eq!(folding().fold(&tagged), "éva@b.test".as_bytes());
    }

    #[test]
    fn an_international_domain_folds_to_ascii() {
        for spelling in [
            "eva@bücher.test",
            "eva@BÜCHER.test",
            "eva@xn--bcher-kva.test",
        ] {
            assert_eq!(folded(spelling), "eva@books.test", "{spelling}");
        }
        let folding = Folding::default();
        assert_eq!(
            folding.fold(&address("eva@bücher.test")),
            folding.fold(&address("eva@XN--bcher-kva.test"))
        );
    }

    #[test]
    fn another_mailbox_stays_another() {
        for other in [
            "+x@corp.test",
            "annab@corp.test",
            "anna@evilcorp.test",
            "anna",
        ] {
            assert_ne!(folded(other), "anna@corp.test", "{other}");
        }
    }

    #[test]
    fn without_tags_a_plus_is_part_of_the_name() {
        let folding = Folding::new(b"", []).unwrap();
        assert_eq!(
            folding.fold(&address("anna+x@corp.test")),
            b"anna+x@corp.test"
        );
    }

    #[test]
    fn aliases_of_aliases_mean_the_last() {
        let chain = [
            ("a.test", "b.test"),
            ("b.test", "c.test"),
            ("d.test", "a.test"),
        ];
        let folding = Folding::new(b"", chain).unwrap();
        for name in ["a", "b", "c", "d"] {
            let folded = folding.fold(&address(&format!("x@{name}.test")));
            assert_eq!(String::from_utf8(folded).unwrap(), "x@c.test", "{name}");
        }
    }

    #[test]
    fn aliases_that_lead_nowhere_are_refused() {
        let circle = [("a.test", "b.test"), ("b.test", "a.test")];
        assert!(matches!(
            Folding::new(b"", circle),
            Err(BadDomain::Circle(_))
        ));
        let own = [("a.test", "A.test")];
        assert!(matches!(Folding::new(b"", own), Err(BadDomain::Circle(_))));
        let two = [("a.test", "b.test"), ("a.test", "c.test")];
        assert!(matches!(
            Folding::new(b"", two),
            Err(BadDomain::TwoMeanings(_))
        ));
    }

    #[test]
    fn a_tag_may_begin_with_any_of_several_signs() {
        let folding = Folding::new(b"+-", []).unwrap();
        for spelling in ["anna+x@corp.test", "anna-x@corp.test", "anna-x+y@corp.test"] {
            assert_eq!(
                folding.fold(&address(spelling)),
                b"anna@corp.test",
                "{spelling}"
            );
        }
    }

    #[test]
    fn spellings_are_all_that_a_directory_may_have() {
        let spellings = folding().spellings(&address("Anna+x@corp.example.com"));
        let spellings: Vec<_> = spellings
            .iter()
            .map(|one| String::from_utf8_lossy(one))
            .collect();
        let wanted = [
            "Anna+x@corp.example.com",
            "Anna+x@corp.test",
            "Anna@corp.example.com",
            "Anna@corp.test",
        ];
        assert_eq!(spellings, wanted);
        let spellings = folding().spellings(&address("eva@bücher.test"));
        for wanted in [
            "eva@bücher.test",
            "eva@xn--bcher-kva.test",
            "eva@books.test",
        ] {
            assert!(spellings.contains(&wanted.as_bytes().to_vec()), "{wanted}");
        }
    }

    #[test]
    fn an_ordinary_mailbox_has_one_spelling() {
        let spellings = Folding::default().spellings(&address("anna@corp.test"));
        assert_eq!(spellings, [b"anna@corp.test".to_vec()]);
    }

    #[test]
    fn a_login_need_not_be_a_mailbox() {
        let folding = folding();
        assert_eq!(folding.fold_login(b"Anna"), b"anna");
        assert_eq!(
            folding.fold_login(b"Anna+x@corp.example.com"),
            b"anna@corp.test"
        );
        assert_eq!(folding.login_spellings(b"anna"), [b"anna".to_vec()]);
    }

    #[test]
    fn a_login_is_the_same_with_and_without_its_realm() {
        let realms = ["Mail.Corp.test".to_owned()];
        let folding = folding().with_realms(&realms).unwrap();
        let spellings = folding.login_spellings(b"Anna@mail.corp.TEST");
        assert!(spellings.contains(&b"Anna@mail.corp.TEST".to_vec()));
        assert!(spellings.contains(&b"Anna".to_vec()));
        assert_eq!(
            folding.without_realm(b"a@b@mail.corp.test"),
            Some(&b"a@b"[..])
        );
        for other in ["anna", "anna@corp.test", "@mail.corp.test"] {
            assert_eq!(folding.without_realm(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn odd_domains_are_refused() {
        for odd in ["", "a..b", "a@b", "*.test", "a b"] {
            assert!(Folding::new(b"", [(odd, "corp.test")]).is_err(), "{odd:?}");
            assert!(folding().with_realms(&[odd.to_owned()]).is_err(), "{odd:?}");
        }
    }
}
