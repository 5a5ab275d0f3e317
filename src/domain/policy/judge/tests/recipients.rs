//! To whom a mail goes: internal, external, exempt, protected, listed.

use super::*;

#[test]
fn one_external_recipient_among_internal_ones_holds_the_mail() {
    let held = said(
        &usual(),
        &flagged(),
        &["<a@corp.test>", "<b@elsewhere.test>"],
    );
    assert_eq!(held, "hold flagged-external b@elsewhere.test");
}

#[test]
fn mail_within_the_house_passes() {
    let inside = said(&usual(), &flagged(), &["<a@CORP.test>", "<b@x.corp.test>"]);
    assert_eq!(inside, "pass internal-only");
    let local = path("<postmaster>", Some("postmaster@corp.test"));
    assert_eq!(
        said_of(&usual(), &flagged(), vec![local]),
        "pass internal-only"
    );
}

#[test]
fn what_is_not_surely_internal_is_external() {
    for odd in [
        "<a@evilcorp.test>",
        "<a%elsewhere.test@corp.test>",
        "<elsewhere.test!a@corp.test>",
        "<\"a@elsewhere.test\"@corp.test>",
        "<postmaster>",
        "<>",
        "<@>",
        "<a@[192.0.2.1]>",
    ] {
        assert!(
            said(&usual(), &flagged(), &[odd]).starts_with("hold"),
            "{odd}"
        );
    }
}

#[test]
fn exempt_recipients_do_not_count() {
    let said = |recipients: &[&str]| said(&usual(), &flagged(), recipients);
    assert_eq!(
        said(&["<Portal@partner.test>", "<any@lists.test>"]),
        "exempt"
    );
    assert!(said(&["<portal@partner.test>", "<b@elsewhere.test>"]).starts_with("hold"));
    assert_eq!(
        said(&["<portal@partner.test>", "<a@corp.test>"]),
        "pass no-rule"
    );
    for dodge in [
        "<a%elsewhere.test@lists.test>",
        "<\"a@elsewhere.test\"@lists.test>",
    ] {
        assert!(said(&[dodge]).starts_with("hold"), "{dodge}");
    }
}

#[test]
fn protected_correspondence_is_never_held() {
    let said = |recipients: &[&str]| said(&usual(), &flagged(), recipients);
    assert_eq!(
        said(&["<doctor@clinic.test>", "<a@lawyer.test>"]),
        "protected"
    );
    assert_eq!(
        said(&["<doctor@clinic.test>", "<portal@partner.test>"]),
        "protected"
    );
    assert_eq!(
        said(&["<doctor@clinic.test>", "<b@elsewhere.test>"]),
        "refuse flagged-external"
    );
    let inside = said(&["<doctor@clinic.test>", "<a@corp.test>"]);
    assert_eq!(inside, "protected", "no line tells of it");
}

#[test]
fn a_mix_with_a_protected_correspondent_is_held_where_that_is_meant() {
    let mut policy = usual();
    policy.protected_mix = ProtectedMix::Hold;
    let recipients = ["<doctor@clinic.test>", "<b@elsewhere.test>"];
    assert_eq!(
        said(&policy, &flagged(), &recipients),
        "hold flagged-external b@elsewhere.test"
    );
    policy.mode = Mode::Watch;
    assert_eq!(said(&policy, &flagged(), &recipients), "protected");
}

#[test]
fn a_listed_recipient_is_held_by_whatever_spelling() {
    let rival = |action| policy(vec![rule("rival", Who::Anyone, to("@rival.test"), action)]);
    for spelling in [
        "<x%y@rival.test>",
        "<a!b@rival.test>",
        "<\"a@b\"@Rival.test>",
        "<b+1@rival.test>",
    ] {
        assert!(
            said(&rival(Action::Hold), &flagged(), &[spelling]).starts_with("hold rival"),
            "{spelling}"
        );
    }
    let routed = said(&rival(Action::Pass), &flagged(), &["<x%y@rival.test>"]);
    assert_eq!(routed, "pass no-rule", "to pass it must surely be meant");
    let bob = policy(vec![rule(
        "bob",
        Who::Anyone,
        to("bob@rival.test"),
        Action::Hold,
    )]);
    assert!(said(&bob, &flagged(), &["<BOB+1@rival.test>"]).starts_with("hold bob"));
}

#[test]
fn a_protected_correspondent_without_a_domain_is_known_by_postfixs_form() {
    let mut policy = usual();
    policy.protected = vec![RecipientPattern::parse("council@corp.test").unwrap()];
    let council = || path("<council>", Some("council@corp.test"));
    let both = vec![council(), path("<b@elsewhere.test>", None)];
    assert_eq!(
        said_of(&policy, &flagged(), both),
        "refuse flagged-external"
    );
    assert_eq!(said_of(&policy, &flagged(), vec![council()]), "protected");
}
