//! What a page points to is there: files, headings, and paths named in backticks.

use std::{fs, path::Path};

use super::{Findings, tree::Source};

/// Directories whose files pages name by their path.
const NAMED: [&str; 4] = ["src/", "docs/", "config/", "proto-tests/"];

/// Links of the pages that lead nowhere; `exists` knows the paths from the top.
pub fn broken(pages: &[Source], exists: impl Fn(&str) -> bool) -> Findings {
    let mut findings = Findings::new();
    for page in pages {
        for (line, target) in targets(&page.text) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = from_top(&page.path, path);
            let leads = if path == page.path || path.ends_with(".md") && exists(&path) {
                heading.is_empty() || headings_of(pages, &path).iter().any(|slug| slug == heading)
            } else {
                exists(&path)
            };
            if !leads {
                findings.push(format!("{}:{line}: nothing is at {target}", page.path));
            }
        }
        for (line, path) in named_paths(&page.text) {
            if !exists(path) {
                findings.push(format!("{}:{line}: there is no {path}", page.path));
            }
        }
    }
    findings
}

/// Whether a path from the top is there; one that ends in a slash is a directory.
pub fn is_there(path: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path.trim_end_matches('/'));
    fs::exists(path).unwrap_or_default()
}

/// The targets of links, those to other places of the world left out.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let lines = prose(text).into_iter();
    lines
        .flat_map(|(number, line)| {
            let ends = line
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split_once(')'));
            ends.map(move |(target, _)| (number, target))
        })
        .filter(|(_, target)| !target.contains("://") && !target.starts_with("mailto:"))
        .collect()
}

/// Paths in backticks; patterns such as `src/*` and parts of commands are none.
fn named_paths(text: &str) -> Vec<(usize, &str)> {
    let lines = prose(text).into_iter();
    lines
        .flat_map(|(number, line)| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .map(move |name| (number, name))
        })
        .filter(|(_, name)| NAMED.iter().any(|start| name.starts_with(start)))
        .filter(|(_, name)| !name.contains(['*', '{', '<', ' ', '…', '$']))
        .map(|(number, name)| (number, name.split_once(':').map_or(name, |(path, _)| path)))
        .collect()
}

/// The lines outside of blocks of code, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut in_block = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block && !line.starts_with("    ") {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// A link's path, seen from the top instead of from its page.
fn from_top(page: &str, path: &str) -> String {
    if path.is_empty() {
        return page.to_owned();
    }
    let mut steps: Vec<&str> = page.split('/').collect();
    steps.pop();
    for step in path.split('/') {
        match step {
            ".." => {
                steps.pop();
            }
            "." => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}

/// The anchors that a page's headings make.
fn headings_of(pages: &[Source], path: &str) -> Vec<String> {
    let page = pages.iter().find(|page| page.path == path);
    let lines = page.map(|page| prose(&page.text)).unwrap_or_default();
    let headings = lines.iter().filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| slug(line.trim_start_matches('#').trim()))
        .collect()
}

fn slug(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|sign| sign.is_alphanumeric() || " -_".contains(*sign));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        broken,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_link_to_a_missing_file_is_found,
            a_link_to_a_missing_heading_is_found,
            a_path_in_backticks_that_is_not_there_is_found,
        ]
    }

    fn found(text: &str) -> Vec<String> {
        let other = Source::new("docs/flow.md", "# Life of a *mail*\n\n```\n# none\n```\n");
        let exists = |path: &str| ["docs/flow.md", "src/lib.rs", "LICENSE"].contains(&path);
        broken(&[Source::new("docs/a.md", text), other], exists)
    }

    async fn a_link_to_a_missing_file_is_found() {
        none(&found(
            "[flow](flow.md) [lib](../src/lib.rs) [x](https://example.com/none) [l](../LICENSE)",
        ));
        one(&found("fine\n[gone](gone.md)"), &["docs/a.md:2", "gone.md"]);
        one(&found("[lib](src/lib.rs)"), &["src/lib.rs"]);
    }

    async fn a_link_to_a_missing_heading_is_found() {
        none(&found("# Here\n[a](flow.md#life-of-a-mail) [b](#here)"));
        one(&found("[a](flow.md#none)"), &["flow.md#none"]);
        one(&found("[a](#none)"), &["#none"]);
    }

    async fn a_path_in_backticks_that_is_not_there_is_found() {
        none(&found(
            "`src/lib.rs` and `src/lib.rs:3` and `src/*.rs` and `cat src/none.rs`",
        ));
        one(&found("see `src/none.rs`"), &["src/none.rs"]);
    }
}
