//! Free TCP ports on loopback. Never gives one twice.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range that outgoing connections take theirs from (32768 and up): a server that is
/// stopped for a while finds its port free again.
const LOWEST: u16 = 12_000;
const SPAN: u16 = 20_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// An address on loopback that nothing listens on.
pub fn free_address() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()))
}

/// A port on loopback that nothing listens on.
pub fn free_port() -> u16 {
    // Test programs that run side by side start at different places.
    let start = u16::try_from(process::id().wrapping_mul(7_919) % u32::from(SPAN)).unwrap();
    for _ in 0..SPAN {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = LOWEST + (start.wrapping_add(step)) % SPAN;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {LOWEST} on");
}
