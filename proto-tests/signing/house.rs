//! A directory with people who have passwords, departments and a manager, and what lets them in.

use std::time::Duration;

use mailhold::{
    directory::{
        DirectoryError,
        filter::FilterTemplate,
        ldap::{self, Membership},
        sign_in::{LdapSettings, ScopeRule, Settings, SignIn, SignInError},
    },
    domain::{
        folding::Folding,
        person::Group,
        rights::{DeskRole, Principal},
    },
};
use tokio::{sync::OnceCell, time::Instant};

use crate::{
    directory::asking,
    lab::{
        Lab,
        slapd::{PEOPLE, SUFFIX, Setup, Slapd},
    },
};

/// The password of everybody who has one.
pub const PASSWORD: &str = "correct horse";
/// Longer than any answer takes here.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// One slapd with `memberOf` for all tests; each has people of its own.
pub async fn slapd(lab: &Lab) -> &'static Slapd {
    static SLAPD: OnceCell<Slapd> = OnceCell::const_new();
    SLAPD.get_or_init(|| start(lab, "slapd-signing")).await
}

/// One of its own, with an empty group for each role.
pub async fn start(lab: &Lab, name: &str) -> Slapd {
    let setup = Setup {
        global: "moduleload memberof\n".to_owned(),
        database: "overlay memberof\nmemberof-refint TRUE\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, name, &setup).await;
    let units = ["groups", "sales", "law"].map(|unit| {
        let above = if unit == "groups" { SUFFIX } else { PEOPLE };
        format!("dn: ou={unit},{above}\nchangetype: add\nobjectClass: organizationalUnit\nou: {unit}\n\n")
    });
    slapd.modify(&units.concat()).await;
    let groups = DeskRole::ALL.map(|role| {
        format!(
            "dn: {}\nchangetype: add\nobjectClass: groupOfNames\ncn: {role}s\nmember:\n\n",
            group(role)
        )
    });
    slapd.modify(&groups.concat()).await;
    slapd
}

/// The group of a role.
pub fn group(role: DeskRole) -> String {
    format!("cn={role}s,ou=groups,{SUFFIX}")
}

/// The entry of a person in a unit.
pub fn dn(login: &str, unit: &str) -> String {
    format!("uid={login},ou={unit},{PEOPLE}")
}

/// Adds a person with a password, and more lines of LDIF.
pub async fn add(slapd: &Slapd, login: &str, unit: &str, more: &str) {
    let entry = format!(
        "dn: {}\nchangetype: add\nobjectClass: inetOrgPerson\nobjectClass: mailholdPerson\n\
         uid: {login}\ncn: {login} of {unit}\nsn: {login}\nmail: {login}@corp.test\n\
         userPassword: {PASSWORD}\n{more}",
        dn(login, unit)
    );
    slapd.modify(&entry).await;
}

/// Makes a person a member of a role's group, or takes them out.
pub async fn change_group(slapd: &Slapd, change: &str, role: DeskRole, person: &str) {
    let group = group(role);
    let text = format!("dn: {group}\nchangetype: modify\n{change}: member\nmember: {person}\n");
    slapd.modify(&text).await;
}

/// Adds a reviewer of the unit `sales`.
pub async fn add_reviewer(slapd: &Slapd, login: &str) {
    add(slapd, login, "sales", "").await;
    change_group(slapd, "add", DeskRole::Reviewer, &dn(login, "sales")).await;
}

/// The settings of `[web.sign_in]` for this slapd.
pub fn settings(slapd: &Slapd) -> LdapSettings {
    LdapSettings {
        directory: asking::settings(slapd),
        filter: filter("(uid={login})"),
        groups: DeskRole::ALL
            .map(|role| (role, Group::new(&group(role))))
            .to_vec(),
        scope: ScopeRule::All,
    }
}

pub fn filter(template: &str) -> FilterTemplate {
    FilterTemplate::new(template, "{login}").unwrap()
}

/// The same, with memberships in the groups' entries.
pub fn by_entry(settings: LdapSettings) -> LdapSettings {
    let member = "member".to_owned();
    LdapSettings {
        directory: ldap::Settings {
            membership: Membership::OfGroup { member },
            ..settings.directory
        },
        ..settings
    }
}

pub fn open(settings: LdapSettings) -> SignIn {
    SignIn::new(&Settings::Ldap(Box::new(settings)), Folding::default())
}

/// Signs in; whoever is let in, or `None`.
pub async fn identify(sign_in: &SignIn, login: &str, password: &str) -> Option<Principal> {
    try_identify(sign_in, login, password).await.unwrap()
}

pub async fn try_identify(
    sign_in: &SignIn,
    login: &str,
    password: &str,
) -> Result<Option<Principal>, SignInError> {
    let password = password.to_owned().into();
    let deadline = Instant::now() + PATIENCE;
    sign_in.identify(login, &password, deadline).await
}

pub async fn renew(sign_in: &SignIn, principal: &Principal) -> Option<Principal> {
    let deadline = Instant::now() + PATIENCE;
    sign_in.renew(principal, deadline).await.unwrap()
}

/// Whether nobody could be asked.
pub fn is_away(error: &SignInError) -> bool {
    matches!(
        error,
        SignInError::Directory(DirectoryError::Connect { .. } | DirectoryError::Timeout(_))
    )
}
