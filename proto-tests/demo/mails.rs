//! A dozen mails such as they lie in a hold queue, for the review desk to be tried with. Never a real
//! person's name or address.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A mail and whom it goes to.
pub struct Mail {
    /// Envelope recipients.
    pub recipients: &'static [&'static str],
    /// Header and body.
    pub content: Vec<u8>,
}

const BOB: &[&str] = &["bob@elsewhere.test"];

/// All of them, from the envelope sender `sender`.
pub fn all(sender: &str) -> Vec<Mail> {
    vec![
        plain(
            sender,
            BOB,
            "Price list for next year",
            "Dear Bob,\r\n\r\nas promised, the prices for next year.\r\nPlease treat them as confidential.\r\n\r\nAnna\r\n",
        ),
        japanese(sender),
        chinese(sender),
        korean(sender),
        newsletter(sender),
        files(sender),
        phish(sender),
        doubtful(sender),
        many_recipients(sender),
        nested(sender),
        hidden_signs(sender),
        large(sender),
    ]
}

fn head(sender: &str, to: &str, subject: &str, more: &str) -> String {
    format!(
        "From: \"Anna Ito\" <{sender}>\r\nTo: {to}\r\nSubject: {}\r\n\
        Date: Fri, 27 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n{more}\r\n\r\n",
        word(subject)
    )
}

/// An encoded word (RFC 2047) where one is needed.
fn word(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_owned(),
        false => format!("=?utf-8?B?{}?=", STANDARD.encode(text)),
    }
}

fn base64(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines = text.as_bytes().chunks(76).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\r\n")
}

fn mail(recipients: &'static [&'static str], content: String) -> Mail {
    Mail {
        recipients,
        content: content.into_bytes(),
    }
}

fn plain(sender: &str, to: &'static [&'static str], subject: &str, text: &str) -> Mail {
    let more = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit";
    mail(to, head(sender, to[0], subject, more) + text)
}

fn japanese(sender: &str) -> Mail {
    let text = "株式会社エルスウェア\r\n田中様\r\n\r\nお世話になっております。\r\n御見積書をお送りいたします。\r\nご確認のほど、よろしくお願いいたします。\r\n";
    let pdf = base64(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
    let more = "Content-Type: multipart/mixed; boundary=\"jp\"";
    let body = format!(
        "--jp\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n\
        --jp\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename*=utf-8''%E8%A6%8B%E7%A9%8D%E6%9B%B8.pdf\r\n\r\n{pdf}\r\n--jp--\r\n",
        base64(text.as_bytes())
    );
    mail(
        &["tanaka@elsewhere.test"],
        head(
            sender,
            "tanaka@elsewhere.test",
            "【ご確認】御見積書の送付",
            more,
        ) + &body,
    )
}

fn chinese(sender: &str) -> Mail {
    plain(
        sender,
        &["mei@partner.test", "ben@corp.test"],
        "合約草案與付款條件",
        "林小姐您好：\r\n\r\n附上合約草案，付款條件為三十天。\r\n如有問題請與我聯絡。\r\n",
    )
}

fn korean(sender: &str) -> Mail {
    plain(
        sender,
        &["kim@elsewhere.test"],
        "회의 일정 변경 안내",
        "안녕하세요.\r\n\r\n다음 주 회의가 목요일로 변경되었습니다.\r\n",
    )
}

/// A red picture of one point, as a newsletter has them in the place of lines.
const DOT: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

fn newsletter(sender: &str) -> Mail {
    let more = "Content-Type: multipart/alternative; boundary=\"alt\"";
    let body = format!(
        "--alt\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nNews from Corp: the winter catalogue is out.\r\n\
        --alt\r\nContent-Type: multipart/related; boundary=\"rel\"\r\n\r\n\
        --rel\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <html><body><h1>News from Corp</h1><p>The <b>winter catalogue</b> is out.</p>\
        <img src=\"cid:dot\" width=\"120\" height=\"8\" alt=\"line\">\
        <img src=\"https://tracker.test/open.gif\" alt=\"\">\
        <p><a href=\"https://www.corp.test/winter\">Read it</a></p></body></html>\r\n\
        --rel\r\nContent-Type: image/png\r\nContent-ID: <dot>\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: inline; filename=\"line.png\"\r\n\r\n{DOT}\r\n--rel--\r\n--alt--\r\n"
    );
    mail(
        BOB,
        head(
            sender,
            "readers@elsewhere.test",
            "News from Corp: the winter catalogue",
            more,
        ) + &body,
    )
}

fn files(sender: &str) -> Mail {
    let more = "Content-Type: multipart/mixed; boundary=\"mix\"";
    let body = format!(
        "--mix\r\nContent-Type: text/plain\r\n\r\nThe drawings are in the archive.\r\n\
        --mix\r\nContent-Type: application/zip; name=\"drawings.zip\"\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"drawings.zip\"\r\n\r\n{}\r\n--mix--\r\n",
        base64(&zip(&[
            ("plans/hall.dxf", b"0\nSECTION\n"),
            ("plans/readme.txt", b"Two plans.\n")
        ]))
    );
    mail(
        BOB,
        head(sender, "bob@elsewhere.test", "Drawings of the hall", more) + &body,
    )
}

/// An archive that stores its files as they are (APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16).
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut listing) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let offset = u32::try_from(bytes.len()).unwrap();
        let (sum, size) = (
            crc32fast::hash(content),
            u32::try_from(content.len()).unwrap(),
        );
        let mut facts = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        facts.extend(sum.to_le_bytes());
        facts.extend(size.to_le_bytes());
        facts.extend(size.to_le_bytes());
        facts.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        facts.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&facts);
        bytes.extend(name.as_bytes());
        bytes.extend(*content);
        listing.extend(b"PK\x01\x02\x14\x00");
        listing.extend(&facts);
        listing.extend([0; 10]);
        listing.extend(offset.to_le_bytes());
        listing.extend(name.as_bytes());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let begin = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let length = u32::try_from(listing.len()).unwrap().to_le_bytes();
    bytes.extend(listing);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend([length, begin].concat());
    bytes.extend([0, 0]);
    bytes
}

fn phish(sender: &str) -> Mail {
    let content = format!(
        "From: \"it-support@corp.test\" <{sender}>\r\nReply-To: helpdesk@elsewhere.test\r\n\
        To: bob@elsewhere.test\r\nSubject: Your account will be closed\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n\
        <p>Dear customer,</p><p>sign in at <a href=\"https://bank.example.com.evil.test/login\">\
        https://bank.example.com</a> today.</p>\
        <div style=\"display:none\">quarterly figures attached below for reference</div>\r\n"
    );
    mail(BOB, content)
}

fn doubtful(sender: &str) -> Mail {
    let more = "Content-Type: multipart/mixed; boundary=\"one\"; boundary=\"two\"";
    let body = "--one\r\nContent-Type: text/plain\r\n\r\nMinutes of the meeting.\r\n--one--\r\n\
        --two\r\nContent-Type: text/plain\r\n\r\nThe customer list follows.\r\n--two--\r\n";
    mail(
        BOB,
        head(sender, "bob@elsewhere.test", "Minutes", more) + body,
    )
}

fn many_recipients(sender: &str) -> Mail {
    plain(
        sender,
        &[
            "bob@elsewhere.test",
            "eve@elsewhere.test",
            "li@partner.test",
            "ben@corp.test",
            "kai@partner.test",
        ],
        "Invitation to the open day",
        "You are all invited.\r\n",
    )
}

fn nested(sender: &str) -> Mail {
    let more = "Content-Type: multipart/mixed; boundary=\"out\"";
    let body = "--out\r\nContent-Type: text/plain\r\n\r\nSee below what he wrote.\r\n\
        --out\r\nContent-Type: message/rfc822\r\n\r\n\
        From: bob@elsewhere.test\r\nTo: anna@corp.test\r\nSubject: Re: offer\r\n\r\nWe accept.\r\n--out--\r\n";
    mail(
        &["eve@elsewhere.test"],
        head(sender, "eve@elsewhere.test", "Fwd: Re: offer", more) + body,
    )
}

fn hidden_signs(sender: &str) -> Mail {
    let more = "Content-Type: multipart/mixed; boundary=\"sign\"";
    let body = format!(
        "--sign\r\nContent-Type: text/plain\r\n\r\nThe invoice.\r\n\
        --sign\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename*=utf-8''invoice%E2%80%AEfdp.exe\r\n\r\n{}\r\n--sign--\r\n",
        base64(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0this is no PDF")
    );
    mail(
        BOB,
        head(sender, "bob@elsewhere.test", "Invoice 4711", more) + &body,
    )
}

const LARGE_BYTES: usize = 14 * 1_024 * 1_024;

/// 20 MB on the wire.
fn large(sender: &str) -> Mail {
    let more = "Content-Type: multipart/mixed; boundary=\"big\"";
    let mut state = 1_u32;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(LARGE_BYTES)
    .collect();
    let body = format!(
        "--big\r\nContent-Type: text/plain\r\n\r\nThe film, as promised.\r\n\
        --big\r\nContent-Type: video/mp4; name=\"film.mp4\"\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename=\"film.mp4\"\r\n\r\n{}\r\n--big--\r\n",
        base64(&bytes)
    );
    mail(
        BOB,
        head(sender, "bob@elsewhere.test", "Our film", more) + &body,
    )
}
