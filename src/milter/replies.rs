//! Replies on their way to Postfix. A quarantine waits for the answer that follows it: Postfix then
//! wakes up once, and never holds the one without the other.

/// Bytes that Postfix has not got yet.
#[derive(Debug, Default)]
pub struct Replies {
    bytes: Vec<u8>,
    n_sent: usize,
    /// The last packet is a request, and its answer will follow.
    is_awaiting_answer: bool,
}

/// The quarantine request (`SMFIR_QUARANTINE`).
const QUARANTINE: u8 = b'q';

impl Replies {
    /// Takes what is to be sent: a whole packet, as indymilter writes them, or part of one.
    pub fn add(&mut self, bytes: &[u8]) {
        self.is_awaiting_answer = is_quarantine(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// What is to be sent now, if anything.
    pub fn due(&self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.n_sent..).unwrap_or_default();
        (!rest.is_empty() && !self.is_awaiting_answer).then_some(rest)
    }

    /// So many bytes of it are sent.
    pub fn sent(&mut self, n_bytes: usize) {
        self.n_sent += n_bytes;
        if self.n_sent >= self.bytes.len() {
            self.bytes.clear();
            self.n_sent = 0;
        }
    }
}

/// Whether these bytes are one whole quarantine packet: its length, which counts the kind, the kind,
/// and a reason.
fn is_quarantine(bytes: &[u8]) -> bool {
    let &[a, b, c, d, QUARANTINE, ref reason @ ..] = bytes else {
        return false;
    };
    usize::try_from(u32::from_be_bytes([a, b, c, d])).is_ok_and(|n| n == reason.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPT: &[u8] = b"\0\0\0\x01a";
    const HOLD: &[u8] = b"\0\0\0\x04qus\0";

    #[test]
    fn a_quarantine_waits_for_the_answer_and_goes_out_before_it() {
        let mut replies = Replies::default();
        replies.add(HOLD);
        assert_eq!(replies.due(), None);
        replies.add(ACCEPT);
        assert_eq!(replies.due(), Some([HOLD, ACCEPT].concat().as_slice()));
    }

    #[test]
    fn what_was_sent_in_part_goes_on_where_it_stopped() {
        let mut replies = Replies::default();
        replies.add(ACCEPT);
        replies.sent(2);
        assert_eq!(replies.due(), Some(&ACCEPT[2..]));
        replies.sent(3);
        assert_eq!(replies.due(), None);
        replies.add(ACCEPT);
        assert_eq!(replies.due(), Some(ACCEPT));
    }

    #[test]
    fn other_packets_and_parts_of_packets_do_not_wait() {
        for bytes in [
            ACCEPT,
            &HOLD[..6],
            b"\0\0\0\x04yq\0\0",
            b"q",
            &[HOLD, ACCEPT].concat(),
        ] {
            let mut replies = Replies::default();
            replies.add(bytes);
            assert_eq!(replies.due(), Some(bytes));
        }
    }
}
