//! Whether every peer does what it is measured for. Measures nothing.

use std::{fs, net::SocketAddr, time::Duration};

use mailhold::domain::queue_id::QueueId;
use tokio::net::TcpStream;

use super::{Mode, Peer, Socket, access::ldap_access, polling::Polling};
use crate::lab::{
    Lab, Person,
    eventually::{eventually, eventually_true},
    place::random_text,
    ports::free_port,
    smtp::{Smtp, send, small_mail},
};

const BOUND: Duration = Duration::from_secs(20);
const SOCKETS: [Socket; 2] = [Socket::Unix, Socket::Inet];

/// A flagged person and one who is not.
struct People {
    flagged: Person,
    other: Person,
}

/// Tries all peers and tells of each in a line.
///
/// # Panics
/// At the first that does something else.
pub async fn run(lab: &Lab) {
    let people = People {
        flagged: lab.person(&["Y"]).await,
        other: lab.person(&["N"]).await,
    };
    static_hold(lab, &people).await;
    ldap(lab, &people).await;
    for socket in SOCKETS {
        c_hold(lab, &people, socket).await;
        c_pass(lab, &people, socket).await;
        python(lab, &people, socket).await;
    }
    polling(lab, &people).await;
}

async fn static_hold(lab: &Lab, people: &People) {
    for person in [&people.flagged, &people.other] {
        held(lab, lab.postfix.holding_smtp, &person.address).await;
    }
    println!("static HOLD: holds all mail");
}

async fn ldap(lab: &Lab, people: &People) {
    let smtp = smtpd(lab, &ldap_access(lab)).await;
    held(lab, smtp, &people.flagged.address).await;
    for sender in [&people.other.address, "", "stranger@elsewhere.test"] {
        passed(lab, smtp, sender).await;
    }
    println!("LDAP access map: holds what a flagged sender sends, and nothing else");
}

async fn c_hold(lab: &Lab, people: &People, socket: Socket) {
    let peer = Peer::libmilter(lab, Mode::Hold, socket).await;
    let smtp = behind(lab, &peer).await;
    for person in [&people.flagged, &people.other] {
        held(lab, smtp, &person.address).await;
    }
    two_in_a_session(lab, smtp, &people.other).await;
    println!("C, hold, {socket:?}: holds all mail");
    end(lab, peer, smtp).await;
}

async fn c_pass(lab: &Lab, people: &People, socket: Socket) {
    for mode in [Mode::Pass, Mode::PassAtMail] {
        let peer = Peer::libmilter(lab, mode, socket).await;
        let smtp = behind(lab, &peer).await;
        for person in [&people.flagged, &people.other] {
            passed(lab, smtp, &person.address).await;
        }
        println!("C, {mode:?}, {socket:?}: lets all mail go");
        end(lab, peer, smtp).await;
    }
}

async fn python(lab: &Lab, people: &People, socket: Socket) {
    let peer = Peer::pymilter(lab, socket).await;
    let book = peer.book.as_ref().unwrap();
    let smtp = behind(lab, &peer).await;
    for sender in [&people.other.address, "", "stranger@elsewhere.test"] {
        passed(lab, smtp, sender).await;
    }
    assert_eq!(book.execute("select count(*) from capture").await, "0");

    let People { flagged, other } = people;
    let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
    let content = odd_mail();
    let mut session = Smtp::connect(smtp).await;
    // One after the other in a session, the last one by login and with another's address.
    let first = session.send(&flagged.address, &recipients, &content).await;
    let second = session
        .send(&flagged.address, &recipients, EMPTY_MAIL)
        .await;
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
    println!(
        "Python, {socket:?}: holds and records a flagged person's mail to the byte, lets other mail go"
    );
    end(lab, peer, smtp).await;
}

async fn polling(lab: &Lab, people: &People) {
    let holding = lab.postfix.holding_smtp;
    let polling = Polling::new(lab).await;
    let count = async || polling.book.execute("select count(*) from capture").await;
    let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
    let sent = small_mail(&people.flagged.address, recipients[0], "polled");
    let reply = send(holding, &people.flagged.address, &recipients, &sent).await;
    let id = on_hold(lab, reply.ok().queue_id()).await;
    let n_held = lab.postfix.held().len() as u64;

    let first = polling.one_pass().await;
    assert_eq!((first.held, first.new), (n_held, n_held), "all is new");
    let second = polling.one_pass().await;
    assert_eq!((second.held, second.new), (n_held, 0), "all is known");
    assert_eq!(count().await, n_held.to_string());
    let envelope = format!("select sender, recipients from capture where queue_id = '{id}'");
    let wanted = format!("{}|{{{}}}", people.flagged.address, recipients.join(","));
    assert_eq!(polling.book.execute(&envelope).await, wanted);
    let message = format!("select encode(message, 'hex') from capture where queue_id = '{id}'");
    // A queue file has lines without an end; Postfix's own field stands above.
    let lines: Vec<u8> = sent.into_iter().filter(|byte| *byte != b'\r').collect();
    assert!(polling.book.execute(&message).await.ends_with(&hex(&lines)));

    let poller = polling.start(lab, Duration::from_millis(200));
    let late = held(lab, holding, &people.other.address).await;
    eventually("the poller has found it", BOUND, async || {
        let passes = poller.passes();
        let found = passes
            .iter()
            .any(|pass| (pass.held, pass.new) == (n_held + 1, 1));
        found.then_some(()).ok_or(passes)
    })
    .await;
    assert!(fs::exists(format!("/proc/{}", poller.id())).unwrap());
    poller.stop().await;
    println!("polling: records what is on hold, and only what is new");

    let stays = polling.one_pass().await.held - 2;
    polling.decide(&[id.clone(), late.clone()]).await;
    for id in [&id, &late] {
        lab.postfix.log().removed(id, BOUND).await;
    }
    assert_eq!(lab.postfix.held().len() as u64, stays);
    let decided = "select count(*) from capture where decision = 'release' and decided_at <= now()";
    assert_eq!(polling.book.execute(decided).await, "2");
    println!("deciding one by one: releases, delivers, records");
}

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

/// An smtpd that has the peer as its only milter.
async fn behind(lab: &Lab, peer: &Peer) -> SocketAddr {
    let milter = format!(
        "{{ smtpd_milters = {{ {}, default_action=tempfail }} }}",
        peer.address
    );
    smtpd(lab, &[milter]).await
}

async fn smtpd(lab: &Lab, options: &[String]) -> SocketAddr {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let master_cf = lab.postfix.config_directory.join("master.cf");
    let mut services = fs::read_to_string(&master_cf).unwrap();
    services.push_str(&format!("{address} inet n - y - - smtpd\n"));
    for option in options {
        services.push_str(&format!("  -o {option}\n"));
    }
    fs::write(&master_cf, services).unwrap();
    lab.postfix.reload();
    eventually("the new smtpd listens", BOUND, async || {
        TcpStream::connect(address).await.map(drop)
    })
    .await;
    address
}

/// Nothing gets through where the milter is gone: so it was this one that was asked.
async fn end(lab: &Lab, peer: Peer, smtp: SocketAddr) {
    let (address, process) = (peer.address.clone(), format!("/proc/{}", peer.id()));
    assert!(fs::exists(&process).unwrap());
    peer.stop().await;
    assert!(!fs::exists(&process).unwrap());
    let content = small_mail("a@corp.test", "b@elsewhere.test", "nobody is there");
    let reply = send(smtp, "a@corp.test", &["b@elsewhere.test"], &content).await;
    assert_eq!(reply.code, 451, "{reply:?}");
    let refused = ["warning: connect to Milter", &address, "refused"];
    assert!(!lab.postfix.log().lines_with(&refused).is_empty());
}

async fn two_in_a_session(lab: &Lab, smtp: SocketAddr, sender: &Person) {
    let mut session = Smtp::connect(smtp).await;
    for subject in ["one", "two"] {
        let content = small_mail(&sender.address, "bob@elsewhere.test", subject);
        let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
        let reply = session.send(&sender.address, &recipients, &content).await;
        on_hold(lab, reply.ok().queue_id()).await;
    }
}

/// Sends a message that must be on hold.
async fn held(lab: &Lab, smtp: SocketAddr, sender: &str) -> QueueId {
    let content = small_mail(sender, "bob@elsewhere.test", "held");
    let reply = send(smtp, sender, &["bob@elsewhere.test"], &content).await;
    on_hold(lab, reply.ok().queue_id()).await
}

async fn on_hold(lab: &Lab, id: QueueId) -> QueueId {
    assert!(lab.postfix.held().contains(&id), "{id} is on hold");
    id
}

/// Sends a message that must arrive.
async fn passed(lab: &Lab, smtp: SocketAddr, sender: &str) {
    let recipient = format!("{}@elsewhere.test", &random_text()[..8]);
    let content = small_mail(sender, &recipient, "passed");
    let reply = send(smtp, sender, &[&recipient], &content).await;
    reply.ok();
    eventually_true("the message arrives", BOUND, async || {
        !lab.sink.messages_to(&recipient).is_empty()
    })
    .await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
