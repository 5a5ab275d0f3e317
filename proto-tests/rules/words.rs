//! Words that no file of the repository holds. They are written here in two halves, so that this
//! file is none of those it finds.

use super::{
    Findings,
    tokens::{self, Kind},
    tree::Source,
};

/// Work that was left for later.
const LEFTOVERS: [(&str, &str); 3] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X:")];
/// The same as macros and attributes.
const LEFTOVER_CODE: [&str; 4] = ["todo", "unimplemented", "ignore", "should_panic"];
/// The licence stands in LICENSE and Cargo.toml, once.
const LICENCE_BLOCKS: [(&str, &str); 4] = [
    ("Copy", "right"),
    ("SPDX-", "License"),
    ("Licensed ", "under"),
    ("GNU General ", "Public"),
];
/// The repository is built anywhere.
const OTHER_PEOPLES_PATHS: [(&str, &str); 5] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("/ho", "me/"),
    ("/Us", "ers/"),
    ("/tmp", "/"),
];
/// Who or what typed a text is no matter of the text, nor is where the work was planned.
const TOOL_WORDS: [(&str, &str); 14] = [
    ("cla", "ude"),
    ("anth", "ropic"),
    ("open", "ai"),
    ("chat", "gpt"),
    ("co", "pilot"),
    ("ge", "mini"),
    ("language ", "model"),
    ("ai ", "assistant"),
    ("generated ", "by ai"),
    ("sub", "agent"),
    ("work", "tree"),
    ("issue ", "#"),
    ("other ", "session"),
    ("next ", "session"),
];

/// Files with work that was left for later.
pub fn leftovers(files: &[Source]) -> Findings {
    let mut findings = containing(files, &LEFTOVERS, "do it, or say plainly what is not done");
    for file in files.iter().filter(|file| file.extension() == "rs") {
        let tokens = tokens::of(file);
        for (at, token) in tokens.iter().enumerate() {
            let Some(word) = token.word().filter(|word| LEFTOVER_CODE.contains(word)) else {
                continue;
            };
            let called = tokens
                .get(at + 1)
                .is_some_and(|next| next.kind == Kind::Sign('!'));
            let attribute = at > 1
                && tokens[at - 1].kind == Kind::Open('[')
                && tokens[at - 2].kind == Kind::Sign('#');
            if called || attribute {
                findings.push(format!("{}:{}: no {word} here", file.path, token.line));
            }
        }
    }
    findings
}

/// Sources with a licence block.
pub fn licence_blocks(files: &[Source]) -> Findings {
    containing(
        files,
        &LICENCE_BLOCKS,
        "the licence stands in LICENSE alone",
    )
}

/// Files that only one machine understands.
pub fn machine_paths(files: &[Source]) -> Findings {
    containing(files, &OTHER_PEOPLES_PATHS, "this path is of one machine")
}

/// Files that tell of the tools or the work instead of the product.
pub fn tool_words(files: &[Source]) -> Findings {
    let folded: Vec<Source> = files
        .iter()
        .map(|file| Source::new(&file.path, &file.text.to_lowercase()))
        .collect();
    containing(
        &folded,
        &TOOL_WORDS,
        "say what the product does, not how it came about",
    )
}

fn containing(files: &[Source], halves: &[(&str, &str)], advice: &str) -> Findings {
    let words: Vec<String> = halves.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let mut findings = Findings::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            let found = words.iter().filter(|word| has_word(line, word));
            findings.extend(
                found.map(|word| format!("{}:{}: {word:?}: {advice}", file.path, index + 1)),
            );
        }
    }
    findings
}

/// Whether the line has the word, and not only as the end of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|sign| !sign.is_alphanumeric() && !"_-.}".contains(sign))
    })
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{Findings, none, one, tree::Source},
        LEFTOVERS, LICENCE_BLOCKS, OTHER_PEOPLES_PATHS, TOOL_WORDS, leftovers, licence_blocks,
        machine_paths, tool_words,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            every_word_is_found_by_its_rule,
            work_left_in_code_is_found,
            a_word_within_another_is_not_found,
        ]
    }

    type Rule = fn(&[Source]) -> Findings;

    async fn every_word_is_found_by_its_rule() {
        let rules: [(Rule, &[(&str, &str)]); 4] = [
            (leftovers, &LEFTOVERS),
            (licence_blocks, &LICENCE_BLOCKS),
            (machine_paths, &OTHER_PEOPLES_PATHS),
            (tool_words, &TOOL_WORDS),
        ];
        for (rule, halves) in rules {
            for (first, second) in halves {
                let text = format!("fine\n# see {first}{second} here\n");
                one(&rule(&[Source::new("docs/a.md", &text)]), &["docs/a.md:2"]);
            }
        }
    }

    async fn work_left_in_code_is_found() {
        for text in [
            "fn f() { todo!() }",
            "#[ignore]\nfn f() {}",
            "#[should_panic] fn f() {}",
        ] {
            one(
                &leftovers(&[Source::new("src/a.rs", text)]),
                &["src/a.rs:1"],
            );
        }
        none(&leftovers(&[Source::new(
            "src/a.rs",
            "fn ignore() { a.ignore(\"todo!\") }",
        )]));
    }

    async fn a_word_within_another_is_not_found() {
        none(&machine_paths(&[Source::new(
            "a",
            "ls {top}/root/x ./work/y a-b/home/z",
        )]));
    }
}
