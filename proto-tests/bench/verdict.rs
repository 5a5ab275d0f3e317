//! Rows of the report: a figure, what was promised, and whether it is kept.

use std::fmt;

use serde_json::{Value, json};

use super::statistics::Figure;

/// An interval that is wider is too wide to tell a small difference.
const RESOLUTION: f64 = 0.03;

/// What a figure is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
    /// Told for comparison.
    None,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The target lies inside the interval or is surpassed.
    Pass,
    /// The target is missed.
    Short,
    /// The target lies inside an interval that is too wide to tell.
    Unresolved,
    /// Nothing was promised.
    Told,
}

impl Target {
    /// Compares.
    pub fn verdict(self, figure: Figure) -> Verdict {
        let (is_surpassed, is_missed) = match self {
            Self::AtLeast(target) => (figure.low >= target, figure.high < target),
            Self::AtMost(target) => (figure.high <= target, figure.low > target),
            Self::None => return Verdict::Told,
        };
        if is_surpassed {
            Verdict::Pass
        } else if is_missed {
            Verdict::Short
        } else if figure.relative_half_width() > RESOLUTION {
            Verdict::Unresolved
        } else {
            Verdict::Pass
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(target) => write!(f, "≥ {target}"),
            Self::AtMost(target) => write!(f, "≤ {target}"),
            Self::None => f.write_str("-"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Short => "short",
            Self::Unresolved => "unresolved",
            Self::Told => "-",
        })
    }
}

/// One line of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is measured.
    pub name: String,
    /// The unit of figure and target; nothing for a ratio.
    pub unit: &'static str,
    /// What came out.
    pub figure: Figure,
    /// What was promised.
    pub target: Target,
    /// What it was made of.
    pub facts: Vec<String>,
}

impl Row {
    /// A ratio, or a number of things.
    pub fn new(name: impl Into<String>, figure: Figure, target: Target) -> Self {
        Self {
            name: name.into(),
            unit: "",
            figure,
            target,
            facts: Vec::new(),
        }
    }

    /// Its unit.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Adds what it was made of.
    pub fn fact(mut self, fact: impl Into<String>) -> Self {
        self.facts.push(fact.into());
        self
    }

    /// Whether it is as promised.
    pub fn verdict(&self) -> Verdict {
        self.target.verdict(self.figure)
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let Figure { value, low, high } = self.figure;
        json!({
            "name": self.name,
            "unit": self.unit,
            "target": self.target.to_string(),
            "value": value,
            "low": low,
            "high": high,
            "verdict": self.verdict().to_string(),
            "facts": self.facts,
        })
    }
}
