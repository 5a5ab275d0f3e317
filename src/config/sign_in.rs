//! Reads `[web.sign_in]`: who is let in at the review desk, with which role, and whose mail they see.

use super::{
    ldap::{attribute, filter, is_open, ldap_settings},
    section::Section,
};
use crate::{
    directory::{
        filter::FilterTemplate,
        sign_in::{LdapSettings, ScopeRule, Settings},
    },
    domain::{person::Group, rights::DeskRole},
};

const DEFAULT_FILTER: &str = "(uid={login})";

/// Reads the section; `directory` is `[directory.ldap]`, whose servers are asked.
pub(super) fn sign_in_settings(section: &Section<'_>, directory: &Section<'_>) -> Settings {
    let is_ldap = section
        .word("backend", &[("ldap", true), ("file", false)])
        .unwrap_or(true);
    let people = section
        .parsed("filter", DEFAULT_FILTER, filter("{login}"))
        .unwrap_or_default();
    let groups = groups(section);
    let scope = scope(section);
    let file = section.path("file", "/etc/mailhold/passwords");
    section.refuse_unknown();
    if !is_ldap {
        return Settings::File(file);
    }
    refuse_unfit(section, &people, &groups);
    let directory = ldap_settings(directory);
    let mut servers = directory.servers.iter();
    if let Some(server) = servers.find(|server| is_open(&directory, server)) {
        let problem = format!(
            "{server} would get people's passwords unprotected: write ldaps:// in \
             directory.ldap.urls, or set directory.ldap.starttls = \"required\""
        );
        section.refuse("backend", &problem);
    }
    Settings::Ldap(Box::new(LdapSettings {
        directory,
        filter: people,
        groups,
        scope,
    }))
}

/// What would let nobody in, or tell no names on the record.
fn refuse_unfit(section: &Section<'_>, people: &FilterTemplate, groups: &[(DeskRole, Group)]) {
    if groups.is_empty() {
        let problem = "is missing: without reviewers_group, auditors_group and \
                       administrators_group nobody has a role";
        section.refuse("reviewers_group", problem);
    }
    if people.attributes().is_empty() && !section.faulty("filter") {
        section.refuse("filter", "compares no attribute with {login}");
    }
}

fn groups(section: &Section<'_>) -> Vec<(DeskRole, Group)> {
    let keys = [
        ("reviewers_group", DeskRole::Reviewer),
        ("auditors_group", DeskRole::Auditor),
        ("administrators_group", DeskRole::Administrator),
    ];
    let mut groups = Vec::new();
    for (key, role) in keys {
        let Some(name) = section.text(key).filter(|name| !name.is_empty()) else {
            continue;
        };
        if !name.contains('=') {
            let problem =
                "is not the name of an entry such as \"cn=reviewers,ou=groups,dc=example,dc=com\"";
            section.refuse(key, problem);
        }
        groups.push((role, Group::new(&name)));
    }
    groups
}

fn scope(section: &Section<'_>) -> ScopeRule {
    let words = [
        ("all", ScopeWord::All),
        ("unit", ScopeWord::Unit),
        ("manager", ScopeWord::Manager),
    ];
    let unit = match section.text("unit_attribute").as_deref() {
        None | Some("") => None,
        Some(_) => section.parsed("unit_attribute", "", attribute),
    };
    match (section.word("scope", &words), unit) {
        (Some(ScopeWord::All) | None, _) => ScopeRule::All,
        (Some(ScopeWord::Unit), None) => ScopeRule::Place,
        (Some(ScopeWord::Unit), Some(name)) => ScopeRule::Attribute(name),
        (Some(ScopeWord::Manager), _) => ScopeRule::Manager,
    }
}

#[derive(Clone, Copy)]
enum ScopeWord {
    All,
    Unit,
    Manager,
}
