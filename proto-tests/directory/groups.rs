//! Groups beside the attribute: a member is flagged, and a group that cannot be read is an error.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::{
        Directory, DirectoryError,
        ldap::{self, Membership},
    },
    domain::person::{FlagReading, Group},
    telemetry::chain::Chain,
};
use tokio::{sync::OnceCell, time::Instant};

use super::asking::{PATIENCE, ask, flagged, login, open, reading, sender, settings};
use crate::{
    lab::{
        Lab,
        slapd::{PEOPLE, SUFFIX, Setup, Slapd},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_member_by_member_of_is_flagged,
        a_member_by_the_groups_entry_is_flagged,
        a_member_by_login_is_flagged,
        a_member_is_flagged_whatever_the_attribute_says,
        who_leaves_the_group_is_not_flagged_any_more,
        groups_that_somebody_asks_for_are_told,
        a_group_is_found_in_another_spelling,
        an_empty_group_flags_nobody,
        a_group_that_is_not_there_is_an_error,
        a_group_that_cannot_be_read_is_an_error,
        members_that_may_not_be_compared_are_an_error,
        logins_that_may_not_be_read_are_an_error,
        members_that_stand_elsewhere_are_an_error,
        memberships_that_nobody_may_see_are_an_error,
        a_group_that_is_renamed_meanwhile_is_an_error,
    ]
}

/// The ways to know a member.
fn ways() -> [Membership; 2] {
    [Membership::OfPerson, by("member")]
}

fn by(member: &str) -> Membership {
    let member = member.to_owned();
    Membership::OfGroup { member }
}

fn group(name: &str) -> Group {
    Group::new(&dn(name))
}

fn dn(name: &str) -> String {
    format!("cn={name},ou=groups,{SUFFIX}")
}

/// A slapd that keeps `memberOf`, as an overlay does.
async fn slapd(lab: &Lab) -> &'static Slapd {
    static SLAPD: OnceCell<Slapd> = OnceCell::const_new();
    SLAPD.get_or_init(|| start(lab, "slapd-groups", "")).await
}

/// One with anna in `monitored`, ben in `brokers` and `logins`, and nobody in `empty`.
async fn start(lab: &Lab, name: &str, more: &str) -> Slapd {
    let setup = Setup {
        global: format!("include /etc/ldap/schema/nis.schema\nmoduleload memberof\n{more}"),
        database: "overlay memberof\nmemberof-refint TRUE\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, name, &setup).await;
    for (login, flags) in [("anna", &["N"][..]), ("ben", &[]), ("eve", &[])] {
        let address = format!("{login}@corp.test");
        slapd.add_person(login, &[&address], flags).await;
    }
    let names = |name: &str, kind: &str, member: &str| {
        format!(
            "dn: {}\nchangetype: add\nobjectClass: {kind}\ncn: {name}\n{member}\n",
            dn(name)
        )
    };
    let person = |login: &str| format!("uid={login},{PEOPLE}");
    let ldif = [
        format!(
            "dn: ou=groups,{SUFFIX}\nchangetype: add\nobjectClass: organizationalUnit\nou: groups\n"
        ),
        names(
            "monitored",
            "groupOfNames",
            &format!("member: {}\n", person("anna")),
        ),
        names(
            "brokers",
            "groupOfNames",
            &format!("member: {}\n", person("ben")),
        ),
        names(
            "unique",
            "groupOfUniqueNames",
            &format!("uniqueMember: {}\n", person("ben")),
        ),
        names("logins", "posixGroup", "gidNumber: 500\nmemberUid: ben\n"),
        names("empty", "posixGroup", "gidNumber: 501\n"),
    ];
    slapd.modify(&ldif.join("\n")).await;
    slapd
}

/// Asks a slapd for a group that flags.
fn grouped(slapd: &Slapd, membership: Membership, flag_group: &str) -> ldap::Settings {
    let mut settings = settings(slapd);
    settings.membership = membership;
    settings.marks.flag_group = Some(group(flag_group));
    settings
}

/// Whether this person is flagged.
async fn is_flagged(directory: &dyn Directory, name: &str) -> bool {
    let read = reading(directory, &sender(format!("<{name}@corp.test>"))).await;
    read.is_some()
}

/// What is told when somebody is asked for, and that the lookout notices it too.
async fn refused(settings: ldap::Settings) -> String {
    let directory = open(settings);
    let error = ask(&*directory, &login("eve")).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Group { .. }), "{error:?}");
    assert!(!error.is_transient());
    let deadline = Instant::now() + PATIENCE;
    directory.probe(deadline).await.unwrap_err();
    Chain(&error).to_string()
}

async fn a_member_by_member_of_is_flagged(lab: &Lab) {
    let slapd = slapd(lab).await;
    let directory = open(grouped(slapd, Membership::OfPerson, "monitored"));
    let entry = flagged(&*directory, &sender("<anna@corp.test>")).await;
    assert_eq!(entry.flag.reading(), Some(FlagReading::Known));
    let shown = format!("memberOf={}", dn("monitored"));
    assert_eq!(entry.flag.shown(), shown);
    assert!(!is_flagged(&*directory, "ben").await);
    directory.probe(Instant::now() + PATIENCE).await.unwrap();
}

async fn a_member_by_the_groups_entry_is_flagged(lab: &Lab) {
    let slapd = slapd(lab).await;
    for (group, member, name) in [
        ("monitored", "member", "anna"),
        ("unique", "uniqueMember", "ben"),
    ] {
        let directory = open(grouped(slapd, by(member), group));
        let entry = flagged(&*directory, &login(name)).await;
        assert_eq!(entry.flag.shown(), format!("memberOf={}", dn(group)));
        assert!(!is_flagged(&*directory, "eve").await);
        directory.probe(Instant::now() + PATIENCE).await.unwrap();
    }
}

async fn a_member_by_login_is_flagged(lab: &Lab) {
    let slapd = slapd(lab).await;
    let directory = open(grouped(slapd, by("memberUid"), "logins"));
    assert!(is_flagged(&*directory, "ben").await);
    // Her login is no flag, whatever it is.
    assert!(!is_flagged(&*directory, "eve").await);
}

async fn a_member_is_flagged_whatever_the_attribute_says(lab: &Lab) {
    let slapd = slapd(lab).await;
    for membership in ways() {
        let directory = open(grouped(slapd, membership, "monitored"));
        assert!(is_flagged(&*directory, "anna").await);
    }
    assert!(!is_flagged(&*open(settings(slapd)), "anna").await);
}

async fn who_leaves_the_group_is_not_flagged_any_more(lab: &Lab) {
    let slapd = slapd(lab).await;
    slapd.add_person("otto", &["otto@corp.test"], &[]).await;
    let change = |how: &str| {
        format!(
            "dn: {}\nchangetype: modify\n{how}: member\nmember: uid=otto,{PEOPLE}\n",
            dn("monitored")
        )
    };
    let directories = ways().map(|way| open(grouped(slapd, way, "monitored")));
    for (how, is_member) in [("add", true), ("delete", false), ("add", true)] {
        slapd.modify(&change(how)).await;
        for directory in &directories {
            assert_eq!(is_flagged(&**directory, "otto").await, is_member);
        }
    }
}

async fn groups_that_somebody_asks_for_are_told(lab: &Lab) {
    let slapd = slapd(lab).await;
    for membership in ways() {
        let mut settings = settings(slapd);
        settings.membership = membership;
        settings.marks.groups = vec![group("brokers"), group("monitored")];
        let directory = open(settings);
        let standing = ask(&*directory, &login("ben")).await.unwrap();
        assert!(standing.is_in(&group("brokers")));
        assert!(!standing.is_in(&group("monitored")));
        assert_eq!(standing.flagged(), None);
    }
}

async fn a_group_is_found_in_another_spelling(lab: &Lab) {
    let slapd = slapd(lab).await;
    for membership in ways() {
        let mut settings = grouped(slapd, membership, "monitored");
        let spelling = "CN=Monitored, OU = Groups,DC=Corp,dc=TEST";
        settings.marks.flag_group = Some(Group::new(spelling));
        flagged(&*open(settings), &login("anna")).await;
    }
}

async fn an_empty_group_flags_nobody(lab: &Lab) {
    let slapd = slapd(lab).await;
    for membership in [Membership::OfPerson, by("memberUid"), by("member")] {
        let directory = open(grouped(slapd, membership, "empty"));
        assert!(!is_flagged(&*directory, "anna").await);
    }
}

async fn a_group_that_is_not_there_is_an_error(lab: &Lab) {
    let slapd = slapd(lab).await;
    for membership in ways() {
        let told = refused(grouped(slapd, membership, "montored")).await;
        assert!(told.contains("cn=montored"), "{told}");
        assert!(told.contains("noSuchObject"), "{told}");
    }
}

/// slapd says of what one may not see that it is not there.
async fn a_group_that_cannot_be_read_is_an_error(lab: &Lab) {
    let hidden = format!("access to dn.subtree=\"ou=groups,{SUFFIX}\" by * none\n");
    let slapd = start(lab, "slapd-closed", &hidden).await;
    for membership in ways() {
        refused(grouped(&slapd, membership, "monitored")).await;
    }
}

async fn members_that_may_not_be_compared_are_an_error(lab: &Lab) {
    let hidden = "access to attrs=member by * none\n";
    let slapd = start(lab, "slapd-discreet", hidden).await;
    let told = refused_look_up(grouped(&slapd, by("member"), "monitored")).await;
    assert!(told.contains("shows none in \"member\""), "{told}");
    // This kind of group may be empty: only a comparison tells.
    let hidden = "access to attrs=memberUid by * none\n";
    let slapd = start(lab, "slapd-discreeter", hidden).await;
    let told = refused_look_up(grouped(&slapd, by("memberUid"), "logins")).await;
    assert!(told.contains("insufficientAccessRights"), "{told}");
}

/// They may be searched for, so the people are found.
async fn logins_that_may_not_be_read_are_an_error(lab: &Lab) {
    let hidden = "access to attrs=uid by * search\n";
    let slapd = start(lab, "slapd-nameless", hidden).await;
    let told = refused(grouped(&slapd, by("memberUid"), "logins")).await;
    assert!(told.contains("names members by \"uid\""), "{told}");
}

async fn refused_look_up(settings: ldap::Settings) -> String {
    let error = ask(&*open(settings), &login("anna")).await.unwrap_err();
    Chain(&error).to_string()
}

async fn members_that_stand_elsewhere_are_an_error(lab: &Lab) {
    let slapd = slapd(lab).await;
    for (group, member) in [("monitored", "uniqueMember"), ("logins", "member")] {
        let told = refused(grouped(slapd, by(member), group)).await;
        assert!(told.contains(&format!("not in {member:?}")), "{told}");
    }
}

async fn memberships_that_nobody_may_see_are_an_error(lab: &Lab) {
    for (name, hidden) in [("shy", "memberOf"), ("shyer", "memberOf,member")] {
        let hidden = format!("access to attrs={hidden} by * none\n");
        let slapd = start(lab, &format!("slapd-{name}"), &hidden).await;
        let told = refused(grouped(&slapd, Membership::OfPerson, "monitored")).await;
        assert!(told.contains("no entry below"), "{told}");
    }
    // Without the overlay the lab's slapd has no such attribute at all.
    let settings = grouped(&lab.slapd, Membership::OfPerson, "monitored");
    let told = refused_look_up(settings).await;
    assert!(told.contains("member_of_attribute"), "{told}");
}

/// Its members are shown under a name that nobody asks for then.
async fn a_group_that_is_renamed_meanwhile_is_an_error(lab: &Lab) {
    let slapd = start(lab, "slapd-renamed", "").await;
    let settings = grouped(&slapd, Membership::OfPerson, "monitored");
    let directory = open(settings);
    assert!(is_flagged(&*directory, "anna").await);
    let rename = |from: &str, to: &str| {
        let from = dn(from);
        format!("dn: {from}\nchangetype: modrdn\nnewrdn: cn={to}\ndeleteoldrdn: 1\n")
    };
    slapd.modify(&rename("monitored", "watched")).await;
    let probe = directory.probe(Instant::now() + PATIENCE).await;
    let error = probe.unwrap_err();
    assert!(matches!(error, DirectoryError::Group { .. }), "{error:?}");
    let error = ask(&*directory, &login("anna")).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Group { .. }), "{error:?}");
    slapd.modify(&rename("watched", "monitored")).await;
    assert!(is_flagged(&*directory, "anna").await);
}
