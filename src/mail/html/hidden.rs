//! Whether an element hides its text by the simple means that mails use. Never hides it.

use lol_html::html_content::Element;

use super::plain::decoded;

/// Whether it does.
pub(super) fn is_hidden(element: &Element<'_, '_>) -> bool {
    let style = element.get_attribute("style").unwrap_or_default();
    element.has_attribute("hidden") || decoded(&style).split(';').any(hides)
}

fn hides(declaration: &str) -> bool {
    let bare: String = declaration
        .chars()
        .filter(|sign| !sign.is_whitespace())
        .collect();
    let bare = bare.to_ascii_lowercase();
    let bare = bare.trim_end_matches("!important");
    let Some((name, value)) = bare.split_once(':') else {
        return false;
    };
    match name {
        "display" => value == "none",
        "visibility" => value == "hidden" || value == "collapse",
        "mso-hide" => value == "all",
        "color" => value == "transparent",
        "opacity" => number(value).is_some_and(|(opacity, _)| opacity <= 0.05),
        "font-size" => number(value).is_some_and(|(size, unit)| match unit {
            "px" | "pt" | "" => size <= 1.0,
            "em" | "rem" => size <= 0.1,
            "%" => size <= 10.0,
            _ => size <= 0.0,
        }),
        "max-height" | "max-width" => number(value).is_some_and(|(size, _)| size <= 0.0),
        "text-indent" | "left" | "top" => number(value).is_some_and(|(size, _)| size <= -500.0),
        _ => false,
    }
}

/// A number and its unit.
fn number(value: &str) -> Option<(f32, &str)> {
    let is_digit = |sign: char| sign.is_ascii_digit() || ".-+".contains(sign);
    let end = value.find(|sign| !is_digit(sign)).unwrap_or(value.len());
    let (number, unit) = value.split_at(end);
    Some((number.parse().ok()?, unit))
}
