//! docs/monitoring.md has every event, figure and alarm, and none that does not exist.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Findings, tables,
    tokens::{self, Kind, Token},
    tree::Source,
};

/// The macros that write log lines, by their level.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// What declares a figure in `telemetry`, and what Prometheus calls its kind.
const KINDS: [(&str, &str); 7] = [
    ("counter", "counter"),
    ("counters", "counter"),
    ("count_now", "gauge"),
    ("gauge", "gauge"),
    ("gauges", "gauge"),
    ("histogram", "histogram"),
    ("histograms", "histogram"),
];

/// Where log lines are written.
pub const EVENTS: &str = "src/telemetry/events/";

/// The events of these files and the levels at which they are logged; a name that is chosen at run
/// time has the level of the macro that follows it.
pub fn events(sources: &[Source]) -> BTreeMap<String, String> {
    let tokens: Vec<Token> = sources.iter().flat_map(tokens::of).collect();
    let mut events = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(name) = token.text().filter(|text| is_event(text)) else {
            continue;
        };
        let in_macro =
            at > 1 && tokens[at - 1].kind == Kind::Sign('=') && tokens[at - 2].is("event");
        let level = if in_macro {
            tokens[..at]
                .iter()
                .enumerate()
                .rev()
                .find_map(|(at, _)| level(&tokens, at))
        } else {
            (at..tokens.len()).find_map(|at| level(&tokens, at))
        };
        events.insert(name.to_owned(), level.unwrap_or("?").to_owned());
    }
    events
}

/// The level of a macro that writes a log line at this place.
fn level(tokens: &[Token], at: usize) -> Option<&str> {
    let word = tokens[at].word().filter(|word| LEVELS.contains(word))?;
    (tokens.get(at + 1)?.kind == Kind::Sign('!')).then_some(word)
}

/// `subject.what_happened`
fn is_event(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    text.split_once('.')
        .is_some_and(|(subject, verb)| is_word(subject) && is_word(verb))
}

/// Log lines that are written outside of [`EVENTS`].
pub fn stray_log_lines(files: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for file in files.iter().filter(|file| !file.path.starts_with(EVENTS)) {
        let tokens = tokens::of(file);
        for at in 0..tokens.len() {
            if let Some(level) = level(&tokens, at) {
                let line = tokens[at].line;
                findings.push(format!(
                    "{}:{line}: {level}! belongs in {EVENTS}",
                    file.path
                ));
            }
        }
    }
    findings
}

/// The figures that are declared: name, then kind and labels.
pub fn figures(sources: &[Source]) -> BTreeMap<String, String> {
    let tokens: Vec<Token> = sources.iter().flat_map(tokens::of).collect();
    let mut figures = BTreeMap::new();
    for at in 2..tokens.len() {
        let kind = tokens[at - 2]
            .word()
            .and_then(|word| KINDS.iter().find(|(method, _)| *method == word));
        let (Some((_, kind)), Kind::Open('('), Some(name)) =
            (kind, &tokens[at - 1].kind, tokens[at].text())
        else {
            continue;
        };
        let arguments = tokens[at..]
            .iter()
            .take_while(|token| token.kind != Kind::Close(')'));
        let behind = arguments.skip_while(|token| token.kind != Kind::Open('['));
        let labels = behind.filter_map(Token::text).map(str::to_owned).collect();
        figures.insert(format!("mailhold_{name}"), described(kind, labels));
    }
    figures
}

fn described(kind: &str, labels: BTreeSet<String>) -> String {
    let labels: Vec<_> = labels.into_iter().collect();
    format!("{kind} by {{{}}}", labels.join(", "))
}

/// The rows of a page's table: a name and one fact of each.
pub type Told = Vec<(String, String)>;

/// The page's events and their levels.
pub fn events_of(page: &Source) -> Told {
    let rows = tables::rows(page, "event").into_iter();
    rows.map(|cells| (tables::names(&cells[0]).concat(), cells[1].clone()))
        .collect()
}

/// The page's figures: name, then kind and labels.
pub fn figures_of(page: &Source) -> Told {
    let rows = tables::rows(page, "figure").into_iter();
    rows.map(|cells| {
        let labels = tables::names(&cells[2]).into_iter().collect();
        let name = tables::names(&cells[0]).concat();
        (name, described(&cells[1], labels))
    })
    .collect()
}

/// The page's alarms.
pub fn alarms_of(page: &Source) -> Told {
    let rows = tables::rows(page, "alarm").into_iter();
    rows.map(|cells| (tables::names(&cells[0]).concat(), String::new()))
        .collect()
}

/// What the code has and the page has not or has twice, the other way round, and what differs.
pub fn differences(code: &BTreeMap<String, String>, page: &Told) -> Findings {
    let mut findings = Findings::new();
    for (name, fact) in code {
        let told: Vec<_> = page.iter().filter(|(told, _)| told == name).collect();
        match told.as_slice() {
            [] => findings.push(format!("docs/monitoring.md does not have {name}")),
            [(_, told)] if told != fact => findings.push(format!(
                "docs/monitoring.md says of {name}: {told}; the code: {fact}"
            )),
            [_] => {}
            _ => findings.push(format!("docs/monitoring.md has {name} twice")),
        }
    }
    let stale = page.iter().filter(|(name, _)| !code.contains_key(name));
    findings.extend(
        stale.map(|(name, _)| format!("docs/monitoring.md has {name}, which does not exist")),
    );
    findings
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        alarms_of, differences, events, events_of, figures, figures_of, stray_log_lines,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            an_event_that_the_page_lacks_or_invents_is_found,
            a_figure_with_another_kind_or_label_is_found,
            an_alarm_that_the_page_invents_is_found,
            a_log_line_outside_of_the_events_is_found,
        ]
    }

    const EVENT: &str = "pub fn a() { info!(event = \"mail.held\", id, \"{id}: held\"); }
        pub fn b(d: D) { let event = match d { D::X => \"mail.gone\" }; warn!(event, \"gone\"); }";
    const PAGE: &str = "| event | level | meaning |\n|---|---|---|\n| `mail.held` | info | x |\n| `mail.gone` | warn | y |\n\n\
        | figure | kind | labels | meaning |\n|---|---|---|---|\n| `mailhold_a_total` | counter | `kind`, `of` | x |\n\n\
        | alarm | meaning |\n|---|---|\n| `spool_full` | x |\n";
    const FIGURES: &str =
        "fn f() { F { a: reg.counters(\"a_total\", \"Of a.\", &[\"of\", \"kind\"]) } }";

    fn page(from: &str, to: &str) -> Source {
        Source::new("docs/monitoring.md", &PAGE.replace(from, to))
    }

    async fn an_event_that_the_page_lacks_or_invents_is_found() {
        let code = events(&[Source::new("src/telemetry/events/mod.rs", EVENT)]);
        let found = |from, to| differences(&code, &events_of(&page(from, to)));
        none(&found("", ""));
        one(
            &found("| `mail.held` | info | x |\n", ""),
            &["does not have mail.held"],
        );
        let row = "| `mail.held` | info | x |\n";
        let twice = events_of(&page(row, &row.repeat(2)));
        one(&differences(&code, &twice), &["mail.held twice"]);
        one(
            &found("| info |", "| error |"),
            &["mail.held: error", "info"],
        );
        one(
            &found(
                "`mail.gone` | warn | y |",
                "`mail.gone` | warn | y |\n| `mail.lost` | info | z |",
            ),
            &["mail.lost"],
        );
    }

    async fn a_figure_with_another_kind_or_label_is_found() {
        let code = figures(&[Source::new("src/telemetry/metrics.rs", FIGURES)]);
        let found = |from, to| differences(&code, &figures_of(&page(from, to)));
        none(&found("", ""));
        one(&found("counter |", "gauge |"), &["mailhold_a_total: gauge"]);
        one(&found("`kind`, ", ""), &["by {of}", "by {kind, of}"]);
        let other = found("`mailhold_a_total`", "`mailhold_b_total`");
        assert_eq!(other.len(), 2, "{other:?}");
    }

    async fn an_alarm_that_the_page_invents_is_found() {
        let code = [("spool_full".to_owned(), String::new())].into();
        none(&differences(&code, &alarms_of(&page("", ""))));
        let two = page(
            "| `spool_full` | x |",
            "| `spool_full` | x |\n| `spool_empty` | y |",
        );
        one(
            &differences(&code, &alarms_of(&two)),
            &["spool_empty", "does not exist"],
        );
    }

    async fn a_log_line_outside_of_the_events_is_found() {
        let text = "fn f() {\n    tracing::warn!(\"x\");\n}";
        one(
            &stray_log_lines(&[Source::new("src/spool/mod.rs", text)]),
            &["src/spool/mod.rs:2"],
        );
        none(&stray_log_lines(&[Source::new(
            "src/spool/mod.rs",
            "fn f() { a.info(\"warn!\") }",
        )]));
    }
}
