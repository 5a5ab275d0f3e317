//! Middle values of noisy figures, and how far they can be trusted. Assumes no distribution.

use crate::lab::chance::Chance;

/// A value and the 95 % interval in which it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Figure {
    /// Taken once, or the sum of all: it has no interval.
    pub fn plain(value: f64) -> Self {
        Self {
            value,
            low: value,
            high: value,
        }
    }

    /// The middle value of some samples.
    pub fn median(samples: &[f64]) -> Self {
        Self::quantile(samples, 0.5)
    }

    /// The value below which this part of the samples lies. Its interval is that of two order
    /// statistics: the number of samples below the true quantile has a binomial distribution.
    /// Too few samples give the least and the greatest.
    ///
    /// # Panics
    /// Without samples.
    pub fn quantile(samples: &[f64], part: f64) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = ranks(sorted.len(), part);
        let middle = if part == 0.5 && sorted.len().is_multiple_of(2) {
            let upper = sorted.len() / 2;
            (sorted[upper - 1] + sorted[upper]) / 2.0
        } else {
            sorted[nearest_rank(sorted.len(), part)]
        };
        Self {
            value: middle,
            low: sorted[low].min(middle),
            high: sorted[high].max(middle),
        }
    }

    /// By how much a quantile of `more` is above that of `less`: samples that were taken in pairs. Its
    /// interval is what the bootstrap gives: pairs are drawn again and again, each any number of times,
    /// and of what comes out the middle 95 % count.
    ///
    /// # Panics
    /// Without samples, or if one has no pair.
    pub fn added(more: &[f64], less: &[f64], part: f64) -> Self {
        assert_eq!(more.len(), less.len(), "pairs");
        let rank = nearest_rank(more.len(), part);
        let quantile = |mut samples: Vec<f64>| {
            let (_, found, _) = samples.select_nth_unstable_by(rank, f64::total_cmp);
            *found
        };
        let mut chance = Chance::new(1);
        let mut drawn: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let pairs: Vec<usize> = more.iter().map(|_| chance.below(more.len())).collect();
                let of = |samples: &[f64]| quantile(pairs.iter().map(|at| samples[*at]).collect());
                of(more) - of(less)
            })
            .collect();
        drawn.sort_by(f64::total_cmp);
        let tail = nearest_rank(DRAWS, TAIL);
        let value = quantile(more.to_vec()) - quantile(less.to_vec());
        Self {
            value,
            low: drawn[tail].min(value),
            high: drawn[DRAWS - 1 - tail].max(value),
        }
    }

    /// Half of the interval, as a part of the value.
    pub fn relative_half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.value.abs()
    }
}

/// The part of all cases in which the interval may miss the true value, on each side.
const TAIL: f64 = 0.025;

/// How often pairs are drawn anew.
const DRAWS: usize = 1_000;

/// The position of the sample below which this part of them lies.
fn nearest_rank(n_samples: usize, part: f64) -> usize {
    let rank = (part * n_samples as f64).ceil() as usize;
    rank.clamp(1, n_samples) - 1
}

/// The positions of the samples that enclose a quantile with 95 % certainty.
fn ranks(n_samples: usize, part: f64) -> (usize, usize) {
    let mut low = None;
    // The logarithm: the probability itself may be smaller than the smallest number.
    let mut ln_probability = n_samples as f64 * (1.0 - part).ln();
    let mut at_most = 0.0;
    for n_below in 0..n_samples {
        at_most += ln_probability.exp();
        if at_most > TAIL {
            low.get_or_insert(n_below.saturating_sub(1));
        }
        if at_most >= 1.0 - TAIL {
            return (low.unwrap_or_default(), n_below);
        }
        let (left, next) = ((n_samples - n_below) as f64, (n_below + 1) as f64);
        ln_probability += (left / next * part / (1.0 - part)).ln();
    }
    (low.unwrap_or_default(), n_samples - 1)
}
