//! Follows the packets of a connection, to see that every MAIL has macros of its own.
//!
//! indymilter keeps the macros of a stage until the next ones that it can read, and skips a packet
//! without any macro (`session.rs: handle_def_macros_command`): a message would then count as sent
//! by the login of the message before. Postfix sends a macro packet before every MAIL, and what we
//! ask for is never all undefined; so a MAIL without macros is refused with its whole connection.

/// What is known of the packet that arrives. Bytes may be cut anywhere.
#[derive(Debug, Default)]
pub struct Packets {
    /// Length, kind, and the stage of a macro packet.
    beginning: Vec<u8>,
    /// What is left of the packet and does not matter.
    n_to_skip: usize,
    mail_macros: MailMacros,
}

/// Whether macros for the next MAIL have arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum MailMacros {
    #[default]
    Missing,
    Arrived,
}

/// A MAIL came without macros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("MAIL came without its macros")]
pub struct MailWithoutMacros;

const MACROS: u8 = b'D';
const MAIL: u8 = b'M';

impl Packets {
    /// Takes the next bytes that arrived.
    pub fn follow(&mut self, mut bytes: &[u8]) -> Result<(), MailWithoutMacros> {
        while let Some((first, others)) = bytes.split_first() {
            if self.n_to_skip == 0 {
                bytes = others;
                self.begin(*first)?;
            } else {
                let n_skipped = self.n_to_skip.min(bytes.len());
                bytes = bytes.get(n_skipped..).unwrap_or_default();
                self.n_to_skip -= n_skipped;
            }
        }
        Ok(())
    }

    fn begin(&mut self, byte: u8) -> Result<(), MailWithoutMacros> {
        self.beginning.push(byte);
        let &[a, b, c, d, kind, ref payload @ ..] = self.beginning.as_slice() else {
            return Ok(());
        };
        // The length counts the kind; like indymilter, take a length of 0 for 1.
        let length = u32::from_be_bytes([a, b, c, d]).saturating_sub(1);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match (kind, payload) {
            // The stage comes next.
            (MACROS, []) if length > 0 => return Ok(()),
            (MACROS, [MAIL, ..]) if length > 1 => self.mail_macros = MailMacros::Arrived,
            (MACROS, [MAIL, ..]) => self.mail_macros = MailMacros::Missing,
            (MAIL, _) => match std::mem::take(&mut self.mail_macros) {
                MailMacros::Missing => return Err(MailWithoutMacros),
                MailMacros::Arrived => {}
            },
            _ => {}
        }
        self.n_to_skip = length - payload.len();
        self.beginning.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len() + 1).unwrap();
        [&length.to_be_bytes()[..], &[kind], payload].concat()
    }

    fn followed(packets: &[Vec<u8>]) -> Result<(), MailWithoutMacros> {
        let whole = Packets::default().follow(&packets.concat());
        let mut by_byte = Packets::default();
        let cut = packets.concat();
        let cut = cut.iter().try_for_each(|byte| by_byte.follow(&[*byte]));
        assert_eq!(whole, cut, "wherever the bytes are cut");
        whole
    }

    fn mail() -> Vec<u8> {
        packet(b'M', b"<a@b.test>\0")
    }

    fn macros(stage: u8) -> Vec<u8> {
        packet(b'D', &[&[stage][..], b"{mail_addr}\0a@b.test\0"].concat())
    }

    #[test]
    fn mail_after_its_macros_is_fine_any_number_of_times() {
        let body = packet(b'B', &[b'M'; 70_000]);
        let message = [macros(b'M'), mail(), macros(b'R'), body, packet(b'A', b"")].concat();
        assert_eq!(followed(&[message.clone(), message]), Ok(()));
    }

    #[test]
    fn mail_without_macros_is_seen() {
        assert_eq!(followed(&[mail()]), Err(MailWithoutMacros));
        assert_eq!(
            followed(&[macros(b'M'), mail(), mail()]),
            Err(MailWithoutMacros)
        );
    }

    #[test]
    fn an_empty_macro_packet_takes_the_macros_before_away() {
        let empty = packet(b'D', b"M");
        assert_eq!(
            followed(&[macros(b'M'), empty, mail()]),
            Err(MailWithoutMacros)
        );
    }

    #[test]
    fn macros_of_other_stages_are_not_enough() {
        for stage in [b'C', b'H', b'R', b'T'] {
            assert_eq!(followed(&[macros(stage), mail()]), Err(MailWithoutMacros));
        }
    }

    #[test]
    fn packets_without_content_are_followed() {
        let none = vec![0, 0, 0, 0, b'A'];
        assert_eq!(
            followed(&[none, packet(b'D', b""), macros(b'M'), mail()]),
            Ok(())
        );
    }
}
