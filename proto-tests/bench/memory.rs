//! What memory the milter needs with many connections, and with many large messages.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    task::JoinSet,
};

use super::{
    ground::{Ground, as_on_one_host},
    machine,
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{
    desk::Desk,
    postfix::Postfix,
    smtp::{self, small_mail},
};

const CONNECTIONS: usize = 500;
const LARGE_MESSAGES: usize = 20;
const LARGE_BYTES: usize = 25_000_000;

/// Version 6, all actions, all steps (`SMFIC_OPTNEG`, as Postfix offers it).
const NEGOTIATION: [u8; 17] = [
    0, 0, 0, 13, b'O', 0, 0, 0, 6, 0, 0, 1, 0xff, 0, 0x1f, 0xff, 0xff,
];

/// Measures with a milter that has just been started.
pub async fn measure(ground: &Ground<'_>, report: &mut Report) {
    let postfix = Postfix::start(&ground.lab.tools, "memory", ground.lab.sink.address).await;
    super::ground::deliver_nowhere(&postfix).await;
    let desk = Desk::start(ground.servers(&postfix), |settings| {
        as_on_one_host(settings, &ground.lab.postgres);
    })
    .await;
    let alone = machine::resident_mib(desk.milter.id());
    let connections = idle_connections(&postfix).await;
    let with = machine::resident_mib(desk.milter.id());
    drop(connections);
    let name = format!("milter's resident memory with {CONNECTIONS} idle connections");
    report.add(
        Row::new(name, Figure::plain(with), Target::AtMost(40.0))
            .unit("MiB")
            .fact(format!("{alone:.1} MiB before")),
    );
    large_at_once(&postfix, &ground.flagged).await;
    let name = format!("milter's peak memory, {LARGE_MESSAGES} messages of 25 MB at once");
    let peak = machine::peak_mib(desk.milter.id());
    report.add(Row::new(name, Figure::plain(peak), Target::AtMost(96.0)).unit("MiB"));
    desk.milter.stop().await;
    desk.worker.stop().await;
    postfix.stop().await;
}

async fn idle_connections(postfix: &Postfix) -> Vec<UnixStream> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut stream = UnixStream::connect(postfix.socket("smtp.sock"))
            .await
            .unwrap();
        stream.write_all(&NEGOTIATION).await.unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).await.unwrap();
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer[0], b'O', "the negotiation is answered");
        connections.push(stream);
    }
    connections
}

async fn large_at_once(postfix: &Postfix, sender: &str) {
    let mut mail = small_mail(sender, "bob@elsewhere.test", "large");
    while mail.len() < LARGE_BYTES {
        mail.extend_from_slice(&[b'x'; 998]);
        mail.extend_from_slice(b"\r\n");
    }
    let mail: std::sync::Arc<[u8]> = mail.into();
    let mut sendings = JoinSet::new();
    for _ in 0..LARGE_MESSAGES {
        let (mail, sender, server) = (mail.clone(), sender.to_owned(), postfix.smtp);
        sendings.spawn(async move {
            smtp::send(server, &sender, &["bob@elsewhere.test"], &mail)
                .await
                .ok();
        });
    }
    let all = tokio::time::timeout(Duration::from_secs(120), sendings.join_all());
    all.await.expect("large messages are taken in time");
}
