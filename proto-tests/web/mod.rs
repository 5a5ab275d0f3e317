//! The review desk: over HTTP and in a real browser.

mod alone;
mod axe;
mod browser;
pub mod browsing;
mod counts;
mod deciding;
mod doors;
mod focus;
mod haste;
mod hostile;
pub mod house;
mod keys;
mod looks;
mod on_record;
mod outages;
mod own_mail;
mod payloads;
pub mod pictures;
mod protection;
mod reading;
mod renewing;
mod rights;
mod rights_of_acts;
mod safe_page;
mod telling;
mod waiting;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = browser::tests(trials);
    all.extend(doors::tests(trials));
    all.extend(protection::tests(trials));
    all.extend(on_record::tests(trials));
    all.extend(rights::tests(trials));
    all.extend(rights_of_acts::tests(trials));
    all.extend(renewing::tests(trials));
    all.extend(reading::tests(trials));
    all.extend(safe_page::tests(trials));
    all.extend(deciding::tests(trials));
    all.extend(browsing::tests(trials));
    all.extend(keys::tests(trials));
    all.extend(focus::tests(trials));
    all.extend(haste::tests(trials));
    all.extend(waiting::tests(trials));
    all.extend(outages::tests(trials));
    all.extend(own_mail::tests(trials));
    all.extend(telling::tests(trials));
    all.extend(looks::tests(trials));
    all.extend(axe::tests(trials));
    all.extend(counts::tests(trials));
    all.extend(hostile::tests(trials));
    all
}
