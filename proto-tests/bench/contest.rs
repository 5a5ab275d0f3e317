//! Several ways to take the same mail, in short rounds one after the other: A B C C B A. So a slow
//! drift of the machine hits all alike, and the rounds that are compared are near each other.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use nix::unistd::Pid;

use super::{
    machine,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{eventually::eventually, postfix::Postfix, program::Program, role::Role};

/// How long what a round left may take: far more than is promised, lest a slow machine ends the run.
const BOUND: Duration = Duration::from_secs(60);

/// Between two looks whether all is recorded.
const PAUSE: Duration = Duration::from_millis(25);

/// One way to take mail.
#[derive(Clone)]
pub struct Contender<'a> {
    pub name: &'static str,
    pub postfix: &'a Postfix,
    pub smtp: SocketAddr,
    pub sender: &'a str,
    /// The process whose CPU time counts, if there is a milter.
    pub milter: Option<Pid>,
    pub ends: Ends<'a>,
    /// Fewer for one that is slow.
    pub n_messages: usize,
}

/// When a round is over, and all work for it done.
#[derive(Clone, Copy)]
pub enum Ends<'a> {
    /// All is on hold.
    Held,
    /// All is on hold, recorded and confirmed.
    Recorded { milter: &'a Role, worker: &'a Role },
    /// All is on hold, recorded and marked, as this file says.
    Marked(&'a Path),
    /// All has left Postfix's queues.
    Delivered,
}

/// The mail of a round, but for its number.
#[derive(Clone, Copy)]
pub struct Load {
    pub sessions: usize,
    pub bytes: usize,
}

/// What most rows are about.
pub const USUAL: Load = Load {
    sessions: 10,
    bytes: 4_096,
};

/// What one round gave.
#[derive(Clone, Copy)]
pub struct Round {
    /// Messages accepted in a second.
    pub rate: f64,
    /// The whole machine's CPU time for one, until all work was done.
    pub machine_ms: f64,
    /// The milter's.
    pub milter_ms: f64,
    /// From the last acceptance until nothing waited.
    pub overhang: Duration,
}

/// The rounds of every contender.
pub struct Results {
    names: Vec<&'static str>,
    rounds: Vec<Vec<Round>>,
}

/// Runs a warm-up and `n_rounds` rounds of each.
pub async fn run(contenders: &[Contender<'_>], load: Load, n_rounds: usize) -> Results {
    let mut rounds = vec![Vec::new(); contenders.len()];
    for number in 0..=n_rounds {
        let mut order: Vec<usize> = (0..contenders.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for index in order {
            let round = contenders[index].round(load).await;
            // The first round warms everything up.
            if number > 0 {
                rounds[index].push(round);
            }
        }
    }
    let names = contenders.iter().map(|one| one.name).collect();
    Results { names, rounds }
}

impl Results {
    /// One contender's figure by the other's, round by round.
    pub fn ratio(&self, ours: &str, theirs: &str, of: fn(&Round) -> f64) -> Figure {
        let pairs = self.of(ours).iter().zip(self.of(theirs));
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect();
        Figure::median(&ratios)
    }

    /// A contender's middle figure.
    pub fn median(&self, name: &str, of: fn(&Round) -> f64) -> f64 {
        let values: Vec<f64> = self.of(name).iter().map(of).collect();
        Figure::median(&values).value
    }

    /// The longest time until nothing waited.
    pub fn longest_overhang(&self, name: &str) -> Duration {
        let overhangs = self.of(name).iter().map(|round| round.overhang);
        overhangs.max().unwrap_or_default()
    }

    /// The row of two contenders' rates, and what they spent.
    pub fn rates(&self, (ours, theirs): (&str, &str), target: Target) -> Row {
        let rates = [ours, theirs].map(|name| self.median(name, |round| round.rate));
        let spent = [ours, theirs].map(|name| self.median(name, |round| round.machine_ms));
        let by_cpu = self.ratio(theirs, ours, |round| round.machine_ms);
        let figure = self.ratio(ours, theirs, |round| round.rate);
        Row::new(format!("{ours} ÷ {theirs}: messages/s"), figure, target)
            .fact(format!("{:.0} and {:.0} messages/s, {} rounds each", rates[0], rates[1], self.of(ours).len()))
            .fact(format!(
                "the whole machine's CPU time for one: {:.3} and {:.3} ms, so {:.3} ({:.3} to {:.3}) by CPU time",
                spent[0], spent[1], by_cpu.value, by_cpu.low, by_cpu.high
            ))
    }

    fn of(&self, name: &str) -> &[Round] {
        let index = self.names.iter().position(|other| *other == name);
        &self.rounds[index.unwrap_or_else(|| panic!("{name} takes part"))]
    }
}

impl Contender<'_> {
    /// One round.
    pub async fn round(&self, load: Load) -> Round {
        // A long queue takes long to list: outside of what is measured.
        let held_before = self.postfix.held().len();
        let done_before = self.ends.done().await;
        let (busy, spent) = (machine::busy(), self.spent());
        let began = Instant::now();
        self.send(load).await;
        let accepted = Instant::now();
        self.wait_until_done(done_before).await;
        let overhang = accepted.elapsed();
        let each = |time: Duration| time.as_secs_f64() * 1_000.0 / self.n_messages as f64;
        let round = Round {
            rate: self.n_messages as f64 / (accepted - began).as_secs_f64(),
            machine_ms: each(machine::busy() - busy),
            milter_ms: each(self.spent() - spent),
            overhang,
        };
        let n_held = self.postfix.held().len() - held_before;
        let wanted = match self.ends {
            Ends::Held | Ends::Recorded { .. } | Ends::Marked(_) => self.n_messages,
            Ends::Delivered => 0,
        };
        assert_eq!(n_held, wanted, "{}: what is on hold", self.name);
        round
    }

    fn spent(&self) -> Duration {
        self.milter.map(machine::cpu).unwrap_or_default()
    }

    async fn send(&self, load: Load) {
        let number = |number: usize| number.to_string();
        Program::new("smtp-source", Path::new("/usr/sbin/smtp-source"))
            .arguments(["-d", "-s", &number(load.sessions)])
            .arguments(["-m", &number(self.n_messages), "-l", &number(load.bytes)])
            .arguments(["-f", self.sender, "-t", "bob@elsewhere.test"])
            .arguments([self.smtp.to_string()])
            .run(b"")
            .await;
    }

    async fn wait_until_done(&self, before: [usize; 2]) {
        let what = format!("the round of {} is over", self.name);
        let wanted = before.map(|count| count + self.n_messages);
        eventually(&what, BOUND, async || match self.ends {
            Ends::Held => Ok(()),
            Ends::Recorded { .. } | Ends::Marked(_) => match self.ends.done_soon().await {
                done if done[0] >= wanted[0] && done[1] >= wanted[1] => Ok(()),
                done => Err((done, wanted)),
            },
            Ends::Delivered => match self.postfix.n_on_the_way() {
                0 => Ok(()),
                n => Err(([n, 0], wanted)),
            },
        })
        .await;
    }
}

impl Ends<'_> {
    /// The same a little later: whoever asks all the time is in the way.
    async fn done_soon(&self) -> [usize; 2] {
        tokio::time::sleep(PAUSE).await;
        self.done().await
    }

    /// Messages recorded and confirmed so far.
    async fn done(&self) -> [usize; 2] {
        match self {
            Self::Held | Self::Delivered => [0, 0],
            Self::Marked(file) => {
                let text = fs::read_to_string(file).unwrap();
                // Nothing is in it before the first mark.
                [text.trim().parse().unwrap_or_default(); 2]
            }
            Self::Recorded { milter, worker } => {
                let recorded = milter.metric("mailhold_recorded_total").await;
                [recorded, worker.metric("mailhold_confirmed_total").await].map(|n| n as usize)
            }
        }
    }
}
