//! Flags that end: a past end date is no flag, and one that cannot be read ends nothing.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::Directory,
    domain::person::{Flag, FlagReading},
};

use super::asking::{ask, flagged, open, reading, sender, settings};
use crate::{
    lab::{Lab, Person, slapd::PEOPLE},
    trials::{Trials, tests},
};

const UNTIL: &str = "mailMonitorUntil";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_flag_that_has_ended_does_not_flag,
        a_flag_that_will_end_flags,
        a_flag_without_an_end_flags,
        an_end_does_not_flag_by_itself,
        an_end_counts_in_its_own_time_zone,
        the_latest_of_several_ends_counts,
        an_end_that_is_no_time_ends_nothing,
        an_end_that_is_not_asked_for_ends_nothing,
    ]
}

/// The lab's directory, with an attribute as end date.
fn ending(lab: &Lab, attribute: &str) -> Arc<dyn Directory> {
    let mut settings = settings(&lab.slapd);
    settings.marks.until = Some(attribute.to_owned());
    open(settings)
}

async fn person(lab: &Lab, flags: &[&str], attribute: &str, ends: &[&str]) -> Person {
    let person = lab.person(flags).await;
    let mut change = format!(
        "dn: uid={},{PEOPLE}\nchangetype: modify\nreplace: {attribute}\n",
        person.login
    );
    change.extend(ends.iter().map(|end| format!("{attribute}: {end}\n")));
    lab.slapd.modify(&change).await;
    person
}

async fn a_flag_that_has_ended_does_not_flag(lab: &Lab) {
    let person = person(lab, &["Y"], UNTIL, &["20200131120000Z"]).await;
    let standing = ask(&*ending(lab, UNTIL), &sender(&person.address)).await;
    let standing = standing.unwrap();
    assert_eq!(standing.flagged(), None);
    let Flag::Expired { shown, until } = &standing.entries[0].flag else {
        panic!("{standing:?}")
    };
    assert_eq!(shown, "IsMailMonitor=Y");
    assert_eq!(until.to_rfc3339(), "2020-01-31T12:00:00+00:00");
}

async fn a_flag_that_will_end_flags(lab: &Lab) {
    let person = person(lab, &["Y"], UNTIL, &["29991231235959Z"]).await;
    flagged(&*ending(lab, UNTIL), &sender(&person.address)).await;
}

async fn a_flag_without_an_end_flags(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    flagged(&*ending(lab, UNTIL), &sender(&person.address)).await;
}

async fn an_end_does_not_flag_by_itself(lab: &Lab) {
    let person = person(lab, &[], UNTIL, &["29991231235959Z"]).await;
    let read = reading(&*ending(lab, UNTIL), &sender(&person.address)).await;
    assert_eq!(read, None);
}

async fn an_end_counts_in_its_own_time_zone(lab: &Lab) {
    let now = chrono::Utc::now();
    for (hours, offset, is_over) in [(1, "+0200", true), (-1, "-0200", false)] {
        // An hour ahead by the clock on the wall, but the wall is two hours to the east.
        let wall = (now + chrono::TimeDelta::hours(hours)).format("%Y%m%d%H%M%S");
        let person = person(lab, &["Y"], UNTIL, &[&format!("{wall}{offset}")]).await;
        let read = reading(&*ending(lab, UNTIL), &sender(&person.address)).await;
        assert_eq!(read.is_none(), is_over, "{wall}{offset}");
    }
}

/// The shipped attribute has one value; another one may have more.
async fn the_latest_of_several_ends_counts(lab: &Lab) {
    let ends = ["20200131120000Z", "29991231235959Z", "20210131120000Z"];
    let person = person(lab, &["Y"], "description", &ends).await;
    flagged(&*ending(lab, "description"), &sender(&person.address)).await;
}

async fn an_end_that_is_no_time_ends_nothing(lab: &Lab) {
    let ends = ["20200131120000Z", "soon"];
    let person = person(lab, &["Y"], "description", &ends).await;
    let entry = flagged(&*ending(lab, "description"), &sender(&person.address)).await;
    assert_eq!(entry.flag.reading(), Some(FlagReading::Doubtful));
    assert_eq!(entry.flag.shown(), "description=soon");
}

async fn an_end_that_is_not_asked_for_ends_nothing(lab: &Lab) {
    let person = person(lab, &["Y"], UNTIL, &["20200131120000Z"]).await;
    flagged(&*open(settings(&lab.slapd)), &sender(&person.address)).await;
}
