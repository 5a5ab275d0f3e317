//! The proxy passes on what is said, or breaks it as it is told: a run proves nothing behind one that
//! does not.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::proxy::{Address, Proxy, Weather};
use crate::{
    lab::{eventually::eventually, ports::free_address},
    trials::{Trials, tests},
};

const BOUND: Duration = Duration::from_secs(10);
/// Long enough for what would come at once.
const MOMENT: Duration = Duration::from_millis(300);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        in_fair_weather_every_byte_is_passed_on,
        in_any_weather_that_lets_bytes_through_they_are_the_same,
        in_a_cut_connections_break_those_that_stand_and_those_to_come,
        in_a_half_closed_connection_the_server_is_heard_no_more,
        a_stalled_connection_goes_on_when_the_weather_is_fair_again,
        nobody_listens_while_connections_are_refused,
        a_way_that_leads_elsewhere_breaks_what_stands,
    ]
}

/// A server that says back what it hears, and a proxy before it.
async fn echo() -> (Proxy, SocketAddr) {
    let (door, target) = (free_address(), free_address());
    serve(target, b"").await;
    let proxy = Proxy::start("echo", Address::Tcp(door), Address::Tcp(target)).await;
    (proxy, door)
}

/// Greets, and says back what it hears.
async fn serve(address: SocketAddr, greeting: &'static [u8]) {
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.write_all(greeting).await.ok();
                let (mut reading, mut writing) = stream.split();
                tokio::io::copy(&mut reading, &mut writing).await.ok();
            });
        }
    });
}

/// What comes back of what is sent.
async fn said_back(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut back = vec![0; bytes.len()];
    let (mut reading, mut writing) = stream.split();
    let both = async { tokio::try_join!(writing.write_all(bytes), reading.read_exact(&mut back)) };
    timeout(BOUND, both).await.map_err(io::Error::other)??;
    Ok(back)
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

async fn in_fair_weather_every_byte_is_passed_on() {
    let (proxy, door) = echo().await;
    let mut stream = TcpStream::connect(door).await.unwrap();
    let all = bytes(1_000_000);
    assert!(said_back(&mut stream, &all).await.unwrap() == all);
    // What has arrived is counted a moment later.
    eventually("all is counted", BOUND, async || match proxy.n_bytes() {
        2_000_000 => Ok(()),
        other => Err(other),
    })
    .await;
}

async fn in_any_weather_that_lets_bytes_through_they_are_the_same() {
    let (proxy, door) = echo().await;
    let mut stream = TcpStream::connect(door).await.unwrap();
    let late = Weather::Late(Duration::from_millis(20));
    for weather in [late, Weather::Slow(10_000), Weather::Sliced] {
        proxy.set(weather);
        let all = bytes(5_000);
        assert!(said_back(&mut stream, &all).await.unwrap() == all);
    }
}

async fn in_a_cut_connections_break_those_that_stand_and_those_to_come() {
    let (proxy, door) = echo().await;
    let mut standing = TcpStream::connect(door).await.unwrap();
    said_back(&mut standing, b"hello").await.unwrap();
    proxy.set(Weather::Cut);
    standing.read_u8().await.unwrap_err();
    // A short talk is over before it is cut.
    let mut later = TcpStream::connect(door).await.unwrap();
    assert_eq!(said_back(&mut later, b"hello").await.unwrap(), b"hello");
    said_back(&mut later, &bytes(100_000)).await.unwrap_err();
    proxy.set(Weather::Fair);
    let mut fair = TcpStream::connect(door).await.unwrap();
    said_back(&mut fair, &bytes(100_000)).await.unwrap();
}

async fn in_a_half_closed_connection_the_server_is_heard_no_more() {
    let (proxy, door) = echo().await;
    let mut stream = TcpStream::connect(door).await.unwrap();
    said_back(&mut stream, b"hello").await.unwrap();
    proxy.set(Weather::HalfClosed);
    let n_read = timeout(BOUND, stream.read(&mut [0])).await.unwrap();
    assert_eq!(n_read.unwrap(), 0);
    stream.write_all(b"still here").await.unwrap();
}

async fn a_stalled_connection_goes_on_when_the_weather_is_fair_again() {
    let (proxy, door) = echo().await;
    let mut stream = TcpStream::connect(door).await.unwrap();
    proxy.set(Weather::Stalled);
    stream.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    timeout(MOMENT, stream.read_exact(&mut back))
        .await
        .unwrap_err();
    proxy.set(Weather::Fair);
    let read = timeout(BOUND, stream.read_exact(&mut back)).await.unwrap();
    read.unwrap();
    assert_eq!(&back, b"hello");
}

async fn nobody_listens_while_connections_are_refused() {
    let (proxy, door) = echo().await;
    let mut standing = TcpStream::connect(door).await.unwrap();
    said_back(&mut standing, b"hello").await.unwrap();
    proxy.set(Weather::Refused);
    standing.read_u8().await.unwrap_err();
    eventually(
        "connections are refused",
        BOUND,
        async || match TcpStream::connect(door).await {
            Ok(_) => Err("connected"),
            Err(_) => Ok(()),
        },
    )
    .await;
    proxy.set(Weather::Fair);
    let mut again = eventually("somebody listens", BOUND, async || {
        TcpStream::connect(door).await
    })
    .await;
    said_back(&mut again, b"hello").await.unwrap();
}

async fn a_way_that_leads_elsewhere_breaks_what_stands() {
    let (proxy, door) = echo().await;
    let elsewhere = free_address();
    serve(elsewhere, b"!").await;
    let mut standing = TcpStream::connect(door).await.unwrap();
    said_back(&mut standing, b"hello").await.unwrap();
    proxy.lead_to(Address::Tcp(elsewhere));
    standing.read_u8().await.unwrap_err();
    let mut new = TcpStream::connect(door).await.unwrap();
    assert_eq!(new.read_u8().await.unwrap(), b'!');
}
