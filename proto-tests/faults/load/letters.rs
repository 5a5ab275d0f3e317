//! What is sent: letters of every size, in ASCII, in Chinese and Japanese, and in raw bytes. A canary
//! stands at the beginning, in the middle and at the end of each.

use super::super::{canary::Canary, imprint::Imprint};
use crate::lab::chance::Chance;

/// The smallest size.
pub const SMALLEST_BYTES: usize = 1_024;
/// Postfix's SMTP client breaks longer lines (`smtp_line_length_limit`).
const LONGEST_LINE: usize = 900;
/// A large body is this block again and again, each with its number behind it.
const BLOCK_BYTES: usize = 65_536;
const MOST_RECIPIENTS: usize = 100;
const CHINESE_AND_JAPANESE: &str = "合同草案请于周五前审阅敬具添付の資料をご確認ください謹啓";

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    Ascii,
    Cjk,
    Bytes,
}

/// A letter, ready to be sent.
pub struct Letter {
    /// What is in every part of it.
    pub canary: Canary,
    /// Its envelope recipients, whom nobody else writes to.
    pub recipients: Vec<String>,
    /// Header and body with CRLF.
    pub content: Vec<u8>,
    /// The digests of the content.
    pub imprint: Imprint,
    /// Whether `MAIL` says `BODY=8BITMIME`.
    pub is_8bit: bool,
}

/// Mostly small, few large: the largest are one in two hundred.
pub fn size(chance: &mut Chance, largest: usize) -> usize {
    let (from, to) = match chance.below(200) {
        0 => (2 * 1_024 * 1_024, largest),
        1..10 => (200 * 1_024, 2 * 1_024 * 1_024),
        10..50 => (16 * 1_024, 200 * 1_024),
        _ => (SMALLEST_BYTES, 16 * 1_024),
    };
    let (from, to) = (from.min(largest), to.min(largest));
    from + chance.below(to - from + 1)
}

/// Writes a letter of about this size.
pub fn write(chance: &mut Chance, sender: &str, size: usize) -> Letter {
    let canary = Canary::new(chance);
    let n_recipients = match chance.below(100) {
        0..3 => 1 + chance.below(MOST_RECIPIENTS),
        3..15 => 2 + chance.below(9),
        _ => 1,
    };
    let address = |number| format!("r{}n{number}@elsewhere.test", canary.digits());
    let recipients: Vec<String> = (0..n_recipients).map(address).collect();
    let script = *chance.pick(&[Script::Ascii, Script::Cjk, Script::Bytes]);
    let mut content = header(&canary, sender, &recipients[0], script).into_bytes();
    content.extend_from_slice(&body(chance, &canary, script, size));
    Letter {
        imprint: Imprint::of(&content),
        canary,
        recipients,
        content,
        is_8bit: script != Script::Ascii,
    }
}

fn header(canary: &Canary, sender: &str, recipient: &str, script: Script) -> String {
    let (charset, encoding, subject) = match script {
        Script::Ascii => ("us-ascii", "7bit", "the figures"),
        Script::Cjk => ("utf-8", "8bit", "=?utf-8?B?5ZCI5ZCM6I2J5qGI?="),
        Script::Bytes => ("x-unknown", "8bit", "=?iso-8859-1?Q?g=E4nzlich?="),
    };
    format!(
        "From: Sender <{sender}>\r\nTo: <{recipient}>\r\nSubject: {canary} {subject}\r\n\
         Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <{canary}@client.test>\r\n\
         X-Canary: {canary}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain;\r\n\
         \tcharset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
}

fn body(chance: &mut Chance, canary: &Canary, script: Script, size: usize) -> Vec<u8> {
    let mark = format!("{canary}\r\n");
    let mut body = mark.clone().into_bytes();
    body.extend_from_slice(b".\r\n..\r\nFrom here \t\r\n\r\n. \r\n");
    let block = block(chance, script, size.min(BLOCK_BYTES));
    let mut number = 0;
    let mut is_middle_marked = false;
    while body.len() + block.len() < size {
        body.extend_from_slice(&block);
        body.extend_from_slice(format!("block {number}\r\n").as_bytes());
        if !is_middle_marked && body.len() >= size / 2 {
            body.extend_from_slice(mark.as_bytes());
            is_middle_marked = true;
        }
        number += 1;
    }
    if !is_middle_marked {
        let (first, second) = halves(&block);
        body.extend_from_slice(first);
        body.extend_from_slice(mark.as_bytes());
        body.extend_from_slice(second);
    }
    body.extend_from_slice(mark.as_bytes());
    body
}

/// Cut at the line end nearest behind its middle.
fn halves(block: &[u8]) -> (&[u8], &[u8]) {
    let middle = block.len() / 2;
    let end = block[middle..].windows(2).position(|two| two == b"\r\n");
    block.split_at(end.map_or(block.len(), |end| middle + end + 2))
}

/// Whole lines of random text.
fn block(chance: &mut Chance, script: Script, length: usize) -> Vec<u8> {
    let signs: Vec<char> = CHINESE_AND_JAPANESE.chars().collect();
    let mut block = Vec::with_capacity(length + LONGEST_LINE);
    while block.len() < length {
        let width = 20 + chance.below(LONGEST_LINE - 20);
        let end = block.len() + width.min(length - block.len() + 1);
        match script {
            Script::Ascii => {
                let letters = chance.bytes(end - block.len());
                block.extend(letters.iter().map(|byte| b' ' + byte % 95));
            }
            Script::Cjk => {
                while block.len() + 3 < end {
                    let sign = chance.pick(&signs);
                    block.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
            Script::Bytes => {
                let bytes = chance.bytes(end - block.len());
                // A line end of its own would be another text for Postfix; all else is kept.
                let kept = bytes.iter().filter(|byte| !b"\r\n".contains(byte));
                block.extend(kept);
            }
        }
        block.extend_from_slice(b"\r\n");
    }
    block
}
