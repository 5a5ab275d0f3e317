//! A module uses only what the table of docs/architecture.md allows it.

use std::collections::BTreeMap;

use super::{
    Findings,
    paths::{self, Root},
    tables,
    tree::Source,
};

/// The page with the tables.
pub const PAGE: &str = "docs/architecture.md";
const HEAD: &str = "module";

/// What each module may use: whole modules, or parts of them such as `mail::digest`.
pub type Allowed = BTreeMap<String, Vec<Vec<String>>>;

/// Reads the table whose first column is called *module*.
pub fn table(page: &Source) -> Allowed {
    let rows = tables::rows(page, HEAD);
    let row = |cells: Vec<String>| {
        let module = tables::names(&cells[0]).concat();
        let uses = tables::names(&cells[1]);
        let split = |path: &String| path.split("::").map(str::to_owned).collect();
        (module, uses.iter().map(split).collect())
    };
    rows.into_iter().map(row).collect()
}

/// Files of `src` that name a module they may not know, and modules that the table does not know.
pub fn broken(files: &[Source], allowed: &Allowed) -> Findings {
    let mut findings: Findings = files
        .iter()
        .flat_map(|file| broken_in(file, allowed))
        .collect();
    let mut modules: Vec<String> = files.iter().filter_map(module).collect();
    modules.sort();
    modules.dedup();
    let unknown = modules
        .iter()
        .filter(|module| !allowed.contains_key(*module));
    findings.extend(unknown.map(|module| format!("{PAGE}: the table has no row for `{module}`")));
    let stale = allowed.keys().filter(|row| !modules.contains(row));
    findings.extend(stale.map(|row| format!("{PAGE}: there is no module `{row}`")));
    findings
}

/// The module of the first floor that a file belongs to; none at the top.
fn module(file: &Source) -> Option<String> {
    paths::module_of(&file.path).into_iter().next()
}

fn broken_in(file: &Source, allowed: &Allowed) -> Findings {
    let Some(module) = module(file) else {
        return Findings::new();
    };
    let may_use = allowed.get(&module).cloned().unwrap_or_default();
    let is_allowed = |steps: &[String]| {
        steps.first() == Some(&module) || may_use.iter().any(|path| steps.starts_with(path))
    };
    let named = paths::of(file);
    let ours = named.iter().filter(|named| match named.root {
        Root::Own => !is_allowed(&named.steps),
        // Our own crate by its name is a way round.
        Root::Name => named.steps.first().is_some_and(|name| name == "mailhold"),
    });
    ours.map(|named| {
        let path = named.steps.join("::");
        format!(
            "{}:{}: `{module}` may not use `{path}` ({PAGE})",
            file.path, named.line
        )
    })
    .collect()
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        broken, table,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_forbidden_module_in_a_grouped_import_is_found,
            a_forbidden_module_reached_by_super_is_found,
            our_own_crate_by_its_name_is_found,
            more_of_a_module_than_is_allowed_is_found,
            a_module_without_a_row_and_a_row_without_a_module_are_found,
        ]
    }

    const PAGE: &str = "text\n\n| module | may use |\n|---|---|\n| `mail` | nothing |\n\
                        | `postfix` | `mail::digest` |\n| `web` | `mail` |\n";

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut files: Vec<Source> = ["mail", "postfix", "web"]
            .map(|module| Source::new(&format!("src/{module}/mod.rs"), "use crate::mail::digest;"))
            .into();
        files[0].text.clear();
        files.push(Source::new(path, text));
        broken(&files, &table(&Source::new("docs/architecture.md", PAGE)))
    }

    async fn a_forbidden_module_in_a_grouped_import_is_found() {
        let text = "use std::fs;\nuse crate::{\n  mail::header,\n  postfix::{Postfix, hold},\n};";
        let findings = found("src/web/pages.rs", text);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("src/web/pages.rs:4: `web` may not use `postfix::Postfix`"));
    }

    async fn a_forbidden_module_reached_by_super_is_found() {
        one(
            &found("src/web/mod.rs", "use super::postfix;"),
            &["`postfix`"],
        );
        none(&found(
            "src/web/pages.rs",
            "use super::state; use super::super::mail;",
        ));
    }

    async fn our_own_crate_by_its_name_is_found() {
        one(
            &found("src/web/x.rs", "fn f() { mailhold::postfix::run() }"),
            &["mailhold::postfix::run"],
        );
    }

    async fn more_of_a_module_than_is_allowed_is_found() {
        none(&found(
            "src/postfix/x.rs",
            "use crate::mail::digest::ContentHasher;",
        ));
        one(&found("src/postfix/x.rs", "use crate::mail;"), &["`mail`"]);
        one(
            &found("src/postfix/x.rs", "use crate::mail::{header, digest};"),
            &["mail::header"],
        );
    }

    async fn a_module_without_a_row_and_a_row_without_a_module_are_found() {
        one(&found("src/desk/mod.rs", ""), &["no row for `desk`"]);
        let page = Source::new("docs/architecture.md", PAGE);
        let files = [
            Source::new("src/mail/mod.rs", ""),
            Source::new("src/web/mod.rs", ""),
        ];
        one(&broken(&files, &table(&page)), &["no module `postfix`"]);
    }
}
