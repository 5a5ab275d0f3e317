//! What is typed, what it means, and what is no query.

use proptest::prelude::*;

use super::*;
use crate::domain::decision::Disposition;

fn parsed(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|faults| panic!("{text:?}: {faults:?}"))
}

fn whats(text: &str) -> Vec<What> {
    let query = parsed(text);
    query.terms().iter().map(|term| term.what.clone()).collect()
}

fn kinds(text: &str) -> Vec<FaultKind> {
    let faults = Query::parse(text).unwrap_err();
    faults.iter().map(|fault| fault.kind).collect()
}

#[test]
fn words_and_phrases_are_looked_for_anywhere() {
    assert_eq!(
        whats("offer \"two words\" 契約"),
        [
            What::Text("offer".to_owned()),
            What::Text("two words".to_owned()),
            What::Text("契約".to_owned())
        ]
    );
    assert_eq!(whats("12:30"), [What::Text("12:30".to_owned())]);
    assert_eq!(whats("\"re: a\""), [What::Text("re: a".to_owned())]);
    assert_eq!(whats("-"), [What::Text("-".to_owned())]);
}

#[test]
fn terms_have_a_name_and_a_value() {
    let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
    assert_eq!(
        whats("From:anna to:\"Bob B\" domain:@corp.test subject:x has:HTML larger:5M smaller:1kb"),
        [
            What::From("anna".to_owned()),
            What::To("Bob B".to_owned()),
            What::Domain("corp.test".to_owned()),
            What::Subject("x".to_owned()),
            What::Has(Thing::Html),
            What::Larger(5 * 1_024 * 1_024),
            What::Smaller(1_024),
        ]
    );
    assert_eq!(
        whats("before:2026-01-31 after:2026-01-31"),
        [What::Before(day), What::After(day)]
    );
}

#[test]
fn the_signs_of_an_eastern_keyboard_mean_the_same() {
    assert_eq!(
        whats("from：anna\u{3000}“two words”\u{3000}larger:５Ｍ"),
        whats("from:anna \"two words\" larger:5M")
    );
    assert_eq!(parsed("－offer").terms()[0].sense, Sense::MustNot);
}

#[test]
fn a_term_can_be_refused() {
    let query = parsed("-from:anna -\"two words\"");
    let are_refused = |term: &Term| term.sense == Sense::MustNot;
    assert!(query.terms().iter().all(are_refused));
    assert_eq!(query.terms()[1].what, What::Text("two words".to_owned()));
}

#[test]
fn a_query_without_a_state_is_about_what_waits() {
    let waiting = [State::Captured, State::Held];
    assert_eq!(parsed("").states(), waiting);
    assert_eq!(parsed("offer").states(), waiting);
    assert_eq!(parsed("state:waiting").states(), waiting);
    assert_eq!(parsed("state:all").states(), State::all());
    assert_eq!(
        parsed("state:released state:held").states(),
        [State::Held, State::Settled(Disposition::Released)]
    );
    let without_gone = parsed("-state:gone").states();
    assert_eq!(without_gone.len() + 1, State::all().len());
    assert!(!without_gone.contains(&State::Settled(Disposition::Gone)));
}

#[test]
fn a_fault_names_the_term_and_what_is_wrong_with_it() {
    assert_eq!(
        Query::parse("offer frm:anna larger:huge"),
        Err(vec![
            Fault {
                kind: FaultKind::UnknownTerm,
                term: "frm:anna".to_owned()
            },
            Fault {
                kind: FaultKind::BadSize,
                term: "larger:huge".to_owned()
            },
        ])
    );
    assert_eq!(kinds("from:"), [FaultKind::NoValue]);
    assert_eq!(kinds("\"\u{200b}\""), [FaultKind::NoValue]);
    for text in ["before:31.1.2026", "after:2026-02-30", "after:2026-1-3"] {
        assert_eq!(kinds(text), [FaultKind::BadDate], "{text}");
    }
    for text in ["larger:-5", "larger:5T", "smaller:18446744073709551615K"] {
        assert_eq!(kinds(text), [FaultKind::BadSize], "{text}");
    }
    assert_eq!(kinds("state:open"), [FaultKind::UnknownState]);
    assert_eq!(kinds("has:virus"), [FaultKind::UnknownThing]);
    assert_eq!(kinds("a \"b c"), [FaultKind::OpenQuote]);
    assert_eq!(
        kinds(&"a ".repeat(MOST_TERMS + 1)),
        [FaultKind::TooManyTerms]
    );
    assert_eq!(kinds(&"a".repeat(LONGEST_QUERY + 1)), [FaultKind::TooLong]);
    assert!(Query::parse(&"a ".repeat(MOST_TERMS)).is_ok());
}

#[test]
fn a_query_is_written_as_it_can_be_typed() {
    for (typed, written) in [
        ("  a   b ", "a b"),
        (
            "from:\"a b\" \"from:x\" \"-a\"",
            "from:\"a b\" \"from:x\" \"-a\"",
        ),
        ("-\"-a\" larger:2048", "-\"-a\" larger:2K"),
        ("LARGER:1500 STATE:ALL", "larger:1500 state:all"),
        ("larger:0", "larger:0"),
    ] {
        assert_eq!(parsed(typed).to_string(), written);
    }
}

#[test]
fn a_term_is_added_once_and_taken_away() {
    let query = parsed("a has:html");
    let term = query.terms()[0].clone();
    assert_eq!(query.with(term.clone()).to_string(), "has:html a");
    assert_eq!(query.without(&term).to_string(), "has:html");
}

proptest! {
    #[test]
    fn what_was_understood_is_understood_again(text in "(-?(from|to|state|has|larger|after)?[:：]?[\"“]?[a-z0-9 \u{3000}契-]{0,9}\"? ?){0,6}") {
        if let Ok(query) = Query::parse(&text) {
            prop_assert_eq!(Query::parse(&query.to_string()), Ok(query));
        }
    }

    #[test]
    fn any_text_is_a_query_or_has_a_fault(text in "\\PC*") {
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(Query::parse(&query.to_string()), Ok(query)),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }
}
