//! The desk while the database is away, behind a proxy's UNIX socket, and with a certificate that cannot
//! be used.

use std::{
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

use super::alone::Alone;
use crate::{
    lab::{
        Lab,
        eventually::eventually,
        http::{Answer, Ask},
        place::random_text,
        postgres::Database,
        review_desk::{Door, Passwords, ReviewDesk, Sitter},
        role,
        user::User,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        while_the_database_is_away_a_page_says_so_and_nothing_is_done,
        where_no_next_message_can_be_looked_for_the_decision_is_told_with_a_reference,
        a_unix_socket_is_served_and_made_anew_after_a_crash,
        nobody_but_the_named_proxy_is_served_at_a_socket,
        a_certificate_that_cannot_be_used_is_told_with_its_file,
        nobody_serves_as_root,
    ]
}

const BOUND: Duration = Duration::from_secs(40);

async fn alone(lab: &Lab) -> (Database, Passwords, Sitter) {
    let database = lab.postgres.database().await;
    let mut passwords = Passwords::new(&lab.tools);
    let rita = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
    (database, passwords, rita)
}

async fn while_the_database_is_away_a_page_says_so_and_nothing_is_done(lab: &Lab) {
    let (database, passwords, rita) = alone(lab).await;
    let settings = lab.tools.settings(&database);
    let desk = ReviewDesk::start(&lab.tools, &settings, &passwords, Door::Plain, |_| {}).await;
    let form = [("login", rita.login.as_str()), ("password", &rita.password)];
    let entered = Ask::post("/sign-in", &form).send(desk.address).await;
    let session = entered.cookie("__Host-session").unwrap();
    let cookie = format!("__Host-session={session}");
    let inbox = Ask::get("/inbox").header("Cookie", &cookie);
    assert_eq!(inbox.send(desk.address).await.status, 200);

    database.take_connections(false).await;
    let id = "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f";
    let decide = Ask::post(&format!("/review/{id}/decide"), &[("decision", "release")]);
    let decide = decide.header("Cookie", &cookie);
    for ask in [inbox.clone(), Ask::post("/sign-in", &form), decide] {
        let answer = ask.send(desk.address).await;
        is_away(&answer);
    }
    eventually("it is not ready", BOUND, async || {
        match desk.web.is_ready().await {
            true => Err("ready"),
            false => Ok(()),
        }
    })
    .await;
    let told = desk
        .web
        .event_with(&["web.failed", "reference"], BOUND)
        .await;
    assert!(!told.to_string().contains("rita"), "{told}");

    database.take_connections(true).await;
    eventually("the same session goes on", BOUND, async || {
        let answer = inbox.send(desk.address).await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(answer.status)
        }
    })
    .await;
    desk.web.becomes_ready(BOUND).await;
    let sql = "select count(*) from audit_event where kind = 'signed_in'";
    assert_eq!(database.execute(sql).await.trim(), "1", "nothing half done");
    desk.web.stop().await;
    desk.outline.stop().await;
}

async fn where_no_next_message_can_be_looked_for_the_decision_is_told_with_a_reference(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let id = alone.hold().await;
    let decide = alone.deciding(&id, &cookie, &[]).await;
    let sql = "revoke select on listing, listing_waiting from mailhold_web";
    alone.database.execute(sql).await;
    let answer = alone.send(decide.header("X-Mailhold-Script", "1")).await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains("Decided: discard."), "{text}");
    assert!(text.contains("A service that is needed is away."), "{text}");
    let (_, reference) = text.split_once("<code>").unwrap();
    let reference = reference.split('<').next().unwrap();
    let web = &alone.desk.web;
    web.event_with(&["web.failed", reference], BOUND).await;
    // The search for the next message, and the page.
    let log = std::fs::read_to_string(web.log_path()).unwrap();
    assert_eq!(log.matches("web.failed").count(), 2, "{log}");
    let sql = "select count(*) from decision where decision = 'discard'";
    assert_eq!(alone.database.execute(sql).await.trim(), "1");
    alone.end().await;
}

fn is_away(answer: &Answer) {
    let text = answer.text();
    assert_eq!(answer.status, 503, "{text}");
    assert_eq!(answer.header("retry-after"), Some("10"));
    assert!(text.contains("A service that is needed is away."), "{text}");
    assert!(text.contains("Reference:"), "{text}");
}

/// A desk on a UNIX socket behind a proxy that runs as this system user.
async fn behind(lab: &Lab, proxy: &str) -> (ReviewDesk, PathBuf) {
    let (database, passwords, _) = alone(lab).await;
    let settings = lab.tools.settings(&database);
    let name = format!("socket-{}", &random_text()[..6]);
    let place = lab.tools.place.directory(&name, User::web(), 0o755);
    let socket = place.join("desk");
    let desk = ReviewDesk::start(&lab.tools, &settings, &passwords, Door::Plain, |settings| {
        settings
            .set("web.socket", format!("unix:{}", socket.display()))
            .set("web.proxy", proxy)
            .set("web.hosts", vec!["desk.example.com".to_owned()]);
    })
    .await;
    (desk, socket)
}

/// What comes back over a socket.
async fn over(socket: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = UnixStream::connect(socket).await.map_err(told)?;
    let request = "GET /sign-in HTTP/1.1\r\nHost: desk.example.com\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.map_err(told)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(told)?;
    Ok(answer)
}

async fn a_unix_socket_is_served_and_made_anew_after_a_crash(lab: &Lab) {
    let (desk, socket) = behind(lab, "root").await;
    let ask = async || match over(&socket).await {
        Ok(answer) if answer.starts_with("HTTP/1.1 200") => Ok(()),
        other => Err(other),
    };
    eventually("the socket is served", BOUND, &ask).await;
    desk.web.kill();
    assert!(std::fs::metadata(&socket).unwrap().file_type().is_socket());
    desk.web.start_again().await;
    eventually("the socket is served again", BOUND, &ask).await;
    desk.web.stop().await;
    desk.outline.stop().await;
}

async fn nobody_but_the_named_proxy_is_served_at_a_socket(lab: &Lab) {
    let (desk, socket) = behind(lab, "nobody").await;
    for _ in 0..3 {
        let answer = over(&socket).await.unwrap_or_default();
        assert_eq!(answer, "", "this is root, and the proxy is nobody");
    }
    desk.web.stop().await;
    desk.outline.stop().await;
}

async fn a_certificate_that_cannot_be_used_is_told_with_its_file(lab: &Lab) {
    let (database, passwords, _) = alone(lab).await;
    let settings = lab.tools.settings(&database);
    let desk = ReviewDesk::start(&lab.tools, &settings, &passwords, Door::Plain, |_| {}).await;
    desk.web.stop().await;
    desk.outline.stop().await;
    let bad = lab
        .tools
        .place
        .file("no.pem", User::web(), 0o400, "no certificate");
    let mut settings = settings.clone();
    settings
        .set("web.socket", format!("tls:{}", desk.address))
        .set("web.proxy", "")
        .set("web.certificate_file", bad.display().to_string())
        .set("web.key_file", bad.display().to_string())
        .set("web.sign_in.backend", "file")
        .set("web.sign_in.file", passwords.write().display().to_string());
    let name = format!("{}.toml", &random_text()[..8]);
    let file = settings.write(&lab.tools.place, &name);
    let program = role::program(lab.tools.mailhold("web"), &file, "web").user(User::web());
    let output = program.output(b"").await;
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no.pem"), "{told}");
}

async fn nobody_serves_as_root(lab: &Lab) {
    let (database, _, _) = alone(lab).await;
    let settings = lab.tools.settings(&database);
    let name = format!("{}.toml", &random_text()[..8]);
    let file = settings.write(&lab.tools.place, &name);
    for role in ["web", "outline"] {
        let program = role::program(lab.tools.mailhold(role), &file, role);
        let output = program.output(b"").await;
        assert_eq!(output.status.code(), Some(77), "{role}: {output:?}");
    }
}
