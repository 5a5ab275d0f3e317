//! The way from Postfix's services to the milter's sockets: where it is barred.

use std::{
    io::ErrorKind,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use libtest_mimic::Trial;
use tokio::net::{UnixSocket, UnixStream};

use super::house::House;
use crate::{
    lab::{Lab, place::give, ports::free_address, user::User},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_path_that_the_chroot_hides_is_a_fault,
        a_directory_that_is_not_there_is_a_fault,
        a_directory_that_keeps_postfix_out_is_a_fault,
        a_socket_that_postfix_may_not_write_is_a_fault,
        a_file_in_place_of_the_socket_is_a_fault,
        a_milter_that_is_not_there_is_away,
        a_socket_that_nobody_listens_to_is_away,
        a_milter_that_stands_still_is_away_and_hides_no_other_check,
        a_port_that_nobody_listens_to_is_away,
        a_socket_outside_of_the_chroot_serves_a_service_without_one,
    ]
}

/// A house whose Postfix has a queue directory of its own, with one socket in it.
struct Place<'a> {
    house: House<'a>,
    sockets: PathBuf,
    socket: PathBuf,
}

impl<'a> Place<'a> {
    async fn new(lab: &'a Lab) -> Self {
        let mut house = House::new(lab).await;
        let queue = house.directory("queue", User::ROOT, 0o755);
        let sockets = house.directory("queue/m", User::milter(), 0o2750);
        let socket = sockets.join("s");
        let path = format!("unix:{}", socket.display());
        house.settings.listen(&[(path, &lab.postfix.name)]);
        house.main_cf(&format!("queue_directory = {}", queue.display()));
        house.main_cf("smtpd_milters = unix:m/s\nnon_smtpd_milters = unix:m/s");
        Self {
            house,
            sockets,
            socket,
        }
    }

    fn listen(&self, mode: u32) -> UnixListener {
        listen(&self.socket, mode)
    }

    async fn fails(&self, words: &[&str]) -> i32 {
        let seen = self.house.failing("milter-sockets", words).await;
        seen.code.unwrap()
    }
}

fn listen(socket: &Path, mode: u32) -> UnixListener {
    let listener = UnixListener::bind(socket).unwrap();
    give(socket, User::milter(), mode);
    listener
}

async fn a_path_that_the_chroot_hides_is_a_fault(lab: &Lab) {
    let place = Place::new(lab).await;
    let _listener = place.listen(0o660);
    let house = &place.house;
    house
        .check()
        .await
        .says("milter-sockets", "ok", &["unix:m/s"]);
    let path = place.socket.display();
    house.main_cf(&format!("smtpd_milters = unix:{path}"));
    place
        .fails(&["a chrooted service looks for it in", "write unix:m/s"])
        .await;
}

async fn a_directory_that_is_not_there_is_a_fault(lab: &Lab) {
    let mut place = Place::new(lab).await;
    let other = place.sockets.parent().unwrap().join("other/s");
    let path = format!("unix:{}", other.display());
    place.house.settings.listen(&[(path, &lab.postfix.name)]);
    place.house.main_cf("smtpd_milters = unix:other/s");
    place
        .fails(&["/queue/other: No such file", "mailhold-tmpfiles.conf"])
        .await;
}

async fn a_directory_that_keeps_postfix_out_is_a_fault(lab: &Lab) {
    let place = Place::new(lab).await;
    let _listener = place.listen(0o660);
    give(&place.sockets, User::milter(), 0o2700);
    place
        .fails(&["/queue/m keeps postfix out (mode 2700", "chmod g+x"])
        .await;
}

async fn a_socket_that_postfix_may_not_write_is_a_fault(lab: &Lab) {
    let place = Place::new(lab).await;
    let _listener = place.listen(0o600);
    let code = place
        .fails(&["may not be written by postfix (mode 0600", "mode = "])
        .await;
    assert_eq!(code, 78);
}

async fn a_file_in_place_of_the_socket_is_a_fault(lab: &Lab) {
    let place = Place::new(lab).await;
    std::fs::write(&place.socket, "").unwrap();
    place.fails(&["is not a socket"]).await;
}

async fn a_milter_that_is_not_there_is_away(lab: &Lab) {
    let place = Place::new(lab).await;
    place.fails(&["No such file", "start the milter"]).await;
}

async fn a_socket_that_nobody_listens_to_is_away(lab: &Lab) {
    let place = Place::new(lab).await;
    drop(place.listen(0o660));
    place
        .fails(&["Connection refused", "start the milter"])
        .await;
}

async fn a_milter_that_stands_still_is_away_and_hides_no_other_check(lab: &Lab) {
    let place = Place::new(lab).await;
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(&place.socket).unwrap();
    let _listener = socket.listen(1).unwrap();
    give(&place.socket, User::milter(), 0o660);
    let mut waiting = Vec::new();
    let refused = loop {
        match UnixStream::connect(&place.socket).await {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    let seen = place
        .house
        .failing("milter-sockets", &["takes no connection"])
        .await;
    assert!(matches!(place.house.exit_code().await, None | Some(69)));
    seen.says("services", "ok", &[]);
    seen.says("clock-files", "ok", &["queue"]);
}

async fn a_port_that_nobody_listens_to_is_away(lab: &Lab) {
    let mut place = Place::new(lab).await;
    let address = free_address();
    let socket = format!("inet:{address}");
    place
        .house
        .settings
        .listen(&[(socket.clone(), &lab.postfix.name)]);
    place.house.main_cf(&format!(
        "smtpd_milters = {socket}\nnon_smtpd_milters = {socket}"
    ));
    place.fails(&[&socket, "Connection refused"]).await;
}

async fn a_socket_outside_of_the_chroot_serves_a_service_without_one(lab: &Lab) {
    let mut place = Place::new(lab).await;
    let outside = place
        .house
        .directory("outside", User::milter(), 0o2750)
        .join("s");
    let _listener = listen(&outside, 0o660);
    let path = format!("unix:{}", outside.display());
    place
        .house
        .settings
        .listen(&[(path.clone(), &lab.postfix.name)]);
    place.house.main_cf(&format!(
        "smtpd_milters = {path}\nnon_smtpd_milters = {path}"
    ));
    place.fails(&["No such file"]).await;
    place
        .house
        .other_postconf("s/^\\(127.* inet.*\\|cleanup .*\\) y /\\1 n /");
    let seen = place.house.check().await;
    seen.says("milter-sockets", "ok", &["somebody listens"]);
    assert_eq!(seen.named("milter-sockets").len(), 1);
}
