//! Who is flagged, as the directory says it at that very moment.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::suspicion,
    domain::person::{FlagReading, FlagValues, Suspicion},
};
use tokio::time::Instant;

use super::asking::{
    PATIENCE, ask, flagged, lab_directory, login, open, reading, sender, settings,
};
use crate::{
    lab::{
        Lab,
        slapd::{FLAG, PEOPLE, Slapd},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        true_values_flag_in_any_case,
        false_values_do_not_flag,
        a_person_without_the_attribute_is_not_flagged,
        a_blank_value_does_not_flag,
        an_unknown_value_flags_and_is_doubtful,
        a_value_that_is_not_utf_8_flags_and_is_doubtful,
        one_true_value_of_several_flags,
        one_flagged_entry_of_several_flags,
        several_entries_are_ambiguous_if_one_is_flagged,
        a_changed_flag_acts_on_the_next_look_up,
        an_alternate_address_flags_its_person,
        an_address_is_found_in_any_case,
        a_login_is_found_by_uid_and_by_mail,
        a_login_without_a_filter_is_not_looked_up,
        a_stranger_is_not_flagged,
        the_attribute_is_found_whatever_its_case_in_the_settings,
        the_attribute_is_found_by_its_other_name,
        a_server_that_hides_its_schema_is_asked_all_the_same,
        values_can_be_words_of_the_house,
        a_flagged_login_is_suspected_whatever_the_sender,
        an_answer_names_the_entry_and_the_flag,
    ]
}

async fn true_values_flag_in_any_case(lab: &Lab) {
    let directory = lab_directory(lab);
    for value in ["Y", "yes", "TRUE", "True", "t", "1"] {
        let person = lab.person(&[value]).await;
        let read = reading(&*directory, &sender(&person.address)).await;
        assert_eq!(read, Some(FlagReading::Known), "{value}");
    }
}

async fn false_values_do_not_flag(lab: &Lab) {
    let directory = lab_directory(lab);
    for value in ["N", "no", "FALSE", "False", "f", "0"] {
        let person = lab.person(&[value]).await;
        let read = reading(&*directory, &sender(&person.address)).await;
        assert_eq!(read, None, "{value}");
    }
}

async fn a_person_without_the_attribute_is_not_flagged(lab: &Lab) {
    let person = lab.person(&[]).await;
    let read = reading(&*lab_directory(lab), &sender(&person.address)).await;
    assert_eq!(read, None);
}

/// The schema takes no empty value, but a blank one.
async fn a_blank_value_does_not_flag(lab: &Lab) {
    let person = lab.person(&[]).await;
    set_bytes(lab, &person.login, "ICA=").await;
    let read = reading(&*lab_directory(lab), &sender(&person.address)).await;
    assert_eq!(read, None);
}

async fn an_unknown_value_flags_and_is_doubtful(lab: &Lab) {
    let person = lab.person(&["perhaps"]).await;
    let entry = flagged(&*lab_directory(lab), &sender(&person.address)).await;
    assert_eq!(entry.flag.reading(), Some(FlagReading::Doubtful));
    assert_eq!(entry.flag.shown(), "IsMailMonitor=perhaps");
}

async fn a_value_that_is_not_utf_8_flags_and_is_doubtful(lab: &Lab) {
    let directory = {
        let mut settings = settings(&lab.slapd);
        // The flag's own syntax takes no such bytes.
        settings.marks.attribute = "jpegPhoto".to_owned();
        open(settings)
    };
    let person = lab.person(&[]).await;
    let change = format!(
        "dn: uid={},{PEOPLE}\nchangetype: modify\nadd: jpegPhoto\njpegPhoto:: /9j/4A==\n",
        person.login
    );
    lab.slapd.modify(&change).await;
    let read = reading(&*directory, &sender(&person.address)).await;
    assert_eq!(read, Some(FlagReading::Doubtful));
}

async fn one_true_value_of_several_flags(lab: &Lab) {
    let person = lab.person(&["N", "Y", "0"]).await;
    let read = reading(&*lab_directory(lab), &sender(&person.address)).await;
    assert_eq!(read, Some(FlagReading::Known));
}

async fn one_flagged_entry_of_several_flags(lab: &Lab) {
    let shared = lab.person(&[]).await;
    let addresses = [format!("own.{}", shared.address), shared.address.clone()];
    let addresses = addresses.each_ref().map(String::as_str);
    let other = format!("{}b", shared.login);
    lab.slapd.add_person(&other, &addresses, &["Y"]).await;
    let entry = flagged(&*lab_directory(lab), &sender(&shared.address)).await;
    assert!(
        entry.name.starts_with(&format!("uid={other},")),
        "{entry:?}"
    );
}

async fn several_entries_are_ambiguous_if_one_is_flagged(lab: &Lab) {
    let directory = lab_directory(lab);
    for (flag, is_ambiguous) in [("Y", true), ("N", false)] {
        let shared = lab.person(&[]).await;
        let other = format!("{}c", shared.login);
        let addresses = [shared.address.as_str()];
        lab.slapd.add_person(&other, &addresses, &[flag]).await;
        let standing = ask(&*directory, &sender(&shared.address)).await.unwrap();
        assert_eq!(standing.entries.len(), 2);
        assert_eq!(standing.is_ambiguous(), is_ambiguous, "{flag}");
        // Each alone is nobody's but its own.
        let alone = ask(&*directory, &login(&other)).await.unwrap();
        assert!(!alone.is_ambiguous());
    }
}

async fn a_changed_flag_acts_on_the_next_look_up(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    let identity = sender(&person.address);
    for (flags, wanted) in [
        (&["N"][..], None),
        (&["Y"], Some(FlagReading::Known)),
        (&[], None),
        (&["1"], Some(FlagReading::Known)),
    ] {
        lab.slapd.set_flags(&person.login, flags).await;
        assert_eq!(reading(&*directory, &identity).await, wanted, "{flags:?}");
    }
}

async fn an_alternate_address_flags_its_person(lab: &Lab) {
    let address = lab.person(&[]).await.address;
    let other = format!("alias.{address}");
    let name = format!("alias-{}", &address[..9]);
    let main = format!("main.{address}");
    lab.slapd
        .add_person(&name, &[&main, &other], &["TRUE"])
        .await;
    flagged(&*lab_directory(lab), &sender(&other)).await;
}

async fn an_address_is_found_in_any_case(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    flagged(&*lab_directory(lab), &sender(person.address.to_uppercase())).await;
}

async fn a_login_is_found_by_uid_and_by_mail(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    flagged(&*directory, &login(&person.login)).await;
    flagged(&*directory, &login(&person.address)).await;
}

async fn a_login_without_a_filter_is_not_looked_up(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let mut settings = settings(&lab.slapd);
    settings.login_filter = None;
    let read = reading(&*open(settings), &login(&person.login)).await;
    assert_eq!(read, None);
}

async fn a_stranger_is_not_flagged(lab: &Lab) {
    let directory = lab_directory(lab);
    for identity in [sender("<nobody@corp.test>"), login("nobody")] {
        assert_eq!(reading(&*directory, &identity).await, None);
    }
}

async fn the_attribute_is_found_whatever_its_case_in_the_settings(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    for attribute in ["ismailmonitor", "ISMAILMONITOR"] {
        let mut settings = settings(&lab.slapd);
        settings.marks.attribute = attribute.to_owned();
        flagged(&*open(settings), &sender(&person.address)).await;
    }
}

/// A server answers with an attribute's first name, whichever one it was asked by.
async fn the_attribute_is_found_by_its_other_name(lab: &Lab) {
    let person = lab.person(&[]).await;
    let mut settings = settings(&lab.slapd);
    settings.marks.attribute = "surname".to_owned();
    settings.marks.values = FlagValues::new(std::slice::from_ref(&person.login), &[]);
    let entry = flagged(&*open(settings), &sender(&person.address)).await;
    assert_eq!(entry.flag.shown(), format!("sn={}", person.login));
}

async fn a_server_that_hides_its_schema_is_asked_all_the_same(lab: &Lab) {
    let hidden = "access to dn.base=\"\" by * none\naccess to dn.base=\"cn=Subschema\" by * none\n";
    let slapd = Slapd::start_with(&lab.tools, "slapd-hiding", hidden).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    flagged(&*open(settings(&slapd)), &sender("<anna@corp.test>")).await;
}

async fn values_can_be_words_of_the_house(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.marks.values = FlagValues::new(&["Überwacht".to_owned()], &["frei".to_owned()]);
    let directory = open(settings);
    let watched = lab.person(&["ÜBERWACHT"]).await;
    let read = reading(&*directory, &sender(&watched.address)).await;
    assert_eq!(read, Some(FlagReading::Known));
    let free = lab.person(&["Frei"]).await;
    assert_eq!(reading(&*directory, &sender(&free.address)).await, None);
}

async fn a_flagged_login_is_suspected_whatever_the_sender(lab: &Lab) {
    let (flagged, other) = (lab.person(&["Y"]).await, lab.person(&[]).await);
    let identities = vec![login(&flagged.login), sender(&other.address)];
    let deadline = Instant::now() + PATIENCE;
    let found = suspicion(&*lab_directory(lab), identities, deadline).await;
    let Some(Suspicion::Flagged { identity, .. }) = found.unwrap() else {
        panic!("not suspected")
    };
    assert_eq!(identity, login(&flagged.login));
}

async fn an_answer_names_the_entry_and_the_flag(lab: &Lab) {
    let person = lab.person(&["YES"]).await;
    let entry = flagged(&*lab_directory(lab), &sender(&person.address)).await;
    assert_eq!(entry.name, format!("uid={},{PEOPLE}", person.login));
    assert_eq!(entry.flag.shown(), "IsMailMonitor=YES");
}

/// Replaces the flag by bytes in base64.
async fn set_bytes(lab: &Lab, login: &str, base64: &str) {
    let change = format!(
        "dn: uid={login},{PEOPLE}\nchangetype: modify\nreplace: {FLAG}\n{FLAG}:: {base64}\n"
    );
    lab.slapd.modify(&change).await;
}
