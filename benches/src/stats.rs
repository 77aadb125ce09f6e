//! Medians and other quantiles of a few measurements.

/// Measurements of one thing, in one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// `None` when there is no measurement.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// The value that a share `q` (0 to 1) of the measurements does not exceed: the nearest rank, so it was measured.
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = (q * self.sorted.len() as f64).ceil() as usize;
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }

    /// Half of the measurements do not exceed it.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The smallest.
    pub fn min(&self) -> f64 {
        self.quantile(0.0)
    }

    /// The largest.
    pub fn max(&self) -> f64 {
        self.quantile(1.0)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::of(values.iter().copied()).expect("values")
    }

    #[test]
    fn nothing_measured_is_no_sample() {
        assert_eq!(Sample::of([]), None);
    }

    #[test]
    fn the_order_of_measuring_does_not_matter() {
        let sample = sample(&[5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(
            (sample.min(), sample.median(), sample.max()),
            (1.0, 3.0, 5.0)
        );
    }

    #[test]
    fn of_an_even_number_the_median_is_one_that_was_measured() {
        assert_eq!(sample(&[1.0, 2.0, 10.0, 20.0]).median(), 2.0);
    }

    #[test]
    fn of_a_hundred_the_99th_percentile_is_the_last_but_one() {
        let sample = Sample::of((1..=100).map(f64::from)).expect("values");
        assert_eq!(sample.quantile(0.99), 99.0);
        assert_eq!(sample.quantile(0.5), 50.0);
        assert_eq!(sample.count(), 100);
    }

    #[test]
    fn one_measurement_is_every_quantile() {
        let sample = sample(&[7.0]);
        for q in [0.0, 0.01, 0.5, 0.99, 1.0] {
            assert_eq!(sample.quantile(q), 7.0, "{q}");
        }
    }
}
