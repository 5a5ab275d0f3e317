//! What a server must show before its silence is believed: it knows the attributes that we ask for,
//! and who is in the groups. Misspelt ones are answered like absent ones, and nobody would be flagged.

use ldap3::Scope;

use super::{
    Membership, Settings,
    membership::UID,
    search::{Question, Server, Wanted, is_hidden},
};
use crate::{
    directory::{DirectoryError, filter, reading},
    domain::person::Group,
};

/// An attribute in use.
struct InUse<'a> {
    setting: &'static str,
    name: &'a str,
    spelling: Spelling,
}

/// Whether an attribute may be called by any of its names.
#[derive(Clone, Copy)]
enum Spelling {
    Any,
    /// Servers answer with the first name, and by this one the attribute is told from others.
    First,
}

/// Proves all of it.
pub(super) async fn prove(settings: &Settings, server: &Server) -> Result<(), DirectoryError> {
    prove_attributes(settings, server).await?;
    for group in settings.marks.all_groups() {
        prove_group(settings, server, group).await?;
        prove_logins(settings, server, group).await?;
    }
    Ok(())
}

/// Compares the attributes with the server's schema, if it shows one.
async fn prove_attributes(settings: &Settings, server: &Server) -> Result<(), DirectoryError> {
    let Some(types) = attribute_types(server).await? else {
        return Ok(());
    };
    for attribute in in_use(settings) {
        let names = types.iter().map(|known| reading::names(known));
        let names = names.into_iter().find(|names| {
            let is_it = |name: &String| name.eq_ignore_ascii_case(attribute.name);
            names.iter().any(is_it)
        });
        let first = names.as_ref().and_then(|names| names.first());
        let fault = match (first, attribute.spelling) {
            (None, _) => format!("has no attribute {:?}", attribute.name),
            (Some(first), Spelling::First) if !first.eq_ignore_ascii_case(attribute.name) => {
                format!(
                    "calls {:?} by the name {first:?}: write that",
                    attribute.name
                )
            }
            (Some(_), Spelling::First | Spelling::Any) => continue,
        };
        return Err(DirectoryError::Attribute {
            setting: attribute.setting,
            fault,
        });
    }
    prove_filters(settings, &types)
}

/// A filter may name attributes of other servers, but one of them must be this server's.
fn prove_filters(settings: &Settings, types: &[Vec<u8>]) -> Result<(), DirectoryError> {
    let login = settings.login_filter.as_ref();
    let filters = [
        ("directory.ldap.filter", Some(&settings.filter)),
        ("directory.ldap.login_filter", login),
    ];
    for (setting, filter) in filters {
        let Some(filter) = filter else { continue };
        let attributes = filter.attributes();
        let is_known = |name: &&str| {
            name.starts_with(|sign: char| sign.is_ascii_digit())
                || types.iter().any(|known| reading::is_named(known, name))
        };
        if !attributes.is_empty() && !attributes.iter().any(is_known) {
            let fault = format!("has none of the attributes {}", attributes.join(", "));
            return Err(DirectoryError::Attribute { setting, fault });
        }
    }
    Ok(())
}

fn in_use(settings: &Settings) -> Vec<InUse<'_>> {
    let marks = &settings.marks;
    let mut all = vec![InUse {
        setting: "directory.ldap.attribute",
        name: &marks.attribute,
        spelling: Spelling::Any,
    }];
    all.extend(marks.until.iter().map(|name| InUse {
        setting: "directory.ldap.until_attribute",
        name,
        spelling: Spelling::First,
    }));
    if marks.all_groups().next().is_some() {
        all.push(match &settings.membership {
            Membership::OfPerson => InUse {
                setting: "directory.ldap.member_of_attribute",
                name: &marks.member_of,
                spelling: Spelling::First,
            },
            Membership::OfGroup { member } => InUse {
                setting: "directory.ldap.member_attribute",
                name: member,
                spelling: Spelling::Any,
            },
        });
    }
    all
}

/// The attribute types of the server's schema (RFC 4512, section 4.4); `None` if it shows none.
async fn attribute_types(server: &Server) -> Result<Option<Vec<Vec<u8>>>, DirectoryError> {
    let root = shown(server, "", "(objectClass=*)", "subschemaSubentry").await?;
    let Some(place) = root.into_iter().next() else {
        return Ok(None);
    };
    let place = String::from_utf8_lossy(&place);
    let types = shown(server, &place, "(objectClass=subschema)", "attributeTypes").await?;
    Ok((!types.is_empty()).then_some(types))
}

/// The values of an attribute of one entry. Servers may hide their schema, but not fail with it.
async fn shown(
    server: &Server,
    base: &str,
    filter: &str,
    attribute: &str,
) -> Result<Vec<Vec<u8>>, DirectoryError> {
    let question = Question {
        base,
        scope: Scope::Base,
        filter,
        attributes: &[attribute],
        wanted: Wanted::All,
        kind: "schema",
    };
    let entries = match server.search(question).await {
        Err(error) if is_hidden(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let values = entries.into_iter().flat_map(|entry| entry.values);
    Ok(values.map(|(_, value)| value).collect())
}

/// They cannot be empty (RFC 4519, section 3.5), whoever may see their members.
const GROUPS_OF_NAMES: &str = "(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)";

/// Proves that a member would be seen: the group's entry can be read, and its members are where the
/// settings look for them.
async fn prove_group(
    settings: &Settings,
    server: &Server,
    group: &Group,
) -> Result<(), DirectoryError> {
    let problem = match &settings.membership {
        Membership::OfGroup { member } => {
            let fault = membership_fault(server, group, member).await?;
            let Some(fault) = fault else { return Ok(()) };
            format!("{fault} in {member:?} (directory.ldap.member_attribute)")
        }
        Membership::OfPerson => {
            let has_members = format!("(|(member=*)(uniqueMember=*){GROUPS_OF_NAMES})");
            let has_members = matches(server, group, &has_members).await?;
            if !has_members || has_person(settings, server, group).await? {
                return Ok(());
            }
            let (base, attribute) = (&settings.base, &settings.marks.member_of);
            format!("it has members, but no entry below {base:?} has it in {attribute:?}")
        }
    };
    Err(DirectoryError::Group {
        group: group.as_str().to_owned(),
        cause: problem.into(),
    })
}

/// What speaks against the members standing in this attribute of the group's entry.
async fn membership_fault(
    server: &Server,
    group: &Group,
    member: &str,
) -> Result<Option<&'static str>, DirectoryError> {
    if matches(server, group, &format!("({member}=*)")).await? {
        return Ok(None);
    }
    if matches(server, group, "(|(member=*)(uniqueMember=*)(memberUid=*))").await? {
        return Ok(Some("it names its members, but not"));
    }
    // Of what one may not see, servers say that it is not there.
    let is_never_empty = format!("(|{GROUPS_OF_NAMES})");
    let is_hidden = matches(server, group, &is_never_empty).await?;
    Ok(is_hidden.then_some("it must have members, but shows none"))
}

/// Proves that logins can be read where members are named by them: a person without one would be in
/// no group.
async fn prove_logins(
    settings: &Settings,
    server: &Server,
    group: &Group,
) -> Result<(), DirectoryError> {
    if !settings.membership.is_by_login() {
        return Ok(());
    }
    let filter = format!("({UID}=*)");
    let question = Question {
        base: &settings.base,
        scope: Scope::Subtree,
        filter: &filter,
        attributes: &[UID],
        wanted: Wanted::Any,
        kind: "group",
    };
    let found = server.search(question).await?;
    if found.iter().any(|entry| !entry.values.is_empty()) {
        return Ok(());
    }
    let cause = format!(
        "it names members by {UID:?}, but no entry below {:?} shows one: give the right to read it",
        settings.base
    );
    Err(DirectoryError::Group {
        group: group.as_str().to_owned(),
        cause: cause.into(),
    })
}

/// Whether the group's entry matches a filter; it must be there.
async fn matches(server: &Server, group: &Group, filter: &str) -> Result<bool, DirectoryError> {
    let question = Question {
        base: group.as_str(),
        scope: Scope::Base,
        filter,
        attributes: &["1.1"],
        wanted: Wanted::All,
        kind: "group",
    };
    match server.search(question).await {
        Ok(found) => Ok(!found.is_empty()),
        Err(DirectoryError::LookUp { cause, .. }) => Err(DirectoryError::Group {
            group: group.as_str().to_owned(),
            cause,
        }),
        Err(error) => Err(error),
    }
}

/// Whether any person is seen to be in a group, compared as look-ups compare.
async fn has_person(
    settings: &Settings,
    server: &Server,
    group: &Group,
) -> Result<bool, DirectoryError> {
    let member_of = settings.marks.member_of.as_str();
    let value = filter::escape(group.as_str().as_bytes());
    let filter = format!("({member_of}={value})");
    let question = Question {
        base: &settings.base,
        scope: Scope::Subtree,
        filter: &filter,
        attributes: &[member_of],
        wanted: Wanted::Any,
        kind: "group",
    };
    let found = server.search(question).await?;
    let mut values = found.iter().flat_map(|entry| &entry.values);
    Ok(values.any(|(_, value)| reading::group(value).as_ref() == Some(group)))
}
