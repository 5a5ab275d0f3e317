//! A history as a file: one JSON object a line, so that a run that went wrong can be looked at later.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::history::{Alone, Ballot, ByHand, Disturbance, History, Submission};

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line {
    Submission(Submission),
    Ballot(Ballot),
    ByHand(ByHand),
    Disturbance(Disturbance),
    Alone(Alone),
}

impl History {
    /// Writes it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        let submissions = self.submissions.iter().cloned().map(Line::Submission);
        let ballots = self.ballots.iter().cloned().map(Line::Ballot);
        let by_hand = self.by_hand.iter().cloned().map(Line::ByHand);
        let disturbances = self.disturbances.iter().cloned().map(Line::Disturbance);
        let alone = self.alone.iter().cloned().map(Line::Alone);
        for line in submissions
            .chain(ballots)
            .chain(by_hand)
            .chain(disturbances)
            .chain(alone)
        {
            serde_json::to_writer(&mut file, &line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// Reads what was written.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut history = Self::default();
        for line in fs::read_to_string(path)?.lines() {
            match serde_json::from_str(line)? {
                Line::Submission(submission) => history.submissions.push(submission),
                Line::Ballot(ballot) => history.ballots.push(ballot),
                Line::ByHand(by_hand) => history.by_hand.push(by_hand),
                Line::Disturbance(disturbance) => history.disturbances.push(disturbance),
                Line::Alone(alone) => history.alone.push(alone),
            }
        }
        Ok(history)
    }
}
