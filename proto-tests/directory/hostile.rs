//! Addresses and logins of any bytes find their own entry or none, never another person's.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::directory::ldap;

use super::asking::{ask, flagged, lab_directory, login, open, reading, sender, settings};
use crate::{
    lab::{Lab, Person},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_filter_in_an_address_finds_nobody,
        a_filter_in_a_login_finds_nobody,
        quotes_around_a_name_change_nothing,
        an_address_with_a_nul_finds_nobody,
        an_address_that_is_not_utf_8_finds_nobody,
        an_address_that_only_looks_alike_finds_nobody,
        an_address_of_64_kilobytes_is_looked_up,
        an_address_of_64_kilobytes_is_looked_up_without_a_bind,
    ]
}

/// Ways to make more of a value than a value.
fn injections(person: &Person) -> Vec<String> {
    let Person { login, address } = person;
    let begin = &login[..5];
    vec![
        "*".to_owned(),
        "*@*".to_owned(),
        "*)(uid=*".to_owned(),
        format!("*)(uid={login}"),
        format!("x)(uid={login})(mail=x"),
        format!("x))(|(uid={login}"),
        format!("x\\29\\28uid={login}"),
        format!("{begin}*@corp.test"),
        format!("{begin}\\2a@corp.test"),
        format!("{address})(!(mail=x)"),
        format!("{address}\\00"),
        "{address}".to_owned(),
        "{login}".to_owned(),
    ]
}

async fn a_filter_in_an_address_finds_nobody(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    for text in injections(&person) {
        assert_eq!(reading(&*directory, &sender(&text)).await, None, "{text}");
    }
}

async fn a_filter_in_a_login_finds_nobody(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    for text in injections(&person) {
        assert_eq!(reading(&*directory, &login(&text)).await, None, "{text}");
    }
}

async fn quotes_around_a_name_change_nothing(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    let login = &person.login;
    let (first, rest) = login.split_at(1);
    for spelling in [
        format!("<\"{login}\"@corp.test>"),
        format!("<\"{first}\\{rest}\"@CORP.test.>"),
        format!("<@relay.test:{login}@corp.test>"),
    ] {
        flagged(&*directory, &sender(&spelling)).await;
    }
    for other in [
        format!("<\"{login}\\\"\"@corp.test>"),
        format!("<\"\\\"{login}\"@corp.test>"),
        format!("<\"{login}@corp.test\">"),
    ] {
        assert_eq!(reading(&*directory, &sender(&other)).await, None, "{other}");
    }
}

async fn an_address_with_a_nul_finds_nobody(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    for text in [
        format!("{}\0", person.address),
        format!("{}\0@corp.test", person.login),
        "\0".to_owned(),
    ] {
        assert_eq!(reading(&*directory, &sender(&text)).await, None, "{text:?}");
        assert_eq!(reading(&*directory, &login(&text)).await, None, "{text:?}");
    }
}

async fn an_address_that_is_not_utf_8_finds_nobody(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    let name = person.login.as_bytes();
    for text in [
        [&b"\xe9"[..], name, b"@corp.test"].concat(),
        [name, b"\xff\xfe@corp.test"].concat(),
        b"\x80".to_vec(),
    ] {
        assert_eq!(reading(&*directory, &sender(&text)).await, None, "{text:?}");
        assert_eq!(reading(&*directory, &login(&text)).await, None, "{text:?}");
    }
}

async fn an_address_that_only_looks_alike_finds_nobody(lab: &Lab) {
    let (directory, person) = (lab_directory(lab), lab.person(&["Y"]).await);
    // A Cyrillic letter in place of the Latin one.
    let alike = person.address.replacen('p', "\u{440}", 1);
    assert_eq!(reading(&*directory, &sender(&alike)).await, None);
    assert_eq!(reading(&*directory, &login(&alike)).await, None);
}

async fn an_address_of_64_kilobytes_is_looked_up(lab: &Lab) {
    let directory = lab_directory(lab);
    for byte in [b'a', b'*', 0, 0xff] {
        let long = [vec![byte; 65_536], b"@corp.test".to_vec()].concat();
        assert_eq!(reading(&*directory, &sender(&long)).await, None, "{byte}");
        assert_eq!(reading(&*directory, &login(&long)).await, None, "{byte}");
    }
}

/// slapd takes 256 KiB from a client that it does not know (`sockbuf_max_incoming`).
async fn an_address_of_64_kilobytes_is_looked_up_without_a_bind(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.bind = ldap::Bind::Anonymous;
    let long = [vec![0xff; 65_536], b"@corp.test".to_vec()].concat();
    // Here nobody may read the persons without a bind: that is what slapd answers.
    let refused = ask(&*open(settings), &sender(&long)).await.unwrap_err();
    assert!(!refused.is_transient(), "{refused:?}");
}
