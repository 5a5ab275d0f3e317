//! Finds the frames of a segment, whatever else is in it. Never trusts a length before its checksum.

use uuid::Uuid;

use super::frame::{BLOCK_BYTES, Place, Source, WINDOW_BYTES, frame_at};

/// What a scan meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole frame.
    Frame(Place),
    /// Bytes that are neither zero nor part of a whole frame.
    Damage {
        /// The first of them.
        from: u64,
        /// Behind the last of them.
        to: u64,
    },
}

/// Finds all whole frames; a damaged one does not hide those behind it.
pub(super) struct Scan<'s, S> {
    source: &'s S,
    length: u64,
    marker: Uuid,
    at: u64,
    behind_damage: Option<Place>,
}

impl<'s, S: Source> Scan<'s, S> {
    pub(super) fn new(source: &'s S, length: u64, marker: Uuid) -> Self {
        Self {
            source,
            length,
            marker,
            at: 0,
            behind_damage: None,
        }
    }

    /// The next whole frame from `self.at` on.
    fn frame_ahead(&self) -> Option<Place> {
        let mut at = self.at;
        loop {
            if let Some(place) = frame_at(self.source, self.length, self.marker, at) {
                return Some(place);
            }
            at = self.marker_behind(at)?;
        }
    }

    fn marker_behind(&self, at: u64) -> Option<u64> {
        let marker = self.marker.as_bytes();
        let overlap = marker.len() as u64 - 1;
        let mut at = at.checked_add(1)?;
        // The next group starts within a block, if nothing is damaged.
        let mut step = 2 * BLOCK_BYTES as u64;
        while at < self.length {
            let window = self.window(at, self.length.min(at.saturating_add(step)));
            step = WINDOW_BYTES as u64;
            let here = window.windows(marker.len()).position(|seen| seen == marker);
            if let Some(here) = here {
                return at.checked_add(here as u64);
            }
            at += (window.len() as u64).saturating_sub(overlap).max(1);
        }
        None
    }

    /// The stretch between `from` and `to` without the zeros around it; `None` if all are zero.
    fn damage(&self, from: u64, to: u64) -> Option<Found> {
        let (mut first, mut last) = (None, from);
        let mut at = from;
        while at < to {
            let window = self.window(at, to);
            if let Some(here) = window.iter().position(|byte| *byte != 0) {
                first = first.or(Some(at + here as u64));
            }
            if let Some(here) = window.iter().rposition(|byte| *byte != 0) {
                last = at + here as u64 + 1;
            }
            at += window.len() as u64;
        }
        first.map(|from| Found::Damage { from, to: last })
    }

    /// At least one byte, because `at < to`.
    fn window(&self, at: u64, to: u64) -> Vec<u8> {
        let rest = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        let mut window = vec![0; rest.min(WINDOW_BYTES)];
        self.source.fill_readable(&mut window, at);
        window
    }
}

impl<S: Source> Iterator for Scan<'_, S> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        if let Some(place) = self.behind_damage.take() {
            return Some(Found::Frame(place));
        }
        if self.at >= self.length {
            return None;
        }
        let from = self.at;
        let Some(place) = self.frame_ahead() else {
            self.at = self.length;
            return self.damage(from, self.length);
        };
        self.at = place.end();
        match self.damage(from, place.at) {
            Some(damage) => {
                self.behind_damage = Some(place);
                Some(damage)
            }
            None => Some(Found::Frame(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::spool::frame::{Frame, HEAD_BYTES, Kind};

    const MARKER: Uuid = Uuid::from_u128(0x0199_7e1c_5b7a_7c3e_9d2f_0a1b_2c3d_4e5f);

    impl Source for Vec<u8> {
        fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
            let from = usize::try_from(at).unwrap();
            let to = from.checked_add(buffer.len()).unwrap();
            let bytes = self.get(from..to).ok_or(io::ErrorKind::UnexpectedEof)?;
            buffer.copy_from_slice(bytes);
            Ok(())
        }
    }

    fn frame(facts: &[u8], content: &[u8]) -> Vec<u8> {
        let content = Bytes::copy_from_slice(content);
        let frame = Frame::new(Kind::Capture, facts.to_vec(), content);
        let mut bytes = frame.head(MARKER);
        bytes.extend(frame.facts());
        bytes.extend(frame.content());
        bytes
    }

    fn scan(segment: &Vec<u8>) -> Vec<Found> {
        Scan::new(segment, segment.len() as u64, MARKER).collect()
    }

    fn contents(segment: &Vec<u8>) -> Vec<Bytes> {
        let place = |found| match found {
            Found::Frame(place) => Some(place),
            Found::Damage { .. } => None,
        };
        let places = scan(segment).into_iter().filter_map(place);
        places
            .map(|place| place.content(segment).unwrap())
            .collect()
    }

    fn n_damaged(segment: &Vec<u8>) -> usize {
        let damaged = |found: &Found| matches!(found, Found::Damage { .. });
        scan(segment).iter().filter(|found| damaged(found)).count()
    }

    #[test]
    fn frames_are_found_between_zeros() {
        let mut segment = [frame(b"f", b"one"), vec![0; 5_000], frame(b"", b"two")].concat();
        segment.extend(vec![0; 200_000]);
        assert_eq!(contents(&segment), ["one", "two"]);
        assert_eq!(n_damaged(&segment), 0);
    }

    #[test]
    fn a_damaged_frame_does_not_hide_those_behind_it() {
        let (one, two) = (frame(b"f", b"one"), frame(b"f", b"two"));
        for at in 0..one.len() {
            let mut segment = [two.clone(), one.clone(), two.clone()].concat();
            segment[two.len() + at] ^= 0x10;
            assert_eq!(contents(&segment), ["two", "two"], "damaged at {at}");
            assert_eq!(n_damaged(&segment), 1, "damaged at {at}");
        }
    }

    #[test]
    fn a_torn_last_frame_is_damage_at_every_length() {
        let (one, two) = (frame(b"f", b"one"), frame(b"facts", b"two"));
        for kept in 1..two.len() {
            let segment = [one.as_slice(), &two[..kept], &[0; 9_000]].concat();
            assert_eq!(contents(&segment), ["one"], "torn at {kept}");
            assert_eq!(n_damaged(&segment), 1, "torn at {kept}");
        }
    }

    #[test]
    fn a_mail_that_looks_like_a_frame_of_another_segment_is_none() {
        let forged = {
            let frame = Frame::new(Kind::Capture, b"{}".to_vec(), Bytes::from_static(b"forged"));
            [frame.head(Uuid::from_u128(7)), b"{}forged".to_vec()].concat()
        };
        let mut segment = [frame(b"f", &forged), frame(b"f", b"two")].concat();
        segment[HEAD_BYTES] ^= 1;
        assert_eq!(contents(&segment), ["two"]);
    }

    #[test]
    fn a_marker_across_two_windows_is_found() {
        for gap in (2 * BLOCK_BYTES - 20)..(2 * BLOCK_BYTES + 20) {
            let segment = [vec![1; gap], frame(b"f", b"one")].concat();
            assert_eq!(contents(&segment), ["one"], "behind {gap} bytes");
        }
    }

    #[test]
    fn an_unreadable_block_costs_only_the_frame_it_is_in() {
        struct Scratched(Vec<u8>);
        impl Source for Scratched {
            fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
                let hit = at < 4_196 && at + buffer.len() as u64 > 4_096;
                match hit {
                    true => Err(io::Error::other("scratch")),
                    false => self.0.fill(buffer, at),
                }
            }
        }
        let mut segment = [frame(b"f", b"one"), frame(b"f", &[7; 5_000])].concat();
        segment.resize(2 * BLOCK_BYTES, 0);
        segment.extend(frame(b"f", b"three"));
        let length = segment.len() as u64;
        let source = Scratched(segment);
        let found: Vec<Found> = Scan::new(&source, length, MARKER).collect();
        assert!(matches!(
            found.as_slice(),
            [Found::Frame(_), Found::Damage { .. }, Found::Frame(_)]
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_scanned_without_panic(
            mut segment: Vec<u8>, facts: u32, content: u64, cut in 0..200_usize,
        ) {
            // A head with hostile lengths and right checksums, as only a damaged disk could make it.
            let mut head = MARKER.as_bytes().to_vec();
            head.extend([1, 0, 0, 0]);
            head.extend(facts.to_le_bytes());
            head.extend(content.to_le_bytes());
            head.extend([0; 4]);
            head.extend(crc32fast::hash(&head).to_le_bytes());
            segment.splice(cut.min(segment.len())..cut.min(segment.len()), head);
            let n_bytes = segment.len() as u64;
            for found in scan(&segment) {
                match found {
                    Found::Frame(place) => prop_assert!(place.end() <= n_bytes),
                    Found::Damage { from, to } => prop_assert!(from < to && to <= n_bytes),
                }
            }
        }

        #[test]
        fn every_content_comes_back(parts: Vec<(Vec<u8>, Vec<u8>, u8)>) {
            let mut segment = Vec::new();
            for (facts, content, gap) in &parts {
                segment.extend(frame(facts, content));
                segment.extend(vec![0; usize::from(*gap)]);
            }
            let expected: Vec<&[u8]> = parts.iter().map(|part| part.1.as_slice()).collect();
            prop_assert_eq!(contents(&segment), expected);
            prop_assert_eq!(n_damaged(&segment), 0);
        }
    }
}
