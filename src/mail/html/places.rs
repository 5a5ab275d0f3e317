//! Where a link may lead. Programs take different bases for it, and drop different blanks around it: of
//! several places each is told. Never resolves a name.

use std::iter;

use super::links::{self, Host, Place};
use crate::domain::signs;

/// What targets without a host of their own lead on from.
#[derive(Debug, Default, PartialEq, Eq)]
struct Base {
    scheme: Option<String>,
    place: Option<Place>,
}

/// The bases that programs take for a document.
#[derive(Debug)]
pub(super) struct Bases(Vec<Base>);

impl Bases {
    /// Reads the targets of bases, the likeliest first. Some programs take none of them.
    pub fn read(targets: impl IntoIterator<Item = String>) -> Self {
        let targets: Vec<String> = targets.into_iter().collect();
        let read = targets.iter().flat_map(|target| forms(target));
        let mut bases = Vec::new();
        for base in read
            .map(|plain| Base::read(&plain))
            .chain([Base::default()])
        {
            if !bases.contains(&base) {
                bases.push(base);
            }
        }
        Self(bases)
    }
}

impl Default for Bases {
    fn default() -> Self {
        Self::read([])
    }
}

impl Base {
    fn read(plain: &str) -> Self {
        Self {
            scheme: links::scheme_of(plain).0,
            place: Self::default().place_of(plain),
        }
    }

    /// Where a program with this base goes.
    fn place_of(&self, plain: &str) -> Option<Place> {
        let (scheme, rest) = links::scheme_of(plain);
        let read_as = scheme.as_deref().or(self.scheme.as_deref());
        let is_after_slashes = links::n_slashes(rest, read_as) >= 2;
        if !is_after_slashes && self.place.is_some() && self.leads_on_to(scheme.as_deref()) {
            return self.place.clone();
        }
        match read_as {
            _ if scheme.is_none() && !is_after_slashes => None,
            None => links::authority(rest).map(Place::Host),
            Some(read_as) => Place::of(read_as, rest),
        }
    }

    /// Whether a target with this scheme, and without slashes behind it, leads on from here.
    fn leads_on_to(&self, scheme: Option<&str>) -> bool {
        match (scheme, self.scheme.as_deref()) {
            (None, _) => true,
            (Some(scheme), Some(own)) => scheme == own,
            // The base has the scheme of the page that shows the mail, whichever that is.
            (Some(scheme), None) => links::is_special(scheme),
        }
    }
}

/// The places that a target may lead to, a browser's first; none if it leads nowhere.
pub(super) fn places_of(target: &str, bases: &Bases) -> Vec<Place> {
    let mut places = Vec::new();
    for plain in forms(target) {
        let of_all = bases.0.iter().filter_map(|base| base.place_of(&plain));
        for place in of_all {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// A target as a browser reads it, and as a program does that drops more of what is not seen before its scheme.
fn forms(target: &str) -> impl Iterator<Item = String> {
    let browsers = links::plain(target);
    let is_nothing = |sign: char| sign.is_whitespace() || signs::is_unseen(sign);
    let other = links::plain(target.trim_matches(is_nothing));
    let other = Some(other).filter(|other| *other != browsers);
    iter::once(browsers).chain(other)
}

/// What the label of a link says. No host has a blank, so none can say it.
pub(super) fn label(places: &[Place]) -> Option<String> {
    let shown: Vec<String> = places.iter().map(Place::to_display).collect();
    (!shown.is_empty()).then(|| shown.join(" or "))
}

/// The host that is told of a link in a table: several places are one text.
pub(super) fn as_host(places: &[Place]) -> Option<Host> {
    match places {
        [Place::Host(host)] => Some(host.clone()),
        [] | [Place::Scheme(_)] => None,
        _ => Some(Host {
            unicode: label(places)?,
            ascii: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(target: &str, bases: &[&str]) -> String {
        let bases = Bases::read(bases.iter().map(|base| (*base).to_owned()));
        label(&places_of(target, &bases)).unwrap_or_default()
    }

    #[test]
    fn only_blanks_that_a_browser_drops_come_before_a_scheme() {
        for blank in [" ", "\t", "\n", "\u{1}", "\u{1f}"] {
            let target = format!("{blank}https://bank.test/{blank}");
            assert_eq!(told(&target, &["https://evil.test/"]), "bank.test");
        }
        for blank in [
            "\u{a0}", "\u{85}", "\u{2003}", "\u{3000}", "\u{feff}", "\u{7f}",
        ] {
            let target = format!("{blank}https://bank.test/");
            let wanted = "evil.test or bank.test";
            assert_eq!(told(&target, &["https://evil.test/"]), wanted);
            assert_eq!(told(&target, &[]), "bank.test");
            let base = format!("{blank}https://bank.test/");
            let wanted = "evil.test or bank.test";
            assert_eq!(told("login", &["https://evil.test/", &base]), wanted);
        }
    }

    #[test]
    fn a_backslash_is_no_slash_where_no_browser_says_so() {
        for (target, base, wanted) in [
            ("ssh://bank.test\\@evil.test/", "", "ssh:"),
            ("ssh:\\\\bank.test", "", "ssh:"),
            ("ssh://evil.test/\\bank.test", "", "evil.test"),
            ("wss://evil.test\\@bank.test", "", "evil.test"),
            ("\\\\evil.test\\@bank.test", "", "evil.test"),
            ("\\\\evil.test", "https://bank.test/", "evil.test"),
            (
                "\\\\bank.test",
                "smb://evil.test/",
                "evil.test or bank.test",
            ),
            (
                "//bank.test\\@evil.test",
                "smb://evil.test/",
                "smb: or bank.test",
            ),
        ] {
            assert_eq!(told(target, &[base]), wanted, "{target} {base}");
        }
    }

    #[test]
    fn of_several_bases_each_is_told() {
        let bases = ["https://one.test/", "https://two.test/a/", "b/"];
        assert_eq!(told("login", &bases), "one.test or two.test");
        assert_eq!(told("https://bank.test", &bases), "bank.test");
        assert_eq!(told("//bank.test", &bases), "bank.test");
    }

    #[test]
    fn a_scheme_without_slashes_has_its_host_from_the_base_or_behind_it() {
        for base in ["https://evil.test/", "//evil.test/"] {
            assert_eq!(told("https:bank.test", &[base]), "evil.test or bank.test");
            assert_eq!(told("https:/bank.test", &[base]), "evil.test or bank.test");
        }
        assert_eq!(told("http:bank.test", &["https://evil.test/"]), "bank.test");
    }

    #[test]
    fn a_base_without_a_host_tells_its_scheme() {
        assert_eq!(told("x", &["git://evil.test/"]), "git:");
        assert_eq!(told("x", &["file:///C:/"]), "file:");
        assert_eq!(told("x", &["mailto:a@corp.test"]), "");
    }
}
