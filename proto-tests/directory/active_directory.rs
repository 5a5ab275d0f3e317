//! The settings for Active Directory that the manual shows, on a slapd with the same attributes.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::{
    directory::{
        Directory,
        filter::FilterTemplate,
        ldap::{self, Membership},
    },
    domain::person::{Flag, Group},
};
use tokio::sync::OnceCell;
use toml::Table;

use super::asking::{ask, flagged, login, open, reading, sender, settings};
use crate::{
    lab::{
        Lab,
        place::Place,
        slapd::{PEOPLE, SUFFIX, Setup, Slapd},
        user::User,
    },
    trials::{Trials, tests},
};

/// The names and numbers that Active Directory gives them, as far as the settings name them.
const SCHEMA: &str = "\
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.782 NAME 'objectCategory' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.423 NAME 'extensionAttribute1' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.2.424 NAME 'extensionAttribute2' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP inetOrgPerson STRUCTURAL
  MAY ( sAMAccountName $ userPrincipalName $ proxyAddresses $ objectCategory
  $ extensionAttribute1 $ extensionAttribute2 ) )
";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_person_is_found_by_each_of_the_addresses,
        a_person_is_found_by_each_of_the_logins,
        a_proxy_address_is_found_by_the_default_filter,
        an_attribute_of_the_extensions_is_the_flag,
        an_extension_is_the_end_of_the_flag,
        a_member_of_a_group_is_flagged,
        what_is_no_person_is_not_found,
    ]
}

async fn slapd(lab: &Lab) -> &'static Slapd {
    static SLAPD: OnceCell<Slapd> = OnceCell::const_new();
    SLAPD.get_or_init(|| start(lab)).await
}

async fn start(lab: &Lab) -> Slapd {
    let place: &Place = &lab.tools.place;
    let schema = place.file("active-directory.schema", User::ROOT, 0o644, SCHEMA);
    let setup = Setup {
        global: format!("include {}\nmoduleload memberof\n", schema.display()),
        database: "overlay memberof\nmemberof-refint TRUE\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slapd-as-ad", &setup).await;
    let person = |name: &str, category: &str, more: &str| {
        format!(
            "dn: cn={name},{PEOPLE}\nchangetype: add\nobjectClass: user\ncn: {name}\nsn: {name}\n\
             objectCategory: {category}\nsAMAccountName: {name}\n\
             userPrincipalName: {name}@ad.corp.test\nmail: {name}.main@corp.test\n\
             proxyAddresses: SMTP:{name}.main@corp.test\n\
             proxyAddresses: smtp:{name}.other@corp.test\n{more}\n"
        )
    };
    let ldif = [
        person("anna", "person", "extensionAttribute1: TRUE\n"),
        person("ben", "person", ""),
        person(
            "carl",
            "person",
            "extensionAttribute1: TRUE\nextensionAttribute2: 20200131120000Z\n",
        ),
        person("dora", "person", ""),
        person("printer", "computer", "extensionAttribute1: TRUE\n"),
        format!(
            "dn: ou=Groups,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: Groups\n"
        ),
        format!(
            "dn: CN=Monitored,OU=Groups,{SUFFIX}\nchangetype: add\nobjectClass: groupOfNames\n\
             cn: Monitored\nmember: cn=dora,{PEOPLE}\n"
        ),
    ];
    slapd.modify(&ldif.join("\n")).await;
    slapd
}

/// The block of settings under the manual's heading.
fn manual() -> Table {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/directory.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, part) = page.split_once("## Active Directory").unwrap();
    let lines = part.lines().skip_while(|line| !line.starts_with("    "));
    let block: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    let table: Table = block.join("\n").parse().unwrap();
    table["directory"]["ldap"].as_table().unwrap().clone()
}

/// What the manual says, for this slapd.
fn as_told(slapd: &Slapd) -> ldap::Settings {
    let manual = manual();
    let text = |key: &str| manual[key].as_str().unwrap();
    let filter = |key, place| FilterTemplate::new(text(key), place).unwrap();
    assert_eq!(text("group_by"), "memberOf");
    let flag_group = text("flag_group").replace("DC=ad,DC=example,DC=com", SUFFIX);
    let mut settings = ldap::Settings {
        filter: filter("filter", "{address}"),
        login_filter: Some(filter("login_filter", "{login}")),
        membership: Membership::OfPerson,
        ..settings(slapd)
    };
    settings.marks.attribute = text("attribute").to_owned();
    settings.marks.until = Some(text("until_attribute").to_owned());
    settings.marks.flag_group = Some(Group::new(&flag_group));
    settings
}

async fn directory(lab: &Lab) -> Arc<dyn Directory> {
    open(as_told(slapd(lab).await))
}

async fn a_person_is_found_by_each_of_the_addresses(lab: &Lab) {
    let directory = directory(lab).await;
    for address in [
        "anna.main@corp.test",
        "ANNA.Other@CORP.test",
        "anna@ad.corp.test",
    ] {
        flagged(&*directory, &sender(address)).await;
    }
    let read = reading(&*directory, &sender("ben.other@corp.test")).await;
    assert_eq!(read, None);
}

async fn a_person_is_found_by_each_of_the_logins(lab: &Lab) {
    let directory = directory(lab).await;
    for name in ["anna", "Anna", "anna@ad.corp.test", "anna.main@corp.test"] {
        flagged(&*directory, &login(name)).await;
    }
    assert_eq!(reading(&*directory, &login("ben")).await, None);
}

async fn a_proxy_address_is_found_by_the_default_filter(lab: &Lab) {
    let slapd = slapd(lab).await;
    let mut settings = settings(slapd);
    settings.marks.attribute = "extensionAttribute1".to_owned();
    let directory = open(settings);
    flagged(&*directory, &sender("anna.other@corp.test")).await;
    let prefixed = sender("smtp:anna.other@corp.test");
    assert_eq!(reading(&*directory, &prefixed).await, None);
}

async fn an_attribute_of_the_extensions_is_the_flag(lab: &Lab) {
    let entry = flagged(&*directory(lab).await, &login("anna")).await;
    assert_eq!(entry.flag.shown(), "extensionAttribute1=TRUE");
}

async fn an_extension_is_the_end_of_the_flag(lab: &Lab) {
    let standing = ask(&*directory(lab).await, &login("carl")).await.unwrap();
    let flag = &standing.entries[0].flag;
    assert!(matches!(flag, Flag::Expired { .. }), "{flag:?}");
}

async fn a_member_of_a_group_is_flagged(lab: &Lab) {
    let entry = flagged(&*directory(lab).await, &login("dora")).await;
    let shown = entry.flag.shown().to_lowercase();
    assert!(shown.starts_with("memberof=cn=monitored,"), "{shown}");
}

async fn what_is_no_person_is_not_found(lab: &Lab) {
    let standing = ask(&*directory(lab).await, &login("printer")).await;
    assert!(standing.unwrap().entries.is_empty());
}
