//! Where lines of a text begin and end. Never looks at a style.

/// What an element does to the line it begins or ends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    None,
    Space,
    Line,
    Paragraph,
}

/// What this element does.
pub(super) fn break_of(name: &str) -> Break {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table"
        | "blockquote" | "pre" | "hr" => Break::Paragraph,
        "br" | "div" | "li" | "tr" | "dt" | "dd" | "article" | "aside" | "section" | "main"
        | "nav" | "header" | "footer" | "address" | "figure" | "figcaption" | "caption"
        | "details" | "summary" | "center" | "form" | "fieldset" => Break::Line,
        "td" | "th" => Break::Space,
        _ => Break::None,
    }
}
