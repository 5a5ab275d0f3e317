//! Sockets: who may connect, how many at once, and what is found where one should be.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::{UnixDatagram, UnixListener},
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use indymilter::{Actions, ProtoOpts, message::reply::Reply};
use libtest_mimic::Trial;
use mailhold::milter::listener::{Listener, Socket};
use nix::unistd::{Gid, Group, getegid, geteuid};

use super::{
    desk::{Desk, Place, Plan, any_port},
    mail::Mail,
    mta::{Mta, Stage},
    raw::Raw,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        fifty_messages_go_over_one_tcp_connection,
        each_listener_records_its_own_instance,
        a_connection_beyond_the_limit_waits_until_one_leaves,
        the_limit_counts_the_connections_of_all_listeners,
        connections_that_never_negotiated_leave_their_place_too,
        an_idle_connection_is_closed_after_its_time,
        a_unix_socket_has_the_mode_and_group_of_the_settings,
        a_group_that_does_not_exist_is_refused,
        a_socket_that_nobody_listens_to_is_replaced,
        a_socket_that_somebody_listens_to_is_left_alone,
        a_socket_of_another_kind_is_left_alone,
        a_file_that_is_no_socket_is_left_alone,
        a_tcp_port_in_use_is_refused,
    ]
}

async fn fifty_messages_go_over_one_tcp_connection() {
    let desk = Desk::with(Plan {
        listeners: vec![(any_port(), "postfix")],
        ..Plan::default()
    })
    .await;
    let mut mta = desk.mta().await;
    for n in 0..50 {
        let mail = Mail::flagged().body([format!("message {n}\r\n")]);
        mta.send(&mail).await.held();
        assert_eq!(desk.next_captured().await.content, mail.content());
    }
}

async fn each_listener_records_its_own_instance() {
    let desk = Desk::with(Plan {
        listeners: vec![
            (Place::Unix("a.sock".into()), "postfix-a"),
            (any_port(), "postfix-b"),
        ],
        ..Plan::default()
    })
    .await;
    for (place, instance) in desk.places().iter().zip(["postfix-a", "postfix-b"]) {
        Mta::open(place).await.send(&Mail::flagged()).await.held();
        let capture = desk.next_captured().await.capture;
        assert_eq!(capture.instance.as_str(), instance);
    }
}

/// Asserts that a third connection, to `place`, is served only after `leaving` has left.
async fn assert_waits_for(desk: &Desk, place: &Place, leaving: Mta, mut staying: Mta) {
    let mut third = Raw::connect(place).await;
    third.negotiate(Actions::all(), ProtoOpts::all()).await;
    // Ten captures made durable are time enough to answer it.
    for _ in 0..10 {
        staying.send(&Mail::flagged()).await.held();
    }
    desk.shows("milter_connections", 2).await;
    leaving.connection.close().await.unwrap();
    assert!(matches!(third.reply().await, Some(Reply::OptNeg { .. })));
}

async fn a_connection_beyond_the_limit_waits_until_one_leaves() {
    let desk = Desk::with(Plan {
        max_connections: 2,
        ..Plan::default()
    })
    .await;
    let (leaving, staying) = (desk.mta().await, desk.mta().await);
    assert_waits_for(&desk, desk.place(), leaving, staying).await;
}

async fn the_limit_counts_the_connections_of_all_listeners() {
    let desk = Desk::with(Plan {
        max_connections: 2,
        listeners: vec![
            (Place::Unix("a.sock".into()), "postfix"),
            (any_port(), "postfix"),
        ],
        ..Plan::default()
    })
    .await;
    let [first, second] = [&desk.places()[0], &desk.places()[1]];
    let (leaving, staying) = (Mta::open(first).await, Mta::open(first).await);
    assert_waits_for(&desk, second, leaving, staying).await;
}

async fn connections_that_never_negotiated_leave_their_place_too() {
    let desk = Desk::with(Plan {
        max_connections: 1,
        ..Plan::default()
    })
    .await;
    for _ in 0..5 {
        drop(Raw::connect(desk.place()).await);
        let mut mta = desk.mta().await;
        mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
    }
}

async fn an_idle_connection_is_closed_after_its_time() {
    let desk = Desk::with(Plan {
        connection_timeout: Duration::from_millis(100),
        ..Plan::default()
    })
    .await;
    let mut idle = Raw::open(desk.place()).await;
    assert_eq!(idle.reply().await, None);
    desk.shows("milter_connections", 0).await;
}

fn unix(path: &Path, group: Option<&str>) -> Socket {
    Socket::Unix {
        path: path.to_owned(),
        mode: 0o620,
        group: group.map(str::to_owned),
    }
}

async fn a_unix_socket_has_the_mode_and_group_of_the_settings() {
    // Only root may give a file to a group that it does not belong to.
    let group = match geteuid().is_root() {
        true => Group::from_gid(Gid::from_raw(1)),
        false => Group::from_gid(getegid()),
    };
    let group = group.unwrap().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("milter.sock");
    let _listener = Listener::bind(&unix(&path, Some(&group.name)))
        .await
        .unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o620);
    assert_eq!(found.gid(), group.gid.as_raw());
}

async fn a_group_that_does_not_exist_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("milter.sock");
    let refused = Listener::bind(&unix(&path, Some("no-such-group"))).await;
    assert!(refused.is_err());
}

async fn a_socket_that_nobody_listens_to_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("milter.sock");
    drop(UnixListener::bind(&path).unwrap());
    Listener::bind(&unix(&path, None)).await.unwrap();
}

async fn a_socket_that_somebody_listens_to_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("milter.sock");
    let living = UnixListener::bind(&path).unwrap();
    let refused = Listener::bind(&unix(&path, None)).await;
    assert!(refused.is_err());
    living.set_nonblocking(true).unwrap();
    while living.accept().is_ok() {}
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    assert!(living.accept().is_ok());
}

async fn a_socket_of_another_kind_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log.sock");
    let living = UnixDatagram::bind(&path).unwrap();
    assert!(Listener::bind(&unix(&path, None)).await.is_err());
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"still here", &path).unwrap();
    assert_eq!(living.recv(&mut [0; 16]).unwrap(), 10);
}

async fn a_file_that_is_no_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    fs::write(&path, "kept").unwrap();
    assert!(Listener::bind(&unix(&path, None)).await.is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
}

async fn a_tcp_port_in_use_is_refused() {
    let living = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = Socket::Inet(living.local_addr().unwrap());
    let error = Listener::bind(&socket).await.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap();
    let cause = cause.downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::AddrInUse);
}
