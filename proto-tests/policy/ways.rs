//! Ways to send × identities × expected: whatever a flagged person writes as the sender, and whichever
//! way the mail goes, it is held; and nobody else's is. Each row of the table is a test.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;

use super::house::BOUND;
use crate::{
    lab::{
        Lab, Person,
        desk::HOUSE,
        place::random_text,
        smtp::{Smtp, small_mail},
    },
    trials::Trials,
};

/// One row.
struct Way {
    /// The name of its test: a sentence.
    name: &'static str,
    /// Which way the mail goes.
    through: Through,
    /// MAIL FROM, or the argument of `sendmail -f`.
    sender: fn(&Cast) -> String,
    /// The address in the header From.
    header_from: fn(&Cast) -> String,
    /// The domain of the recipient.
    to: &'static str,
    /// What must come of it.
    expected: Expected,
}

/// Which way a mail goes.
#[derive(Clone, Copy)]
enum Through {
    /// The submission service, after a login with its password.
    Submission(fn(&Cast) -> String),
    /// SMTP without a login, from a host of the house.
    Inside,
    /// SMTP without a login, from a host of somebody else.
    Outside,
    /// The sendmail command.
    Sendmail,
}

/// What must come of a mail.
#[derive(Clone, Copy)]
enum Expected {
    /// It is held because of this kind of identity.
    Held(&'static str),
    /// It is delivered, and nothing tells of it.
    Delivered,
}

use Expected::{Delivered, Held};
use Through::{Inside, Outside, Sendmail, Submission};

/// Who takes part: persons that no other test knows.
struct Cast {
    flagged: Person,
    /// The flagged person's second address.
    alias: String,
    other: Person,
}

const STRANGER: &str = "stranger@elsewhere.test";

fn flagged(cast: &Cast) -> String {
    cast.flagged.address.clone()
}

fn alias_in_upper_case(cast: &Cast) -> String {
    cast.alias.to_uppercase()
}

fn other(cast: &Cast) -> String {
    cast.other.address.clone()
}

fn stranger(_: &Cast) -> String {
    STRANGER.to_owned()
}

fn nobody(_: &Cast) -> String {
    String::new()
}

fn flagged_login(cast: &Cast) -> String {
    cast.flagged.login.clone()
}

fn other_login(cast: &Cast) -> String {
    cast.other.login.clone()
}

/// What a row differs from: an unflagged person's mail that leaves the house.
const USUAL: Way = Way {
    name: "",
    through: Submission(other_login),
    sender: other,
    header_from: other,
    to: "elsewhere.test",
    expected: Delivered,
};

#[rustfmt::skip]
static WAYS: &[Way] = &[
    // With a login.
    Way { name: "an_unflagged_login_goes_its_way", ..USUAL },
    Way { name: "a_flagged_login_is_held",
        through: Submission(flagged_login), sender: flagged, header_from: flagged, expected: Held("login"), ..USUAL },
    Way { name: "a_flagged_login_is_held_under_a_colleagues_address",
        through: Submission(flagged_login), expected: Held("login"), ..USUAL },
    Way { name: "a_flagged_login_is_held_under_a_strangers_address",
        through: Submission(flagged_login), sender: stranger, header_from: stranger, expected: Held("login"), ..USUAL },
    Way { name: "a_flagged_login_is_held_with_the_null_sender",
        through: Submission(flagged_login), sender: nobody, expected: Held("login"), ..USUAL },
    Way { name: "a_flagged_login_is_held_under_an_alias_in_upper_case",
        through: Submission(flagged_login), sender: alias_in_upper_case, expected: Held("login"), ..USUAL },
    Way { name: "a_flagged_address_is_held_under_a_colleagues_login",
        sender: flagged, expected: Held("envelope sender"), ..USUAL },
    Way { name: "a_flagged_alias_in_upper_case_is_held_under_a_colleagues_login",
        sender: alias_in_upper_case, expected: Held("envelope sender"), ..USUAL },
    Way { name: "a_flagged_login_reaches_its_own_house",
        through: Submission(flagged_login), to: HOUSE, ..USUAL },
    // Without one, from a host of the house.
    Way { name: "a_flagged_address_is_held_without_a_login",
        through: Inside, sender: flagged, expected: Held("envelope sender"), ..USUAL },
    Way { name: "a_flagged_alias_in_upper_case_is_held_without_a_login",
        through: Inside, sender: alias_in_upper_case, expected: Held("envelope sender"), ..USUAL },
    Way { name: "a_bounce_without_a_login_goes_its_way",
        through: Inside, sender: nobody, header_from: nobody, ..USUAL },
    // By a local program.
    Way { name: "a_flagged_address_is_held_from_the_sendmail_command",
        through: Sendmail, sender: flagged, expected: Held("envelope sender"), ..USUAL },
    Way { name: "an_unflagged_address_goes_its_way_from_the_sendmail_command",
        through: Sendmail, ..USUAL },
    // From outside: not outgoing.
    Way { name: "mail_from_outside_under_a_flagged_name_comes_in",
        through: Outside, sender: stranger, header_from: flagged, to: HOUSE, ..USUAL },
];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let test = |way: &'static Way| {
        let name = format!("{}::{}", module_path!(), way.name);
        trials.shared(&name, async move |lab: &Lab| go(lab, way).await)
    };
    WAYS.iter().map(test).collect()
}

/// Sends a mail this way, and sees what comes of it.
async fn go(lab: &Lab, way: &Way) {
    let desk = lab.desk().await;
    let cast = cast(lab).await;
    let subject = random_text();
    let recipient = format!("{subject}@{}", way.to);
    let content = small_mail(&(way.header_from)(&cast), &recipient, &subject);
    send(lab, way, &cast, &recipient, &content).await;
    match way.expected {
        Delivered => {
            lab.sink.message_to(&recipient, BOUND).await;
        }
        Held(kind) => {
            let review = desk.held(&queue_id(lab, &subject).await).await;
            assert_eq!(review["matched"]["identity_kind"], kind);
            assert!(lab.sink.messages_to(&recipient).is_empty());
        }
    }
}

async fn cast(lab: &Lab) -> Cast {
    let login = format!("w{}", &random_text()[..8]);
    let address = format!("{login}@{HOUSE}");
    let alias = format!("alias.{login}@{HOUSE}");
    lab.slapd
        .add_person(&login, &[&address, &alias], &["Y"])
        .await;
    Cast {
        flagged: Person { login, address },
        alias,
        other: lab.person(&["N"]).await,
    }
}

async fn send(lab: &Lab, way: &Way, cast: &Cast, recipient: &str, content: &[u8]) {
    let sender = (way.sender)(cast);
    let mut smtp = match way.through {
        Sendmail => return lab.postfix.sendmail(&sender, &[recipient], content).await,
        Inside => Smtp::connect(lab.postfix.smtp).await,
        Outside => {
            let mut smtp = Smtp::connect(lab.postfix.smtp).await;
            smtp.come_from("192.0.2.7").await;
            smtp
        }
        Submission(login) => {
            let login = login(cast);
            let password = lab.postfix.add_login(&login).await;
            let mut smtp = Smtp::connect(lab.postfix.submission).await;
            smtp.authenticate(&login, &password).await.ok();
            smtp
        }
    };
    smtp.send(&sender, &[recipient], content).await.ok();
}

/// By which queue ID Postfix knows the mail: the sendmail command does not tell.
async fn queue_id(lab: &Lab, subject: &str) -> QueueId {
    let message_id = format!(": message-id=<{subject}@client.test>");
    let line = lab.postfix.log().line_with(&[&message_id], BOUND).await;
    let (head, _) = line.split_once(&message_id).unwrap();
    head.rsplit(' ').next().unwrap().parse().unwrap()
}
