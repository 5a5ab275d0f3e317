//! Strangers' bytes for the follower of a connection's packets, beside a plain reading of them all.
//! Run as property tests and by the fuzzer (docs/testing.md); never part of the program.

use super::packets::Packets;
use crate::domain::targets::Cut;

/// The packets: what is found does not depend on where the bytes are cut, and is what stands there.
pub fn milter_packets(input: &[u8]) {
    let mut cut = Cut::new(input);
    let sizes = cut.part();
    let bytes = cut.rest();
    let expected = has_mail_without_macros(bytes);
    assert_eq!(Packets::default().follow(bytes).is_err(), expected);

    let mut packets = Packets::default();
    let mut rest = bytes;
    let mut sizes = sizes
        .iter()
        .map(|size| usize::from(*size))
        .chain([1].into_iter().cycle());
    let mut is_refused = false;
    while !rest.is_empty() && !is_refused {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (chunk, others) = rest.split_at(size);
        is_refused = packets.follow(chunk).is_err();
        rest = others;
    }
    assert_eq!(is_refused, expected);
}

/// The same by looking at all bytes at once.
fn has_mail_without_macros(mut bytes: &[u8]) -> bool {
    let mut has_macros = false;
    while let Some(([a, b, c, d, kind], rest)) = bytes.split_first_chunk::<5>() {
        let told = u32::from_be_bytes([*a, *b, *c, *d]);
        let length = usize::try_from(told)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        let payload = rest.get(..length).unwrap_or(rest);
        match (kind, payload.first()) {
            (b'D', Some(b'M')) => has_macros = length > 1,
            (b'M', _) if !std::mem::take(&mut has_macros) => return true,
            _ => {}
        }
        bytes = rest.get(length..).unwrap_or_default();
    }
    false
}

/// Inputs to begin with, for the target above.
pub mod seeds {
    use crate::domain::targets::joined;

    fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 1).unwrap_or(u32::MAX);
        [&length.to_be_bytes()[..], &[kind], payload].concat()
    }

    /// Where the bytes are cut, and packets.
    pub fn milter_packets() -> Vec<Vec<u8>> {
        let macros = packet(b'D', b"M{mail_addr}\0a@b.test\0");
        let mail = packet(b'M', b"<a@b.test>\0");
        let body = packet(b'B', b"MMMMM");
        let message = [
            &macros[..],
            &mail,
            &packet(b'D', b"Ri\0x\0"),
            &body,
            &packet(b'A', b""),
        ]
        .concat();
        let empty = [
            &macros[..],
            &packet(b'D', b"M"),
            &packet(b'D', b""),
            &[0, 0, 0, 0, b'A'],
            &mail,
        ]
        .concat();
        vec![
            [&joined(&[&[3, 1, 7]])[..], &message, &message].concat(),
            [&joined(&[b""])[..], &empty].concat(),
        ]
    }
}
