//! Whether every peer does what it is measured for. Measures nothing.

mod mail;
mod polling;
mod python;

use self::mail::{BOUND, CROWD, behind, crowd, end, held, passed, smtpd, two_in_a_session};
use super::{Mode, Peer, Socket, access::ldap_access, book::Book};
use crate::lab::{Lab, Person, eventually::eventually_true};

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
        c_hold(lab, &people, (Mode::Hold, socket)).await;
        c_hold(lab, &people, (Mode::Copy, socket)).await;
        c_hold(lab, &people, (Mode::Record, socket)).await;
        c_pass(lab, &people, socket).await;
        python::holds_and_records(lab, &people, socket).await;
    }
    polling::records_and_releases(lab, &people).await;
}

async fn static_hold(lab: &Lab, people: &People) {
    for person in [&people.flagged, &people.other] {
        held(lab, lab.postfix.holding_smtp, &person.address).await;
    }
    println!("static HOLD: holds all mail");
}

async fn ldap(lab: &Lab, people: &People) {
    let smtp = smtpd(lab, &ldap_access(lab.servers())).await;
    held(lab, smtp, &people.flagged.address).await;
    for sender in [&people.other.address, "", "stranger@elsewhere.test"] {
        passed(lab, smtp, sender).await;
    }
    println!("LDAP access map: holds what a flagged sender sends, and nothing else");
}

async fn c_hold(lab: &Lab, people: &People, (mode, socket): (Mode, Socket)) {
    let peer = Peer::libmilter(lab.servers(), mode, socket).await;
    let smtp = behind(lab, &peer).await;
    for person in [&people.flagged, &people.other] {
        held(lab, smtp, &person.address).await;
    }
    two_in_a_session(lab, smtp, &people.other).await;
    crowd(lab, smtp, &people.other.address).await;
    if let Some(book) = &peer.book {
        records(book, CROWD + 4).await;
    }
    println!("C, {mode:?}, {socket:?}: holds all mail");
    end(lab, peer, smtp).await;
}

/// All of it, with a content each, and marked.
async fn records(book: &Book, n_messages: usize) {
    let marked = "select count(*) from fact join content using (number)
        where is_marked and queue_id <> '' and length(bytes) > 50";
    eventually_true("all is recorded and marked", BOUND, async || {
        book.execute(marked).await == n_messages.to_string()
    })
    .await;
}

async fn c_pass(lab: &Lab, people: &People, socket: Socket) {
    for mode in [Mode::Pass, Mode::PassAtMail] {
        let peer = Peer::libmilter(lab.servers(), mode, socket).await;
        let smtp = behind(lab, &peer).await;
        for person in [&people.flagged, &people.other] {
            passed(lab, smtp, &person.address).await;
        }
        println!("C, {mode:?}, {socket:?}: lets all mail go");
        end(lab, peer, smtp).await;
    }
}
