//! What a search filter says, as the library reads it that sends it. For property tests and the
//! fuzzer; never part of the program.

use ldap3::asn1::{ASNTag, PL, StructureTag};

/// The choices of a filter (RFC 4511, section 4.5.1.7) that nest others.
const NESTING: [u64; 3] = [0, 1, 2];
const EQUALITY: u64 = 3;
const PARTS: u64 = 4;

/// An attribute and what it is compared with: parts of a value, and `None` where anything may stand.
pub type Comparison = (String, Vec<Option<Vec<u8>>>);

/// What each item of a filter compares, in order.
///
/// # Panics
/// When it is no filter, or has an item that compares in another way.
pub fn compared(filter: &str) -> Vec<Comparison> {
    let mut items = Vec::new();
    collect(&parsed(filter), &mut items);
    items
}

/// The choices of a filter, the outer before the inner: what is left of it without its values.
///
/// # Panics
/// When it is no filter.
pub fn shape(filter: &str) -> Vec<u64> {
    fn walk(tag: &StructureTag, ids: &mut Vec<u64>) {
        ids.push(tag.id);
        if NESTING.contains(&tag.id) {
            children(tag).iter().for_each(|child| walk(child, ids));
        }
    }
    let mut ids = Vec::new();
    walk(&parsed(filter), &mut ids);
    ids
}

fn parsed(filter: &str) -> StructureTag {
    match ldap3::parse_filter(filter) {
        Ok(tag) => tag.into_structure(),
        Err(()) => panic!("no filter: {filter}"),
    }
}

fn collect(tag: &StructureTag, items: &mut Vec<Comparison>) {
    if NESTING.contains(&tag.id) {
        return children(tag).iter().for_each(|child| collect(child, items));
    }
    let [attribute, compared] = children(tag) else {
        panic!("no comparison: {tag:?}");
    };
    let parts = match tag.id {
        EQUALITY => vec![Some(octets(compared))],
        PARTS => between(children(compared)),
        other => panic!("another comparison: {other}"),
    };
    let attribute = String::from_utf8_lossy(&octets(attribute)).into_owned();
    items.push((attribute, parts));
}

fn between(parts: &[StructureTag]) -> Vec<Option<Vec<u8>>> {
    let mut all: Vec<Option<Vec<u8>>> = Vec::new();
    for part in parts {
        // Anything may stand before a part that is not the first one (0: initial).
        if part.id != 0 {
            all.push(None);
        }
        all.push(Some(octets(part)));
    }
    all
}

fn children(tag: &StructureTag) -> &[StructureTag] {
    match &tag.payload {
        PL::C(children) => children,
        PL::P(_) => &[],
    }
}

fn octets(tag: &StructureTag) -> Vec<u8> {
    match &tag.payload {
        PL::P(octets) => octets.clone(),
        PL::C(_) => Vec::new(),
    }
}
