//! A Rust file as a flat list of tokens with their lines. Comments are gone, also those within
//! macros; a text in quotes is one token. Never guesses: a file that is not Rust is a panic.

use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::tree::Source;

/// A token and its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// The line, counted from 1.
    pub line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word(String),
    /// Two colons.
    PathSign,
    /// Any other sign.
    Sign(char),
    /// The content of a text in quotes, as written.
    Text(String),
    /// A number, a character, bytes.
    Literal,
    /// An opening bracket.
    Open(char),
    /// A closing bracket.
    Close(char),
}

impl Token {
    /// Whether it is this word.
    pub fn is(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        if let Kind::Word(word) = &self.kind {
            Some(word)
        } else {
            None
        }
    }

    /// The text in quotes, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind {
            Some(text)
        } else {
            None
        }
    }
}

/// The tokens of a file.
///
/// # Panics
/// When it is not Rust.
pub fn of(file: &Source) -> Vec<Token> {
    let stream = TokenStream::from_str(&file.text);
    let stream = stream.unwrap_or_else(|e| panic!("{}: {e}", file.path));
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        let kind = match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                let end = group.span_close().end().line;
                tokens.push(token(Kind::Open(open), line));
                flatten(group.stream(), tokens);
                tokens.push(token(Kind::Close(close), end));
                continue;
            }
            TokenTree::Ident(word) => {
                Kind::Word(word.to_string().trim_start_matches("r#").to_owned())
            }
            TokenTree::Punct(sign) if sign.as_char() == ':' && sign.spacing() == Spacing::Joint => {
                let second = trees.next_if(is_colon);
                second.map_or(Kind::Sign(':'), |_| Kind::PathSign)
            }
            TokenTree::Punct(sign) => Kind::Sign(sign.as_char()),
            TokenTree::Literal(literal) => literal_kind(&literal.to_string()),
        };
        tokens.push(token(kind, line));
    }
}

fn token(kind: Kind, line: usize) -> Token {
    Token { kind, line }
}

fn brackets(delimiter: Delimiter) -> (char, char) {
    match delimiter {
        Delimiter::Parenthesis => ('(', ')'),
        Delimiter::Bracket => ('[', ']'),
        Delimiter::Brace | Delimiter::None => ('{', '}'),
    }
}

fn literal_kind(written: &str) -> Kind {
    let bare = written.trim_start_matches('r').trim_matches('#');
    let text = bare
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    text.map_or(Kind::Literal, |text| Kind::Text(text.to_owned()))
}

fn is_colon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(sign) if sign.as_char() == ':')
}
