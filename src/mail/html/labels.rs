//! Labels: where a link leads, written right before its words, and again wherever a mail could move words
//! away from it. Never reads a target, never makes a link.

use super::plain::escaped;
use crate::domain::signs;

/// The element that a label is written with; no mail keeps one of its own.
pub(super) const LABEL: &str = "samp";

/// Stands for the words of a link that has none: what follows a label is always what it is about.
const NO_WORDS: char = '\u{25a1}';

/// Elements that change letters, and not their place (`web::content` sees to those that would when they
/// are nested): the words behind them go on in the line. All others part words.
const LETTERS: [&str; 34] = [
    "abbr", "acronym", "b", "bdo", "big", "button", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "map", "mark", "o:p", "q", "s", "small", "span", "strike",
    "strong", "sub", "sup", "time", "tt", "u", "var", "wbr", "img",
];

/// Blanks in a row that words stay together over.
const MOST_BLANKS: usize = 8;

/// Signs of a link after which the next word has a label again: some lines.
const MOST_SIGNS: usize = 200;

/// Signs of a link without a blank, after which it has a label again within the word; no address that a
/// link has as its words is as long.
const MOST_SIGNS_OF_A_WORD: usize = 600;

/// Bytes of all labels: a mail can part the words of a link a hundred thousand times.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// The labels of the links that are open, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Labels {
    open: Vec<Label>,
    n_bytes: usize,
}

#[derive(Debug)]
struct Label {
    html: String,
    is_written: bool,
    /// Whether the next thing that is seen of the link needs it.
    is_due: bool,
    /// Signs since it was written.
    n_signs: usize,
    /// Blanks since the last sign.
    n_blanks: usize,
}

impl Labels {
    /// A link begins that leads there.
    pub fn begin(&mut self, place: &str) {
        self.open.push(Label {
            html: html(place),
            is_written: false,
            is_due: true,
            n_signs: 0,
            n_blanks: 0,
        });
    }

    /// The innermost link ends; what to write before its end if nothing was seen of it.
    pub fn end(&mut self) -> Option<String> {
        let ended = self.open.pop().filter(|label| !label.is_written)?;
        self.n_bytes += ended.html.len();
        (!self.is_incomplete()).then(|| format!("{}{NO_WORDS}", ended.html))
    }

    /// An element begins or ends.
    pub fn pass(&mut self, element: &str) {
        if !LETTERS.contains(&element) {
            self.part();
        }
    }

    /// What to write before a picture, which is as high and as broad as the mail likes.
    pub fn before_picture(&mut self) -> Option<String> {
        let label = self.take();
        self.part();
        label
    }

    /// What to write for a link that is only a place in a picture, with the words it has instead.
    pub fn alone(&mut self, place: &str, words: &str, blanks: Blanks) -> Option<String> {
        self.begin(place);
        let words = self.with_words(words, blanks);
        let instead = self.end().unwrap_or_default();
        (!self.is_incomplete()).then(|| format!("{words}{instead} "))
    }

    /// Text as it is written out, with its labels.
    pub fn with_words(&mut self, text: &str, blanks: Blanks) -> String {
        let mut html = String::with_capacity(text.len());
        let mut from = 0;
        for (at, sign) in text.char_indices() {
            if !sign.is_whitespace()
                && let Some(label) = self.take()
            {
                html.push_str(&escaped(text.get(from..at).unwrap_or_default()));
                html.push_str(&label);
                from = at;
            }
            if let Some(label) = self.open.last_mut() {
                label.count(sign, blanks);
            }
        }
        html + &escaped(text.get(from..).unwrap_or_default())
    }

    /// The words of a picture, which the browser breaks into lines behind the label before it: few.
    pub fn of_picture(&self, words: &str) -> Option<String> {
        let few = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let end = few.char_indices().nth(MOST_SIGNS).map(|(end, _)| end);
        let few = match end.and_then(|end| few.get(..end)) {
            Some(cut) => format!("{cut}\u{2026}"),
            None => few,
        };
        (self.is_within() && few != words).then_some(few)
    }

    /// Whether a link is open.
    pub fn is_within(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether labels are missing because there would be too many.
    pub fn is_incomplete(&self) -> bool {
        self.n_bytes > MOST_BYTES
    }

    fn part(&mut self) {
        if let Some(label) = self.open.last_mut() {
            label.is_due = true;
        }
    }

    fn take(&mut self) -> Option<String> {
        let label = self.open.last_mut().filter(|label| label.is_due)?;
        self.n_bytes += label.html.len();
        label.is_written = true;
        label.is_due = false;
        (label.n_signs, label.n_blanks) = (0, 0);
        (self.n_bytes <= MOST_BYTES).then(|| label.html.clone())
    }
}

impl Label {
    fn count(&mut self, sign: char, blanks: Blanks) {
        if !sign.is_whitespace() {
            self.n_signs += 1;
            self.n_blanks = 0;
            self.is_due |= self.n_signs >= MOST_SIGNS_OF_A_WORD;
            return;
        }
        let ends_a_line = match blanks {
            Blanks::AreText => sign == '\n',
            Blanks::Collapse => false,
        };
        let is_seen = match blanks {
            Blanks::AreText => true,
            Blanks::Collapse => !sign.is_ascii_whitespace(),
        };
        self.n_blanks += usize::from(is_seen);
        self.is_due |= ends_a_line || self.n_blanks > MOST_BLANKS || self.n_signs > MOST_SIGNS;
    }
}

/// What a browser makes of several blanks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blanks {
    /// One.
    Collapse,
    /// They stand as they are.
    AreText,
}

/// A label from left to right, whatever the direction of the text around it.
fn html(place: &str) -> String {
    let place = escaped(&signs::in_brackets(place));
    format!("<{LABEL} dir=\"ltr\">[{place}]</{LABEL}> ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::html::{Pictures, read};

    /// A page with bare labels and without its other elements, and with `/` where one of these parts lines.
    fn shown(html: &str) -> String {
        let mut page = read(html, &[], &mut Pictures::default()).page.unwrap();
        for (written, bare) in [
            ("<a dir=\"ltr\">", ""),
            ("</a>", ""),
            ("</p>", ""),
            ("<samp dir=\"ltr\">", ""),
            ("</samp>", ""),
            ("<br>", "/"),
            ("\n", "/"),
            ("&nbsp;", "_"),
        ] {
            page = page.replace(written, bare);
        }
        page
    }

    #[test]
    fn a_link_has_one_label_before_its_words() {
        for (html, wanted) in [
            ("<a href=//x.test>words</a>", "[x.test] words"),
            ("a <a href=//x.test> b  c</a>", "a  [x.test] b  c"),
            ("<a href=//x.test>a <b>b</b> c</a>", "[x.test] a <b>b</b> c"),
            (
                "<a href=//x.test><br>&nbsp;&nbsp;&nbsp;&nbsp;a&nbsp;&nbsp;&nbsp;&nbsp;</a>",
                "/____[x.test] a____",
            ),
            ("<a href=//x.test>a <img></a>", "[x.test] a <img>"),
            (
                "<a href=//x.test><img><br>a</a>",
                "[x.test] <img>/[x.test] a",
            ),
        ] {
            assert_eq!(shown(html), wanted, "{html}");
        }
    }

    #[test]
    fn no_words_of_a_link_are_moved_away_from_its_label() {
        let blanks = "&nbsp;".repeat(500);
        for between in [
            "<br>",
            "<p>",
            "<hr>",
            "<table><tr><td>x</td></tr></table>",
            "<ruby>x<rp>x</rp></ruby>",
            "<img>",
            "<object><a href=//bank.test>x</a></object>",
            "<object><a href=//bank.test></a></object>",
            "<table><tr><td><a href=//bank.test></a></td></tr></table>",
            "<map><area href=//bank.test></map>",
            "<pre>\n\n</pre>",
            &blanks,
            &"\u{2003} ".repeat(500),
        ] {
            let page = shown(&format!("<a href=//evil.test>.{between}words"));
            let (_, behind) = page.rsplit_once("[evil.test] ").unwrap();
            assert_eq!(behind, "words", "{between}: {page}");
        }
        let page = shown(&format!("<a href=//evil.test>{}words", ". ".repeat(500)));
        let (_, behind) = page.rsplit_once("[evil.test] ").unwrap();
        assert!(behind.len() < 500, "{page}");
        let page = shown(&format!(
            "<pre><a href=//evil.test>a{}words",
            "\n".repeat(200)
        ));
        assert!(page.ends_with("/[evil.test] words</pre>"), "{page}");
        // What looks like blanks has a name.
        let drawn = "\u{2800}".repeat(500);
        for quiet in ["<wbr>", "<i>x</i>", "\n \n", "&nbsp;", &drawn] {
            let page = shown(&format!("<a href=//evil.test>.{quiet}words"));
            assert_eq!(page.matches("[evil.test]").count(), 1, "{quiet}: {page}");
        }
    }

    #[test]
    fn a_word_of_a_link_without_end_has_its_label_again() {
        let dots = ".".repeat(5_000);
        for html in [
            format!("<a href=//evil.test>{dots}bank.test</a>"),
            format!("<map><area href=//evil.test alt='{dots}bank.test'></map>"),
        ] {
            let page = shown(&html);
            assert_eq!(page.matches("[evil.test] ").count(), 9, "{page}");
            let (_, behind) = page.trim_end().rsplit_once("[evil.test] ").unwrap();
            assert!(
                behind.len() <= 600 && behind.ends_with("bank.test"),
                "{page}"
            );
        }
        let address = format!("https://evil.test/{}", "x".repeat(500));
        let page = shown(&format!("<a href=//evil.test>{address}</a>"));
        assert_eq!(page, format!("[evil.test] {address}"));
    }

    #[test]
    fn the_words_of_a_picture_stay_at_their_label() {
        let many = |piece: &str| piece.repeat(300);
        for filled in [many("."), many(". "), many("&nbsp;."), many("\n.")] {
            let page = shown(&format!(
                "<a href=//evil.test><img alt='{filled}bank.test'>"
            ));
            assert!(page.starts_with("[evil.test] <img alt=\""), "{page}");
            assert!(
                page.ends_with("\u{2026}\">") && page.chars().count() < 250,
                "{page}"
            );
            assert!(!page.contains("bank.test"), "{page}");
        }
        let blanks = many("&nbsp;") + &many("\n");
        let page = shown(&format!(
            "<pre><a href=//evil.test><img alt='{blanks}words'>"
        ));
        assert_eq!(page, "<pre>[evil.test] <img alt=\"words\"></pre>");
        let page = shown(&format!(
            "<map><area href=//evil.test alt='.{blanks}words'></map>"
        ));
        assert_eq!(page.matches("[evil.test] ").count(), 2, "{page}");
        assert!(page.ends_with("[evil.test] words "), "{page}");
        // Elsewhere they are as long as they like.
        let page = shown(&format!("<img alt='{}'>", many(".")));
        assert_eq!(page.len(), 300 + "<img alt=\"\">".len());
    }

    #[test]
    fn a_link_within_a_link_has_its_own_label_and_the_words_behind_it_the_outer_one() {
        let html = "<a href=//one.test>one <object><a href=//two.test>two</a></object> three</a>";
        assert_eq!(
            shown(html),
            "[one.test] one [two.test] two [one.test] three"
        );
    }

    #[test]
    fn a_link_without_words_shows_a_box_for_them() {
        assert_eq!(shown("<a href=//x.test> <br></a>y"), " /[x.test] \u{25a1}y");
    }

    #[test]
    fn nothing_is_written_once_labels_are_too_many() {
        let host = "x".repeat(1_000);
        let mut labels = Labels::default();
        let mut n_bytes = 0;
        for _ in 0..4_000 {
            let alone = labels.alone(&host, "x", Blanks::Collapse);
            labels.begin(&host);
            n_bytes += alone.unwrap_or_default().len() + labels.end().unwrap_or_default().len();
        }
        assert!(labels.is_incomplete());
        assert!(n_bytes < MOST_BYTES + 100_000, "{n_bytes}");
    }

    #[test]
    fn labels_without_number_make_no_page() {
        let lines = "x<br>".repeat(80_000);
        let read = read(
            &format!("<a href=//{}.test>{lines}", "x".repeat(60)),
            &[],
            &mut Pictures::default(),
        );
        assert!(read.page.is_none() && read.is_too_deep);
        assert_eq!(read.links.len(), 1);
        assert!(read.text.starts_with("x\nx\n"));
    }
}
