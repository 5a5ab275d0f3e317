//! The names that mails give to character sets, right and wrong ones. Never looks at a text.

use encoding_rs::{BIG5, EUC_KR, Encoding, GBK, REPLACEMENT, SHIFT_JIS, X_USER_DEFINED};

use super::escapes::Family;

/// A set that can be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Charset {
    /// Seven bits and nothing else, as far as it is true.
    Ascii,
    /// ISO 2022 with escape sequences.
    Escapes(Family),
    /// HZ (RFC 1843).
    Hz,
    /// UTF-7 (RFC 2152).
    Utf7,
    /// UTF-16 of either order.
    Utf16,
    /// A set of the WHATWG standard.
    Table(&'static Encoding),
}

/// What a label says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    /// A set.
    Known(Charset),
    /// Nothing at all.
    Unsaid,
    /// A set that nobody here knows.
    Unknown,
}

/// Reads a label.
pub(super) fn of(label: &str) -> Label {
    let label = label.trim_matches(|sign: char| sign.is_whitespace() || "\"'".contains(sign));
    let label = label.to_ascii_lowercase();
    if let Some(charset) = ours(&label) {
        return Label::Known(charset);
    }
    match label.as_str() {
        "" | "unknown-8bit" | "x-unknown" | "unknown" | "default" | "binary" | "8bit" | "none" => {
            Label::Unsaid
        }
        other => table(other).map_or(Label::Unknown, |found| Label::Known(Charset::Table(found))),
    }
}

fn ours(label: &str) -> Option<Charset> {
    Some(match label {
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" | "us" | "7bit" => Charset::Ascii,
        "iso-2022-jp" | "iso2022jp" | "iso-2022-jp-1" | "iso-2022-jp-2" | "iso-2022-jp-3"
        | "iso-2022-jp-2004" | "iso-2022-jp-ms" | "csiso2022jp" | "csiso2022jp2" | "cp50220"
        | "cp50221" | "cp50222" | "x-windows-50220" | "x-windows-50221" | "jis" => {
            Charset::Escapes(Family::Japanese)
        }
        "iso-2022-kr" | "iso2022kr" | "csiso2022kr" => Charset::Escapes(Family::Korean),
        "iso-2022-cn" | "iso2022cn" | "iso-2022-cn-ext" => Charset::Escapes(Family::Chinese),
        "hz-gb-2312" | "hz" | "hz-gb2312" => Charset::Hz,
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "x-unicode-2-0-utf-7" | "csunicode11utf7" => {
            Charset::Utf7
        }
        "utf-16" | "utf16" | "unicode" | "iso-10646-ucs-2" | "ucs-2" => Charset::Utf16,
        _ => return None,
    })
}

fn table(label: &str) -> Option<&'static Encoding> {
    let wrong = match label {
        "gb2312" | "gb-2312" | "gb_2312" | "cp936" | "ms936" | "windows-936" | "euc-cn"
        | "x-euc-cn" | "cn-gb" => Some(GBK),
        "cp949" | "ms949" | "uhc" | "x-windows-949" | "ks_c_5601-1992" | "ksc_5601-1987"
        | "ks_c_5601" | "ksc5601-1987" => Some(EUC_KR),
        "cp932" | "ms932" | "windows-932" | "x-ms-cp932" | "shift_jisx0213" | "shift_jis-2004"
        | "shiftjis" => Some(SHIFT_JIS),
        "cp950" | "ms950" | "windows-950" | "big5hkscs" | "big5_hkscs" | "big5-eten" | "big-5" => {
            Some(BIG5)
        }
        _ => None,
    };
    let plain = || Encoding::for_label(label.as_bytes());
    let found = wrong.or_else(plain).or_else(|| respelt(label))?;
    (found != REPLACEMENT && found != X_USER_DEFINED).then_some(found)
}

/// `cp1252`, `win-1252`, `x-iso-8859-1`, `latin-1` and the like.
fn respelt(label: &str) -> Option<&'static Encoding> {
    let bare = label.strip_prefix("x-").unwrap_or(label);
    let number: String = bare.chars().filter(char::is_ascii_digit).collect();
    let is_windows = ["cp", "win", "ansi", "ibm", "ms"]
        .iter()
        .any(|start| bare.starts_with(start));
    let name = match number.strip_prefix("8859") {
        Some(part) => format!("iso-8859-{part}"),
        None if is_windows => format!("windows-{number}"),
        None if bare.starts_with("latin") => format!("latin{number}"),
        None => bare.to_owned(),
    };
    Encoding::for_label(name.as_bytes())
}
