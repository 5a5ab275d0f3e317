//! The language of a text, for the glyphs that a browser chooses: from its character set, or from its
//! script. Never guesses between languages that share one.

use encoding_rs::{BIG5, EncoderResult, Encoding, GBK, SHIFT_JIS};

/// So many characters of a text are looked at.
const MOST: usize = 20_000;

/// The language of a text that was read in this set.
pub(super) fn of(text: &str, read_as: &str) -> Option<&'static str> {
    if text.is_ascii() {
        return None;
    }
    let mut signs = Signs::default();
    text.chars().take(MOST).for_each(|sign| signs.count(sign));
    if signs.kana + signs.hangul + signs.han == 0 {
        return None;
    }
    let by_set = match read_as {
        "ISO-2022-JP" | "Shift_JIS" | "EUC-JP" => Some("ja"),
        "EUC-KR" | "ISO-2022-KR" => Some("ko"),
        "GBK" | "gb18030" | "HZ-GB-2312" => Some("zh-Hans"),
        "Big5" => Some("zh-Hant"),
        _ => None,
    };
    by_set.or_else(|| by_script(&signs, text))
}

#[derive(Default)]
struct Signs {
    kana: usize,
    hangul: usize,
    han: usize,
}

impl Signs {
    fn count(&mut self, sign: char) {
        match u32::from(sign) {
            0x3041..=0x30fa | 0x30fd..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f => self.kana += 1,
            0x1100..=0x11ff | 0x3130..=0x318f | 0xac00..=0xd7a3 => self.hangul += 1,
            0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff => {
                self.han += 1;
            }
            _ => {}
        }
    }
}

fn by_script(signs: &Signs, text: &str) -> Option<&'static str> {
    if signs.hangul > signs.kana {
        return Some("ko");
    }
    if signs.kana > 0 {
        return Some("ja");
    }
    // Simplified characters are not in Big5, nor are traditional ones in GB 2312.
    let han: Vec<char> = text
        .chars()
        .take(MOST)
        .filter(|sign| ('\u{4e00}'..='\u{9fff}').contains(sign))
        .collect();
    let is_traditional = han.iter().all(|sign| encoded(BIG5, *sign).is_some());
    let is_simplified = han.iter().all(|sign| {
        let pair = encoded(GBK, *sign);
        matches!(pair, Some([0xb0..=0xf7, 0xa1..=0xfe]))
    });
    // What is in JIS X 0208 as a whole may be Japanese without kana.
    if han.iter().all(|sign| encoded(SHIFT_JIS, *sign).is_some()) {
        return None;
    }
    match (is_traditional, is_simplified) {
        (true, false) => Some("zh-Hant"),
        (false, true) => Some("zh-Hans"),
        (true, true) | (false, false) => None,
    }
}

fn encoded(encoding: &'static Encoding, sign: char) -> Option<[u8; 2]> {
    let mut pair = [0; 8];
    let mut text = [0; 4];
    let mut encoder = encoding.new_encoder();
    let (result, _, written) =
        encoder.encode_from_utf8_without_replacement(sign.encode_utf8(&mut text), &mut pair, true);
    let [lead, trail, ..] = pair;
    (matches!(result, EncoderResult::InputEmpty) && written == 2).then_some([lead, trail])
}
