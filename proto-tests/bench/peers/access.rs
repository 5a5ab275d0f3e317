//! Postfix alone, with a look-up of its own: an access map in LDAP. Holds, and captures nothing.

use std::{fs, path::Path};

use crate::lab::{
    desk::{HOUSE, Servers},
    place::make_old,
    slapd::{FLAG, PEOPLE, SERVICE},
    user::User,
};

/// The `-o` lines of an smtpd that holds what a flagged envelope sender sends.
///
/// smtpd reads the map's file before it gives up root's rights and goes into its chroot; Debian's
/// `dynamicmaps.cf`, which tells it how to read such a map, lies in the machine's `meta_directory`.
pub fn ldap_access(servers: Servers<'_>) -> Vec<String> {
    let place = &servers.tools.place;
    let map = place.file("flagged.ldap", User::ROOT, 0o600, map(servers));
    make_old(&map);
    vec!["smtpd_milters=".to_owned(), restriction(&map)]
}

fn restriction(map: &Path) -> String {
    let map = map.display();
    format!("smtpd_sender_restrictions=check_sender_access,ldap:{map}")
}

fn map(servers: Servers<'_>) -> String {
    let password = fs::read_to_string(&servers.slapd.service_password).unwrap();
    let (url, password) = (servers.slapd.url(), password.trim());
    format!(
        "server_host = {url}\n\
         version = 3\n\
         bind = yes\n\
         bind_dn = {SERVICE}\n\
         bind_pw = {password}\n\
         search_base = {PEOPLE}\n\
         # One look-up: none for the domain alone, nor for people elsewhere.\n\
         domain = {HOUSE}\n\
         query_filter = (&(|(mail=%s)(mailAlternateAddress=%s))({FLAG}=Y))\n\
         result_attribute = {FLAG}\n\
         result_format = HOLD\n"
    )
}
