//! Names of elements, where the cleaner reads another meaning into them than a browser does. Changes
//! names alone.

/// Every element that a browser's parser, or a list of ours, treats as more than a name. `noscript` is
/// none: nobody who reads mail runs scripts, and the parser does.
const KNOWN: [&str; 142] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "applet",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "basefont",
    "bdi",
    "bdo",
    "bgsound",
    "big",
    "blink",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "command",
    "data",
    "datalist",
    "dd",
    "del",
    "details",
    "dfn",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figcaption",
    "figure",
    "font",
    "footer",
    "foreignobject",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hgroup",
    "hr",
    "html",
    "i",
    "iframe",
    "image",
    "img",
    "input",
    "ins",
    "isindex",
    "kbd",
    "keygen",
    "label",
    "legend",
    "li",
    "link",
    "listing",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "menu",
    "menuitem",
    "meta",
    "meter",
    "nav",
    "nobr",
    "noembed",
    "noframes",
    "o",
    "object",
    "ol",
    "optgroup",
    "option",
    "output",
    "p",
    "param",
    "plaintext",
    "pre",
    "progress",
    "q",
    "rb",
    "rp",
    "rt",
    "rtc",
    "ruby",
    "s",
    "samp",
    "script",
    "search",
    "section",
    "select",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "time",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
    "xml",
    "xmp",
];

/// Gives every other element a name that nobody knows. Those that SVG or MathML have are taken away by
/// the cleaner with their content where they stand in HTML (`<g>`, `<text>`, `<in>`): a browser shows it.
pub(super) fn neutral(html: &str) -> String {
    let mut renamed = html.as_bytes().to_vec();
    for (at, _) in html.match_indices('<') {
        let behind = html.get(at + 1..).unwrap_or_default();
        let name = behind.strip_prefix('/').unwrap_or(behind);
        let is_other = |sign: char| !sign.is_ascii_alphanumeric();
        let start = html.len() - name.len();
        let name = name.split(is_other).next().unwrap_or_default();
        let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic());
        let is_known = || KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name));
        if is_name && !is_known() {
            rename(&mut renamed, start);
        }
    }
    String::from_utf8(renamed).unwrap_or_else(|_| html.to_owned())
}

/// Gives the element whose name stands there one that nobody knows.
pub(super) fn rename(html: &mut [u8], at: usize) {
    if let Some(letter) = html.get_mut(at) {
        *letter = b'y';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_browser_does_not_know_are_changed() {
        let html = "<p><SVG>1 < 2</svg><o:p>g</o:p><!-- g --><H1 g='text'>";
        assert_eq!(neutral(html), html);
        let html = "<g>a</G><text b><NoScript><annotation-xml></in>";
        let wanted = "<y>a</y><yext b><yoScript><ynnotation-xml></yn>";
        assert_eq!(neutral(html), wanted);
    }
}
