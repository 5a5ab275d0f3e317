//! `[web.sign_in]` and `[audit]`: what lets nobody in, tells passwords to the network, or seals nothing.

use std::{fs, fs::Permissions, os::unix::fs::PermissionsExt};

use super::{SAMPLE, sample_with};
use crate::{
    config::{ConfigFile, audit, desk},
    directory::sign_in::{ScopeRule, Settings},
    domain::rights::DeskRole,
    web::Listen,
};

fn read(text: &str) -> Result<Settings, String> {
    let file = ConfigFile::parse("mailhold.toml", text).unwrap();
    let read = desk::web(&file).map_err(|faults| faults.to_string())?;
    Ok(read.sign_in)
}

fn ldap(text: &str) -> crate::directory::sign_in::LdapSettings {
    match read(text).unwrap() {
        Settings::Ldap(ldap) => *ldap,
        Settings::File(file) => panic!("{file:?}"),
    }
}

#[test]
fn the_sample_lets_reviewers_in_by_the_directory() {
    let settings = ldap(SAMPLE);
    assert_eq!(settings.filter.render(b"rita"), "(uid=rita)");
    let roles: Vec<_> = settings.groups.iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, [DeskRole::Reviewer]);
    assert_eq!(settings.scope, ScopeRule::All);
}

#[test]
fn a_site_without_the_desk_needs_no_section() {
    let file = ConfigFile::parse("mailhold.toml", "").unwrap();
    assert!(!desk::has_web(&file));
}

#[test]
fn a_scope_is_by_place_by_attribute_or_by_manager() {
    let scope = |lines: &str| {
        ldap(&sample_with(
            "scope = \"all\"\nunit_attribute = \"\"",
            lines,
        ))
        .scope
    };
    assert_eq!(scope("scope = \"unit\""), ScopeRule::Place);
    assert_eq!(
        scope("scope = \"unit\"\nunit_attribute = \"departmentNumber\""),
        ScopeRule::Attribute("departmentNumber".to_owned())
    );
    assert_eq!(scope("scope = \"manager\""), ScopeRule::Manager);
    let fault = read(&sample_with(
        "unit_attribute = \"\"",
        "unit_attribute = \"*\"",
    ))
    .unwrap_err();
    assert!(fault.contains("web.sign_in.unit_attribute"), "{fault}");
}

#[test]
fn what_lets_nobody_in_is_refused() {
    let group = "reviewers_group = \"cn=reviewers,ou=groups,dc=example,dc=com\"";
    for (line, instead, told) in [
        (group, "", "web.sign_in.reviewers_group: is missing"),
        (
            group,
            "reviewers_group = \"staff\"",
            "is not the name of an entry",
        ),
        (
            "filter = \"(uid={login})\"",
            "filter = \"(uid=rita)\"",
            "web.sign_in.filter: the filter has no {login}",
        ),
        (
            "filter = \"(uid={login})\"",
            "filter = \"(uid={login}\"",
            "web.sign_in.filter: not a search filter",
        ),
        (
            "backend = \"ldap\"\n# Finds the one",
            "backend = \"pam\"\n# Finds the one",
            "none of ldap, file",
        ),
        (
            "scope = \"all\"",
            "scope = \"department\"",
            "none of all, unit, manager",
        ),
    ] {
        let fault = read(&sample_with(line, instead)).unwrap_err();
        assert!(fault.contains(told), "{fault}");
    }
}

#[test]
fn passwords_of_people_are_not_sent_in_clear() {
    let urls = "urls = [\"ldap://localhost:389\"]";
    let fault = read(&sample_with(urls, "urls = [\"ldap://192.0.2.1\"]")).unwrap_err();
    assert!(fault.contains("people's passwords unprotected"), "{fault}");
    assert!(read(&sample_with(urls, "urls = [\"ldaps://directory.test\"]")).is_ok());
    let by_file = sample_with(
        "backend = \"ldap\"\n# Finds the one",
        "backend = \"file\"\n# Finds the one",
    );
    let by_file = by_file.replacen(urls, "urls = [\"ldap://192.0.2.1\"]", 1);
    assert!(matches!(read(&by_file), Ok(Settings::File(_))));
}

#[test]
fn a_key_of_the_record_is_long_and_closed_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("audit.key");
    let line = format!("[audit]\nkey_file = {path:?}\n");
    let key = || {
        let file = ConfigFile::parse("mailhold.toml", &line).unwrap();
        audit::key(&file).map_err(|faults| faults.to_string())
    };
    let write = |text: &str, mode: u32| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    write(&"k".repeat(31), 0o600);
    assert!(key().unwrap_err().contains("holds less than 32 bytes"));
    write(&format!("{}\n", "k".repeat(32)), 0o640);
    assert!(key().unwrap().is_some());
    write(&"k".repeat(32), 0o644);
    assert!(key().unwrap_err().contains("can be read by everyone"));
    let none = ConfigFile::parse("mailhold.toml", "").unwrap();
    assert!(audit::key(&none).unwrap().is_none());
}

#[test]
fn a_proxy_is_named_where_one_can_be_seen() {
    let listen = |socket: &str, proxy: &str| {
        let lines = format!("socket = \"{socket}\"\nproxy = \"{proxy}\"");
        let text = sample_with("socket = \"tls:0.0.0.0:8443\"", &lines);
        let file = ConfigFile::parse("mailhold.toml", &text).unwrap();
        let read = desk::web(&file).map_err(|faults| faults.to_string())?;
        Ok::<_, String>(read.web.listen)
    };
    assert_eq!(
        listen("inet:127.0.0.1:8080", "127.0.0.1"),
        Ok(Listen::Plain {
            address: "127.0.0.1:8080".parse().unwrap(),
            proxy: "127.0.0.1".parse().ok(),
        })
    );
    assert_eq!(
        listen("unix:/run/mailhold-web/desk.sock", "www-data"),
        Ok(Listen::Unix {
            path: "/run/mailhold-web/desk.sock".into(),
            proxy: Some("www-data".to_owned()),
        })
    );
    for (socket, proxy, cause) in [
        ("tls:0.0.0.0:8443", "127.0.0.1", "speaks to browsers itself"),
        ("inet:[::1]:8080", "127.0.0.1", "needs in proxy the address"),
        (
            "inet:127.0.0.1:8080",
            "192.0.2.1",
            "needs in proxy the address",
        ),
        (
            "inet:127.0.0.1:8080",
            "www-data",
            "needs in proxy the address",
        ),
    ] {
        let fault = listen(socket, proxy).unwrap_err();
        assert!(
            fault.contains("web.socket") && fault.contains(cause),
            "{fault}"
        );
    }
}
