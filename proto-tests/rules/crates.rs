//! A fenced crate is named only where the table of docs/architecture.md has it. `domain` is pure.

use std::collections::BTreeSet;

use super::{
    Findings,
    paths::{self, Root},
    tables, tokens,
    tree::Source,
};

const HEAD: &str = "crate";

/// A crate and the places, files or directories, where it may be named.
#[derive(Clone, Debug)]
pub struct Fence {
    name: String,
    places: Vec<String>,
}

/// What no file of `domain` needs: time, disk, network, threads, and shapes for the outside.
const IMPURE: [&str; 13] = [
    "async",
    "await",
    "fs",
    "io",
    "env",
    "process",
    "thread",
    "Instant",
    "SystemTime",
    "now",
    "tokio",
    "serde",
    "sqlx",
];

/// Reads the table whose first column is called *crate*.
pub fn table(page: &Source) -> Vec<Fence> {
    let rows = tables::rows(page, HEAD).into_iter();
    rows.flat_map(|cells| {
        let places = tables::names(&cells[1]);
        let fence = move |name| Fence {
            name,
            places: places.clone(),
        };
        tables::names(&cells[0]).into_iter().map(fence)
    })
    .collect()
}

/// Files that name a crate outside its fence, and fences around nothing.
pub fn broken(files: &[Source], fences: &[Fence]) -> Findings {
    let mut findings = Findings::new();
    for fence in fences {
        let mut is_used = false;
        for file in files {
            let is_inside = fence
                .places
                .iter()
                .any(|place| file.path.starts_with(&**place));
            let lines = lines_with(file, &fence.name);
            is_used |= !lines.is_empty();
            if let (false, Some(line)) = (is_inside, lines.first()) {
                let (path, places) = (&file.path, fence.places.join(", "));
                findings.push(format!(
                    "{path}:{line}: `{}` belongs in {places} only",
                    fence.name
                ));
            }
        }
        if !is_used {
            findings.push(format!(
                "nothing uses `{}`, which the table fences",
                fence.name
            ));
        }
    }
    findings
}

fn lines_with(file: &Source, name: &str) -> Vec<usize> {
    let named = paths::of(file).into_iter();
    let foreign = named.filter(|named| {
        named.root == Root::Name && named.steps.first().is_some_and(|first| first == name)
    });
    foreign.map(|named| named.line).collect()
}

/// Dependencies of a manifest that no file names: a crate is added when its first use is written.
pub fn unused(manifest: &Source, files: &[Source]) -> Findings {
    let table: toml::Table = manifest.text.parse().unwrap();
    let named: BTreeSet<String> = files
        .iter()
        .flat_map(paths::of)
        .filter(|named| named.root == Root::Name)
        .filter_map(|named| named.steps.into_iter().next())
        .collect();
    let lists = ["dependencies", "dev-dependencies"];
    let lists = lists.iter().filter_map(|list| table.get(*list)?.as_table());
    let crates = lists.flat_map(|list| list.keys());
    let unused = crates.filter(|name| !named.contains(&name.replace('-', "_")));
    unused
        .map(|name| format!("{}: nothing uses {name}", manifest.path))
        .collect()
}

/// Files of `domain` that are not pure.
pub fn impure(files: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("src/domain/"))
    {
        for token in tokens::of(file) {
            if let Some(word) = token.word().filter(|word| IMPURE.contains(word)) {
                findings.push(format!(
                    "{}:{}: `domain` is pure, without {word}",
                    file.path, token.line
                ));
            }
        }
    }
    findings
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        broken, impure, table, unused,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_crate_outside_its_fence_is_found,
            a_crate_outside_its_fence_is_found_in_any_spelling,
            a_fence_around_nothing_is_found,
            a_clock_in_the_domain_is_found,
            a_dependency_that_nothing_uses_is_found,
        ]
    }

    const PAGE: &str =
        "| crate | only in |\n|---|---|\n| `sqlx` | `src/store/`, `src/cli/migrate.rs` |\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let inside = Source::new("src/store/mod.rs", "use sqlx::Row;");
        let files = [inside, Source::new(path, text)];
        broken(&files, &table(&Source::new("docs/architecture.md", PAGE)))
    }

    async fn a_crate_outside_its_fence_is_found() {
        let text = "fn f() {\n    sqlx::query!(\"select 1\");\n}";
        one(
            &found("src/web/mod.rs", text),
            &["src/web/mod.rs:2: `sqlx`", "src/store/"],
        );
        none(&found("src/cli/migrate.rs", text));
    }

    async fn a_crate_outside_its_fence_is_found_in_any_spelling() {
        for text in [
            "use sqlx;",
            "use sqlx as database;",
            "use {std::fs, sqlx};",
            "use ::sqlx::Row;",
            "extern crate sqlx;",
            "#[derive(sqlx::FromRow)] struct A;",
            "fn f() -> Option<sqlx::Error> { None }",
        ] {
            one(&found("src/web/mod.rs", text), &["`sqlx`"]);
        }
        none(&found(
            "src/web/mod.rs",
            "// sqlx::query\nfn f() { a.sqlx(\"sqlx::x\"); crate::sqlx::y(); }",
        ));
    }

    async fn a_fence_around_nothing_is_found() {
        let page = Source::new("docs/architecture.md", PAGE);
        one(
            &broken(&[Source::new("src/store/mod.rs", "")], &table(&page)),
            &["nothing uses `sqlx`"],
        );
    }

    async fn a_clock_in_the_domain_is_found() {
        let text = "fn f() -> i64 {\n    chrono::Utc::now().timestamp()\n}";
        one(
            &impure(&[Source::new("src/domain/age.rs", text)]),
            &["src/domain/age.rs:2", "now"],
        );
        none(&impure(&[Source::new("src/worker/age.rs", text)]));
    }

    async fn a_dependency_that_nothing_uses_is_found() {
        let manifest = "[dependencies]\nsqlx = \"1\"\n[dev-dependencies]\ntest-mail = \"1\"\n";
        let manifest = Source::new("Cargo.toml", manifest);
        let file = |text| Source::new("src/a.rs", text);
        none(&unused(&manifest, &[file("use sqlx::Row; use test_mail;")]));
        let findings = unused(&manifest, &[file("use sqlx::Row; // test_mail::a")]);
        one(&findings, &["Cargo.toml", "test-mail"]);
    }
}
