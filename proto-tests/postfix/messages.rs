//! Messages that are odd in one way each. Never sends them.

/// A message: what is odd about it, how it is handed in, its content.
pub type Message = (&'static str, Way, Vec<u8>);

/// How a message is handed in.
#[derive(Clone, Copy)]
pub enum Way {
    /// `DATA`.
    Smtp,
    /// `BDAT` (RFC 3030).
    Chunks,
    /// The `sendmail` command.
    Sendmail,
    /// `DATA`, with a milter that edits before the one that is shown the message.
    Edited,
}

/// Needs an envelope with the same letters.
pub const UTF_8: &str = "Subject: gr\u{fc}n\r\n\r\nk\u{f6}rper\r\n";

const FIELDS: &[u8] = b"From: anna@corp.test\r\nTo: bob@elsewhere.test\r\nSubject: hello\r\n\
                        X-Gone: bye\r\n";

/// All of them.
pub fn all() -> Vec<Message> {
    let plain = with(&[b"\r\nline one\r\nline two\r\n"]);
    let mut messages = vec![
        ("a_plain_message", Way::Smtp, plain.clone()),
        ("a_message_from_sendmail", Way::Sendmail, plain.clone()),
        ("chunks", Way::Chunks, plain.clone()),
        ("edits_of_an_earlier_milter", Way::Edited, plain),
    ];
    messages.extend(odd_ends());
    messages.extend(odd_bytes());
    messages.extend(odd_fields());
    messages.extend(long_ones());
    messages
}

fn odd_ends() -> Vec<Message> {
    let (smtp, chunks) = (Way::Smtp, Way::Chunks);
    let no_field = b"no field here\r\nX: body\r\n";
    vec![
        ("a_message_without_a_body", smtp, with(&[])),
        ("edits_of_a_message_without_a_body", Way::Edited, with(&[])),
        ("a_message_with_an_empty_body", smtp, with(&[b"\r\n"])),
        ("a_message_without_a_header", smtp, no_field.to_vec()),
        ("an_empty_message", smtp, Vec::new()),
        ("a_text_without_a_blank_line", smtp, with(&[no_field])),
        (
            "chunks_without_a_last_line_end",
            chunks,
            with(&[b"\r\nno line end"]),
        ),
        (
            "chunks_that_end_at_the_line_limit",
            chunks,
            with(&[b"\r\n", &b"e".repeat(2_048)]),
        ),
    ]
}

fn odd_bytes() -> Vec<Message> {
    let nul = b"Subject: a\0b\r\nX: c\r\n\r\nbo\0dy\0\r\n";
    let stray = b"X-CR: a\rb\r\r\n c\r\r\n\r\nx\ry\r\r\n";
    let eight_bit = b"X-8: \xe9\xff\r\n\r\n\xe9\xff\xfe\r\n";
    let mbox = [b"From anna today\r\n", &*with(&[b"\r\nFrom x\r\n"])].concat();
    vec![
        ("nul_bytes", Way::Smtp, nul.to_vec()),
        (
            "a_text_that_begins_with_nul",
            Way::Smtp,
            with(&[b"\0no field\r\nbody\r\n"]),
        ),
        ("eight_bit_text", Way::Smtp, with(&[eight_bit])),
        ("utf_8_addresses", Way::Smtp, UTF_8.into()),
        ("mbox_lines", Way::Smtp, mbox),
        ("stray_carriage_returns", Way::Smtp, with(&[stray])),
    ]
}

fn odd_fields() -> Vec<Message> {
    let obsolete = b"Subject : x\r\nX-Tab\t:t\r\nX-Empty:\r\nX-F:\r\n\t\r\n  y\r\n\r\nb\r\n";
    let received = b"Received: from a\r\n\tby b id c; d\r\nReceived: e\r\n";
    let multipart =
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                      Content-Type: message/rfc822\r\n\r\nSubject : inner\r\n\r\nx\r\n--b--\r\n";
    vec![
        ("folded_and_obsolete_fields", Way::Smtp, obsolete.to_vec()),
        (
            "received_fields_of_others",
            Way::Smtp,
            [received, &*with(&[b"\r\nx\r\n"])].concat(),
        ),
        ("a_multipart_message", Way::Smtp, multipart.to_vec()),
    ]
}

fn long_ones() -> Vec<Message> {
    let field = b"k".repeat(70_000);
    let field = with(&[b"X-Long: ", &field, b"\r\nX-After: 1\r\n\r\nb\r\n"]);
    let addresses = (0..2_600).map(|n| format!(" <user{n:05}@some.domain.test>"));
    let addresses = addresses.collect::<Vec<_>>().join(",\r\n");
    let addresses = format!("To: {addresses}\r\n\r\nbody\r\n").into_bytes();
    let lines = [2_048, 2_049, 10_000].map(|length| [&*b"l".repeat(length), b"\r\n"].concat());
    let lines = with(&[b"\r\n", &lines.concat(), b"end\r\n"]);
    let large = b"a line of the usual length, more or less\r\n".repeat(100_000);
    vec![
        ("a_field_over_the_limit", Way::Smtp, field),
        ("thousands_of_addresses_in_a_field", Way::Smtp, addresses),
        ("long_lines", Way::Smtp, lines.clone()),
        ("edits_of_long_lines", Way::Edited, lines),
        ("a_large_message", Way::Smtp, with(&[b"\r\n", &large])),
    ]
}

/// The usual header fields and what follows.
fn with(rest: &[&[u8]]) -> Vec<u8> {
    [FIELDS, &rest.concat()].concat()
}
