//! What a check found: for each invariant, how much was looked at, how much of it was wrong, and the
//! first examples.

use std::fmt;

/// How many violations of one invariant are told in words.
const EXAMPLES: usize = 5;

/// What must always be so. The numbers are those of the table in docs/testing.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// Flagged mail leaves only by a decision.
    NoEscape,
    /// Accepted mail is somewhere, or went where it had to.
    NoLoss,
    /// Accepted flagged mail is captured.
    Durable,
    /// What is on hold has a record, and the other way round.
    NoGhosts,
    /// One decision stands, and everybody is told which.
    OneDecision,
    /// A decision acts once.
    ApplyOnce,
    /// What was done is what was decided, to the message it was decided for.
    RightMessage,
    /// No byte changes on the way.
    SameBytes,
    /// Other people's mail is not touched.
    Bystanders,
    /// Logs and figures tell nothing of a message.
    NoLeak,
    /// A fault is seen from outside in time, and so is its cure.
    FailVisible,
}

/// What was found of one invariant.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which.
    pub invariant: Invariant,
    /// What was looked at. Where it is 0, nothing is proved.
    pub n_examined: usize,
    /// Whether nothing happened that could have been looked at.
    pub is_void: bool,
    /// What could not be judged, and why.
    pub unjudged: Vec<String>,
    /// What was wrong.
    pub n_violations: usize,
    /// The first of what was wrong: what, and what was expected.
    pub examples: Vec<String>,
}

/// What was found of all invariants.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of [`Invariant::ALL`].
    pub findings: Vec<Finding>,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::NoEscape,
        Self::NoLoss,
        Self::Durable,
        Self::NoGhosts,
        Self::OneDecision,
        Self::ApplyOnce,
        Self::RightMessage,
        Self::SameBytes,
        Self::Bystanders,
        Self::NoLeak,
        Self::FailVisible,
    ];

    /// Its number and name.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoEscape => "I1  no escape",
            Self::NoLoss => "I2  no loss",
            Self::Durable => "I3  durable before answer",
            Self::NoGhosts => "I4  no ghosts",
            Self::OneDecision => "I5  one decision",
            Self::ApplyOnce => "I6  apply once",
            Self::RightMessage => "I7  right message",
            Self::SameBytes => "I8  same bytes",
            Self::Bystanders => "I9  bystanders unharmed",
            Self::NoLeak => "I11 no leak in logs",
            Self::FailVisible => "I15 fail visible",
        }
    }
}

impl Finding {
    pub(super) fn new(invariant: Invariant) -> Self {
        Self {
            invariant,
            n_examined: 0,
            is_void: false,
            unjudged: Vec::new(),
            n_violations: 0,
            examples: Vec::new(),
        }
    }

    /// Counts one thing that was looked at, and what was wrong with it.
    pub(super) fn examined(&mut self, wrong: Option<String>) {
        self.n_examined += 1;
        self.extend(wrong);
    }

    /// Counts what was wrong with a thing that is counted already.
    pub(super) fn extend(&mut self, wrong: impl IntoIterator<Item = String>) {
        for example in wrong {
            self.n_violations += 1;
            if self.examples.len() < EXAMPLES {
                self.examples.push(example);
            }
        }
    }
}

impl Report {
    /// What was found of one.
    pub fn of(&self, invariant: Invariant) -> &Finding {
        let found = self.findings.iter().find(|one| one.invariant == invariant);
        found.expect("a report on all invariants")
    }

    /// The invariants that were violated.
    pub fn violated(&self) -> Vec<Invariant> {
        let violated = self.findings.iter().filter(|one| one.n_violations > 0);
        violated.map(|one| one.invariant).collect()
    }

    /// The invariants that nothing was looked at for: they are not proved.
    pub fn unexamined(&self) -> Vec<Invariant> {
        let all = self.findings.iter().filter(|one| !one.is_void);
        let unexamined = all.filter(|one| one.n_examined == 0);
        unexamined.map(|one| one.invariant).collect()
    }

    /// Whether no invariant is violated.
    pub fn is_clean(&self) -> bool {
        self.violated().is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            let Finding {
                invariant,
                n_examined,
                is_void,
                unjudged,
                n_violations,
                examples,
            } = finding;
            write!(f, "{:<26} ", invariant.title())?;
            match n_examined {
                0 if *is_void => writeln!(f, "nothing to examine in this run")?,
                0 => writeln!(f, "nothing examined, nothing proved")?,
                _ => writeln!(f, "{n_violations:>4} violations of {n_examined} examined")?,
            }
            for one in unjudged {
                writeln!(f, "    not judged: {one}")?;
            }
            for example in examples {
                writeln!(f, "    {example}")?;
            }
        }
        Ok(())
    }
}
