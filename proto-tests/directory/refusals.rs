//! An answer that is not a whole answer is an error: it never reads as "not flagged".

use std::{error::Error, sync::Arc};

use libtest_mimic::Trial;
use mailhold::{
    directory::{DirectoryError, look_up},
    domain::identity::Identity,
    telemetry::chain::Chain,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::Instant,
};

use super::asking::{PATIENCE, ask, bind, lab_directory, login, open, sender, settings};
use crate::{
    lab::{
        Lab, Person,
        slapd::{PEOPLE, SERVICE, SUFFIX, Slapd},
    },
    trials::{Trials, tests},
};

/// One more than a look-up takes.
const TOO_MANY: usize = 101;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared:
        a_wrong_base_is_an_error,
        a_wrong_bind_password_is_an_error,
        an_unknown_bind_name_is_an_error,
        more_entries_than_the_limit_are_an_error,
        a_size_limit_of_the_server_is_an_error,
        a_base_that_lies_elsewhere_is_an_error,
        a_branch_that_lies_elsewhere_is_an_error,
        a_failed_look_up_is_an_error_beside_an_unflagged_identity,
        a_failed_look_up_does_not_hide_a_flagged_identity,
        a_misspelt_attribute_is_an_error,
        an_error_names_no_address,
    ];
    tests.extend(tests![trials.alone:
        an_entry_that_nobody_can_read_is_an_error,
        an_answer_that_is_none_is_an_error,
        a_server_that_hangs_up_at_once_is_an_error,
    ]);
    tests
}

async fn a_wrong_base_is_an_error(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.base = format!("ou=peple,{SUFFIX}");
    let directory = open(settings);
    let error = ask(&*directory, &sender("<anna@corp.test>"))
        .await
        .unwrap_err();
    assert!(matches!(error, DirectoryError::LookUp { .. }), "{error:?}");
    assert!(!error.is_transient());
    assert!(told(&error).contains("noSuchObject"), "{}", told(&error));
    let deadline = Instant::now() + PATIENCE;
    directory.probe(deadline).await.unwrap_err();
}

async fn a_wrong_bind_password_is_an_error(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.bind = bind(SERVICE, "wrong");
    let directory = open(settings);
    let error = ask(&*directory, &sender("<anna@corp.test>"))
        .await
        .unwrap_err();
    assert!(matches!(error, DirectoryError::Bind { .. }), "{error:?}");
    assert!(
        told(&error).contains("invalidCredentials"),
        "{}",
        told(&error)
    );
    assert!(!told(&error).contains("wrong"), "the password is told");
}

async fn an_unknown_bind_name_is_an_error(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.bind = bind(&format!("cn=nobody,{SUFFIX}"), "wrong");
    let error = ask(&*open(settings), &sender("<anna@corp.test>")).await;
    assert!(
        matches!(error, Err(DirectoryError::Bind { .. })),
        "{error:?}"
    );
}

async fn more_entries_than_the_limit_are_an_error(lab: &Lab) {
    let crowd = crowd(&lab.slapd, lab.person(&[]).await).await;
    let error = ask(&*lab_directory(lab), &crowd).await.unwrap_err();
    assert!(
        told(&error).contains("sizeLimitExceeded"),
        "{}",
        told(&error)
    );
}

async fn a_size_limit_of_the_server_is_an_error(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "slapd-stingy", "sizelimit 1\n").await;
    for (login, flag) in [("first", "N"), ("second", "Y")] {
        slapd.add_person(login, &["same@corp.test"], &[flag]).await;
    }
    let error = ask(&*open(settings(&slapd)), &sender("<same@corp.test>")).await;
    let error = error.unwrap_err();
    assert!(
        told(&error).contains("sizeLimitExceeded"),
        "{}",
        told(&error)
    );
}

async fn a_base_that_lies_elsewhere_is_an_error(lab: &Lab) {
    let branch = branch(lab, "moved").await;
    let mut settings = settings(&lab.slapd);
    settings.base = format!("ou=away,{branch}");
    let error = ask(&*open(settings), &sender("<anna@corp.test>")).await;
    assert!(
        matches!(error, Err(DirectoryError::LookUp { .. })),
        "{error:?}"
    );
}

async fn a_branch_that_lies_elsewhere_is_an_error(lab: &Lab) {
    let branch = branch(lab, "split").await;
    let mut settings = settings(&lab.slapd);
    settings.base = branch;
    let error = ask(&*open(settings), &sender("<anna@corp.test>")).await;
    let error = error.unwrap_err();
    assert!(told(&error).contains("referral"), "{}", told(&error));
}

async fn a_failed_look_up_is_an_error_beside_an_unflagged_identity(lab: &Lab) {
    let crowd = crowd(&lab.slapd, lab.person(&[]).await).await;
    let other = login(lab.person(&["N"]).await.login);
    let directory = lab_directory(lab);
    for identities in [vec![crowd.clone(), other.clone()], vec![other, crowd]] {
        let answers = look_up(&*directory, identities, Instant::now() + PATIENCE).await;
        assert!(answers.failure.is_some(), "{answers:?}");
    }
}

async fn a_failed_look_up_does_not_hide_a_flagged_identity(lab: &Lab) {
    let crowd = crowd(&lab.slapd, lab.person(&[]).await).await;
    let other = login(lab.person(&["Y"]).await.login);
    let directory = lab_directory(lab);
    for identities in [vec![crowd.clone(), other.clone()], vec![other, crowd]] {
        let answers = look_up(&*directory, identities, Instant::now() + PATIENCE).await;
        let mut standings = answers.known.iter().map(|one| &one.standing);
        assert!(standings.any(|one| one.flagged().is_some()), "{answers:?}");
    }
}

/// slapd answers it like an absent one: nobody would be flagged.
async fn a_misspelt_attribute_is_an_error(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let mut settings = settings(&lab.slapd);
    settings.marks.attribute = "IsMailMonitr".to_owned();
    let directory = open(settings);
    for _ in 0..2 {
        let error = ask(&*directory, &sender(&person.address))
            .await
            .unwrap_err();
        assert!(told(&error).contains("IsMailMonitr"), "{}", told(&error));
    }
    let deadline = Instant::now() + PATIENCE;
    directory.probe(deadline).await.unwrap_err();
}

async fn an_error_names_no_address(lab: &Lab) {
    let mut settings = settings(&lab.slapd);
    settings.base = format!("ou=peple,{SUFFIX}");
    let error = ask(&*open(settings), &sender("<secret.name@corp.test>")).await;
    let error = error.unwrap_err();
    let all = format!("{error:?} {}", told(&error));
    assert!(!all.contains("secret.name"), "{all}");
}

/// A name of an entry is UTF-8 (RFC 4514); this one is not.
async fn an_entry_that_nobody_can_read_is_an_error() {
    const ENTRY: &[u8] = b"\x30\x09\x02\x01\x01\x64\x04\x04\x02\xff\xfe";
    const DONE: &[u8] = b"\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00";
    let answer = answered_with(&[ENTRY, DONE].concat()).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, DirectoryError::LookUp { .. }), "{error:?}");
    assert!(!error.is_transient());
}

/// It cannot be told from a connection that is cut off: an outage, which may be over in a moment.
async fn an_answer_that_is_none_is_an_error() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        // A bind response to a search.
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
        // A notice of disconnection (RFC 4511, section 4.4.1).
        b"\x30\x0c\x02\x01\x00\x78\x07\x0a\x01\x34\x04\x00\x04\x00",
        b"\x00",
        b"\x30\x80\x00\x00",
    ] {
        let error = answered_with(answer).await.unwrap_err();
        assert!(error.is_transient(), "{answer:?}: {error:?}");
    }
}

async fn a_server_that_hangs_up_at_once_is_an_error() {
    let error = answered_with(b"").await.unwrap_err();
    assert!(matches!(error, DirectoryError::Connect { .. }), "{error:?}");
}

/// What a look-up makes of a server that answers every request with these bytes and hangs up.
async fn answered_with(bytes: &[u8]) -> Result<mailhold::domain::person::Standing, DirectoryError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bytes = bytes.to_vec();
    let server = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4_096];
            if stream
                .read(&mut request)
                .await
                .is_ok_and(|n_read| n_read > 0)
            {
                stream.write_all(&bytes).await.ok();
            }
        }
    });
    let directory = open(super::asking::unbound(address));
    let answer = ask(&*directory, &sender("<anna@corp.test>")).await;
    server.abort();
    answer
}

/// An address that too many entries have, none of them flagged.
async fn crowd(slapd: &Slapd, first: Person) -> Identity {
    let Person { login, address } = first;
    let entry = |number| {
        format!(
            "dn: uid={login}-{number},{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\n\
             uid: {login}-{number}\ncn: {login}\nsn: {login}\nmail: {address}\n\n"
        )
    };
    let entries: String = (1..TOO_MANY).map(entry).collect();
    slapd.modify(&entries).await;
    sender(address)
}

/// A subtree of which a part is on another server.
async fn branch(lab: &Lab, name: &str) -> String {
    let branch = format!("ou={name},{SUFFIX}");
    lab.slapd
        .modify(&format!(
            "dn: {branch}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n\n\
             dn: ou=away,{branch}\nchangetype: add\nobjectClass: referral\n\
             objectClass: extensibleObject\nou: away\n\
             ref: ldap://192.0.2.1/ou=away,{branch}\n"
        ))
        .await;
    branch
}

fn told(error: &(dyn Error + 'static)) -> String {
    Chain(error).to_string()
}
