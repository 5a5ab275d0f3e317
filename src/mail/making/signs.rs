//! Signs of formats that nobody here opens: encrypted content, uuencode, yEnc, TNEF. Never decodes one.

use super::splitter::occurrences;
use crate::mail::outline::DoubtKind;

/// What a text holds that cannot be read in it, with a word for it.
pub(super) fn in_text(text: &str) -> Option<(DoubtKind, &'static str)> {
    for line in text.lines() {
        let line = line.trim_end();
        let found = match line {
            "-----BEGIN PGP MESSAGE-----" => (DoubtKind::Encrypted, "PGP"),
            uu if is_uuencode(uu) => (DoubtKind::Unopened, "uuencode"),
            y if y.starts_with("=ybegin ") && y.contains(" name=") => (DoubtKind::Unopened, "yEnc"),
            hex if hex.starts_with("(This file must be converted with BinHex") => {
                (DoubtKind::Unopened, "BinHex")
            }
            _ => continue,
        };
        return Some(found);
    }
    None
}

/// `begin 644 name`.
fn is_uuencode(line: &str) -> bool {
    let mut words = line.splitn(3, ' ');
    let is_begin = matches!(words.next(), Some("begin" | "begin-base64"));
    let is_mode = |mode: &str| {
        matches!(mode.len(), 3 | 4) && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit))
    };
    is_begin
        && words.next().is_some_and(is_mode)
        && words.next().is_some_and(|name| !name.is_empty())
}

/// What a file is that cannot be read here, by its type, its name and its first bytes.
pub(super) fn in_file(
    media_type: &str,
    smime_type: Option<&str>,
    name: Option<&str>,
    bytes: &[u8],
) -> Option<(DoubtKind, &'static str)> {
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let is_tnef = bytes.starts_with(b"\x78\x9f\x3e\x22");
    match media_type {
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => {
            return Some(match smime_type {
                Some("signed-data" | "compressed-data" | "certs-only") => {
                    (DoubtKind::Unopened, "S/MIME")
                }
                Some(_) | None => (DoubtKind::Encrypted, "S/MIME"),
            });
        }
        "application/pgp-encrypted" => return Some((DoubtKind::Encrypted, "PGP")),
        "application/ms-tnef" | "application/vnd.ms-tnef" => {
            return Some((DoubtKind::Unopened, "TNEF"));
        }
        "message/partial" | "message/external-body" => {
            return Some((DoubtKind::Unopened, "a message in pieces or elsewhere"));
        }
        _ => {}
    }
    if is_tnef || name == "winmail.dat" {
        return Some((DoubtKind::Unopened, "TNEF"));
    }
    if bytes.starts_with(b"-----BEGIN PGP MESSAGE-----") {
        return Some((DoubtKind::Encrypted, "PGP"));
    }
    let holds = |needle: &[u8]| !occurrences(bytes, needle).is_empty();
    if bytes.starts_with(b"%PDF-") && holds(b"/Encrypt ") {
        return Some((DoubtKind::Encrypted, "PDF"));
    }
    // An Office document with a password is an OLE file with this stream, in UTF-16.
    let stream: Vec<u8> = "EncryptedPackage"
        .bytes()
        .flat_map(|byte| [byte, 0])
        .collect();
    let is_locked = bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") && holds(&stream);
    is_locked.then_some((DoubtKind::Encrypted, "Office"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_or_encrypted_in_a_text_is_told() {
        for (text, word) in [
            ("x\nbegin 644 a.txt\n", "uuencode"),
            ("=ybegin line=128 size=1 name=a.bin\r\n", "yEnc"),
            ("-----BEGIN PGP MESSAGE-----\r\n", "PGP"),
        ] {
            assert_eq!(in_text(text).map(|(_, word)| word), Some(word), "{text}");
        }
        for text in [
            "begin 644",
            "begin the day",
            "begin 999 a",
            "beginning 644 x",
            "",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_encrypted_in_a_file_is_told() {
        let encrypted = |media_type, smime, bytes: &[u8]| in_file(media_type, smime, None, bytes);
        let kind = |found: Option<(DoubtKind, &str)>| found.map(|(kind, _)| kind);
        let smime = "application/pkcs7-mime";
        assert_eq!(
            kind(encrypted(smime, Some("enveloped-data"), b"")),
            Some(DoubtKind::Encrypted)
        );
        assert_eq!(
            kind(encrypted(smime, Some("signed-data"), b"")),
            Some(DoubtKind::Unopened)
        );
        assert_eq!(
            kind(encrypted(
                "application/pdf",
                None,
                b"%PDF-1.7 /Encrypt 5 0 R"
            )),
            Some(DoubtKind::Encrypted)
        );
        assert_eq!(kind(encrypted("application/pdf", None, b"%PDF-1.7")), None);
        assert_eq!(
            kind(in_file(
                "application/octet-stream",
                None,
                Some("WinMail.dat"),
                b""
            )),
            Some(DoubtKind::Unopened)
        );
    }
}
