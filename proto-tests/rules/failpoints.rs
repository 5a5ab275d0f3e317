//! A build for use has no places for faults: the crate is there with its feature only, the feature
//! is no default, and all of `src` names them by macros that are then empty.

use super::{
    Findings,
    tokens::{self, Kind},
    tree::Source,
};

/// The one file that knows the crate.
const HOME: &str = "src/failpoint.rs";
const FEATURE: &str = "failpoints";

/// A manifest with which the places could get into a build for use.
pub fn always_there(manifest: &Source) -> Findings {
    let table: toml::Table = manifest.text.parse().unwrap();
    let mut findings = Findings::new();
    let is_optional = table["dependencies"]
        .get("fail")
        .and_then(|entry| entry.get("optional")?.as_bool());
    if is_optional != Some(true) {
        findings.push(format!("{}: `fail` is to be optional", manifest.path));
    }
    let features = table.get("features").and_then(toml::Value::as_table);
    for (name, parts) in features.into_iter().flatten() {
        let parts = parts.as_array().into_iter().flatten();
        let mut parts = parts.filter_map(toml::Value::as_str);
        if name != FEATURE && parts.any(|part| part.contains("fail")) {
            findings.push(format!("{}: `{name}` brings `fail`", manifest.path));
        }
    }
    findings
}

/// Files that come to a place for faults in another way than by a macro.
pub fn not_by_macro(files: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for file in files.iter().filter(|file| file.path != HOME) {
        let tokens = tokens::of(file);
        for (at, token) in tokens.iter().enumerate() {
            let follows = |step: usize| tokens.get(at + step);
            let is_path =
                token.is("failpoint") && follows(1).is_some_and(|next| next.kind == Kind::PathSign);
            let is_call = follows(3).is_some_and(|next| next.kind == Kind::Sign('!'));
            if is_path && !is_call {
                findings.push(format!(
                    "{}:{}: only the macros of `failpoint` are empty in a build for use",
                    file.path, token.line
                ));
            }
        }
        let text = format!("\"{FEATURE}\"");
        if let Some(line) = file.text.lines().position(|line| line.contains(&text)) {
            findings.push(format!(
                "{}:{}: the feature belongs in {HOME} only",
                file.path,
                line + 1
            ));
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
        always_there, not_by_macro,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_build_for_use_with_places_for_faults_is_found,
            a_place_for_faults_that_is_no_macro_is_found,
        ]
    }

    const GOOD: &str = "[dependencies]\nfail = { version = \"0\", optional = true }\n\
                        [features]\nfailpoints = [\"dep:fail\"]\n";

    fn found(text: &str) -> Vec<String> {
        always_there(&Source::new("Cargo.toml", text))
    }

    async fn a_build_for_use_with_places_for_faults_is_found() {
        none(&found(GOOD));
        one(
            &found(&GOOD.replace(", optional = true", "")),
            &["optional"],
        );
        let default = format!("{GOOD}default = [\"failpoints\"]\n");
        one(&found(&default), &["`default` brings"]);
    }

    async fn a_place_for_faults_that_is_no_macro_is_found() {
        let found = |text| not_by_macro(&[Source::new("src/a.rs", text)]);
        none(&found(
            "use crate::failpoint;\nfn f() { failpoint::reach!(\"a\"); }",
        ));
        let text = "fn f() {\n    failpoint::reached(\"a\");\n}";
        one(&found(text), &["src/a.rs:2", "macros"]);
        let text = "#[cfg(feature = \"failpoints\")]\nfn f() {}";
        one(&found(text), &["src/a.rs:1", "feature"]);
    }
}
