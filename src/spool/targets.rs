//! Strangers' bytes as a segment of the spool, and what must hold of the captures in it. Run as
//! property tests and by the fuzzer (docs/testing.md); never part of the program.

use std::io;

use bytes::Bytes;
use uuid::Uuid;

use super::{
    frame::{Frame, Kind, Source},
    record,
    scan::{Found, Scan},
};
use crate::domain::targets::Cut;

const MARKER: Uuid = Uuid::from_u128(0x0199_7e1c_5b7a_7c3e_9d2f_0a1b_2c3d_4e5f);

/// A segment in memory.
struct Segment(Vec<u8>);

impl Source for Segment {
    fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let early = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let from = usize::try_from(at).map_err(|_| early())?;
        let to = from.checked_add(buffer.len()).ok_or_else(early)?;
        buffer.copy_from_slice(self.0.get(from..to).ok_or_else(early)?);
        Ok(())
    }
}

impl Segment {
    fn scan(&self) -> Vec<Found> {
        Scan::new(self, self.0.len() as u64, MARKER).collect()
    }
}

/// A segment of any bytes, with heads whose checksums are right: nothing in it goes unseen.
pub fn spool_segment(input: &[u8]) {
    let mut cut = Cut::new(input);
    let mut bytes = Vec::new();
    while !cut.is_empty() {
        match cut.byte() {
            0 => bytes.extend(MARKER.as_bytes()),
            1 => bytes.extend(head(&mut cut)),
            2 => bytes.extend(frame(Kind::Capture, cut.part(), cut.part())),
            3 => bytes.extend(frame(Kind::Settled, cut.part(), b"")),
            4 => bytes.resize(bytes.len() + 64 * usize::from(cut.byte()), 0),
            _ => bytes.extend(cut.part()),
        }
    }
    let segment = Segment(bytes);
    let mut at = 0;
    for found in segment.scan() {
        let (from, to) = match found {
            Found::Frame(place) => {
                assert!(place.facts(&segment).is_ok() && place.content(&segment).is_ok());
                (place.at, place.end())
            }
            Found::Damage { from, to } => (from, to),
        };
        assert!(at <= from && from < to && to <= segment.0.len() as u64);
        assert!(is_zero(&segment, at, from), "bytes between {at} and {from}");
        at = to;
    }
    assert!(
        is_zero(&segment, at, segment.0.len() as u64),
        "bytes behind {at}"
    );
}

/// Captures between damaged stretches: every one that is whole comes back as it was written.
pub fn spool_damage(input: &[u8]) {
    let mut cut = Cut::new(input);
    let mut bytes = Vec::new();
    let mut frames = Vec::new();
    for _ in 0..cut.byte() % 8 {
        let (facts, content) = (cut.part(), cut.part());
        // The marker is the name of the segment, which no sender knows.
        let knows = |part: &[u8]| {
            part.windows(4)
                .any(|seen| MARKER.as_bytes().starts_with(seen))
        };
        if knows(facts) || knows(content) {
            return;
        }
        let from = bytes.len();
        bytes.extend(frame(Kind::Capture, facts, content));
        frames.push((from, bytes.len(), facts, content));
        bytes.resize(bytes.len() + usize::from(cut.byte()), 0);
    }
    let mut damaged = Vec::new();
    while !cut.is_empty() {
        let at = usize::from(cut.byte()) << 8 | usize::from(cut.byte());
        let change = cut.byte();
        if let Some(byte) = bytes.get_mut(at)
            && change != 0
        {
            // A second change of a byte may undo the first.
            if damaged.contains(&at) {
                continue;
            }
            *byte ^= change;
            damaged.push(at);
        }
    }
    let segment = Segment(bytes);
    let found = segment.scan();
    for (from, to, facts, content) in frames {
        let is_whole = !damaged.iter().any(|at| (from..to).contains(at));
        let place = found.iter().find_map(|found| match found {
            Found::Frame(place) => (place.at == from as u64).then_some(place),
            Found::Damage { .. } => None,
        });
        assert_eq!(place.is_some(), is_whole, "the frame at {from}");
        if let Some(place) = place {
            assert_eq!(place.facts(&segment).ok().as_deref(), Some(facts));
            assert_eq!(place.content(&segment).ok().as_deref(), Some(content));
        }
    }
}

/// The facts of a capture: what can be read is written the same way again.
pub fn spool_facts(input: &[u8]) {
    let Some((capture, large)) = record::decode(input) else {
        return;
    };
    match record::encode(&capture, large) {
        Ok(facts) => assert_eq!(record::decode(&facts), Some((capture, large))),
        Err(fault) => panic!("{fault}"),
    }
}

fn frame(kind: Kind, facts: &[u8], content: &[u8]) -> Vec<u8> {
    let frame = Frame::new(kind, facts.to_vec(), Bytes::copy_from_slice(content));
    let mut bytes = frame.head(MARKER);
    bytes.extend(frame.facts());
    bytes.extend(frame.content());
    bytes
}

/// A head with hostile lengths and right checksums.
fn head(cut: &mut Cut<'_>) -> Vec<u8> {
    let mut head = MARKER.as_bytes().to_vec();
    head.extend([cut.byte(), 0, 0, 0]);
    head.extend((0..16).map(|_| cut.byte()));
    head.extend(crc32fast::hash(&head).to_le_bytes());
    head
}

fn is_zero(segment: &Segment, from: u64, to: u64) -> bool {
    let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let stretch = segment.0.get(at(from)..at(to));
    stretch.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use crate::domain::targets::{joined, seeds::texts};

    /// Frames, zeros, a head, a marker and other bytes.
    pub fn spool_segment() -> Vec<Vec<u8>> {
        let capture = [&[2], &joined(&[b"facts", b"content"])[..]].concat();
        let settled = [&[3], &joined(&[&[7; 32]])[..]].concat();
        let head = [&[1, 1, 0xff, 0, 0, 0, 9][..], &[0; 12]].concat();
        vec![
            [&capture[..], &[4, 200], &settled, &capture].concat(),
            [&capture[..], &head, &[0], &[9, 2, 1, 2], &capture].concat(),
        ]
    }

    /// How many captures, their facts, contents and gaps, and what is damaged.
    pub fn spool_damage() -> Vec<Vec<u8>> {
        let frames = [
            &joined(&[b"f", b"one"])[..],
            &[9],
            &joined(&[b"f", b"two"]),
            &[0],
            &joined(&[b"", b"three"]),
            &[255],
        ];
        let frames = [&[3], &frames.concat()[..]].concat();
        vec![
            frames.clone(),
            [&frames[..], &[0, 60, 4, 0, 100, 255]].concat(),
        ]
    }

    /// Facts as they are written.
    pub fn spool_facts() -> Vec<Vec<u8>> {
        texts(&[
            r#"{"id":"01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f","instance":"postfix","queue_id":"4jWkMG56f7z1j","captured_at":"2026-11-21T10:34:19Z","sender":{"argument":"<anna@corp.test>"},"recipients":[{"argument":{"hex":"3ce93e"},"parameters":["NOTIFY=NEVER"],"rewritten":"a@b.test"}],"client":{"login":"anna","address":"192.0.2.7","name":"unknown","daemon":null},"grounds":{"rule":"flagged","identity_kind":"login","identity":"anna","entry":"x","flag":"TRUE","recipient":"b@out.test"},"size_bytes":3,"digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","large":"01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e60"}"#,
            "{}",
        ])
    }
}
