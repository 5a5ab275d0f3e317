//! Servers that stop, stand still, or are somebody else. Each is as before when its time is over.

use std::{fs, time::Duration};

use nix::sys::signal::Signal;
use tokio::time::Sleep;

use super::super::{house::House, proxy::Address};
use crate::lab::{place, user::User};

/// What reads and writes of mailhold meet first.
const LOCK: &str = "begin; lock table capture, work, settlement in exclusive mode;";

pub async fn without_postgres(house: &House, meanwhile: Sleep) {
    house.postgres.stop();
    meanwhile.await;
    house.postgres.start_again().await;
}

/// For longer than any of its clients waits.
pub async fn with_frozen_postgres(house: &House, meanwhile: Sleep) {
    let _frozen = house.postgres.freeze().await;
    meanwhile.await;
}

pub async fn with_locked_tables(house: &House, lasts: Duration) {
    let sql = format!("{LOCK} select pg_sleep({}); rollback;", lasts.as_secs_f64());
    // A deadlock with the load is the end of the lock, and as good a fault.
    house.database.try_execute(&sql).await;
}

pub async fn without_directory(house: &House, meanwhile: Sleep) {
    house.slapd.kill();
    meanwhile.await;
    house.slapd.start_again().await;
}

pub async fn with_frozen_directory(house: &House, meanwhile: Sleep) {
    house.slapd.freeze().await;
    meanwhile.await;
    house.slapd.thaw();
}

pub async fn with_forged_directory(house: &House, meanwhile: Sleep) {
    let way = &house.proxies.directory;
    way.lead_to(Address::Tcp(house.impostor.tls_address));
    meanwhile.await;
    way.lead_to(Address::Tcp(house.slapd.tls_address));
}

/// What is not open yet cannot be opened for writing; nothing is made, renamed or removed.
pub async fn with_read_only_spool(house: &House, meanwhile: Sleep) {
    house.disk.forbid_writing().await;
    meanwhile.await;
    house.disk.allow_writing().await;
}

pub async fn without_postfix(house: &House, meanwhile: Sleep) {
    house.postfix.stop().await;
    meanwhile.await;
    house.postfix.start_again().await;
}

/// Every message is looked up from now on, by the milters that start later too.
pub fn switch_mirror_off(house: &House) {
    let file = &house.settings_file;
    let text = fs::read_to_string(file).unwrap();
    let (on, off) = ("mirror = \"on\"", "mirror = \"off\"");
    assert!(text.contains(on), "{text}");
    // As a whole: a milter may be started just now.
    let fresh = file.with_extension("new");
    place::write(&fresh, User::ROOT, 0o644, text.replace(on, off));
    fs::rename(&fresh, file).unwrap();
    house.milter.signal(Signal::SIGHUP);
}
