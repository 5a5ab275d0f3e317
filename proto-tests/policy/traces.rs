//! What mail leaves behind: the unflagged one a count, the held one its capture, neither of them a
//! word in a log.

use std::{fs, path::Path, sync::Arc};

use libtest_mimic::Trial;

use super::house::{House, Mail};
use crate::{
    lab::{Lab, Person, place::random_text, role::Role, smtp::Smtp},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        unflagged_mail_leaves_no_trace,
        mail_that_was_given_up_leaves_no_trace,
        logs_tell_nothing_of_what_a_held_mail_says,
    ]
}

/// A mail with a word of its own in every place that a sender can fill.
pub struct Marked {
    /// The mail.
    pub mail: Mail,
    login: String,
    words: Vec<String>,
}

impl Marked {
    /// One out of the house; an empty login is none.
    pub fn new(sender: &Person, login: &str) -> Self {
        Self::to("elsewhere.test", sender, login)
    }

    /// One to this domain.
    pub fn to(domain: &str, sender: &Person, login: &str) -> Self {
        let words: Vec<String> = (0..6).map(|_| format!("w{}", random_text())).collect();
        let [subject, body, header, id, file, local] = &words[..] else {
            unreachable!()
        };
        let mut mail = Mail::new(&sender.address, &[domain]);
        mail.recipients = vec![format!("{local}@{domain}")];
        mail.content = format!(
            "Subject: {subject}\r\nX-Odd: {header}\r\nMessage-ID: <{id}@corp.test>\r\n\
             Content-Type: text/plain; name={file}\r\n\r\n{body}\r\n"
        )
        .into_bytes();
        Self {
            mail,
            login: login.to_owned(),
            words,
        }
    }

    /// Sends it, under its login if it has one.
    pub async fn send(&self, house: &House) -> mailhold::domain::queue_id::QueueId {
        let mut smtp = Smtp::connect(house.postfix.smtp).await;
        if !self.login.is_empty() {
            smtp.log_in_as(&self.login).await;
        }
        let recipients: Vec<&str> = self.mail.recipients.iter().map(String::as_str).collect();
        let reply = smtp.send(&self.mail.sender, &recipients, &self.mail.content);
        reply.await.ok().queue_id()
    }

    /// The words of this mail that are in a text, spelt out or in hexadecimal digits.
    pub fn words_in(&self, text: &[u8]) -> Vec<&str> {
        let hex = |word: &str| {
            word.bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let is_in = |word: &&String| contains(text, word) || contains(text, &hex(word));
        self.words
            .iter()
            .filter(is_in)
            .map(String::as_str)
            .collect()
    }
}

fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part == word.as_bytes())
}

/// With PostgreSQL away the spool keeps all that ever reaches it.
async fn unflagged_mail_leaves_no_trace(lab: &Lab) {
    let house = House::with_database(lab).await;
    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    let (held, passed) = (Marked::new(&flagged, ""), Marked::new(&other, &other.login));
    house.postgres.stop();
    let id = held.send(&house).await;
    passed.send(&house).await;
    house.delivered(&passed.mail).await;
    let spool = all_bytes(Path::new(house.desk.settings.text("spool.directory")));
    house.postgres.start_again().await;
    assert_eq!(
        held.words_in(&spool).len(),
        held.words.len(),
        "the spool has what is held"
    );
    assert_eq!(passed.words_in(&spool), Vec::<&str>::new(), "in the spool");

    house.desk.held(&id).await;
    let dump = house.postgres.dump(&house.desk.database.name).await;
    let dump = dump.as_bytes();
    assert_eq!(
        held.words_in(dump).len(),
        held.words.len(),
        "the database has what is held"
    );
    assert_eq!(passed.words_in(dump), Vec::<&str>::new(), "in the database");
    assert!(
        !contains(dump, &other.login),
        "the database names who is not flagged"
    );
    for role in [&house.desk.milter, &house.desk.worker] {
        let log = log(role);
        assert_eq!(passed.words_in(&log), Vec::<&str>::new(), "in a log");
        assert!(
            !contains(&log, &other.login),
            "a log names who is not flagged"
        );
    }
}

async fn mail_that_was_given_up_leaves_no_trace(lab: &Lab) {
    let house = House::with_database(lab).await;
    let flagged = house.person(&["Y"]).await;
    let given_up = Marked::new(&flagged, "");
    let recipient = format!("<{}>", given_up.mail.recipients[0]);
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    smtp.mail(&format!("<{}>", flagged.address)).await.ok();
    smtp.rcpt(&recipient).await.ok();
    smtp.command("RSET").await.ok();
    smtp.mail(&format!("<{}>", flagged.address)).await.ok();
    smtp.rcpt(&recipient).await.ok();
    // Postfix hands content over only when it is whole: this one never is.
    smtp.command("DATA").await.ok();
    smtp.write(&given_up.mail.content).await;
    drop(smtp);
    let next = Marked::new(&flagged, "");
    let id = next.send(&house).await;
    house.desk.held(&id).await;
    let spool = all_bytes(Path::new(house.desk.settings.text("spool.directory")));
    let dump = house.postgres.dump(&house.desk.database.name).await;
    for place in [&spool, dump.as_bytes(), &log(&house.desk.milter)] {
        assert_eq!(given_up.words_in(place), Vec::<&str>::new());
    }
}

async fn logs_tell_nothing_of_what_a_held_mail_says(lab: &Lab) {
    let house = House::with_database(lab).await;
    for decision in ["release", "discard", "return"] {
        let (flagged, login) = (house.person(&["Y"]).await, house.person(&["perhaps"]).await);
        let held = Marked::new(&flagged, &login.login);
        let id = held.send(&house).await;
        house.desk.held(&id).await;
        house.desk.decide(decision, &id).await;
        house.desk.settled(&id).await;
        for role in [&house.desk.milter, &house.desk.worker] {
            let log = log(role);
            assert!(contains(&log, id.as_str()), "the log is the right one");
            assert_eq!(held.words_in(&log), Vec::<&str>::new());
            for name in [&flagged.login, &login.login] {
                assert!(!contains(&log, name), "a log names {name}");
            }
        }
    }
}

/// All that a process has logged.
pub fn log(role: &Role) -> Vec<u8> {
    let lines = role.events().into_iter().map(|event| event.to_string());
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

/// Whatever is in any file below a directory, one file after the other.
pub fn all_bytes(directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        bytes.extend(if is_directory {
            all_bytes(&entry.path())
        } else {
            fs::read(entry.path()).unwrap_or_default()
        });
        bytes.push(b'\n');
    }
    bytes
}
