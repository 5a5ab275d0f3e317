//! Tags in the directory: found when the settings say so, and never somebody else.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::{
        self, Directory, Settings,
        ldap::{self, Tags},
    },
    domain::folding::Folding,
};

use super::asking::{flagged, login, open, reading, sender, settings};
use crate::{
    lab::{Lab, place::random_text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_tag_in_the_directory_is_not_looked_for_by_default,
        a_tag_in_the_directory_is_found_if_that_is_asked_for,
        a_tag_in_the_directory_is_found_by_another_domain,
        a_tag_search_finds_nobody_else,
        what_a_sender_writes_stays_a_value_of_a_tag_search,
    ]
}

/// The lab's directory, with a search for tags.
fn searching(lab: &Lab) -> Arc<dyn Directory> {
    open(with_search(lab))
}

fn with_search(lab: &Lab) -> ldap::Settings {
    ldap::Settings {
        tags: Tags::Search,
        ..settings(&lab.slapd)
    }
}

/// A flagged person whose address has a tag; tells what stands before that.
async fn tagged(lab: &Lab) -> String {
    let name = format!("t{}", &random_text()[..8]);
    let address = format!("{name}+office@corp.test");
    lab.slapd.add_person(&name, &[&address], &["Y"]).await;
    name
}

async fn a_tag_in_the_directory_is_not_looked_for_by_default(lab: &Lab) {
    let name = tagged(lab).await;
    let directory = open(settings(&lab.slapd));
    let bare = sender(format!("<{name}@corp.test>"));
    assert_eq!(reading(&*directory, &bare).await, None);
    flagged(&*directory, &sender(format!("<{name}+office@corp.test>"))).await;
}

async fn a_tag_in_the_directory_is_found_if_that_is_asked_for(lab: &Lab) {
    let name = tagged(lab).await;
    let directory = searching(lab);
    for spelling in [
        format!("<{name}@corp.test>"),
        format!("<{}+news@Corp.Test>", name.to_uppercase()),
        format!("<{name}+office@corp.test>"),
    ] {
        flagged(&*directory, &sender(&spelling)).await;
    }
    flagged(&*directory, &login(format!("{name}@corp.test"))).await;
}

async fn a_tag_in_the_directory_is_found_by_another_domain(lab: &Lab) {
    let name = tagged(lab).await;
    let folding = Folding::new(b"+", [("corp.example.com", "corp.test")]).unwrap();
    let settings = Settings::Ldap(Box::new(with_search(lab)));
    let directory = directory::open(&settings, folding).unwrap();
    flagged(&*directory, &sender(format!("<{name}@corp.example.com>"))).await;
}

async fn a_tag_search_finds_nobody_else(lab: &Lab) {
    let name = tagged(lab).await;
    let directory = searching(lab);
    for other in [
        format!("<{name}x@corp.test>"),
        format!("<{}@corp.test>", &name[..8]),
        format!("<{name}@corp.test.example.com>"),
        format!("<{name}@other.test>"),
        format!("<x+{name}@corp.test>"),
    ] {
        assert_eq!(reading(&*directory, &sender(&other)).await, None, "{other}");
    }
}

async fn what_a_sender_writes_stays_a_value_of_a_tag_search(lab: &Lab) {
    let name = tagged(lab).await;
    let directory = searching(lab);
    let begin = &name[..5];
    for text in [
        "*@corp.test".to_owned(),
        "*".to_owned(),
        format!("{begin}*@corp.test"),
        format!("{begin}*+x@corp.test"),
        format!("{begin}\\2a@corp.test"),
        format!("x)(uid={name})(mail=x@corp.test"),
        format!("{name}@*"),
        format!("{name}@*.test"),
        "+@corp.test".to_owned(),
    ] {
        assert_eq!(reading(&*directory, &sender(&text)).await, None, "{text}");
        assert_eq!(reading(&*directory, &login(&text)).await, None, "{text}");
    }
}
