//! Mail through a peer, and what must become of it.

use std::{fs, net::SocketAddr, time::Duration};

use mailhold::domain::queue_id::QueueId;
use tokio::net::TcpStream;

use super::super::{Peer, book::Book};
use crate::lab::{
    Lab, Person,
    eventually::{eventually, eventually_true},
    place::random_text,
    ports::free_port,
    program::Program,
    smtp::{Smtp, send, small_mail},
};

pub const BOUND: Duration = Duration::from_secs(20);
/// Messages of a crowd.
pub const CROWD: usize = 100;

/// An smtpd that has the peer as its only milter.
pub async fn behind(lab: &Lab, peer: &Peer) -> SocketAddr {
    let milter = format!(
        "{{ smtpd_milters = {{ {}, default_action=tempfail }} }}",
        peer.address
    );
    smtpd(lab, &[milter]).await
}

pub async fn smtpd(lab: &Lab, options: &[String]) -> SocketAddr {
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
pub async fn end(lab: &Lab, peer: Peer, smtp: SocketAddr) {
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

pub async fn two_in_a_session(lab: &Lab, smtp: SocketAddr, sender: &Person) {
    let mut session = Smtp::connect(smtp).await;
    for subject in ["one", "two"] {
        let content = small_mail(&sender.address, "bob@elsewhere.test", subject);
        let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
        let reply = session.send(&sender.address, &recipients, &content).await;
        on_hold(lab, reply.ok().queue_id()).await;
    }
}

/// Sends many messages in ten sessions at once; all must be on hold.
pub async fn crowd(lab: &Lab, smtp: SocketAddr, sender: &str) {
    let before = lab.postfix.held().len();
    Program::new("smtp-source", "/usr/sbin/smtp-source")
        .arguments(["-d", "-s", "10", "-m", &CROWD.to_string(), "-f", sender])
        .arguments(["-t", "bob@elsewhere.test", &smtp.to_string()])
        .run(b"")
        .await;
    assert_eq!(lab.postfix.held().len(), before + CROWD);
}

pub async fn rows(book: &Book) -> usize {
    let count = book.execute("select count(*) from capture").await;
    count.parse().unwrap()
}

/// Sends a message that must be on hold.
pub async fn held(lab: &Lab, smtp: SocketAddr, sender: &str) -> QueueId {
    let content = small_mail(sender, "bob@elsewhere.test", "held");
    let reply = send(smtp, sender, &["bob@elsewhere.test"], &content).await;
    on_hold(lab, reply.ok().queue_id()).await
}

pub async fn on_hold(lab: &Lab, id: QueueId) -> QueueId {
    assert!(lab.postfix.held().contains(&id), "{id} is on hold");
    id
}

/// Sends a message that must arrive.
pub async fn passed(lab: &Lab, smtp: SocketAddr, sender: &str) {
    let recipient = format!("{}@elsewhere.test", &random_text()[..8]);
    let content = small_mail(sender, &recipient, "passed");
    let reply = send(smtp, sender, &[&recipient], &content).await;
    reply.ok();
    eventually_true("the message arrives", BOUND, async || {
        !lab.sink.messages_to(&recipient).is_empty()
    })
    .await;
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
