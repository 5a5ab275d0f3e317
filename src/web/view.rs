//! What templates show: texts that are ready, each in pieces where it may hold signs that nobody sees.
//! Never decides anything.

use crate::domain::signs;

/// A piece of a text: words, or the name of a sign that is not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The words, or the sign's short name.
    pub text: String,
    /// Whether it is such a sign.
    pub is_mark: bool,
    /// The sign's number.
    pub title: String,
}

/// A mark on a line or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How it looks: `external`, `warn`, `bad`, or nothing.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
}

/// A value with its marks; in a table perhaps with a file to download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The text.
    pub pieces: Vec<Piece>,
    /// Its marks.
    pub marks: Vec<Mark>,
    /// Where its file is.
    pub path: Option<String>,
    /// The page that its text leads to.
    pub page: Option<String>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What it shows.
    pub name: String,
    /// The names of its columns.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Value>>,
}

/// A text in its language.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The text.
    pub pieces: Vec<Piece>,
    /// Its language (BCP 47).
    pub lang: Option<String>,
}

/// A page in a frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where it is.
    pub path: String,
    /// What it is, for those who do not see it.
    pub title: String,
}

/// One part of what a tab shows.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// Something to know about what follows.
    Note(String),
    /// Text to be read.
    Text(Passage),
    /// Text as it is.
    Raw(Passage),
    /// HTML in a frame.
    Page(Frame),
    /// A table.
    Table(Table),
}

impl Table {
    /// Its name in pieces: it may be that of a file.
    pub fn title(&self) -> Vec<Piece> {
        pieces(&self.name)
    }

    /// The same where no element can stand, in an attribute.
    pub fn label(&self) -> String {
        signs::in_brackets(&self.name)
    }
}

impl Value {
    /// A text without marks.
    pub fn text(text: &str) -> Self {
        Self::of(pieces(text))
    }

    /// The same, in pieces already.
    pub fn of(pieces: Vec<Piece>) -> Self {
        Self {
            pieces,
            ..Self::default()
        }
    }

    /// The same as a link to a page of ours.
    pub fn leading_to(mut self, page: String) -> Self {
        self.page = Some(page);
        self
    }

    /// The same with a mark.
    pub fn marked(mut self, kind: &'static str, text: String) -> Self {
        self.marks.push(Mark { kind, text });
        self
    }
}

/// A text in pieces: every sign that is not seen by its name.
pub fn pieces(text: &str) -> Vec<Piece> {
    signs::pieces(text).into_iter().map(Piece::from).collect()
}

/// A text to be read in pieces: signs that are not seen by their names, but where they are spelling.
pub fn prose(text: &str) -> Vec<Piece> {
    signs::prose(text).into_iter().map(Piece::from).collect()
}

impl From<signs::Piece> for Piece {
    fn from(piece: signs::Piece) -> Self {
        match piece {
            signs::Piece::Text(text) => Self {
                text,
                is_mark: false,
                title: String::new(),
            },
            signs::Piece::Name { name, signs } => {
                let number = |sign: &char| format!("U+{:04X}", u32::from(*sign));
                let numbers: Vec<String> = signs.iter().map(number).collect();
                Self {
                    text: name,
                    is_mark: true,
                    title: numbers.join(", "),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_turned_round_is_shown_as_it_is_written() {
        let shown: Vec<(String, bool)> = pieces("invoice\u{202e}fdp.exe")
            .into_iter()
            .map(|piece| (piece.text, piece.is_mark))
            .collect();
        let wanted = [("invoice", false), ("RLO", true), ("fdp.exe", false)];
        assert_eq!(shown, wanted.map(|(text, is)| (text.to_owned(), is)));
    }

    #[test]
    fn nothing_of_a_text_gets_lost() {
        let text = "a\nb\tc \u{5c71}\u{7530} \u{1f468}\u{200d}\u{1f469}";
        let joined: String = pieces(text).into_iter().map(|piece| piece.text).collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn a_line_that_is_filled_has_one_mark_in_a_text_to_be_read() {
        let text = "\u{200c}\u{a0}\u{ad}\u{a0}".repeat(100) + "Sil\u{ad}be";
        let shown: Vec<(String, String)> = prose(&text)
            .into_iter()
            .map(|piece| (piece.text, piece.title))
            .collect();
        let wanted = [
            ("ZWNJ, SHY \u{d7}200", "U+200C, U+00AD"),
            ("\u{a0}Sil\u{ad}be", ""),
        ];
        assert_eq!(
            shown,
            wanted.map(|(text, title)| (text.to_owned(), title.to_owned()))
        );
    }
}
