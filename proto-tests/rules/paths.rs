//! Which paths a Rust file names, all groups of a `use` taken apart and `super` resolved. Sees what
//! is within macros too.

use super::{
    tokens::{self, Kind, Token},
    tree::Source,
};

/// A path that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Where it starts.
    pub root: Root,
    /// Its steps, without `crate`, `self` and `super`.
    pub steps: Vec<String>,
    /// The line.
    pub line: usize,
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// At the top of our own crate.
    Own,
    /// At a name: another crate, or something that is in sight.
    Name,
}

/// Words behind which a path can begin with two colons, and which are none of its steps.
const KEYWORDS: [&str; 13] = [
    "use", "as", "dyn", "in", "impl", "return", "mut", "pub", "else", "match", "ref", "for",
    "where",
];

/// The module that a file of the library is, as steps below the crate.
pub fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    let mut steps: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if matches!(
        steps.last().map(String::as_str),
        Some("mod" | "lib" | "main")
    ) {
        steps.pop();
    }
    steps
}

/// All paths of a file.
pub fn of(file: &Source) -> Vec<Named> {
    let tokens = tokens::of(file);
    let mut reader = Reader {
        tokens: &tokens,
        modules: Vec::new(),
        file: module_of(&file.path),
        found: Vec::new(),
    };
    reader.read();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    /// The inline modules around, each with the depth of brackets at which it ends.
    modules: Vec<(String, usize)>,
    file: Vec<String>,
    found: Vec<Named>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let (mut at, mut depth) = (0, 0);
        while let Some(token) = self.tokens.get(at) {
            match &token.kind {
                Kind::Open('{') if at > 0 && self.tokens[at - 1].is("use") => {
                    at = self.group(at + 1, &(Root::Name, Vec::new()));
                    continue;
                }
                Kind::Open(_) => {
                    depth += 1;
                    if let Some(name) = self.opened_module(at) {
                        self.modules.push((name, depth));
                    }
                }
                Kind::Close(_) => {
                    self.modules.retain(|(_, end)| *end != depth);
                    depth -= 1;
                }
                Kind::Word(_) if self.begins_path(at) => {
                    let end = self.path(at, None);
                    // A group within the path holds no bracket that would be missed.
                    at = end;
                    continue;
                }
                Kind::Word(_) | Kind::PathSign | Kind::Sign(_) | Kind::Text(_) | Kind::Literal => {}
            }
            at += 1;
        }
    }

    fn opened_module(&self, at: usize) -> Option<String> {
        let name = self.tokens.get(at.checked_sub(1)?)?.word()?;
        let is_module = self.tokens.get(at.checked_sub(2)?)?.is("mod");
        (is_module && self.tokens[at].kind == Kind::Open('{')).then(|| name.to_owned())
    }

    fn begins_path(&self, at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| self.tokens.get(before));
        let is_inside = before.is_some_and(|token| matches!(token.kind, Kind::Sign('$' | '.')));
        let is_keyword = self.tokens[at]
            .word()
            .is_some_and(|word| KEYWORDS.contains(&word));
        let imported =
            before.is_some_and(|token| token.is("use") || token.is("crate") && self.is_extern(at));
        !is_inside && !is_keyword && (self.is_path_sign(at + 1) || imported)
    }

    /// `extern crate name;`
    fn is_extern(&self, at: usize) -> bool {
        at >= 2 && self.tokens[at - 2].is("extern")
    }

    fn is_path_sign(&self, at: usize) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.kind == Kind::PathSign)
    }

    /// Reads one path or one branch of a group, and gives the place behind it.
    fn path(&mut self, start: usize, around: Option<(Root, Vec<String>)>) -> usize {
        let (mut root, mut steps) = around.clone().unwrap_or((Root::Name, Vec::new()));
        let (mut at, line) = (start, self.tokens[start].line);
        loop {
            match self.tokens.get(at).map(|token| &token.kind) {
                Some(Kind::Word(word)) => self.step(word, &mut root, &mut steps),
                Some(Kind::Open('{')) => return self.group(at + 1, &(root, steps)),
                Some(Kind::Sign('*')) => steps.push("*".to_owned()),
                // Generic arguments: what stands there is read by itself.
                _ => {
                    self.found.push(Named { root, steps, line });
                    return at;
                }
            }
            at += 1;
            if !self.is_path_sign(at) {
                self.found.push(Named { root, steps, line });
                return at;
            }
            at += 1;
        }
    }

    fn step(&self, word: &str, root: &mut Root, steps: &mut Vec<String>) {
        let is_first = *root == Root::Name && steps.is_empty();
        match word {
            "crate" if is_first => *root = Root::Own,
            "self" if is_first => (*root, *steps) = (Root::Own, self.here()),
            "super" if is_first => {
                (*root, *steps) = (Root::Own, self.here());
                steps.pop();
            }
            "super" => {
                steps.pop();
            }
            "self" => {}
            name => steps.push(name.to_owned()),
        }
    }

    /// Reads the branches of a group up to its end.
    fn group(&mut self, start: usize, around: &(Root, Vec<String>)) -> usize {
        let mut at = start;
        while let Some(token) = self.tokens.get(at) {
            at = match &token.kind {
                Kind::Close(_) => return at + 1,
                Kind::Word(word) if word == "as" => at + 2,
                Kind::Word(_) | Kind::Open(_) | Kind::Sign('*') => {
                    self.path(at, Some(around.clone()))
                }
                Kind::PathSign | Kind::Sign(_) | Kind::Text(_) | Kind::Literal => at + 1,
            };
        }
        at
    }

    fn here(&self) -> Vec<String> {
        let inline = self.modules.iter().map(|(name, _)| name.clone());
        self.file.iter().cloned().chain(inline).collect()
    }
}

pub mod tests {
    //! How paths are read.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{super::tree::Source, Root, of};
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            every_branch_of_a_group_is_a_path,
            super_and_self_are_resolved_also_within_an_inline_module,
            a_path_within_a_macro_or_a_type_is_seen,
        ]
    }

    fn own(path: &str, text: &str) -> Vec<String> {
        let named = of(&Source::new(path, text));
        let own = named.into_iter().filter(|named| named.root == Root::Own);
        own.map(|named| named.steps.join("::")).collect()
    }

    async fn every_branch_of_a_group_is_a_path() {
        let text = "use crate::{store::{Store, work::{Lease, self as w}}, telemetry, domain::*}; \
                    use {crate::spool, std::fs};";
        let expected = [
            "store::Store",
            "store::work::Lease",
            "store::work",
            "telemetry",
            "domain::*",
            "spool",
        ];
        assert_eq!(own("src/milter/mod.rs", text), expected);
    }

    async fn super_and_self_are_resolved_also_within_an_inline_module() {
        let text = "use super::a::B; use self::c; mod tests { use super::*; use super::super::d; } use super::e;";
        let expected = [
            "milter::a::B",
            "milter::x::c",
            "milter::x::*",
            "milter::d",
            "milter::e",
        ];
        assert_eq!(own("src/milter/x.rs", text), expected);
        assert_eq!(own("src/milter/mod.rs", "use super::store;"), ["store"]);
    }

    async fn a_path_within_a_macro_or_a_type_is_seen() {
        let text = "fn f(a: Vec<crate::store::Store>) { info!(x = %crate::postfix::y(), \"crate::no\"); } // crate::no";
        assert_eq!(own("src/web/x.rs", text), ["store::Store", "postfix::y"]);
    }
}
