//! Recipients that Postfix adds are shown before anybody decides, and are who gets the message.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::workplace::BOUND;
use crate::{
    lab::{
        Lab, Person,
        desk::{Desk, Servers},
        eventually::eventually,
        place::random_text,
        postfix::Postfix,
        smtp::{Smtp, small_mail},
    },
    trials::{Trials, tests},
};

/// Recipients behind one alias.
const CROWD: usize = 250;
/// Those of one message that are on record (`store::added::RECORDED`).
const RECORDED: usize = 100;
/// Who gets a copy of all mail (`always_bcc`).
const VAULT: &str = "vault@elsewhere.test";
/// Whose mail is copied.
const COPIED: &str = "copied-sender@corp.test";

static HOUSE: OnceCell<House> = OnceCell::const_new();

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_copy_for_the_recipient_is_shown_before_the_release,
        a_copy_for_the_sender_is_shown_before_the_release,
        an_alias_is_shown_with_those_it_stands_for,
        a_canonical_address_is_shown_with_the_one_that_was_named,
        an_alias_for_hundreds_is_counted_and_cut,
        a_redirection_is_shown_as_the_only_recipient,
        a_header_check_that_redirects_leads_past_the_milter,
        blind_copies_that_the_client_named_are_recipients_like_others,
        recipients_of_a_local_submission_are_not_taken_for_added_ones,
        a_sender_that_postfix_rewrites_is_no_other_message,
    ]
}

/// A Postfix that adds recipients in every way.
struct House {
    postfix: Postfix,
    desk: Desk,
}

async fn house(lab: &Lab) -> &'static House {
    HOUSE
        .get_or_init(async || {
            let postfix = Postfix::start(&lab.tools, "adding", lab.sink.address).await;
            let crowd: Vec<_> = (0..CROWD).map(crowd_member).collect();
            postfix
                .set(&[
                    &format!("always_bcc={VAULT}"),
                    "sender_canonical_maps=inline:{ inward@corp.test=outward@corp.test }",
                    "recipient_bcc_maps=inline:{ seen@elsewhere.test=archive@elsewhere.test }",
                    &format!("sender_bcc_maps=inline:{{ {COPIED}=sent@elsewhere.test }}"),
                    &format!(
                        "virtual_alias_maps=inline:{{ {{team@elsewhere.test = \
                         one@elsewhere.test, two@elsewhere.test}}, \
                         {{crowd@elsewhere.test = {}}} }}",
                        crowd.join(", ")
                    ),
                    "recipient_canonical_maps=inline:{ old@elsewhere.test=new@elsewhere.test }",
                    "header_checks=regexp:{ {/^X-Past:/ REDIRECT past@elsewhere.test} }",
                    "smtpd_recipient_restrictions=check_recipient_access \
                     inline:{ {moved@elsewhere.test = REDIRECT else@elsewhere.test} }",
                ])
                .await;
            let servers = Servers {
                postfix: &postfix,
                ..lab.servers()
            };
            let desk = Desk::start(servers, |_| {}).await;
            House { postfix, desk }
        })
        .await
}

fn crowd_member(number: usize) -> String {
    format!("member{number}@elsewhere.test")
}

impl House {
    /// Sends a flagged person's mail and waits until it can be decided; the recipients as in `RCPT`.
    /// Gives what the review tells, but for the copy that is made of all mail.
    async fn held(&self, sender: &str, recipients: &[&str], content: &[u8]) -> (QueueId, Value) {
        let mut smtp = Smtp::connect(self.postfix.smtp).await;
        smtp.mail(&format!("<{sender}>")).await.ok();
        for recipient in recipients {
            smtp.rcpt(recipient).await.ok();
        }
        let id = smtp.data(content).await.ok().queue_id();
        let review = self.without_vault(self.desk.held(&id).await);
        (id, review)
    }

    fn without_vault(&self, mut review: Value) -> Value {
        let n_added = review["n_added_recipients"].as_u64().unwrap();
        let told = review["added_recipients"].as_array_mut().unwrap();
        let vault = json!({"address": VAULT, "how": "added", "original": null});
        let n_before = told.len();
        told.retain(|one| *one != vault);
        // Of hundreds it is not told by name.
        assert!(
            n_before == told.len() + 1 || n_before == RECORDED,
            "{told:?}"
        );
        review["n_added_recipients"] = json!(n_added - 1);
        review
    }

    /// Releases, and gives all who got the message once it has left the queue.
    async fn receivers(&self, lab: &Lab, id: &QueueId, subject: &str) -> BTreeSet<String> {
        self.desk.decide("release", id).await;
        self.postfix.log().removed(id, BOUND).await;
        let all = lab.sink.messages_after(0);
        let of_it = all.iter().filter(|mail| mail.text().contains(subject));
        of_it
            .flat_map(|mail| {
                mail.recipients()
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

async fn flagged(lab: &Lab) -> Person {
    lab.person(&["TRUE"]).await
}

fn mail(sender: &str, recipient: &str) -> (String, Vec<u8>) {
    let subject = format!("added-{}", random_text());
    let content = small_mail(sender, recipient, &subject);
    (subject, content)
}

/// These, and whoever gets a copy of all mail.
fn copied(addresses: &[&str]) -> BTreeSet<String> {
    names(&[addresses, &[VAULT]].concat())
}

fn names(addresses: &[&str]) -> BTreeSet<String> {
    addresses
        .iter()
        .map(|address| (*address).to_owned())
        .collect()
}

async fn a_copy_for_the_recipient_is_shown_before_the_release(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "seen@elsewhere.test");
    let (id, review) = house
        .held(&person.address, &["<Seen@Elsewhere.test>"], &content)
        .await;
    // Another spelling of the local part is another one for recipient_bcc_maps as well, but the
    // table folds its keys.
    let copy = json!([{"address": "archive@elsewhere.test", "how": "added", "original": null}]);
    assert_eq!(review["added_recipients"], copy);
    assert_eq!(review["n_added_recipients"], 1);
    let shown = house.desk.reviews(&["show", id.as_str()]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("Added          archive@elsewhere.test by the mail server"),
        "{shown}"
    );
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        copied(&["Seen@Elsewhere.test", "archive@elsewhere.test"])
    );
}

async fn a_copy_for_the_sender_is_shown_before_the_release(lab: &Lab) {
    let house = house(lab).await;
    lab.slapd
        .add_person("copied-sender", &[COPIED], &["TRUE"])
        .await;
    let (subject, content) = mail(COPIED, "bob@elsewhere.test");
    let (id, review) = house
        .held(COPIED, &["<bob@elsewhere.test>"], &content)
        .await;
    let copy = json!([{"address": "sent@elsewhere.test", "how": "added", "original": null}]);
    assert_eq!(review["added_recipients"], copy);
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        copied(&["bob@elsewhere.test", "sent@elsewhere.test"])
    );
}

async fn an_alias_is_shown_with_those_it_stands_for(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "team@elsewhere.test");
    let recipients = ["<team@ELSEWHERE.test>", "<bob@elsewhere.test>"];
    let (id, review) = house.held(&person.address, &recipients, &content).await;
    let member = |address: &str| json!({"address": address, "how": "rewritten", "original": "team@elsewhere.test"});
    let members = json!([member("one@elsewhere.test"), member("two@elsewhere.test")]);
    assert_eq!(review["added_recipients"], members);
    let shown = house.desk.reviews(&["show", id.as_str()]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = "Rewritten      two@elsewhere.test from team@elsewhere.test";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        copied(&[
            "one@elsewhere.test",
            "two@elsewhere.test",
            "bob@elsewhere.test"
        ])
    );
}

async fn a_canonical_address_is_shown_with_the_one_that_was_named(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "old@elsewhere.test");
    let recipients = ["<old@elsewhere.test>"];
    let (id, review) = house.held(&person.address, &recipients, &content).await;
    let new = json!([{
        "address": "new@elsewhere.test", "how": "rewritten", "original": "old@elsewhere.test"
    }]);
    assert_eq!(review["added_recipients"], new);
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        copied(&["new@elsewhere.test"])
    );
}

async fn an_alias_for_hundreds_is_counted_and_cut(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "crowd@elsewhere.test");
    let recipients = ["<crowd@elsewhere.test>"];
    let (id, review) = house.held(&person.address, &recipients, &content).await;
    assert_eq!(review["n_added_recipients"], CROWD);
    let told = review["added_recipients"].as_array().unwrap();
    assert_eq!(told.len(), RECORDED);
    assert_eq!(told[0]["address"], crowd_member(0));
    let shown = house.desk.reviews(&["show", id.as_str()]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("and 151 more by the mail server"), "{shown}");
    let receivers = house.receivers(lab, &id, &subject).await;
    let all = (0..CROWD).map(crowd_member).chain([VAULT.to_owned()]);
    assert_eq!(receivers, all.collect());
}

async fn a_redirection_is_shown_as_the_only_recipient(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "moved@elsewhere.test");
    let recipients = ["<bob@elsewhere.test>", "<moved@elsewhere.test>"];
    let (id, review) = house.held(&person.address, &recipients, &content).await;
    let other = json!([{
        "address": "else@elsewhere.test", "how": "redirected", "original": null
    }]);
    assert_eq!(review["added_recipients"], other);
    let shown = house.desk.reviews(&["show", id.as_str()]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    let line = "Redirected     else@elsewhere.test gets it in the place of all";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        names(&["else@elsewhere.test"])
    );
}

/// What docs/security.md warns of is so.
async fn a_header_check_that_redirects_leads_past_the_milter(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "bob@elsewhere.test");
    let content = [b"X-Past: yes\r\n".as_slice(), &content].concat();
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    let reply = smtp
        .send(&person.address, &["bob@elsewhere.test"], &content)
        .await;
    house
        .postfix
        .log()
        .removed(&reply.ok().queue_id(), BOUND)
        .await;
    let all = lab.sink.messages_to("past@elsewhere.test");
    assert!(all.iter().any(|mail| mail.text().contains(&subject)));
}

async fn blind_copies_that_the_client_named_are_recipients_like_others(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "bob@elsewhere.test");
    // As sent, quoted, in capitals, along a route, without a domain: all of it the client's words.
    let recipients = [
        "<bob@elsewhere.test>",
        "<\"a b\"@elsewhere.test>",
        "<Blind@ELSEWHERE.test>",
        "<@relay.test:routed@elsewhere.test>",
        "<homely>",
    ];
    let (id, review) = house.held(&person.address, &recipients, &content).await;
    assert_eq!(review["added_recipients"], json!([]), "{review}");
    let named = review["recipients"].as_array().unwrap().iter();
    let named: Vec<_> = named.map(|one| one["address"].as_str().unwrap()).collect();
    // Postfix gives its milters the addresses in lower case.
    let all = [
        "bob@elsewhere.test",
        "a b@elsewhere.test",
        "blind@elsewhere.test",
        "routed@elsewhere.test",
        "homely@corp.test",
    ];
    assert_eq!(named, all);
    let receivers = house.receivers(lab, &id, &subject).await;
    assert_eq!(receivers.len(), all.len() + 1, "{receivers:?}");
}

async fn recipients_of_a_local_submission_are_not_taken_for_added_ones(lab: &Lab) {
    let house = house(lab).await;
    let person = flagged(lab).await;
    let (subject, content) = mail(&person.address, "bob@elsewhere.test");
    let content = [b"Bcc: <blind@elsewhere.test>\r\n".as_slice(), &content].concat();
    house
        .postfix
        .sendmail_by_header(&person.address, &content)
        .await;
    let line = eventually("the message is on hold", BOUND, async || {
        let list = house.desk.reviews_json(&["list"]).await;
        let of_it = list.iter().find(|line| line["subject"] == subject);
        of_it.cloned().ok_or(list)
    })
    .await;
    let id: QueueId = line["queue_id"].as_str().unwrap().parse().unwrap();
    let review = house.without_vault(house.desk.held(&id).await);
    assert_eq!(review["added_recipients"], json!([]), "{review}");
    assert_eq!(
        house.receivers(lab, &id, &subject).await,
        copied(&["bob@elsewhere.test", "blind@elsewhere.test"])
    );
}

/// In the envelope and in the header: the digest is of what the milter saw, which came later.
async fn a_sender_that_postfix_rewrites_is_no_other_message(lab: &Lab) {
    let house = house(lab).await;
    let inward = "inward@corp.test";
    lab.slapd.add_person("inward", &[inward], &["TRUE"]).await;
    let (subject, content) = mail(inward, "bob@elsewhere.test");
    let (id, review) = house
        .held(inward, &["<bob@elsewhere.test>"], &content)
        .await;
    assert_eq!(review["doubts"], json!([]));
    assert_eq!(review["sender"]["argument"], "<inward@corp.test>");
    house.receivers(lab, &id, &subject).await;
    let all = lab.sink.messages_to("bob@elsewhere.test");
    let delivered = all.iter().find(|mail| mail.text().contains(&subject));
    let delivered = delivered.unwrap();
    assert_eq!(delivered.sender(), "outward@corp.test");
    let from = "From: Sender <outward@corp.test>";
    assert!(delivered.text().contains(from), "{}", delivered.text());
}
