//! What a browser gets of a mail beside the page: the safe page of an HTML part, a file, the message as
//! it was captured. Never with a type that a browser would open.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{
    Desk,
    error::WebError,
    fields::{At, Named},
    guard::Seat,
    headers,
    look::Look,
};
use crate::{
    domain::{audit::AuditKind, rights::Act},
    store::{
        StoreError,
        outlines::{self, ContentKind, Standing},
    },
};

/// What stands before a safe page, but for its language: its letters, the frame of the hosts that are
/// written before links and the line below both (no mail can draw them in letters; an `a` has a `dir` if
/// it has a host), and nothing that it could be without. Of letters that are set small, big, high or low,
/// as headings or above others, again and again, it is done once: else a mail lifts words away from the
/// host, or makes them too big or small. What is quoted or listed, or in tables, for the fifth time stands
/// no further in: else it is beside the window, host and all.
const PAGE_HEAD: &str = "<head><meta charset=\"utf-8\"><style>\
    body{margin:8px;font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere;background:#fff;color:#111}\
    samp{display:inline-block;direction:ltr;unicode-bidi:isolate;max-width:100%;padding:0 4px;\
    border:2px solid #b3541e;border-radius:4px;background:#fff4e5;color:#111;font:bold 13px/1.4 monospace}\
    a[dir]{text-decoration:underline 2px #b3541e}\
    :is(small,big,sub,sup) :is(small,big,sub,sup){font-size:1em;vertical-align:baseline}\
    :is(small,big,sub,sup,rt,h1,h2,h3,h4,h5,h6) :is(rt,h1,h2,h3,h4,h5,h6),\
    rt :is(small,big,sub,sup){font-size:1em}\
    :is(blockquote,figure){margin-right:0}\
    :is(blockquote,figure,ul,ol,dd) :is(blockquote,figure,ul,ol,dd) \
    :is(blockquote,figure,ul,ol,dd) :is(blockquote,figure,ul,ol,dd) \
    :is(blockquote,figure,ul,ol,dd){\
    margin-left:0;margin-right:0;padding-left:0;padding-right:0;list-style-position:inside}\
    table table table table table{border-spacing:0}\
    table table table table table :is(td,th){padding:0}\
    img{max-width:100%;height:auto}table{max-width:100%}\
    </style></head><body>";
const PAGE_END: &str = "</body></html>";

/// The safe page of an HTML part, in a place of its own (its Content-Security-Policy).
pub async fn page(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    At((Named(id), part)): At<(Named, u32)>,
) -> Result<Response, WebError> {
    let subject = seat.allow_over(&desk, Act::View, id).await?;
    let Standing::Made(outline) = subject.outline else {
        return Err(WebError::NotFound);
    };
    let found = outlines::part(&outline, part).ok_or(WebError::NotFound)?;
    let outlines::Body::Html {
        text: shown,
        has_page: true,
    } = &found.body
    else {
        return Err(WebError::NotFound);
    };
    seat.look(&desk, &Look::Page(part), Some(id)).await?;
    let mut text = beginning(shown.language.as_deref()).into_bytes();
    let mut ordinal = 0;
    while let Some(chunk) = desk
        .store
        .outline_chunk(id, part, ContentKind::Page, ordinal)
        .await?
    {
        text.extend_from_slice(&chunk);
        ordinal += 1;
    }
    text.extend_from_slice(PAGE_END.as_bytes());
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, headers::MAIL_POLICY),
    ];
    Ok((headers, text).into_response())
}

/// The beginning of a safe page. Its language chooses among the forms of Han letters.
fn beginning(language: Option<&str>) -> String {
    let is_tag = |tag: &&str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !tag.is_empty() && tag.bytes().all(is_plain)
    };
    let lang = language
        .filter(is_tag)
        .map(|tag| format!(" lang=\"{tag}\""));
    format!(
        "<!doctype html><html{}>{PAGE_HEAD}",
        lang.unwrap_or_default()
    )
}

/// A file of a message.
pub async fn file(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    At((Named(id), part)): At<(Named, u32)>,
) -> Result<Response, WebError> {
    let subject = seat.allow_over(&desk, Act::Download, id).await?;
    let Standing::Made(outline) = subject.outline else {
        return Err(WebError::NotFound);
    };
    let found = outlines::part(&outline, part).ok_or(WebError::NotFound)?;
    if !matches!(found.body, outlines::Body::File { .. }) {
        return Err(WebError::NotFound);
    }
    let detail = format!("part {part}, SHA-256 {}", found.sha256);
    seat.record(&desk, AuditKind::Downloaded, Some(id), &detail)
        .await?;
    let usual = format!("part-{part}.bin");
    let name = found.name.as_deref().unwrap_or(&usual).to_owned();
    let chunks = futures_util::stream::unfold((desk, 0), move |(desk, ordinal)| async move {
        let asked = desk
            .store
            .outline_chunk(id, part, ContentKind::File, ordinal);
        let chunk = asked.await.transpose()?;
        Some((chunk, (desk, ordinal + 1)))
    });
    Ok(download(&name, found.size_bytes, Body::from_stream(chunks)))
}

/// The message as it was captured.
pub async fn raw(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    At(Named(id)): At<Named>,
) -> Result<Response, WebError> {
    let (review, _) = seat.message(&desk, Act::ViewRaw, id, None).await?;
    let detail = format!("the whole message, SHA-256 {}", review.capture.digest);
    seat.record(&desk, AuditKind::Downloaded, Some(id), &detail)
        .await?;
    let content = desk.store.content(id);
    let chunks = futures_util::stream::unfold(content, |mut content| async move {
        let chunk: Result<Bytes, StoreError> = content.next_chunk().await.transpose()?;
        Some((chunk, content))
    });
    let name = format!("{}.eml", review.capture.queue_id);
    let size_bytes = review.capture.size_bytes;
    Ok(download(&name, size_bytes, Body::from_stream(chunks)))
}

/// An answer that a browser keeps as a file and never opens (RFC 6266, RFC 8187).
fn download(name: &str, size_bytes: u64, body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let constant = HeaderValue::from_static;
    headers.insert(header::CONTENT_TYPE, constant("application/octet-stream"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        constant(headers::FILE_POLICY),
    );
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size_bytes));
    let disposition = HeaderValue::from_str(&disposition(name));
    let usual = constant("attachment");
    headers.insert(header::CONTENT_DISPOSITION, disposition.unwrap_or(usual));
    response
}

/// `Content-Disposition` with the name twice: for old programs in ASCII, for all others as it is.
fn disposition(name: &str) -> String {
    let is_plain = |sign: char| sign.is_ascii_alphanumeric() || " .-_()".contains(sign);
    let plain: String = name
        .chars()
        .take(120)
        .map(|sign| if is_plain(sign) { sign } else { '_' })
        .collect();
    let whole: String = name
        .chars()
        .filter(|sign| !crate::domain::signs::is_unseen(*sign))
        .take(120)
        .collect();
    // What leads out of a folder, on any system.
    let whole = whole.replace(['/', '\\', ':'], "_");
    let mut encoded = String::new();
    for byte in whole.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_in_the_language_of_its_part() {
        let begins = |language| {
            let page = beginning(language);
            let (start, _) = page.split_once("<head>").unwrap();
            start.to_owned()
        };
        assert_eq!(begins(Some("ja")), "<!doctype html><html lang=\"ja\">");
        for other in [None, Some(""), Some("\"><script>")] {
            assert_eq!(begins(other), "<!doctype html><html>", "{other:?}");
        }
    }

    #[test]
    fn a_name_can_neither_break_the_header_nor_leave_the_folder() {
        let told = disposition("../a\"\r\nSet-Cookie: x\u{202e}exe.見積.pdf");
        assert!(HeaderValue::from_str(&told).is_ok());
        assert!(
            !told.contains(['\r', '\n']) && !told.contains("../") && !told.contains("%2F"),
            "{told}"
        );
        assert!(told.contains("%E8%A6%8B%E7%A9%8D.pdf"), "{told}");
        assert!(!told.contains("%E2%80%AE"), "{told}");
    }
}
