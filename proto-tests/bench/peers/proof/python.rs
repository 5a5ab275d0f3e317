//! The milter in Python: a flagged person's mail is held and recorded to the byte, other mail is let go.

use super::{
    super::{Peer, Socket},
    People,
    mail::{CROWD, behind, crowd, end, hex, on_hold, passed, rows},
};
use crate::lab::{Lab, smtp::Smtp};

/// Nothing but the fields that Postfix would add.
const EMPTY_MAIL: &[u8] = b"From: a@corp.test\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n\
    Message-ID: <peer@client.test>\r\n\r\n";

/// A message that could be changed on its way to a record if one is not careful.
fn odd_mail() -> Vec<u8> {
    let header = EMPTY_MAIL.strip_suffix(b"\r\n").unwrap();
    let more = b"Subject:no space\r\nX-Two:  two\r\nX-Folded: one\r\n\ttwo \r\n   three\r\n\
        X-Bytes: \xe9\xff\r\nX-Empty:\r\n\r\n.\r\n..dots\r\n\r\n8 bit: \xe4\xf6\xfc\r\n";
    // More than one piece of the body.
    let body = b"the same line again and again, and again\r\n".repeat(2_500);
    [header, more, &body].concat()
}

pub async fn holds_and_records(lab: &Lab, people: &People, socket: Socket) {
    let peer = Peer::pymilter(lab.servers(), socket).await;
    let book = peer.book.as_ref().unwrap();
    let smtp = behind(lab, &peer).await;
    for sender in [&people.other.address, "", "stranger@elsewhere.test"] {
        passed(lab, smtp, sender).await;
    }
    assert_eq!(rows(book).await, 0);

    let People { flagged, other } = people;
    let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
    let content = odd_mail();
    let mut session = Smtp::connect(smtp).await;
    // One after the other in a session, the last one by login and with another's address.
    let first = session.send(&flagged.address, &recipients, &content).await;
    let second = session
        .send(&flagged.address, &recipients, EMPTY_MAIL)
        .await;
    // Connections that broke while nobody used them are no reason to refuse mail.
    let end_all = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    assert_ne!(book.execute(end_all).await, "0");
    lab.slapd.kill();
    lab.slapd.start_again().await;
    session.log_in_as(&flagged.login).await;
    let third = session
        .send(&other.address, &recipients[..1], &content)
        .await;
    for (reply, sender, login, n_recipients, content) in [
        (first, &flagged.address, "", 2, content.as_slice()),
        (second, &flagged.address, "", 2, EMPTY_MAIL),
        (third, &other.address, &*flagged.login, 1, &content),
    ] {
        let id = on_hold(lab, reply.ok().queue_id()).await;
        let row = format!(
            "select sender, login, client, recipients, size_bytes, digest = sha256(message),
                message = decode('{}', 'hex') from capture where queue_id = '{id}'",
            hex(content)
        );
        let recipients = recipients[..n_recipients].join(",");
        let size = content.len();
        let wanted = format!("{sender}|{login}|127.0.0.1|{{{recipients}}}|{size}|t|t");
        assert_eq!(book.execute(&row).await, wanted);
    }
    let before = rows(book).await;
    crowd(lab, smtp, &flagged.address).await;
    assert_eq!(rows(book).await, before + CROWD);
    println!(
        "Python, {socket:?}: holds and records a flagged person's mail to the byte, lets other mail go"
    );
    end(lab, peer, smtp).await;
}
