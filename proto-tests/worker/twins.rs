//! A client that hangs up before it heard an answer sends the message again: both are held, shown
//! together, and decided each by itself.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::workplace::BOUND;
use crate::{
    lab::{
        Lab,
        desk::{Desk, Servers},
        eventually::eventually,
        place::random_text,
        postfix::Postfix,
        smtp::{Smtp, small_mail},
    },
    trials::{Trials, tests},
};

static HOUSE: OnceCell<Mutex<House>> = OnceCell::const_new();

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_sent_again_after_a_hang_up_is_shown_with_its_twin_and_decided_by_itself,
        only_the_same_message_of_the_same_person_is_a_twin,
    ]
}

/// A Postfix whose milter stands still when a test wants it: for one test after the other.
struct House {
    postfix: Postfix,
    desk: Desk,
}

async fn house(lab: &Lab) -> MutexGuard<'static, House> {
    let start = async || {
        let postfix = Postfix::start(&lab.tools, "twins", lab.sink.address).await;
        let servers = Servers {
            postfix: &postfix,
            ..lab.servers()
        };
        let desk = Desk::start(servers, |_| {}).await;
        Mutex::new(House { postfix, desk })
    };
    HOUSE.get_or_init(start).await.lock().await
}

impl House {
    /// A session of somebody who has signed in.
    async fn session(&self, login: &str, password: &str) -> Smtp {
        let mut smtp = Smtp::connect(self.postfix.submission).await;
        smtp.authenticate(login, password).await.ok();
        smtp
    }

    async fn list(&self, id: &QueueId) -> Value {
        let list = self.desk.reviews_json(&["list", "--all"]).await;
        let line = list
            .into_iter()
            .find(|line| line["queue_id"] == id.as_str());
        line.unwrap()
    }

    async fn twins(&self, id: &QueueId) -> Vec<(String, String, String)> {
        let review = self.desk.held(id).await;
        let twins = review["twins"].as_array().unwrap().iter();
        let word = |twin: &Value, key: &str| twin[key].as_str().unwrap().to_owned();
        twins
            .map(|twin| {
                (
                    word(twin, "queue_id"),
                    word(twin, "state"),
                    word(twin, "same"),
                )
            })
            .collect()
    }
}

fn twin(id: &QueueId, state: &str, same: &str) -> (String, String, String) {
    (id.to_string(), state.to_owned(), same.to_owned())
}

async fn a_message_sent_again_after_a_hang_up_is_shown_with_its_twin_and_decided_by_itself(
    lab: &Lab,
) {
    let house = house(lab).await;
    let person = lab.person(&["TRUE"]).await;
    let password = house.postfix.add_login(&person.login).await;
    let recipient = format!("r{}@elsewhere.test", &random_text()[..10]);
    let content = small_mail(&person.address, &recipient, &random_text());

    let mut smtp = house.session(&person.login, &password).await;
    smtp.mail(&format!("<{}>", person.address)).await.ok();
    smtp.rcpt(&format!("<{recipient}>")).await.ok();
    smtp.command("DATA").await.ok();
    let before = house.postfix.held();
    house.desk.milter.signal(Signal::SIGSTOP);
    smtp.content_and_hang_up(&content).await;
    house.desk.milter.signal(Signal::SIGCONT);
    let first = eventually("the first one is on hold", BOUND, async || {
        let now = house.postfix.held();
        let fresh = now.iter().find(|id| !before.contains(id)).cloned();
        fresh.ok_or(now)
    })
    .await;
    house.desk.held(&first).await;
    assert_eq!(house.twins(&first).await, []);

    let mut smtp = house.session(&person.login, &password).await;
    let again = smtp.send(&person.address, &[&recipient], &content).await;
    let second = again.ok().queue_id();
    assert_eq!(
        house.twins(&second).await,
        [twin(&first, "held", "content")]
    );
    assert_eq!(
        house.twins(&first).await,
        [twin(&second, "held", "content")]
    );
    for id in [&first, &second] {
        assert_eq!(house.list(id).await["n_twins"], 1);
        let shown = house.desk.reviews(&["show", id.as_str()]).await;
        let shown = String::from_utf8(shown.stdout).unwrap();
        let line = shown.lines().find(|line| line.starts_with("Twin "));
        assert!(
            line.is_some_and(|line| line.contains("the same content")),
            "{shown}"
        );
    }

    // What is decided about one leaves the other where it is.
    house.desk.decide("release", &first).await;
    house.desk.settled(&first).await;
    lab.sink.message_to(&recipient, BOUND).await;
    assert_eq!(
        house.twins(&second).await,
        [twin(&first, "released", "content")]
    );
    house.desk.decide("discard", &second).await;
    let settled = house.desk.settled(&second).await;
    assert_eq!(settled["state"], "discarded");
    house.postfix.log().removed(&first, BOUND).await;
    assert_eq!(lab.sink.messages_to(&recipient).len(), 1);
}

async fn only_the_same_message_of_the_same_person_is_a_twin(lab: &Lab) {
    let house = house(lab).await;
    let people = [lab.person(&["TRUE"]).await, lab.person(&["TRUE"]).await];
    let recipient = "bob@elsewhere.test";
    let subject = random_text();
    let name = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    let mail = name(&small_mail("list@corp.test", recipient, &subject));
    let corrected = mail.replace("Good day", "Good evening");
    let unrelated = name(&small_mail("list@corp.test", recipient, &random_text()));
    let send = async |person: usize, content: &str| {
        let mut smtp = Smtp::connect(house.postfix.smtp).await;
        let sender = &people[person].address;
        let reply = smtp.send(sender, &[recipient], content.as_bytes()).await;
        reply.ok().queue_id()
    };
    let original = send(0, &mail).await;
    let corrected = send(0, &corrected).await;
    let unrelated = send(0, &unrelated).await;
    // Byte for byte the same, so with the same Message-ID, which anybody can copy.
    let copied = send(1, &mail).await;

    let twins = house.twins(&original).await;
    assert_eq!(twins, [twin(&corrected, "held", "message_id")]);
    assert_eq!(house.twins(&unrelated).await, []);
    assert_eq!(house.twins(&copied).await, []);
    assert_eq!(house.list(&copied).await["n_twins"], 0);
    assert_eq!(house.list(&original).await["n_twins"], 1);
}
