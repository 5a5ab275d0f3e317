//! Every setting of `[directory.ldap]` is refused with its cure when it is wrong.

use super::tests::{faults, sample_with};

const URLS: &str = "urls = [\"ldap://localhost:389\"]";
const NAME: &str = "#bind_dn = \"cn=mailhold,ou=services,dc=example,dc=com\"";
const PASSWORD: &str = "#bind_password_file = \"/etc/mailhold/ldap.password\"";
const SASL: &str = "sasl = \"off\"";
const STARTTLS: &str = "starttls = \"off\"";

/// What is said of the sample with these changes.
fn told(changes: &[(&str, &str)]) -> String {
    let mut changes = changes.iter();
    let (line, instead) = changes.next().unwrap();
    let text = changes.fold(sample_with(line, instead), |text, (line, instead)| {
        assert!(text.contains(line), "the sample has no line {line:?}");
        text.replacen(line, instead, 1)
    });
    faults(&text)
}

fn urls(urls: &[&str]) -> String {
    format!("urls = {urls:?}")
}

#[test]
fn a_url_that_names_no_directory_is_refused() {
    for url in [
        "ldap://",
        "ldap://a:0",
        "ldap://a:99999",
        "ldap://a b",
        "localhost",
        "ldap://:389",
        "ldaps://",
        "http://localhost",
    ] {
        let found = told(&[(URLS, &urls(&[url]))]);
        assert!(found.contains("directory.ldap.urls: "), "{url}: {found}");
    }
    for url in [
        "ldap://192.0.2.1",
        "ldap://[2001:db8::1]:1389/",
        "ldap://[2001:db8::1]",
        "ldapi://%2Frun%2Fldapi",
    ] {
        assert_eq!(told(&[(URLS, &urls(&[url]))]), "", "{url}");
    }
    let found = told(&[(URLS, &urls(&["ldapi:///"]))]);
    assert!(
        found.contains("names no socket, as \"ldapi://%2F"),
        "{found}"
    );
    let found = told(&[(URLS, "urls = []")]);
    assert!(found.contains("is empty: name at least one"), "{found}");
    let found = told(&[(URLS, "urls = \"ldap://localhost\"")]);
    assert!(found.contains("must be a list"), "{found}");
}

#[test]
fn servers_that_do_not_fit_into_the_deadline_of_a_mail_are_refused() {
    let three = urls(&["ldap://localhost:1", "ldap://localhost:2", "ldap://[::1]"]);
    let found = told(&[(URLS, &three)]);
    let wanted = "directory.ldap.timeout: must let 3 servers answer one after the other \
                  within milter.mail_deadline";
    assert!(found.contains(wanted), "{found}");
    let quicker = ("timeout = \"2s\"", "timeout = \"1500ms\"");
    assert_eq!(told(&[(URLS, &three), quicker]), "");
    // One alone is cut short by the mail's own deadline.
    assert_eq!(told(&[("timeout = \"2s\"", "timeout = \"20s\"")]), "");
}

#[test]
fn a_password_for_another_host_needs_a_protected_connection() {
    let file = secret("secret\n");
    let password = format!("bind_password_file = {:?}", file.path());
    let bind = [
        (NAME, NAME.trim_start_matches('#')),
        (PASSWORD, password.as_str()),
    ];
    for bare in ["ldap://ldap.example.com", "ldap://192.0.2.1:3389"] {
        let servers = urls(&["ldap://localhost", bare]);
        let found = told(&[bind[0], bind[1], (URLS, &servers)]);
        let wanted = format!("urls: {bare} would get the bind password unprotected");
        assert!(found.contains(&wanted), "{found}");
    }
    for local in ["ldap://localhost", "ldap://[::1]", "ldapi://%2Frun%2Fldapi"] {
        assert_eq!(told(&[bind[0], bind[1], (URLS, &urls(&[local]))]), "");
    }
    // Which authorities this machine believes is not told here.
    for protected in [
        [(URLS, urls(&["ldaps://ldap.example.com"]))].as_slice(),
        &[
            (URLS, urls(&["ldap://ldap.example.com"])),
            (STARTTLS, "starttls = \"required\"".to_owned()),
        ],
    ] {
        let changes = protected.iter().map(|(line, text)| (*line, text.as_str()));
        let found = told(&bind.into_iter().chain(changes).collect::<Vec<_>>());
        assert!(!found.contains("unprotected"), "{found}");
    }
}

#[test]
fn an_open_server_beside_protected_ones_is_refused() {
    let protected = "ldaps://ldap1.example.com";
    let found = told(&[(URLS, &urls(&[protected, "ldap://ldap2.example.com"]))]);
    let wanted = "urls: ldap://ldap2.example.com is unprotected beside protected servers: \
                  write ldaps:// for all";
    assert!(found.contains(wanted), "{found}");
    // Which authorities this machine believes is not told here.
    for other in ["ldap://localhost", "ldapi://%2Frun%2Fldapi", protected] {
        let found = told(&[(URLS, &urls(&[protected, other]))]);
        assert!(!found.contains("unprotected"), "{found}");
    }
    let starttls = (STARTTLS, "starttls = \"required\"");
    let found = told(&[
        (URLS, &urls(&[protected, "ldap://ldap2.example.com"])),
        starttls,
    ]);
    assert!(!found.contains("unprotected"), "{found}");
}

#[test]
fn files_for_tls_that_cannot_serve_are_refused() {
    let tls = (URLS, &*urls(&["ldaps://ldap.example.com"]));
    const CA: &str = "#ca_file = \"/etc/mailhold/ldap-ca.pem\"";
    let found = told(&[tls, (CA, "ca_file = \"/nowhere/ca.pem\"")]);
    assert!(
        found.contains("directory.ldap.ca_file: cannot read /nowhere/ca.pem"),
        "{found}"
    );
    let found = told(&[(CA, "ca_file = \"/nowhere/ca.pem\"")]);
    assert!(found.contains("ca_file: is for ldaps://"), "{found}");
    let odd = secret("no certificate\n");
    let setting = format!("ca_file = {:?}", odd.path());
    let found = told(&[tls, (CA, &setting)]);
    assert!(found.contains("has no certificate"), "{found}");
    let broken = secret("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let setting = format!("ca_file = {:?}", broken.path());
    let found = told(&[tls, (CA, &setting)]);
    assert!(found.contains("that can be read"), "{found}");
}

#[test]
fn a_client_certificate_needs_its_key_and_no_other_readers() {
    use std::os::unix::fs::PermissionsExt;
    const CERTIFICATE: &str = "#client_certificate_file = \"/etc/mailhold/ldap.pem\"";
    const KEY: &str = "#client_key_file = \"/etc/mailhold/ldap.key\"";
    let certificate = (CERTIFICATE, CERTIFICATE.trim_start_matches('#'));
    let key = (KEY, KEY.trim_start_matches('#'));
    let found = told(&[certificate]);
    assert!(found.contains("client_key_file: is missing"), "{found}");
    let found = told(&[key]);
    assert!(
        found.contains("client_certificate_file: is missing"),
        "{found}"
    );
    let open = secret("key\n");
    std::fs::set_permissions(open.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let setting = format!("client_key_file = {:?}", open.path());
    let found = told(&[certificate, (KEY, &setting)]);
    assert!(found.contains("can be read by everyone"), "{found}");
}

#[test]
fn a_server_that_cannot_know_us_is_refused() {
    let external = (SASL, "sasl = \"external\"");
    let found = told(&[external]);
    assert!(
        found.contains("directory.ldap.sasl: ldap://localhost:389 would not know who we are"),
        "{found}"
    );
    let socket = urls(&["ldapi://%2Frun%2Fldapi"]);
    assert_eq!(told(&[external, (URLS, &socket)]), "");
    let found = told(&[
        external,
        (URLS, &socket),
        (NAME, NAME.trim_start_matches('#')),
    ]);
    assert!(
        found.contains("bind_dn: is for a bind by password"),
        "{found}"
    );
    let found = told(&[(SASL, "sasl = \"externl\"")]);
    assert!(found.contains("did you mean \"external\"?"), "{found}");
}

#[test]
fn a_word_that_is_none_is_refused() {
    for (line, odd, key) in [
        (STARTTLS, "starttls = \"maybe\"", "starttls"),
        (
            "tags_in_directory = \"ignore\"",
            "tags_in_directory = \"look\"",
            "tags_in_directory",
        ),
        (
            "group_by = \"memberOf\"",
            "group_by = \"member\"",
            "group_by",
        ),
    ] {
        let found = told(&[(line, odd)]);
        assert!(
            found.contains(&format!("directory.ldap.{key}: \"")),
            "{found}"
        );
        assert!(found.contains("is none of "), "{found}");
    }
}

#[test]
fn an_attribute_that_asks_for_something_else_is_refused() {
    for (key, usual) in [
        ("attribute", "IsMailMonitor"),
        ("until_attribute", ""),
        ("member_of_attribute", "memberOf"),
        ("member_attribute", "member"),
    ] {
        let line = format!("\n{key} = {usual:?}");
        for odd in ["*", "+", "1.1", "2.5.4.4", "a b", "IsMailMonitor;binary"] {
            let found = told(&[(&line, &format!("\n{key} = {odd:?}"))]);
            assert!(
                found.contains(&format!("directory.ldap.{key}: ")),
                "{odd}: {found}"
            );
        }
    }
    let found = told(&[("attribute = \"IsMailMonitor\"", "attribute = \"\"")]);
    assert!(found.contains("directory.ldap.attribute: "), "{found}");
}

#[test]
fn one_attribute_cannot_be_two_things() {
    let until = (
        "until_attribute = \"\"",
        "until_attribute = \"ismailmonitor\"",
    );
    assert!(told(&[until]).contains("until_attribute: is the attribute of the flag"));
    let group = ("flag_group = \"\"", "flag_group = \"cn=a,dc=test\"");
    let flag = ("attribute = \"IsMailMonitor\"", "attribute = \"MemberOf\"");
    assert!(told(&[group, flag]).contains("attribute: is the attribute of memberships"));
}

#[test]
fn a_group_is_named_by_its_entry() {
    let found = told(&[("flag_group = \"\"", "flag_group = \"monitored\"")]);
    assert!(
        found.contains("flag_group: is not the name of an entry such as \"cn="),
        "{found}"
    );
}

#[test]
fn a_filter_that_cannot_search_parts_is_refused_where_tags_are_searched() {
    let filter = "filter = \"(|(mail={address})(mailAlternateAddress={address})(proxyAddresses=smtp:{address}))\"";
    let found = told(&[
        (filter, "filter = \"(mail:caseIgnoreMatch:={address})\""),
        (
            "tags_in_directory = \"ignore\"",
            "tags_in_directory = \"search\"",
        ),
    ]);
    assert!(
        found.contains("filter: cannot search for a part"),
        "{found}"
    );
}

#[test]
fn a_bind_needs_a_name_and_a_password() {
    let found = told(&[(NAME, NAME.trim_start_matches('#'))]);
    assert!(found.contains("bind_password_file: is missing"), "{found}");
    let file = secret("secret\n");
    let setting = format!("bind_password_file = {:?}", file.path());
    let found = told(&[(PASSWORD, &setting)]);
    assert!(found.contains("bind_dn: is missing"), "{found}");
    let found = told(&[(NAME, &format!("bind_dn = \"\"\n{setting}"))]);
    assert!(found.contains("bind_dn: is empty"), "{found}");
}

#[test]
fn a_mirror_that_cannot_be_is_refused() {
    let found = told(&[("mirror = \"auto\"", "mirror = \"always\"")]);
    assert!(
        found.contains("\"always\" is none of auto, on, off"),
        "{found}"
    );
    let max_age = "mirror_max_age = \"5m\"";
    for age in ["9s", "0s", "soon"] {
        let found = told(&[(max_age, &format!("mirror_max_age = \"{age}\""))]);
        assert!(
            found.contains("directory.ldap.mirror_max_age: "),
            "{age}: {found}"
        );
    }
    assert_eq!(told(&[(max_age, "mirror_max_age = \"10s\"")]), "");
}

/// A server takes an empty password as no login at all (RFC 4513, section 5.1.2).
#[test]
fn an_empty_password_is_refused() {
    for text in ["", "\n", "one\ntwo\n"] {
        let file = secret(text);
        let setting = format!("bind_dn = \"cn=a\"\nbind_password_file = {:?}", file.path());
        let found = told(&[(NAME, &setting)]);
        assert!(
            found.contains("must hold one line with the password"),
            "{found}"
        );
    }
}

fn secret(text: &str) -> tempfile::NamedTempFile {
    // Made for its owner alone.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}
