//! The sanitiser, and the list of what may stay. Nothing touches its output: a text that was changed
//! after it was cleaned is not clean.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use ammonia::{Builder, UrlRelative};

use super::{
    pictures::{Room, id_of},
    plain::WITHOUT_CONTENT,
};

/// Elements that lay out or mark text. None of them loads anything but `img`, and none leads anywhere;
/// `bdo` and `bdi`, with which a line of letters is turned round, are not among them, nor those that a
/// browser hides (`rp`, closed `details`), which some program shows. `samp` is ours: the
/// walk writes labels with it, and mails have lost theirs before (`plain`).
const TAGS: [&str; 70] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Cleans a text; `shown` has the images of the mail by their Content-IDs, as data URIs.
pub(super) fn clean(html: &str, shown: BTreeMap<String, String>, room: Room) -> String {
    // A cell spans no rows: another one that spans columns would lie over it, label and all.
    let attributes: HashMap<&str, HashSet<&str>> = [
        ("img", ["src", "alt", "width", "height"].as_slice()),
        ("td", &["colspan", "align"]),
        ("th", &["colspan", "align"]),
        ("ol", &["start"]),
        ("col", &["span"]),
        ("colgroup", &["span"]),
    ]
    .into_iter()
    .map(|(tag, names)| (tag, names.iter().copied().collect()))
    .collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.into())
        .clean_content_tags(WITHOUT_CONTENT.into())
        .generic_attributes(["lang", "dir", "title"].into())
        .tag_attributes(attributes)
        // The filter sees only what has passed these: what it lets through is its own work.
        .url_schemes(["cid", "data"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(None)
        .strip_comments(true)
        .attribute_filter(move |element, attribute, value| {
            filter(element, attribute, value, &shown, &room)
        });
    builder.clean(html).to_string()
}

fn filter<'v>(
    element: &str,
    attribute: &str,
    value: &'v str,
    shown: &BTreeMap<String, String>,
    room: &Room,
) -> Option<Cow<'v, str>> {
    match (element, attribute) {
        ("img", "src") => match id_of(value) {
            Some(id) => {
                let uri = shown.get(&id).filter(|uri| room.take(uri.len()))?;
                Some(Cow::Owned(uri.clone()))
            }
            // Our own, when a clean page is cleaned again.
            None => shown
                .values()
                .any(|uri| uri == value)
                .then_some(Cow::Borrowed(value)),
        },
        (_, "src") => None,
        // Words, and none that could be taken for an address.
        (_, "title" | "alt") => Some(match value.contains("//") {
            true => Cow::Owned(value.replace("//", "/ /")),
            false => Cow::Borrowed(value),
        }),
        _ => {
            let is_plain = |sign: char| sign.is_ascii_alphanumeric() || "-%. ".contains(sign);
            (value.len() < 40 && value.chars().all(is_plain)).then_some(Cow::Borrowed(value))
        }
    }
}
