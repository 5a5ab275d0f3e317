//! What came of a run, in lines for a person.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::{
    checker::{self, Report},
    house::House,
    injectors::Injected,
    kept::{Absence, Cause},
    ledger::{Heard, History, Outcome},
    load::Sent,
    plan::Plan,
    snapshot::Look,
};

/// All that is told of a run.
pub struct Told<'a> {
    /// What was planned.
    pub plan: &'a Plan,
    /// Where it was.
    pub house: &'a House,
    /// What was sent.
    pub sent: Sent,
    /// What was answered.
    pub history: &'a History,
    /// What was done to the house.
    pub injected: &'a [Injected],
    /// What was seen of it.
    pub looks: &'a [Look],
    /// What was checked.
    pub report: &'a Report,
    /// What did not come to rest.
    pub unrest: Option<&'a str>,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seed, length) = (self.plan.seed, self.plan.length.as_secs());
        writeln!(f, "seed {seed}, {length} s of faults")?;
        self.deaths(f)?;
        self.mail(f)?;
        self.faults(f)?;
        write!(f, "{}", self.report)?;
        match self.unrest {
            Some(unrest) => writeln!(f, "not quiet in time: {unrest}"),
            None => Ok(()),
        }
    }
}

impl Told<'_> {
    fn deaths(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles = self.house.roles();
        let n_kills: usize = roles.iter().map(|role| role.n_kills()).sum();
        let n_deaths: usize = roles.iter().map(|role| role.n_deaths()).sum();
        writeln!(
            f,
            "{n_kills} kills from outside, {n_deaths} deaths at a failpoint"
        )?;
        for role in roles {
            let (n_kills, n_deaths) = (role.n_kills(), role.n_deaths());
            writeln!(f, "  {}: {n_kills} kills, {n_deaths} deaths", role.name)?;
            let mut absences: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
            for absence in role.absences() {
                let times = absences.entry(self.cause(&absence)).or_default();
                times.push(absence.lasted);
            }
            for (cause, mut times) in absences {
                times.sort();
                let at = |percent: usize| times[(times.len() - 1) * percent / 100];
                writeln!(
                    f,
                    "    answers again after {cause}: {:.2?} median, {:.2?} p95, {:.2?} worst of {}",
                    at(50),
                    at(95),
                    at(100),
                    times.len(),
                )?;
            }
        }
        Ok(())
    }

    /// Only what follows a kill alone tells how soon a process is back.
    fn cause(&self, absence: &Absence) -> &'static str {
        let until = absence.from + absence.lasted;
        let is_hindered = self.injected.iter().any(|one| {
            one.planned.fault.hinders_a_start() && one.from < until && one.to > absence.from
        });
        match (absence.cause, absence.n_starts) {
            _ if is_hindered => "an end while its database or disk was at fault",
            (_, 2..) => "more than one death",
            (Cause::Killed, _) => "a kill",
            (Cause::Died, _) => "a death at a place",
        }
    }

    fn mail(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent {
            n_mails,
            n_submissions,
            n_bytes,
        } = self.sent;
        let megabytes = n_bytes / 1_000_000;
        writeln!(
            f,
            "{n_mails} mails in {n_submissions} submissions, {megabytes} MB"
        )?;
        let answers = self
            .history
            .submissions
            .iter()
            .map(|one| match one.outcome {
                Outcome::Accepted { .. } => "accepted",
                Outcome::Refused { .. } => "refused",
                Outcome::NotSent(_) => "not sent",
                Outcome::Unknown(_) => "unknown",
            });
        counts(f, answers)?;
        writeln!(f, "{} decisions tried", self.history.ballots.len())?;
        let answers = self.history.ballots.iter().map(|one| match one.heard {
            Heard::Acknowledged => "acknowledged",
            Heard::LostTo { .. } => "lost to another",
            Heard::Refused(_) => "refused",
            Heard::Unknown(_) => "unknown",
        });
        counts(f, answers)?;
        let carried = self.house.proxies.all().map(|proxy| {
            let megabytes = proxy.n_bytes() as f64 / 1e6;
            format!("{} {megabytes:.1}", proxy.name)
        });
        writeln!(f, "MB through each proxy: {}", carried.join(", "))
    }

    fn faults(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} acts by hand", self.history.by_hand.len())?;
        writeln!(f, "{} faults injected:", self.injected.len())?;
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for one in self.injected {
            *kinds.entry(one.planned.fault.kind()).or_default() += 1;
        }
        for (kind, n_faults) in kinds {
            writeln!(f, "  {n_faults:>4} {kind}")?;
        }
        if !self.history.alone.is_empty() {
            writeln!(f, "seen from outside, faults that were alone:")?;
        }
        for alone in &self.history.alone {
            let seen = checker::seen(self.looks, alone);
            writeln!(f, "  {:<36} {seen}", alone.fault)?;
        }
        Ok(())
    }
}

fn counts<'a>(f: &mut fmt::Formatter<'_>, words: impl Iterator<Item = &'a str>) -> fmt::Result {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    let all: Vec<_> = counts
        .iter()
        .map(|(word, n)| format!("{n} {word}"))
        .collect();
    writeln!(f, "  {}", all.join(", "))
}
