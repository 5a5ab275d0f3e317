//! Connections that say nothing and keep a seat each, until nobody else gets one.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::{Sleep, sleep, timeout},
};

use super::super::{house::House, settings};

/// A server that is killed meanwhile loses them.
const LOOK: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);
/// Far more than PostgreSQL has.
const MOST: usize = 1_000;
/// Those of PostgreSQL's protocol: its length, version 3.0, and who asks. Nobody ever signs in.
const LOGIN: &[u8] = b"\0\0\0\x1f\0\x03\0\0user\0mailhold_reviews\0\0";

/// Takes all seats of PostgreSQL: it waits for a minute for the password of each. Sessions that are
/// there already stay.
pub async fn of_postgres(house: &House, meanwhile: Sleep) {
    let door = SocketAddr::from(([127, 0, 0, 1], house.postgres.port));
    let mut taken = Vec::new();
    let taking = async {
        loop {
            taken.retain(|seat: &TcpStream| is_open(|byte| seat.try_read(byte)));
            while taken.len() < MOST
                && let Ok(Some(seat)) = timeout(PATIENCE, sign_on(door)).await
            {
                taken.push(seat);
            }
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = taking => {}
        () = meanwhile => {}
    }
}

/// Asks for a session; nothing where there is no seat for it.
async fn sign_on(door: SocketAddr) -> Option<TcpStream> {
    let mut seat = TcpStream::connect(door).await.ok()?;
    seat.write_all(LOGIN).await.ok()?;
    let mut kind = [0];
    seat.read_exact(&mut kind).await.ok()?;
    // It asks for the password. An error begins with an E.
    if kind != *b"R" {
        return None;
    }
    // The rest of the question is one packet.
    let n_bytes = seat.read(&mut [0; 256]).await.ok()?;
    (n_bytes > 0).then_some(seat)
}

/// Takes all seats of the milter, by the way that smtpd comes.
pub async fn of_milter(house: &House, meanwhile: Sleep) {
    let door = house.postfix.socket("smtp.sock");
    let mut taken = Vec::new();
    let taking = async {
        loop {
            taken.retain(|seat: &UnixStream| is_open(|byte| seat.try_read(byte)));
            while taken.len() < settings::MILTER_SEATS
                && let Ok(Ok(seat)) = timeout(PATIENCE, UnixStream::connect(&door)).await
            {
                taken.push(seat);
            }
            sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = taking => {}
        () = meanwhile => {}
    }
}

/// Whether nobody has hung up. Where there is nothing to read yet, reading would have to wait.
fn is_open(read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> bool {
    let read = read(&mut [0; 64]);
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

pub mod tests {
    //! Whether nobody else gets a seat: what a run tells of these faults would else be told of nothing.

    use std::{sync::Arc, time::Duration};

    use libtest_mimic::Trial;
    use tokio::{net::UnixStream, time::sleep};

    use super::{
        super::super::{fault::Fault, house::House, visible::Lookout},
        of_milter, of_postgres,
    };
    use crate::{
        lab::{Lab, eventually::eventually},
        trials::{Trials, tests},
    };

    const BOUND: Duration = Duration::from_secs(60);

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.shared: connections_that_say_nothing_take_every_seat]
    }

    async fn connections_that_say_nothing_take_every_seat(lab: &Lab) {
        let house = House::start(&lab.tools, |_, _| Box::new(|_| None)).await;
        let lookout = Lookout::begin(&house);
        // With one of Postfix, one of them all has to wait, which is what is seen.
        let door = house.postfix.socket("smtp.sock");
        let postfix = UnixStream::connect(door).await.unwrap();
        tokio::select! {
            () = of_milter(&house, sleep(BOUND)) => {}
            () = seen(&lookout, Fault::MilterTaken) => {}
        }
        drop(postfix);
        lookout.green(BOUND).await;
        tokio::select! {
            () = of_postgres(&house, sleep(BOUND)) => {}
            () = seen(&lookout, Fault::PostgresTaken) => {}
        }
        lookout.green(BOUND).await;
        assert!(lookout.is_green());
        house.stop().await;
    }

    async fn seen(lookout: &Lookout, fault: Fault) {
        eventually(&fault.kind(), BOUND / 2, async || {
            let look = lookout.looks().pop().ok_or(None)?;
            let mut signs = look.signs.iter();
            match signs.any(|sign| fault.signs().contains(&sign.as_str())) {
                true => Ok(()),
                false => Err(Some(look)),
            }
        })
        .await;
    }
}
