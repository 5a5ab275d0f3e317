//! Line charts as SVG, readable on light and dark pages. Never measures.

use std::fmt::Write as _;

use super::report::number;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 48.0;
/// Distinct for the colour-blind too (Okabe and Ito).
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
/// Lines across, zero not counted.
const STEPS: usize = 4;

/// A chart with a logarithmic axis to the right and a linear one upwards.
pub struct Plot<'a> {
    pub title: &'a str,
    pub across: &'a str,
    pub up: &'a str,
    pub series: Vec<Series>,
}

/// One line of it; the points by what is across.
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot<'_> {
    /// The file's text.
    pub fn to_svg(&self) -> String {
        let scale = Scale::of(&self.series);
        let mut svg = self.frame();
        scale.draw_grid(&mut svg);
        for (number, series) in self.series.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            scale.draw_line(series, colour, &mut svg);
            let (place, beside) = (
                LEFT + 190.0 * number as f64,
                LEFT + 190.0 * number as f64 + 18.0,
            );
            let name = escaped(&series.name);
            writeln!(
                svg,
                "<rect x=\"{place}\" y=\"28\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
                 <text x=\"{beside}\" y=\"38\">{name}</text>"
            )
            .unwrap();
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn frame(&self) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n\
             <title>{title}</title>\n\
             <style>text{{fill:#333}}.grid{{stroke:#999;stroke-opacity:.35}}\
             @media(prefers-color-scheme:dark){{text{{fill:#ddd}}}}</style>\n\
             <text x=\"{LEFT}\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{title}</text>\n\
             <text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{across}</text>\n\
             <text transform=\"translate(14 {centre}) rotate(-90)\" text-anchor=\"middle\">{up}</text>\n",
            title = escaped(self.title),
            across = escaped(self.across),
            up = escaped(self.up),
            middle = (LEFT + WIDTH - RIGHT) / 2.0,
            below = HEIGHT - 10.0,
            centre = (TOP + HEIGHT - BOTTOM) / 2.0,
        )
    }
}

/// Where values stand.
struct Scale {
    marks: Vec<f64>,
    top: f64,
}

impl Scale {
    fn of(series: &[Series]) -> Self {
        let points = || series.iter().flat_map(|series| &series.points);
        let mut marks: Vec<f64> = points().map(|(across, _)| *across).collect();
        marks.sort_by(f64::total_cmp);
        marks.dedup();
        let top = round_up(points().map(|(_, up)| *up).fold(0.0, f64::max));
        Self { marks, top }
    }

    fn x(&self, across: f64) -> f64 {
        let (least, most) = (self.marks[0].ln(), self.marks[self.marks.len() - 1].ln());
        LEFT + (across.ln() - least) / (most - least).max(1e-9) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, up: f64) -> f64 {
        HEIGHT - BOTTOM - up / self.top * (HEIGHT - TOP - BOTTOM)
    }

    fn draw_grid(&self, svg: &mut String) {
        let (end, beside) = (WIDTH - RIGHT, LEFT - 6.0);
        for step in 0..=STEPS {
            let up = self.top * step as f64 / STEPS as f64;
            let (line, text, words) = (self.y(up), self.y(up) + 4.0, label(up));
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{line:.1}\" x2=\"{end}\" y2=\"{line:.1}\"/>\
                 <text x=\"{beside}\" y=\"{text:.1}\" text-anchor=\"end\">{words}</text>"
            )
            .unwrap();
        }
        for across in &self.marks {
            let (place, below, words) = (self.x(*across), HEIGHT - BOTTOM + 18.0, label(*across));
            writeln!(
                svg,
                "<text x=\"{place:.1}\" y=\"{below}\" text-anchor=\"middle\">{words}</text>"
            )
            .unwrap();
        }
    }

    fn draw_line(&self, series: &Series, colour: &str, svg: &mut String) {
        let place = |(across, up): &(f64, f64)| (self.x(*across), self.y(*up));
        let places: Vec<String> = series
            .points
            .iter()
            .map(place)
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        let line = places.join(" ");
        writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{line}\"/>"
        )
        .unwrap();
        for point in &series.points {
            let ((x, y), (words, at)) = (place(point), (number(point.1), label(point.0)));
            writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\">\
                 <title>{words} at {at}</title></circle>"
            )
            .unwrap();
        }
    }
}

/// The next of 1, 2, 4, 5, 6, 8 or 10 by a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps.iter().find(|step| **step * power >= value);
    step.unwrap_or(&10.0) * power
}

fn label(value: f64) -> String {
    let (size, unit) = match value {
        size if size >= 1_000_000.0 => (size / 1_000_000.0, "M"),
        size if size >= 1_000.0 => (size / 1_000.0, "k"),
        size => (size, ""),
    };
    let text = format!("{size:.1}");
    format!("{}{unit}", text.trim_end_matches(".0"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
