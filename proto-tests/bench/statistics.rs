//! Middle values of noisy figures, and how far they can be trusted. Assumes no distribution.

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
            // The nearest rank.
            let rank = (part * sorted.len() as f64).ceil() as usize;
            sorted[rank.clamp(1, sorted.len()) - 1]
        };
        Self {
            value: middle,
            low: sorted[low].min(middle),
            high: sorted[high].max(middle),
        }
    }

    /// Half of the interval, as a part of the value.
    pub fn relative_half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.value.abs()
    }
}

/// The part of all cases in which the interval may miss the true value, on each side.
const TAIL: f64 = 0.025;

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
