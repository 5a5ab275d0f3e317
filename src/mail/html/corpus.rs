//! Payloads that run scripts, load things or break out of a sanitiser, and what must be left of each:
//! words. Never part of the program.

use std::collections::BTreeMap;

use super::{Pictures, pictures::Room, read, safe};

/// One payload a line; signs that an editor does not show are written as names in braces.
const HOSTILE: [&str; 2] = [
    include_str!("../../../proto-tests/web/corpus/hostile.txt"),
    include_str!("../../../proto-tests/web/corpus/attributes.txt"),
];

const NAMED: [(&str, &str); 6] = [
    ("{NUL}", "\0"),
    ("{SOH}", "\u{1}"),
    ("{FF}", "\u{c}"),
    ("{ESC}", "\u{1b}"),
    ("{U+00A0}", "\u{a0}"),
    ("{U+2028}", "\u{2028}"),
];

/// All attributes that may be left.
const ATTRIBUTES: [&str; 11] = [
    "alt", "width", "height", "src", "colspan", "align", "start", "span", "lang", "dir", "title",
];

/// Elements that must not be left.
const ELEMENTS: [&str; 26] = [
    "script", "style", "svg", "math", "link", "meta", "base", "form", "iframe", "object", "embed",
    "applet", "video", "audio", "source", "track", "picture", "input", "button", "template",
    "frame", "frameset", "portal", "area", "textarea", "image",
];

fn payloads() -> Vec<String> {
    let written = |line: &str| {
        NAMED.iter().fold(line.to_owned(), |line, (name, sign)| {
            line.replace(name, sign)
        })
    };
    let lines = HOSTILE.iter().flat_map(|file| file.lines());
    lines.map(written).collect()
}

/// The tags of a clean page; its text and values hold no `<` of their own.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some((_, after)) = rest.split_once('<') {
        let mut is_quoted = false;
        let end = after.find(|sign| {
            is_quoted ^= sign == '"';
            sign == '>' && !is_quoted
        });
        let (tag, behind) = after.split_at(end.expect("a tag ends"));
        tags.push(tag);
        rest = behind;
    }
    tags
}

/// What is wrong with a page.
fn faults(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for tag in tags(page) {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        if ELEMENTS.contains(&name) || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            faults.push(format!("element {name}"));
        }
        let mut pieces = tag.split('"');
        while let (Some(front), Some(value)) = (pieces.next(), pieces.next()) {
            let attribute = front.rsplit(' ').next().unwrap().trim_end_matches('=');
            let lower = value.to_ascii_lowercase();
            let is_address =
                value.contains("//") || lower.contains("script:") && attribute != "title";
            if !ATTRIBUTES.contains(&attribute) || is_address || attribute == "src" {
                faults.push(format!("attribute {attribute}={value}"));
            }
        }
    }
    faults
}

#[test]
fn nothing_but_words_is_left_of_a_hostile_payload() {
    let mut found = Vec::new();
    for payload in payloads() {
        let page = read(&payload, &[], &mut Pictures::default())
            .page
            .unwrap_or_default();
        for fault in faults(&page) {
            found.push(format!("{payload}\n  {page}\n  {fault}"));
        }
        if safe::clean(&page, BTreeMap::new(), Room::default()) != page {
            found.push(format!(
                "{payload}\n  {page}\n  changes when it is cleaned again"
            ));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn nothing_is_left_when_payloads_stand_together() {
    let payloads = payloads();
    for pair in payloads.windows(2) {
        let html = pair.concat();
        let page = read(&html, &[], &mut Pictures::default())
            .page
            .unwrap_or_default();
        assert_eq!(faults(&page), Vec::<String>::new(), "{html}");
    }
}

#[test]
fn there_are_payloads_enough_and_no_two_alike() {
    let mut all = payloads();
    let n_all = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), n_all);
    assert!(n_all >= 200, "{n_all}");
}

#[test]
fn the_search_for_faults_finds_them() {
    for page in [
        "<script>x</script>",
        "<p onclick=\"x\">",
        "<img src=\"https://tracker.test/1\">",
        "<p title=\"//tracker.test\">",
        "<a href=\"x\">",
        "<svg></svg>",
    ] {
        assert!(!faults(page).is_empty(), "{page}");
    }
    assert!(faults("<p title=\"a\">b</p><img alt=\"c\">").is_empty());
}
