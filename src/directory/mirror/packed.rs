//! Short byte strings in one piece of memory. A hundred thousand people must not need much of it.

/// Byte strings, one after the other, each behind its length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed(Box<[u8]>);

/// The bits of a length that one byte carries; its highest bit says that more follow.
const BITS: u32 = 7;
const MORE: u8 = 0x80;

impl Packed {
    /// Packs the pieces in their order.
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        for piece in pieces {
            let mut left = piece.len();
            while left >= usize::from(MORE) {
                bytes.push((left & 0x7f) as u8 | MORE);
                left >>= BITS;
            }
            bytes.push(left as u8);
            bytes.extend_from_slice(piece);
        }
        Self(bytes.into_boxed_slice())
    }

    /// The pieces in their order.
    pub fn pieces(&self) -> Pieces<'_> {
        Pieces(&self.0)
    }
}

/// Goes through the pieces of a [`Packed`].
#[derive(Clone, Debug)]
pub struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            length |= usize::from(byte & !MORE).checked_shl(shift)?;
            if byte & MORE == 0 {
                break;
            }
            shift += BITS;
        }
        let (piece, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..10)
        ) {
            let packed = Packed::of(pieces.iter().map(Vec::as_slice));
            let again: Vec<_> = packed.pieces().map(<[u8]>::to_vec).collect();
            prop_assert_eq!(again, pieces);
        }
    }
}
