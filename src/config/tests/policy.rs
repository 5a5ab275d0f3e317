//! The `[policy]` section: every fault with its cure.

use super::{faults, sample_with};

#[test]
fn odd_names_of_mailboxes_and_logins_are_refused() {
    const SAMPLE: &str = "domain_aliases = [\"example.net = example.com\"]";
    for (odd, wanted) in [
        (
            "domain_aliases = [\"example.net\"]",
            "must be \"alias = name\"",
        ),
        (
            "domain_aliases = [\"@a.test = b.test\"]",
            "\"@a.test\" is not a domain",
        ),
    ] {
        let found = faults(&sample_with(SAMPLE, odd));
        assert!(found.contains(wanted), "{found}");
    }
    let realm = sample_with("login_realms = []", "login_realms = [\"@mail.a.test\"]");
    assert!(faults(&realm).contains("policy.login_realms: \"@mail.a.test\" is not a domain"));
    let long = sample_with(
        "subaddress_delimiter = \"+\"",
        "subaddress_delimiter = \"+@\"",
    );
    assert!(faults(&long).contains("are not signs"));
}

/// A line of the sample, what stands there instead, and what is said of it.
const ODD_RULES: &[(&str, &str, &str)] = &[
    (
        "name = \"flagged-external\"",
        "name = \"no-rule\"",
        "rule[1].name: is a word of mailhold's own records",
    ),
    (
        "who = \"flagged\"",
        "who = \"flaged\"",
        "did you mean \"flagged\"?",
    ),
    (
        "who = \"flagged\"",
        "who = \"listed\"",
        "rule[1].senders: is missing: who = \"listed\"",
    ),
    (
        "who = \"flagged\"",
        "who = \"group\"",
        "rule[1].group: is missing: who = \"group\"",
    ),
    (
        "\ngroup = \"\"",
        "\ngroup = \"brokers\"",
        "rule[1].group: is no name of an entry",
    ),
    (
        "senders = []",
        "senders = [\"a@b.test\"]",
        "rule[1].senders: needs who = \"listed\"",
    ),
    (
        "senders = []",
        "senders = [\"\"]",
        "an empty text names no sender",
    ),
    (
        "to = \"external\"",
        "to = \"listed\"",
        "rule[1].recipients: is missing",
    ),
    (
        "days = []",
        "days = [\"monday\"]",
        "\"monday\" is none of mon, tue",
    ),
    (
        "hours = \"\"",
        "hours = \"8-18\"",
        "no span of hours such as \"08:00-18:00\"",
    ),
    (
        "verdict = \"hold\"",
        "verdict = \"reject\"",
        "\"reject\" is none of hold, pass, watch",
    ),
    (
        "name = \"flagged-external\"",
        "name = \"a b\"",
        "rule[1].name: must be 1 to 64 letters",
    ),
    (
        "name = \"flagged-external\"",
        "",
        "rule[1].name: is missing",
    ),
];

#[test]
fn an_odd_rule_is_refused_with_the_cure() {
    for (line, odd, wanted) in ODD_RULES {
        let found = faults(&sample_with(line, odd));
        assert!(found.contains(wanted), "{odd}: {found}");
    }
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let second = "\n[[policy.rule]]\nname = \"flagged-external\"\n\n[spool]\n";
    let found = faults(&sample_with("\n[spool]\n", second));
    assert!(
        found.contains("policy.rule[2].name: names another rule already"),
        "{found}"
    );
}

#[test]
fn a_domain_with_an_at_sign_is_refused_with_the_cure() {
    let found = faults(&sample_with("[\"example.com\"]", "[\"@example.com\"]"));
    let wanted = "policy.internal_domains: \"@example.com\" is not a domain: write \"example.com\"";
    assert!(found.contains(wanted), "{found}");
    assert!(!found.contains("missing"), "{found}");
}

#[test]
fn odd_words_of_the_policy_are_refused() {
    for (line, odd, wanted) in [
        (
            "mode = \"enforce\"",
            "mode = \"watching\"",
            "is none of enforce, watch",
        ),
        (
            "header_from = \"unauthenticated\"",
            "header_from = \"yes\"",
            "is none of unauthenticated, always, never",
        ),
        (
            "protected_mix = \"refuse\"",
            "protected_mix = \"pass\"",
            "is none of refuse, hold",
        ),
        (
            "protected_correspondents = []",
            "protected_correspondents = [\"clinic.test\"]",
            "is neither an address",
        ),
        (
            "#submitted_networks = [\"127.0.0.0/8\"",
            "submitted_networks = [\"localhost\"",
            "is no network such as",
        ),
        (
            "submitted = \"by-client\"",
            "submitted = \"no\"",
            "is none of by-client, all",
        ),
    ] {
        let found = faults(&sample_with(line, odd));
        assert!(found.contains(wanted), "{odd}: {found}");
    }
}
