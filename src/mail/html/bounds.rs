//! Whether HTML is small enough to be parsed: the work of a browser's parser grows with how deep its
//! elements lie, and with the formatting that each block opens anew; that of its tokenizer with the
//! square of a tag's attributes; that of writing it out with text that is looked through again and again.
//! Never changes the HTML.

use super::tags::Tag;

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

/// Attributes of a tag: each is compared with all before it. Those of Word have some forty.
const MOST_ATTRIBUTES: usize = 256;

/// Bytes of tags that are read, over all places where one may begin: some begin within others.
const MOST_READ: usize = 16 * 1024 * 1024;

/// Bytes of the tags of elements that blocks open anew: each is written out anew.
const MOST_BYTES_ANEW: u64 = 16 * 1024 * 1024;

/// Bytes that are looked through when it is written out, in each of two times: less than half a second.
const MOST_LOOKED_THROUGH: u64 = 40_000_000_000;

/// Whether a parser can be asked.
pub(super) fn fits(html: &str) -> bool {
    let mut open: Vec<Open> = Vec::new();
    let mut work = Work::default();
    // An end tag that ends nothing, and some others, part no text: all of it may be one.
    let mut text = Span::of(html);
    for (at, _) in html.match_indices('<').take(MOST_TAGS) {
        work.pass(&open);
        if work.is_too_much() {
            return false;
        }
        let Some(tag) = Tag::read(html.get(at + 1..).unwrap_or_default()) else {
            continue;
        };
        let span = Span::of(tag.text);
        // If this is text after all, nothing looks further than to its `>`.
        if tag.is_closed && !tag.text.contains('<') {
            text = text.without(span);
            work.n_looked_through += span.looked_through();
        }
        work.n_read += tag.text.len();
        work.n_attributes = work.n_attributes.max(tag.n_attributes);
        let name = tag.name();
        if tag.is_end {
            close(&mut open, &name);
        } else if !UNCOUNTED.contains(&name.as_str()) {
            if matches!(name.as_str(), "td" | "th") {
                close_cell(&mut open);
            }
            let formatting = is_formatting(&name).then_some(span);
            open.push(Open { name, formatting });
        }
    }
    work.n_looked_through += text.looked_through();
    !work.is_too_much() && html.match_indices('<').nth(MOST_TAGS).is_none()
}

/// An element that is open.
struct Open {
    name: String,
    /// Its tag, if blocks open it anew.
    formatting: Option<Span>,
}

/// Some of the HTML.
#[derive(Clone, Copy)]
struct Span {
    n_bytes: u64,
    /// How many may be written in another way than they stand there: behind each the writer looks for
    /// the next `<` or `>`, to the end of the text.
    n_escaped: u64,
}

impl Span {
    fn of(html: &str) -> Self {
        // The second one begins a blank that does not break, and others.
        let is_escaped = |byte: &u8| matches!(byte, b'&' | 0xc2);
        Self {
            n_bytes: html.len() as u64,
            n_escaped: html.bytes().filter(is_escaped).count() as u64,
        }
    }

    fn without(self, part: Self) -> Self {
        Self {
            n_bytes: self.n_bytes.saturating_sub(part.n_bytes),
            n_escaped: self.n_escaped.saturating_sub(part.n_escaped),
        }
    }

    fn looked_through(self) -> u64 {
        self.n_bytes.saturating_mul(self.n_escaped)
    }
}

/// What is done for HTML, over all tags.
#[derive(Default)]
struct Work {
    n_steps: usize,
    n_anew: usize,
    n_bytes_anew: u64,
    n_looked_through: u64,
    n_read: usize,
    /// Of the tag that has most.
    n_attributes: usize,
}

impl Work {
    /// A tag comes while these elements are open.
    fn pass(&mut self, open: &[Open]) {
        self.n_steps += open.len();
        for span in open.iter().filter_map(|open| open.formatting) {
            self.n_anew += 1;
            self.n_bytes_anew += span.n_bytes;
            self.n_looked_through += span.looked_through();
        }
    }

    fn is_too_much(&self) -> bool {
        self.n_steps > MOST_STEPS
            || self.n_anew > MOST_OPENED_ANEW
            || self.n_bytes_anew > MOST_BYTES_ANEW
            || self.n_looked_through > MOST_LOOKED_THROUGH
            || self.n_read > MOST_READ
            || self.n_attributes > MOST_ATTRIBUTES
    }
}

/// An end tag closes what stands before the next wall, and else nothing; formatting stays open.
fn close(open: &mut Vec<Open>, name: &str) {
    let is_wall = WALLS.contains(&name);
    let wall = open
        .iter()
        .rposition(|other| WALLS.contains(&other.name.as_str()));
    let place = open.iter().rposition(|other| other.name == name);
    let Some(place) = place.filter(|place| is_wall || wall.is_none_or(|wall| wall < *place)) else {
        return;
    };
    let above = open.split_off(place).into_iter().skip(1);
    let stays = |other: &Open| other.formatting.is_some();
    match name {
        // What stands in a table outside of its cells is moved before it.
        "table" => open.extend(
            above
                .take_while(|other| !is_cell(&other.name))
                .filter(stays),
        ),
        _ if is_wall => {}
        _ => open.extend(above.filter(stays)),
    }
}

/// A cell ends with the next one.
fn close_cell(open: &mut Vec<Open>) {
    let table = open.iter().rposition(|other| other.name == "table");
    let cell = |table| {
        open.iter()
            .skip(table)
            .position(|other| is_cell(&other.name))
    };
    let first = table.and_then(cell);
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
    #[test]
    fn what_a_writer_looks_through_again_and_again_is_seen() {
        let many = |sign: &str| sign.repeat(1_000_000 / sign.len());
        for sign in [
            "&",
            "&amp;",
            "\u{a0}",
            "&</x>",
            "<!---->&",
            "a&&&&&&&&&</x y=z>",
        ] {
            assert!(!fits(&many(sign)), "{sign}");
        }
        assert!(!fits(&format!("<p title='{}'>", many("&"))));
        assert!(!fits(&format!("<p title='<{}'>", many("&"))));
        assert!(!fits(&format!("<!-- <p title=\" -->{}", many("&</x>"))));
    }

    #[test]
    fn blanks_and_addresses_as_newsletters_have_them_fit() {
        let word = "word&nbsp;wo\u{a0}rd and more words of the usual length, ";
        assert!(fits(&word.repeat(8_000)));
        let row = "<tr><td>&nbsp;</td><td>\u{a0}<a href='https://x.test/?a=1&amp;b=2&amp;c=3&amp;d=4'>y</a></td></tr>";
        assert!(fits(&format!("<table>{}</table>", row.repeat(10_000))));
    }

    #[test]
    fn a_tag_with_attributes_without_number_is_seen() {
        let names = |n: usize| (0..n).map(|name| format!(" {name:x}g")).collect::<String>();
        for before in [
            "<p",
            "</p",
            "<p a=\">\"",
            "<p a='<b>'",
            "<!-- --><p>x</p><i",
            "<p/",
        ] {
            assert!(!fits(&format!("{before}{}>x", names(300))), "{before}");
            assert!(fits(&format!("{before}{}>x", names(200))), "{before}");
        }
        assert!(!fits(&format!("<p{}", names(300))));
        let long = "<p title=\"".to_owned() + &"word ".repeat(100_000) + "\">x";
        assert!(fits(&long));
    }

    #[test]
    fn tags_that_begin_within_others_are_read_in_bounds() {
        assert!(!fits(&"<a b=\"".repeat(50_000).replace("\"<", "<")));
        assert!(!fits(&"<a ".repeat(99_000)));
    }

    #[test]
    fn long_formatting_that_each_block_opens_anew_is_seen() {
        let long = "x".repeat(10_000);
        assert!(!fits(&format!("<b title={long}>{}", "<p>x".repeat(10_000))));
        assert!(fits(&format!("<b title=x>{}", "<p>x".repeat(10_000))));
        let signs = "&".repeat(2_000);
        assert!(!fits(&format!(
            "<b title={signs}>{}",
            "<p>x".repeat(12_000)
        )));
    }
}
