//! Plane 1 of CNS 11643 by way of Big5, whose order it shares but for a few characters. Never reads
//! another plane.

/// Stretches that both sets have in the same order: the first and last of CNS 11643, the first of Big5.
const STRETCHES: [(u16, u16, u16); 22] = [
    (0x2121, 0x2256, 0xa140),
    (0x2257, 0x2257, 0xa1f7),
    (0x2258, 0x2258, 0xa1f6),
    (0x2259, 0x234e, 0xa1f8),
    (0x2421, 0x2570, 0xa2af),
    (0x4421, 0x5322, 0xa440),
    (0x5323, 0x5752, 0xad40),
    (0x5753, 0x5753, 0xacfe),
    (0x5754, 0x6b4f, 0xafd0),
    (0x6b50, 0x6b50, 0xbe52),
    (0x6b51, 0x6f5b, 0xbbc8),
    (0x6f5c, 0x7534, 0xbe53),
    (0x7535, 0x7535, 0xc2cb),
    (0x7536, 0x7736, 0xc1ab),
    (0x7737, 0x782c, 0xc2cc),
    (0x782d, 0x782d, 0xc456),
    (0x782e, 0x7863, 0xc361),
    (0x7864, 0x7864, 0xc3ba),
    (0x7865, 0x7865, 0xc3b9),
    (0x7866, 0x7961, 0xc3bb),
    (0x7962, 0x7d4b, 0xc457),
    (0x4221, 0x4241, 0xa3c0),
];

/// Pairs of plane 1 as Big5; `None` if one of them is not in it.
pub(super) fn to_big5(pairs: &[u8]) -> Option<Vec<u8>> {
    let mut big5 = Vec::with_capacity(pairs.len());
    for pair in pairs.chunks(2) {
        let [first, second] = pair else { return None };
        let code = u16::from_be_bytes([*first, *second]);
        let within = |(from, to, _): &&(u16, u16, u16)| (*from..=*to).contains(&code);
        let (from, _, start) = STRETCHES.iter().find(within)?;
        let at = place_in_big5(*start) + (place_in_cns(code) - place_in_cns(*from));
        let lead = u8::try_from(0xa1 + at / 157).ok()?;
        let cell = at % 157;
        let trail = u8::try_from(if cell < 63 {
            0x40 + cell
        } else {
            0xa1 + cell - 63
        })
        .ok()?;
        big5.extend([lead, trail]);
    }
    Some(big5)
}

fn place_in_cns(code: u16) -> u16 {
    let [row, cell] = code.to_be_bytes();
    u16::from(row.saturating_sub(0x21)) * 94 + u16::from(cell.saturating_sub(0x21))
}

fn place_in_big5(code: u16) -> u16 {
    let [lead, trail] = code.to_be_bytes();
    let cell = if trail < 0x7f {
        trail.saturating_sub(0x40)
    } else {
        trail.saturating_sub(0xa1) + 63
    };
    u16::from(lead.saturating_sub(0xa1)) * 157 + u16::from(cell)
}
