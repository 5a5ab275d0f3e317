//! Whether HTML is small enough to be parsed: the work of a browser's parser grows with how deep its
//! elements lie, and with the formatting that each block opens anew. Never changes the HTML.

/// Steps through open elements, over all tags. A mail of 50,000 tags lies 30 deep.
const MOST_STEPS: usize = 3_000_000;

/// Elements that blocks open anew, over all tags.
const MOST_OPENED_ANEW: usize = 500_000;

/// Tags in all.
const MOST_TAGS: usize = 100_000;

/// Elements that stay open over the end of a block, and are opened anew in the next one.
const FORMATTING: [&str; 14] = [
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u",
];

/// Elements that no end tag of another element closes.
const WALLS: [&str; 9] = [
    "table", "td", "th", "caption", "object", "applet", "marquee", "template", "svg",
];

/// Elements without content, or whose end is left out so often that it tells nothing.
const UNCOUNTED: [&str; 18] = [
    "br", "img", "hr", "input", "meta", "link", "base", "col", "area", "wbr", "embed", "source",
    "p", "li", "dt", "dd", "tr", "option",
];

/// Whether a parser can be asked.
pub(super) fn fits(html: &str) -> bool {
    let mut open: Vec<String> = Vec::new();
    let (mut n_formatting, mut n_steps, mut n_anew) = (0_usize, 0_usize, 0_usize);
    for (at, _) in html.match_indices('<').take(MOST_TAGS) {
        let rest = html.get(at + 1..).unwrap_or_default();
        let (name, is_end) = match rest.strip_prefix('/') {
            Some(rest) => (name_of(rest), true),
            None => (name_of(rest), false),
        };
        n_steps += open.len();
        n_anew += n_formatting;
        if n_steps > MOST_STEPS || n_anew > MOST_OPENED_ANEW {
            return false;
        }
        if is_end {
            close(&mut open, &name);
        } else if !name.is_empty() && !UNCOUNTED.contains(&name.as_str()) {
            if matches!(name.as_str(), "td" | "th") {
                close_cell(&mut open);
            }
            open.push(name);
        } else {
            continue;
        }
        n_formatting = open.iter().filter(|name| is_formatting(name)).count();
    }
    html.match_indices('<').nth(MOST_TAGS).is_none()
}

/// An end tag closes what stands before the next wall, and else nothing; formatting stays open.
fn close(open: &mut Vec<String>, name: &str) {
    let is_wall = WALLS.contains(&name);
    let wall = open
        .iter()
        .rposition(|other| WALLS.contains(&other.as_str()));
    let place = open.iter().rposition(|other| *other == name);
    let Some(place) = place.filter(|place| is_wall || wall.is_none_or(|wall| wall < *place)) else {
        return;
    };
    let above = open.split_off(place).into_iter().skip(1);
    let stays = |other: &String| is_formatting(other);
    match name {
        // What stands in a table outside of its cells is moved before it.
        "table" => open.extend(above.take_while(|other| !is_cell(other)).filter(stays)),
        _ if is_wall => {}
        _ => open.extend(above.filter(stays)),
    }
}

/// A cell ends with the next one.
fn close_cell(open: &mut Vec<String>) {
    let table = open.iter().rposition(|name| name == "table");
    let first = table.and_then(|table| open.iter().skip(table).position(|name| is_cell(name)));
    if let (Some(table), Some(first)) = (table, first) {
        open.truncate(table + first);
    }
}

fn is_cell(name: &str) -> bool {
    matches!(name, "td" | "th" | "caption")
}

fn is_formatting(name: &str) -> bool {
    FORMATTING.contains(&name)
}

fn name_of(rest: &str) -> String {
    let end = rest
        .find(|sign: char| !sign.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    let name = rest.get(..end.min(20)).unwrap_or_default();
    let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic());
    if is_name {
        name.to_ascii_lowercase()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_page_of_every_day_fits() {
        let row = "<tr><td><p>x<br><b>y</b><li>z<td><a href=x><img src=y></a></td></tr>";
        let deep = "<div><blockquote>".repeat(200) + &"</blockquote></div>".repeat(200);
        assert!(fits(&format!("<table>{}</table>{deep}", row.repeat(4_000))));
    }

    #[test]
    fn depth_that_end_tags_only_seem_to_close_is_seen() {
        let many = |piece: &str| piece.repeat(20_000);
        for piece in [
            "<div>",
            "<div></x>",
            "<b></i><p>",
            "<div><table><td></div>",
            "<table><b></table><p>",
        ] {
            assert!(!fits(&many(piece)), "{piece}");
        }
        assert!(fits(&many("<div></div>")));
    }
}
