//! Messages that make a reader work more than in proportion to what it is sent. Never part of the
//! program.

use std::time::{Duration, Instant};

use super::{Limits, outline};
use crate::mail::outline::{Body, Doubt, DoubtKind};

#[test]
fn hostile_messages_end_in_time() {
    let nested =
        (0..2_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"));
    let messages = [
        nested.collect::<String>(),
        "Content-Type: message/rfc822\n\n".repeat(100_000),
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx --b\n{}",
            "Content-Type: message/rfc822\n\n".repeat(100_000)
        ),
        format!("Content-Type: text/html\n\n{}", "<div><b>".repeat(100_000)),
        format!(
            "Content-Type: multipart/mixed; boundary=-\n\n{}",
            "-".repeat(1_000_000)
        ),
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}",
            "--b\n".repeat(200_000)
        ),
        format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{}",
            "x--b".repeat(200_000)
        ),
        "a:\n".repeat(300_000),
        format!("Content-Type: a/b{}\n\n", "; x*0*=a".repeat(100_000)),
        format!("To: {}\n\n", "\"<(".repeat(200_000)),
        format!("Subject: {}\n\n", "=?utf-8?q?a".repeat(100_000)),
        format!("Subject: x\n\n{}", "begin 644\n".repeat(100_000)),
    ];
    for message in messages {
        let before = Instant::now();
        outline(message.as_bytes(), &Limits::default());
        let start: String = message.chars().take(50).collect();
        assert!(
            before.elapsed() < Duration::from_secs(10),
            "{start}: {:?}",
            before.elapsed()
        );
    }
}

/// A message of ten such parts, how many of them have a page, and which ones are doubtful.
fn ten_parts(html: &str) -> (usize, Vec<Option<u32>>) {
    let parts = format!("--b\nContent-Type: text/html\n\n{html}\n").repeat(10);
    let message = format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n");
    let outline = outline(message.as_bytes(), &Limits::default()).outline;
    let has_page = |body: &Body| matches!(body, Body::Html { has_page: true, .. });
    let with_page = outline.parts.iter().filter(|part| has_page(&part.body));
    let is_told = |doubt: &&Doubt| doubt.kind == DoubtKind::TooDeep;
    let told = outline.doubts.iter().filter(is_told);
    (with_page.count(), told.map(|doubt| doubt.part).collect())
}

#[test]
fn of_many_html_parts_some_have_a_page_and_the_others_are_doubtful() {
    let words = "many words \n".repeat(85_000);
    assert_eq!(ten_parts(&words), (8, vec![Some(9), Some(10)]));
}

#[test]
fn pages_that_are_longer_than_their_html_are_bounded_in_all() {
    let title = "x".repeat(1_000);
    let html = format!("<p><b title={title}>x{}", "<p>x\n".repeat(4_000));
    assert_eq!(ten_parts(&html), (9, vec![Some(10)]));
}
