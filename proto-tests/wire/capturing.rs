//! A capture is the message and its envelope, byte for byte, whatever the bytes are.

use std::{fmt::Write, net::IpAddr, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::envelope::Path;
use sha2::{Digest, Sha256};

use super::{
    desk::{Captured, Desk},
    mail::{Mail, QUEUE_ID},
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_capture_has_the_envelope_as_sent_and_as_postfix_rewrote_it,
        a_capture_says_who_sent_it_and_why_it_is_held,
        a_capture_bears_the_queue_id_and_the_instance,
        the_digest_is_sha_256_of_the_captured_bytes,
        folds_become_lines_again,
        a_field_keeps_its_leading_space_or_the_want_of_it,
        an_empty_field_is_captured,
        a_message_without_a_body_ends_with_the_blank_line,
        a_message_without_a_header_begins_with_the_blank_line,
        a_message_of_nothing_is_one_blank_line,
        eight_bit_and_nul_bytes_are_captured,
        internationalised_addresses_are_captured,
        a_sender_that_is_not_utf_8_is_captured,
        chunks_may_end_anywhere,
        a_hundred_recipients_are_captured_in_their_order,
        a_long_header_section_is_captured,
        a_body_beyond_the_memory_limit_is_captured,
    ]
}

async fn captured(mail: &Mail) -> Captured {
    let desk = Desk::start().await;
    desk.mta().await.send(mail).await.held();
    desk.captured().await
}

async fn assert_captured_as_it_is(mail: Mail) {
    let captured = captured(&mail).await;
    let (seen, wanted) = (captured.content, mail.content());
    assert!(
        seen == wanted,
        "seen: {:?}\nwanted: {:?}",
        String::from_utf8_lossy(&seen),
        String::from_utf8_lossy(&wanted)
    );
    assert_eq!(captured.capture.size_bytes, wanted.len() as u64);
}

async fn a_capture_has_the_envelope_as_sent_and_as_postfix_rewrote_it() {
    let mut mail = Mail::from("<anna@corp.test>").to("<bob@elsewhere.test>");
    mail.sender.push(b"BODY=8BITMIME".to_vec());
    mail.sender.push(b"SIZE=1000".to_vec());
    mail.recipients[0].push(b"NOTIFY=NEVER".to_vec());
    let envelope = captured(&mail).await.capture.envelope.clone();
    assert_eq!(
        envelope.sender,
        Path {
            argument: b"<anna@corp.test>".to_vec(),
            parameters: vec![b"BODY=8BITMIME".to_vec(), b"SIZE=1000".to_vec()],
            rewritten: Some(b"anna@corp.test".to_vec()),
        }
    );
    assert_eq!(
        envelope.recipients,
        [Path {
            argument: b"<bob@elsewhere.test>".to_vec(),
            parameters: vec![b"NOTIFY=NEVER".to_vec()],
            rewritten: Some(b"bob@elsewhere.test".to_vec()),
        }]
    );
}

async fn a_capture_says_who_sent_it_and_why_it_is_held() {
    let capture = captured(&Mail::flagged().login("ben")).await.capture;
    let client = &capture.client;
    assert_eq!(client.login.as_deref(), Some(&b"ben"[..]));
    assert_eq!(client.address, Some(IpAddr::from([192, 0, 2, 7])));
    assert_eq!(client.name.as_deref(), Some(&b"pc.corp.test"[..]));
    assert_eq!(client.daemon.as_deref(), Some(&b"mx.corp.test"[..]));
    let grounds = &capture.grounds;
    assert_eq!(grounds.rule, "flagged-external");
    assert_eq!(grounds.matched.identity_kind, "envelope sender");
    assert_eq!(grounds.matched.identity, "anna@corp.test");
    assert_eq!(grounds.matched.flag, "Y");
    assert_eq!(grounds.matched.recipient, "bob@elsewhere.test");
}

async fn a_capture_bears_the_queue_id_and_the_instance() {
    let capture = captured(&Mail::flagged()).await.capture;
    assert_eq!(capture.queue_id.as_str(), QUEUE_ID);
    assert_eq!(capture.instance.as_str(), "postfix");
}

async fn the_digest_is_sha_256_of_the_captured_bytes() {
    let mail = Mail::flagged().fields(&[("Subject", " folded\n\ttwice\n over"), ("X-Odd", "")]);
    let mut wanted = String::new();
    for byte in Sha256::digest(mail.content()) {
        write!(wanted, "{byte:02x}").unwrap();
    }
    assert_eq!(captured(&mail).await.capture.digest.to_string(), wanted);
}

async fn folds_become_lines_again() {
    let mail = Mail::flagged().fields(&[("Subject", " a\n b\n\tc"), ("X-Stray", " a\r\n b")]);
    assert!(mail.content().starts_with(b"Subject: a\r\n b\r\n\tc\r\n"));
    assert_captured_as_it_is(mail).await;
}

async fn a_field_keeps_its_leading_space_or_the_want_of_it() {
    let mail =
        Mail::flagged().fields(&[("A", " one"), ("B", "none"), ("C", "  two"), ("D", "\tt")]);
    assert!(
        mail.content()
            .starts_with(b"A: one\r\nB:none\r\nC:  two\r\nD:\tt\r\n")
    );
    assert_captured_as_it_is(mail).await;
}

async fn an_empty_field_is_captured() {
    assert_captured_as_it_is(Mail::flagged().fields(&[("Subject", ""), ("X-Blank", " ")])).await;
}

async fn a_message_without_a_body_ends_with_the_blank_line() {
    let mail = Mail::flagged().body([""; 0]);
    assert!(mail.content().ends_with(b"hello\r\n\r\n"));
    assert_captured_as_it_is(mail).await;
}

async fn a_message_without_a_header_begins_with_the_blank_line() {
    let mail = Mail::flagged().fields(&[]);
    assert_eq!(mail.content(), b"\r\nHello\r\n");
    assert_captured_as_it_is(mail).await;
}

async fn a_message_of_nothing_is_one_blank_line() {
    let mail = Mail::flagged().fields(&[]).body([""; 0]);
    assert_eq!(mail.content(), b"\r\n");
    assert_captured_as_it_is(mail).await;
}

async fn eight_bit_and_nul_bytes_are_captured() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut mail = Mail::flagged().body([every_byte, b"\r\n\0\0\xff\r\n".to_vec()]);
    let every_byte_but_nul: Vec<u8> = (1..=255).collect();
    mail.fields.push((b"X-Bytes".to_vec(), every_byte_but_nul));
    assert_captured_as_it_is(mail).await;
}

async fn internationalised_addresses_are_captured() {
    let mut mail = Mail::from("<j\u{f6}rg@corp.test>")
        .to("<\u{7528}\u{6237}@\u{4f8b}\u{3048}.test>")
        .login("anna")
        .fields(&[("Subject", " Gr\u{fc}\u{df}e")]);
    mail.sender.push(b"SMTPUTF8".to_vec());
    let captured = captured(&mail).await;
    let envelope = &captured.capture.envelope;
    assert_eq!(envelope.sender.argument, mail.sender[0]);
    assert_eq!(envelope.sender.parameters, [b"SMTPUTF8".to_vec()]);
    assert_eq!(envelope.recipients[0].argument, mail.recipients[0][0]);
    assert_eq!(captured.content, mail.content());
}

async fn a_sender_that_is_not_utf_8_is_captured() {
    let mail = Mail::from(b"<\xff\xfe@corp.test>")
        .to(b"<b\xe9b@elsewhere.test>")
        .login("anna");
    let envelope = captured(&mail).await.capture.envelope.clone();
    assert_eq!(envelope.sender.argument, b"<\xff\xfe@corp.test>");
    assert_eq!(envelope.recipients[0].argument, b"<b\xe9b@elsewhere.test>");
}

async fn chunks_may_end_anywhere() {
    let body = "Gr\u{fc}\u{df}e\r\n\r\n\u{1f600}\r\n".as_bytes();
    assert_captured_as_it_is(Mail::flagged().body(body.chunks(1))).await;
}

async fn a_hundred_recipients_are_captured_in_their_order() {
    let address = |n: usize| format!("<r{n}@elsewhere.test>").into_bytes();
    let mail = (0..100).fold(Mail::from("<anna@corp.test>"), |mail, n| {
        mail.to(address(n))
    });
    let recipients = captured(&mail).await.capture.envelope.recipients.clone();
    assert_eq!(recipients.len(), 100);
    for (n, recipient) in recipients.iter().enumerate() {
        assert_eq!(recipient.argument, address(n));
    }
}

async fn a_long_header_section_is_captured() {
    let mut mail = Mail::flagged();
    for n in 0..400 {
        let value = format!(" {}", "x".repeat(n * 2));
        mail.fields
            .push((format!("X-{n}").into_bytes(), value.into_bytes()));
    }
    // Postfix cuts a field at 60,000 bytes when milters are in use.
    mail.fields.push((b"X-Long".to_vec(), vec![b'y'; 60_000]));
    assert_captured_as_it_is(mail).await;
}

async fn a_body_beyond_the_memory_limit_is_captured() {
    let chunk = |n: u8| vec![n; 65_535];
    assert_captured_as_it_is(Mail::flagged().body((0..20).map(chunk))).await;
}
