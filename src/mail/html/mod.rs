//! HTML for people: its text, its links, and a page that needs nothing from elsewhere. Never keeps a
//! script, a style, a form, or an address that a browser would ask.
//!
//! The page is made in three steps: the HTML is read as a browser reads it and written out plainly;
//! the plain form is walked for text and links, and the hosts are written before the links' words; the
//! sanitiser comes last, and nothing touches its output.

mod bounds;
mod breaks;
mod hidden;
mod labels;
mod links;
mod lost;
mod names;
mod pictures;
mod places;
mod plain;
mod safe;
mod tags;
mod walk;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use self::pictures::tests::png;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(super) use self::{links::Host, pictures::Pictures, walk::Found};

/// What became of an HTML text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// The safe page; none if it could not be made.
    pub page: Option<String>,
    /// What a person reads.
    pub text: String,
    /// Its links in order.
    pub links: Vec<Found>,
    /// Whether text in it is hidden from its reader, or from ours.
    pub has_hidden: bool,
    /// Whether it is nested too deep to be read, where the text is its source, or its links are of too
    /// many pieces for a page.
    pub is_too_deep: bool,
}

/// Reads an HTML text that is Unicode already. `bases` are what the header of its part has its links lead
/// on from.
pub(super) fn read(html: &str, bases: &[String], pictures: &mut Pictures<'_>) -> Read {
    let read_as = names::neutral(html);
    if !bounds::fits(&read_as) {
        return unread(html);
    }
    // The parsers are somebody else's, and their input the sender's.
    let made = catch_unwind(AssertUnwindSafe(|| make(&read_as, bases, pictures)));
    made.ok().flatten().unwrap_or_else(|| Read {
        text: html.to_owned(),
        ..Read::default()
    })
}

/// What becomes of an HTML text that is too much to be read.
pub(super) fn unread(html: &str) -> Read {
    Read {
        text: html.to_owned(),
        is_too_deep: true,
        ..Read::default()
    }
}

fn make(html: &str, bases: &[String], pictures: &mut Pictures<'_>) -> Option<Read> {
    let plain = plain::write_out(html);
    let walked = walk::walk(&plain, bases)?;
    let lost = lost::read(html, bases, &walked);
    for id in &walked.pictures {
        pictures.show(id);
    }
    let clean = |html: String| safe::clean(&html, pictures.only(&walked.pictures), pictures.room());
    Some(Read {
        is_too_deep: walked.html.is_none(),
        page: walked.html.map(clean),
        text: walked.text,
        links: [walked.links, lost.links].concat(),
        has_hidden: walked.has_hidden || lost.has_words,
    })
}
