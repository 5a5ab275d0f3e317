//! The files below `config/` that operators install: units, sudo lines, lines for `main.cf`, the schema.
//! Each is tried with the program that reads it; so are statements that a page gives.

mod main_cf;
mod retention;
mod schema;
mod sudo_lines;
mod units;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = units::tests(trials);
    tests.extend(sudo_lines::tests(trials));
    tests.extend(main_cf::tests(trials));
    tests.extend(schema::tests(trials));
    tests.extend(retention::tests(trials));
    tests
}
