//! The character set of eight-bit text that declares none and is no UTF-8. Never asked about anything
//! else.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, WINDOWS_1252};

/// More bytes than these do not make the guess better.
const MOST_BYTES: usize = 64 * 1024;

/// A pair of GB 2312 characters that a short text needs, or it is as likely anything else.
const FEWEST_PAIRS: usize = 2;

/// The likeliest set.
pub(super) fn encoding_of(bytes: &[u8]) -> &'static Encoding {
    let shown = bytes.get(..MOST_BYTES).unwrap_or(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(shown, true);
    let guessed = detector.guess(None, Utf8Detection::Deny);
    // Of a few characters the detector makes a Western word; no such word is nothing but pairs of
    // the letters of GB 2312.
    if guessed == WINDOWS_1252 && is_level_one(shown) {
        return GB18030;
    }
    guessed
}

/// Whether all that is not ASCII stands in the pairs of the commonest Chinese characters.
fn is_level_one(bytes: &[u8]) -> bool {
    let mut n_pairs = 0;
    let mut high = bytes.iter().filter(|byte| !byte.is_ascii());
    while let Some(lead) = high.next() {
        let is_pair = matches!(
            (lead, high.next()),
            (0xb0..=0xd7 | 0xa1 | 0xa3, Some(0xa1..=0xfe))
        );
        if !is_pair {
            return false;
        }
        n_pairs += 1;
    }
    n_pairs >= FEWEST_PAIRS
}
