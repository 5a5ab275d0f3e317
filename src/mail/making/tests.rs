//! Whole messages and the outlines that they must have.

use super::*;
use crate::mail::outline::Doubt;

fn made(message: &str) -> Outlined {
    outline(message.replace('\n', "\r\n").as_bytes(), &Limits::default())
}

fn kinds(outlined: &Outlined) -> Vec<DoubtKind> {
    outlined
        .outline
        .doubts
        .iter()
        .map(|doubt: &Doubt| doubt.kind)
        .collect()
}

fn types(outlined: &Outlined) -> Vec<&str> {
    outlined
        .outline
        .parts
        .iter()
        .map(|part| part.media_type.as_str())
        .collect()
}

const ORDINARY: &str = "From: =?utf-8?q?Anna_M=C3=BCller?= <anna@corp.test>
To: Bob <bob@out.test>
Cc: eve@b\u{fc}cher.test
Subject: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"out\"

preamble
--out
Content-Type: multipart/alternative;
 boundary=\"in\"

--in
Content-Type: text/plain; charset=utf-8

Hello   Bob, see the report
of today.
--in
Content-Type: text/html; charset=utf-8

<p>Hello Bob, see the <a href=\"https://corp.test/\">report</a> of today.</p>
--in--

--out
Content-Type: application/pdf; name=\"report.pdf\"
Content-Disposition: attachment;
 filename=\"report.pdf\"
Content-Transfer-Encoding: base64

JVBERi0xLjcK
--out
Content-Type: message/rfc822

From: carl@corp.test
Subject: inner

inner text
--out--
";

#[test]
fn an_ordinary_mail_is_taken_apart_without_a_doubt() {
    let outlined = made(ORDINARY);
    let outline = &outlined.outline;
    assert_eq!(outline.doubts, []);
    assert_eq!(
        types(&outlined),
        [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "application/pdf",
            "message/rfc822",
            "text/plain"
        ]
    );
    assert_eq!(outline.subject.as_deref(), Some("\u{5c71}\u{7530}"));
    assert_eq!(outline.from[0].name, "Anna M\u{fc}ller");
    assert_eq!(outline.to.len(), 2);
    assert_eq!(
        outline.to[1].ascii.as_deref(),
        Some("eve@xn--bcher-kva.test")
    );
    assert_eq!(outline.snippet, "Hello Bob, see the report of today.");
    assert_eq!(outline.links[0].host.as_deref(), Some("corp.test"));
    let parents: Vec<Option<u32>> = outline.parts.iter().map(|part| part.parent).collect();
    assert_eq!(
        parents,
        [None, Some(0), Some(1), Some(1), Some(0), Some(0), Some(5)]
    );
    let depths: Vec<u32> = outline.parts.iter().map(|part| part.depth).collect();
    assert_eq!(depths, [0, 1, 2, 2, 1, 1, 2]);
    let Body::Message { fields } = &outline.parts[5].body else {
        panic!("{:?}", outline.parts[5])
    };
    assert_eq!(fields[1].value, "inner");
    let kept: Vec<(u32, ContentKind)> = outlined
        .contents
        .iter()
        .map(|content| (content.part, content.kind))
        .collect();
    assert_eq!(kept, [(3, ContentKind::Page), (4, ContentKind::File)]);
    assert_eq!(outlined.contents[1].bytes, b"%PDF-1.7\n");
    assert_eq!(
        outline.parts[4].real_type.as_deref(),
        Some("application/pdf")
    );
    assert_eq!(outline.parts[4].sha256.len(), 64);
}

#[test]
fn mails_of_every_day_have_no_doubt() {
    for message in [
        "From: a@corp.test\nSubject: x\n\nbody\n",
        "From: a@corp.test\n\n",
        "Subject: x\nContent-Type: text/html\n\n<p>x\n",
        "Subject: x\nContent-Type: text/plain; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe=\n.\n",
        "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nplain\n--b\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; filename=a.png\n\niVBORw0KGgo=\n\n--b--\n\n",
        "Subject: x\nContent-Type: multipart/report; boundary=\"b c\"; report-type=delivery-status\n\n--b c\n\nfailed\n--b c\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.test\n\n--b c\nContent-Type: text/rfc822-headers\n\nSubject: y\n--b c--\n",
        "Subject: x\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\n\nSubject: two\n\n2\n--b--\n",
        "Subject: x\nContent-Type: multipart/signed; boundary=b; micalg=sha-256; protocol=\"application/pkcs7-signature\"\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\na b c d\n--bb\nContent-Type: text/html\n\na b c d\n--bb--\n\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMIIB\n--b--\n",
        "Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/vnd.ms-excel;\n name*0*=utf-8''%E4%BD%A0;\n name*1*=%E5%A5%BD.xls\nContent-Disposition: attachment;\n\tfilename*0*=utf-8''%E4%BD%A0;\n\tfilename*1*=%E5%A5%BD.xls\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n",
    ] {
        assert_eq!(made(message).outline.doubts, [], "{message}");
        let unix = outline(message.as_bytes(), &Limits::default());
        assert_eq!(unix.outline.doubts, [], "{message}");
    }
}

use DoubtKind as D;

/// A message and the doubt that it must raise.
const TRICKS: [(&str, DoubtKind); 27] = [
    (
        "Content-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n\nx\n--b--\n",
        D::TwoParameters,
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee --b here\n--b--\n",
        D::BoundaryOutOfPlace,
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b and more\ny\n--b--\n",
        D::BoundaryOutOfPlace,
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\ny\n",
        D::BoundaryOutOfPlace,
    ),
    (
        "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--\n",
        D::NoBoundary,
    ),
    (
        "Content-Type: multipart/mixed; boundary=c\n\n--b\n\nx\n--b--\n",
        D::NoBoundary,
    ),
    (
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n",
        D::Unclosed,
    ),
    ("Subject: a\nSubject: b\n\nx\n", D::TwoFields),
    (
        "Content-Type: text/plain\nContent-Type: text/html\n\nx\n",
        D::TwoFields,
    ),
    ("Fr om: a@corp.test\n\nx\n", D::BadHeader),
    (
        "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n--b--\n",
        D::BadEncoding,
    ),
    (
        "Content-Transfer-Encoding: base64\n\nQUJD!QUJD\n",
        D::BadEncoding,
    ),
    (
        "Content-Transfer-Encoding: base64\n\nQQ==QUJD\n",
        D::BadEncoding,
    ),
    (
        "Content-Transfer-Encoding: quoted-printable\n\na=b\n",
        D::BadEncoding,
    ),
    (
        "Content-Transfer-Encoding: x-unheard-of\n\nab\n",
        D::BadEncoding,
    ),
    ("Content-Transfer-Encoding: x-uuencode\n\nab\n", D::Unopened),
    (
        "Content-Type: text/plain; charset=x-nobody-knows\n\nab\n",
        D::UnknownCharset,
    ),
    (
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n=FF\n",
        D::BadText,
    ),
    ("Subject: x\n\na\0b\n", D::Nul),
    (
        "Content-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b--\n",
        D::Encrypted,
    ),
    (
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx\n",
        D::Encrypted,
    ),
    (
        "Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nx\n",
        D::Encrypted,
    ),
    ("Subject: x\n\nbegin 644 a.txt\nx\nend\n", D::Unopened),
    (
        "Content-Type: application/ms-tnef; name=winmail.dat\n\nx\n",
        D::Unopened,
    ),
    (
        "Content-Type: application/pdf; name=a.pdf\n\n<html><body>x\n",
        D::OtherType,
    ),
    (
        "Content-Type: text/html\n\n<p style='display:none'>x</p>\n",
        D::HiddenText,
    ),
    (
        "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nSee you at lunch tomorrow\n--b\nContent-Type: text/html\n\nThe list of our customers\n--b--\n",
        D::TextDiffersFromHtml,
    ),
];

#[test]
fn every_trick_with_the_structure_is_told() {
    for (message, doubt) in TRICKS {
        let found = kinds(&made(message));
        assert!(found.contains(&doubt), "{doubt:?} in {found:?}: {message}");
    }
}

#[test]
fn a_letter_outside_of_the_parts_is_told() {
    let letter = "secret ".repeat(100);
    for (before, behind) in [(letter.as_str(), ""), ("", letter.as_str())] {
        let outlined = made(&format!(
            "Content-Type: multipart/mixed; boundary=b\n\n{before}\n--b\n\nx\n--b--\n{behind}"
        ));
        assert_eq!(kinds(&outlined), [DoubtKind::Unopened]);
    }
}

#[test]
fn two_programs_that_see_other_parts_are_told() {
    let message = "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nsee --b here\nSECRET\n--b\n\ny\n--b--\n";
    let outlined = made(message);
    assert!(
        kinds(&outlined).contains(&DoubtKind::TwoReadings),
        "{:?}",
        outlined.outline.doubts
    );
    let Body::Text { text } = &outlined.outline.parts[1].body else {
        panic!()
    };
    assert_eq!(text.text, "see --b here\nSECRET");
    assert!(outlined.outline.is_doubtful());
}

#[test]
fn what_lies_too_deep_is_a_file() {
    let limits = Limits {
        depth: 2,
        ..Limits::default()
    };
    let message = format!("{}text", "Content-Type: message/rfc822\n\n".repeat(9));
    let outlined = outline(message.as_bytes(), &limits);
    assert_eq!(outlined.outline.parts.len(), 3);
    assert!(kinds(&outlined).contains(&DoubtKind::TooDeep));
    assert_eq!(outlined.contents.len(), 1);
}

#[test]
fn more_parts_than_the_limit_are_not_taken_apart() {
    let parts = "--b\n\nx\n".repeat(30);
    let message = format!("Content-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n");
    for (limit, has_doubt) in [(31, false), (30, true)] {
        let limits = Limits {
            parts: limit,
            ..Limits::default()
        };
        let outlined = outline(message.as_bytes(), &limits);
        assert_eq!(outlined.outline.parts.len(), limit as usize);
        assert_eq!(
            kinds(&outlined).contains(&DoubtKind::TooManyParts),
            has_doubt
        );
    }
}

#[test]
fn a_long_text_is_cut() {
    let limits = Limits {
        text_bytes: 10,
        ..Limits::default()
    };
    let outlined = outline(b"Subject: x\n\n0123\n56789", &limits);
    let Body::Text { text } = &outlined.outline.parts[0].body else {
        panic!()
    };
    assert!(!text.is_cut);
    let outlined = outline(b"Subject: x\n\n0123\n567890", &limits);
    let Body::Text { text } = &outlined.outline.parts[0].body else {
        panic!()
    };
    assert_eq!((text.text.as_str(), text.is_cut), ("0123\n", true));
}

#[test]
fn a_text_that_is_an_attachment_is_a_file() {
    let outlined =
        made("Content-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nx\n");
    assert_eq!(outlined.outline.files().count(), 1);
    assert_eq!(outlined.contents[0].bytes, b"x\r\n");
}

#[test]
fn an_inline_image_is_part_of_its_page() {
    let png = crate::mail::transfer::to_base64(&crate::mail::html::png(2, 2));
    let outlined = made(&format!(
        "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img src=cid:a@b>\n--b\n\
         Content-Type: image/png\nContent-ID: <a@b>\nContent-Transfer-Encoding: base64\n\n{png}\n--b--\n"
    ));
    assert_eq!(kinds(&outlined), []);
    assert!(matches!(
        outlined.outline.parts[2].body,
        Body::File {
            is_inline: true,
            ..
        }
    ));
    assert!(
        outlined.contents[0]
            .bytes
            .starts_with(b"<img src=\"data:image/png;base64,")
    );
}

#[test]
fn languages_are_told() {
    let outlined = made("Subject: =?utf-8?B?7JWI64WV?=\n\nhello\n");
    assert_eq!(outlined.outline.language.as_deref(), Some("ko"));
}

#[test]
fn what_a_part_has_its_links_lead_on_from_is_told_with_them() {
    for name in ["Content-Base", "Content-Location"] {
        let outlined = made(&format!(
            "Content-Type: text/html\n{name}: https://evil.test/\n\n<a href=login>Click</a>\n"
        ));
        let host = outlined.outline.links[0].host.as_deref();
        assert_eq!(host, Some("evil.test"), "{name}");
    }
    let both = "Content-Location: https://b.test/\nContent-Base: https://a.test/";
    let outlined = made(&format!("Content-Type: text/html\n{both}\n\n<a href=x>x"));
    let host = outlined.outline.links[0].host.as_deref();
    assert_eq!(host, Some("a.test or b.test"));
}

#[test]
fn no_number_of_mailboxes_hides_an_author() {
    let decoys = "a@b.test, ".repeat(2_000);
    let rita = "=?utf-8?q?rita?=@corp.test";
    let outline = made(&format!("From: {decoys}{rita}\nTo: {decoys}{rita}\n\n")).outline;
    assert_eq!(outline.from.last().unwrap().address, "rita@corp.test");
    assert_eq!(outline.to.len(), 1_000);
}
