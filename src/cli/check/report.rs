//! What the checks found, as lines for people and as JSON for programs.

use std::io::{self, IsTerminal, Write};

use serde_json::json;

use super::super::exit;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// It works, but should be changed.
    Warning,
    /// It must be changed, or mail is lost, stuck, or not reviewed.
    Fault,
    /// A service could not be asked.
    Away,
    /// The check could not be made here.
    Skipped,
}

/// What one check says: what it saw, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// One sentence; `None` where nothing is to be done.
    pub cure: Option<String>,
}

/// An answer with the name of its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check.
    pub name: &'static str,
    /// What it says.
    pub answer: Answer,
}

/// How lines for people are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The cure below what was seen.
    Terminal,
    /// Everything of a check on one line, for `grep`.
    Lines,
}

impl Layout {
    /// The one that fits the output.
    pub fn of(out: &impl IsTerminal) -> Self {
        if out.is_terminal() {
            Self::Terminal
        } else {
            Self::Lines
        }
    }
}

impl Answer {
    /// All is well.
    pub fn good(seen: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Good,
            seen: seen.into(),
            cure: None,
        }
    }

    /// It works, but should be changed.
    pub fn warning(seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::with(Verdict::Warning, seen.into(), cure.into())
    }

    /// It must be changed.
    pub fn fault(seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::with(Verdict::Fault, seen.into(), cure.into())
    }

    /// A service could not be asked.
    pub fn away(seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::with(Verdict::Away, seen.into(), cure.into())
    }

    /// The check could not be made; `cure` says how to make it.
    pub fn skipped(why: impl Into<String>, cure: impl Into<String>) -> Self {
        Self::with(Verdict::Skipped, why.into(), cure.into())
    }

    fn with(verdict: Verdict, seen: String, cure: String) -> Self {
        Self {
            verdict,
            seen,
            cure: Some(cure),
        }
    }

    /// As the finding of a check.
    pub fn of(self, name: &'static str) -> Finding {
        Finding { name, answer: self }
    }
}

impl Verdict {
    fn label(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "WARN",
            Self::Fault | Self::Away => "FAIL",
            Self::Skipped => "skip",
        }
    }
}

/// 0 unless something failed; what must be changed counts more than who is away.
pub fn exit_code(findings: &[Finding]) -> u8 {
    let any = |verdict| findings.iter().any(|one| one.answer.verdict == verdict);
    if any(Verdict::Fault) {
        exit::CONFIG
    } else if any(Verdict::Away) {
        exit::UNAVAILABLE
    } else {
        0
    }
}

/// One line for each, and the sum of it.
pub fn text(out: &mut impl Write, findings: &[Finding], layout: Layout) -> io::Result<()> {
    let width = findings.iter().map(|one| one.name.len()).max();
    let width = width.unwrap_or_default();
    for Finding { name, answer } in findings {
        let label = answer.verdict.label();
        let seen = one_line(&answer.seen);
        write!(out, "{label:<4}  {name:<width$}  {seen}")?;
        if let Some(cure) = answer.cure.as_deref().map(one_line) {
            match layout {
                Layout::Terminal => write!(out, "\n      {:<width$}  -> {cure}", "")?,
                Layout::Lines => write!(out, " -> {cure}")?,
            }
        }
        writeln!(out)?;
    }
    let count = |label| {
        let labels = findings.iter().map(|one| one.answer.verdict.label());
        labels.filter(|one| *one == label).count()
    };
    let [good, warnings, failed, skipped] = ["ok", "WARN", "FAIL", "skip"].map(count);
    writeln!(
        out,
        "{good} ok, {warnings} to improve, {failed} failed, {skipped} skipped"
    )
}

/// One JSON object per line.
pub fn json(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    findings.iter().try_for_each(|Finding { name, answer }| {
        let line = json!({
            "name": name,
            "outcome": answer.verdict.label().to_lowercase(),
            "seen": answer.seen,
            "cure": answer.cure,
        });
        writeln!(out, "{line}")
    })
}

/// What servers say may hold line ends and control characters: a terminal obeys them.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    crate::cli::plain::plain(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings() -> Vec<Finding> {
        vec![
            Answer::good("3.7.11").of("postfix-version"),
            Answer::warning("none\nseen", "look").of("clock"),
        ]
    }

    fn shown(layout: Layout) -> String {
        let mut out = Vec::new();
        text(&mut out, &findings(), layout).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_check_is_one_line_with_its_cure() {
        assert_eq!(
            shown(Layout::Lines),
            "ok    postfix-version  3.7.11\n\
             WARN  clock            none seen -> look\n\
             1 ok, 1 to improve, 0 failed, 0 skipped\n"
        );
    }

    #[test]
    fn on_a_terminal_the_cure_stands_below() {
        let shown = shown(Layout::Terminal);
        let below = format!("none seen\n{:23}-> look\n", "");
        assert!(shown.contains(&below), "{shown}");
    }

    #[test]
    fn the_exit_code_tells_what_must_be_changed_before_who_is_away() {
        assert_eq!(exit_code(&findings()), 0);
        let mut findings = findings();
        findings.push(Answer::skipped("no right", "ask as root").of("sudo"));
        assert_eq!(exit_code(&findings), 0);
        findings.push(Answer::away("no answer", "start it").of("database"));
        assert_eq!(exit_code(&findings), 69);
        findings.push(Answer::fault("short", "set it").of("long-queue-ids"));
        assert_eq!(exit_code(&findings), 78);
    }

    #[test]
    fn programs_get_an_object_for_each_check() {
        let mut out = Vec::new();
        json(&mut out, &findings()).unwrap();
        let lines = String::from_utf8(out).unwrap();
        let first = lines.lines().next().unwrap();
        assert_eq!(
            first,
            r#"{"cure":null,"name":"postfix-version","outcome":"ok","seen":"3.7.11"}"#
        );
    }
}
