//! The bench judges by these rules: they are tested, not its figures.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    plot::{Plot, Series},
    report::{self, Report},
    statistics::Figure,
    verdict::{Row, Target, Verdict},
};
use crate::{
    lab::chance::Chance,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        the_interval_of_a_median_is_that_of_the_binomial_distribution,
        too_few_samples_give_the_least_and_the_greatest,
        a_quantile_is_a_value_that_was_seen,
        a_quantile_of_very_many_samples_has_a_narrow_interval,
        what_is_added_to_a_quantile_lies_in_its_interval,
        an_even_number_of_samples_has_its_median_between_two,
        a_target_that_is_surpassed_or_inside_the_interval_passes,
        a_target_beyond_the_interval_is_short,
        a_target_inside_a_wide_interval_is_unresolved,
        a_report_with_a_short_row_or_without_rows_fails,
        numbers_have_the_digits_that_matter,
        a_plot_has_every_point_of_every_line,
    ]
}

/// 1, 2, 3 and so on.
fn counted(n_samples: u32) -> Vec<f64> {
    (1..=n_samples).map(f64::from).collect()
}

async fn the_interval_of_a_median_is_that_of_the_binomial_distribution() {
    // The ranks that tables of order statistics have.
    for (n_samples, low, high) in [(20, 6.0, 15.0), (30, 10.0, 21.0), (100, 40.0, 61.0)] {
        let figure = Figure::median(&counted(n_samples));
        assert_eq!((figure.low, figure.high), (low, high), "{n_samples}");
    }
}

async fn too_few_samples_give_the_least_and_the_greatest() {
    let figure = Figure::median(&[3.0, 1.0, 2.0]);
    assert_eq!((figure.low, figure.value, figure.high), (1.0, 2.0, 3.0));
}

async fn a_quantile_is_a_value_that_was_seen() {
    let figure = Figure::quantile(&counted(1_000), 0.99);
    assert_eq!(figure.value, 990.0);
    assert!(figure.low > 980.0 && figure.low < 990.0, "{figure:?}");
    assert!(figure.high > 990.0 && figure.high < 1_000.0, "{figure:?}");
}

async fn a_quantile_of_very_many_samples_has_a_narrow_interval() {
    let figure = Figure::median(&counted(10_000));
    assert!(figure.relative_half_width() < 0.03, "{figure:?}");
}

async fn what_is_added_to_a_quantile_lies_in_its_interval() {
    let mut chance = Chance::new(7);
    let mut samples = || -> Vec<f64> { (0..2_000).map(|_| chance.below(1_000) as f64).collect() };
    let less = samples();
    let more: Vec<f64> = samples().iter().map(|sample| sample + 50.0).collect();
    let figure = Figure::added(&more, &less, 0.99);
    assert!(figure.low < 50.0 && figure.high > 50.0, "{figure:?}");
    let apart = [&more, &less].map(|samples| Figure::quantile(samples, 0.99));
    let widest = apart[0].high - apart[0].low + apart[1].high - apart[1].low;
    assert!(figure.high - figure.low < widest, "{figure:?}");
}

async fn an_even_number_of_samples_has_its_median_between_two() {
    assert_eq!(Figure::median(&[1.0, 2.0, 4.0, 8.0]).value, 3.0);
}

fn between(low: f64, high: f64) -> Figure {
    let value = (low + high) / 2.0;
    Figure { value, low, high }
}

async fn a_target_that_is_surpassed_or_inside_the_interval_passes() {
    let pass = |target: Target, figure| assert_eq!(target.verdict(figure), Verdict::Pass);
    pass(Target::AtLeast(0.95), between(0.94, 0.96));
    pass(Target::AtLeast(0.95), between(0.96, 0.97));
    // However wide: all of it is good.
    pass(Target::AtLeast(2.5), between(4.0, 9.0));
    pass(Target::AtMost(10.0), between(9.9, 10.1));
    pass(Target::AtMost(10.0), Figure::plain(10.0));
}

async fn a_target_beyond_the_interval_is_short() {
    let short = |target: Target, figure| assert_eq!(target.verdict(figure), Verdict::Short);
    short(Target::AtLeast(0.95), between(0.90, 0.949));
    short(Target::AtLeast(8.0), between(2.0, 7.0));
    short(Target::AtMost(40.0), Figure::plain(40.1));
}

async fn a_target_inside_a_wide_interval_is_unresolved() {
    let verdict = Target::AtLeast(0.95).verdict(between(0.91, 0.99));
    assert_eq!(verdict, Verdict::Unresolved);
    assert_eq!(Target::None.verdict(between(0.1, 9.0)), Verdict::Told);
}

async fn a_report_with_a_short_row_or_without_rows_fails() {
    let is_failure = |report: &Report| format!("{:?}", report.exit_code()).contains('1');
    let mut report = Report::default();
    assert!(is_failure(&report));
    report.add(Row::new("kept", Figure::plain(1.0), Target::AtLeast(1.0)));
    assert!(!is_failure(&report));
    report.add(Row::new("missed", Figure::plain(2.0), Target::AtMost(1.0)));
    assert!(is_failure(&report));
}

async fn numbers_have_the_digits_that_matter() {
    let written = [1_234.5, 12.34, 1.234, 0.012_34].map(report::number);
    assert_eq!(written, ["1234", "12.3", "1.23", "0.0123"]);
}

async fn a_plot_has_every_point_of_every_line() {
    let points = vec![(1.0, 100.0), (10.0, 50.0), (100.0, 25.0)];
    let series = |name: &str| Series {
        name: name.to_owned(),
        points: points.clone(),
    };
    let plot = Plot {
        title: "rates & more",
        across: "sessions",
        up: "messages/s",
        series: vec![series("ours"), series("theirs")],
    };
    let svg = plot.to_svg();
    assert_eq!(svg.matches("<circle").count(), 6);
    assert_eq!(svg.matches("<polyline").count(), 2);
    assert!(
        svg.contains("rates &amp; more") && !svg.contains("NaN"),
        "{svg}"
    );
}
