//! Walks HTML that was written out plainly: its text, its links and the images it names. Writes the real
//! host before the words of each link, and the name of each sign that is not seen. Never reads HTML as the sender
//! wrote it.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc};

use lol_html::{
    RewriteStrSettings, doc_text, element, end_tag,
    html_content::{ContentType, Element},
    rewrite_str,
};

use super::{
    breaks::{Break, break_of},
    hidden::is_hidden,
    labels::{Blanks, Labels},
    links::{self, Host, Place},
    pictures::id_of,
    places::{self, Bases},
    plain::{self, decoded, escaped},
};
use crate::domain::signs;

/// Links beyond these are inert as well, and not listed.
const MOST_LINKS: usize = 1_000;

/// A longer target or text of a link is cut, in characters.
const LONGEST_LINK: usize = 2_000;

/// Bytes of the texts of all links that are read whole. Only links within links, which no mail program
/// makes, have as many: the text of the inner ones counts for each of the outer.
const MOST_READ: usize = 4 * 1024 * 1024;

/// So much of a text is read in any case, in bytes.
const MOST_OF_ONE: usize = 4 * LONGEST_LINK;

/// A link that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::mail) struct Found {
    /// Its text.
    pub text: String,
    /// Where it leads, as it is written.
    pub target: String,
    /// Its host; if it has another place to some programs, all of them as one text.
    pub host: Option<Host>,
    /// Whether its text names a host, and it may lead to another one.
    pub is_mismatch: bool,
}

/// What a walk brings.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The same HTML with the hosts of its links, and with names for signs that are not seen; none if
    /// that were too many hosts.
    pub html: Option<String>,
    /// What a person reads.
    pub text: String,
    /// Its links.
    pub links: Vec<Found>,
    /// The Content-IDs of its images, in order, each once.
    pub pictures: Vec<String>,
    /// Whether text is hidden.
    pub has_hidden: bool,
}

/// Walks; `None` if the walker refuses. `bases` are those that the mail names outside of its HTML.
pub(super) fn walk(html: &str, bases: &[String]) -> Option<Walked> {
    let state = Rc::new(RefCell::new(State {
        bases: bases_of(html, bases)?,
        ..State::default()
    }));
    let (opening, reading) = (Rc::clone(&state), Rc::clone(&state));
    let settings = RewriteStrSettings::new()
        .append_element_content_handler(element!("*", move |element: &mut Element<'_, '_>| {
            open(element, &opening);
            Ok(())
        }))
        .append_document_content_handler(doc_text!(move |chunk| {
            let mut state = reading.borrow_mut();
            state.node.push_str(chunk.as_str());
            if chunk.last_in_text_node() {
                // It is written out plainly, and stays so.
                chunk.replace(&state.read_node(), ContentType::Html);
            } else {
                chunk.remove();
            }
            Ok(())
        }));
    let html = rewrite_str(html, settings).ok()?;
    let state = state.take();
    Some(Walked {
        html: (!state.labels.is_incomplete()).then_some(html),
        text: state.text.trim().to_owned(),
        links: state.links,
        pictures: state.pictures,
        has_hidden: state.has_hidden,
    })
}

/// The base of a document, and those named outside of it, as the programs read them that know them: as if
/// each were an element of the HTML, without its blanks and quotes.
fn bases_of(html: &str, bases: &[String]) -> Option<Bases> {
    let mut targets: Vec<String> = base_in(html)?.into_iter().collect();
    for base in bases {
        let bare = base.replace(|sign: char| sign.is_ascii_whitespace() || sign == '"', "");
        let element = plain::write_out(&format!("<base href=\"{bare}\">"));
        targets.extend(base_in(&element)?);
    }
    Some(Bases::read(targets))
}

/// The first base in a document, which stands for the links before it as well.
fn base_in(html: &str) -> Option<Option<String>> {
    let mut first = None;
    if html.contains("<base ") {
        let reading = element!("base[href]", |element: &mut Element<'_, '_>| {
            first = first.take().or_else(|| element.get_attribute("href"));
            Ok(())
        });
        rewrite_str(
            html,
            RewriteStrSettings::new().append_element_content_handler(reading),
        )
        .ok()?;
    }
    Some(first.map(|target| decoded(&target)))
}

#[derive(Debug, Default)]
struct State {
    bases: Bases,
    text: String,
    /// Text that goes on in the next chunk: a sign is judged by its neighbours.
    node: String,
    links: Vec<Found>,
    /// Bytes of their texts.
    n_read: usize,
    labels: Labels,
    pictures: Vec<String>,
    /// The same, to be looked up: a page can name one image ten thousand times.
    pictures_seen: BTreeSet<String>,
    has_hidden: bool,
    /// How many hidden elements are open.
    n_hidden: u32,
    /// How many elements are open whose white space is text.
    n_preformatted: u32,
}

fn open(element: &mut Element<'_, '_>, state: &Rc<RefCell<State>>) {
    let name = element.tag_name();
    let break_ = break_of(&name);
    let hides = is_hidden(element);
    let is_preformatted = name == "pre";
    let target = target_of(element, &name);
    let places = target.as_deref().map_or_else(Vec::new, |target| {
        places::places_of(target, &state.borrow().bases)
    });
    // A form holds words of all kinds.
    let place = places::label(&places).filter(|_| name != "form");
    let start = state.borrow_mut().begin_element(element, &name, break_);
    if let Some(target) = &target {
        state.borrow_mut().alone(element, &name, target, &places);
    }
    name_signs(element);
    if matches!(name.as_str(), "details" | "summary") {
        // Closed, it would hide what some program shows; a name of an element is refused, and this is good.
        element.set_tag_name("div").ok();
    }
    if name == "img" {
        let words = decoded(&element.get_attribute("alt").unwrap_or_default());
        if let Some(few) = state.borrow().labels.of_picture(&words) {
            // Refused are names of attributes, and this one is good.
            element.set_attribute("alt", &escaped(&few)).ok();
        }
    }
    isolate(element, break_, place.as_deref());
    let Some(closers) = element.end_tag_handlers() else {
        return;
    };
    {
        let mut state = state.borrow_mut();
        state.n_hidden += u32::from(hides);
        state.n_preformatted += u32::from(is_preformatted);
        if let Some(place) = &place {
            state.labels.begin(place);
        }
    }
    let state = Rc::clone(state);
    closers.push(end_tag!(move |end| {
        let mut state = state.borrow_mut();
        if let Some(target) = &target {
            state.link_since(start, target, &places);
        }
        if place.is_some()
            && let Some(label) = state.labels.end()
        {
            end.before(&label, ContentType::Html);
        }
        state.labels.pass(&name);
        state.n_hidden = state.n_hidden.saturating_sub(u32::from(hides));
        state.n_preformatted = state
            .n_preformatted
            .saturating_sub(u32::from(is_preformatted));
        state.begin(break_);
        Ok(())
    }));
}

fn target_of(element: &Element<'_, '_>, name: &str) -> Option<String> {
    let attribute = match name {
        "a" | "area" => "href",
        "form" => "action",
        "button" | "input" => "formaction",
        _ => return None,
    };
    element
        .get_attribute(attribute)
        .map(|target| decoded(&target))
}

/// Sets a link apart together with its label, so that text around it moves neither; else an element has a
/// direction only if it begins a line of its own: within a line it could turn the letters round.
fn isolate(element: &mut Element<'_, '_>, break_: Break, place: Option<&str>) {
    if place.is_some() {
        // Refused are names of attributes, and this one is good.
        element.set_attribute("dir", "ltr").ok();
    } else if break_ == Break::None {
        element.remove_attribute("dir");
    }
}

/// Names the signs in what is shown of an element beside its text.
fn name_signs(element: &mut Element<'_, '_>) {
    for name in ["alt", "title"] {
        let value = decoded(&element.get_attribute(name).unwrap_or_default());
        let shown = signs::prose_in_brackets(&value);
        if shown != value {
            // Refused are names of attributes, and this one is good.
            element.set_attribute(name, &escaped(&shown)).ok();
        }
    }
}

impl State {
    /// Notes an element that begins; tells where in the text.
    fn begin_element(&mut self, element: &mut Element<'_, '_>, name: &str, break_: Break) -> usize {
        let attribute = |name: &str| element.get_attribute(name).map(|value| decoded(&value));
        self.begin(break_);
        self.labels.pass(name);
        let is_field = name == "input" && attribute("type").is_none_or(|kind| kind != "hidden");
        if let Some(words) = attribute("value").filter(|_| is_field) {
            // They stand in a field that no page has.
            self.has_hidden |= words.contains(char::is_alphanumeric);
            self.read_decoded(&words);
        }
        if name == "img" {
            let id = attribute("src").and_then(|src| id_of(&src));
            self.pictures
                .extend(id.filter(|id| self.pictures_seen.insert(id.clone())));
            let alt = attribute("alt").unwrap_or_default();
            self.read_decoded(&alt);
            if let Some(label) = self.labels.before_picture() {
                element.before(&label, ContentType::Html);
            }
        }
        self.text.len()
    }

    fn begin(&mut self, break_: Break) {
        let blank = match break_ {
            Break::None => return,
            Break::Space if self.text.ends_with([' ', '\n']) => return,
            Break::Space => return self.text.push(' '),
            Break::Line => "\n",
            Break::Paragraph => "\n\n",
        };
        let length = self.text.trim_end_matches(' ').len();
        self.text.truncate(length);
        // No more than matter: preformatted text can end in half a million.
        let last = self.text.bytes().rev().take(blank.len());
        let n_ends = last.take_while(|byte| *byte == b'\n').count();
        if !self.text.is_empty() {
            self.text.push_str(blank.get(n_ends..).unwrap_or_default());
        }
    }

    /// Reads the text of a node that is whole now; tells what is shown of it.
    fn read_node(&mut self) -> String {
        let written = std::mem::take(&mut self.node);
        let mut text = decoded(&written);
        self.read_decoded(&text);
        let blanks = self.blanks();
        if let Blanks::Collapse = blanks {
            // A blank like any other, that no run of signs ends at.
            text = text.replace('\n', " ");
        }
        let shown = signs::prose_in_brackets(&text);
        if shown == text && !self.labels.is_within() {
            written
        } else {
            self.labels.with_words(&shown, blanks)
        }
    }

    fn blanks(&self) -> Blanks {
        match self.n_preformatted {
            0 => Blanks::Collapse,
            _ => Blanks::AreText,
        }
    }

    fn read_decoded(&mut self, text: &str) {
        if self.n_hidden > 0 && text.contains(char::is_alphanumeric) {
            self.has_hidden = true;
        }
        for sign in text.chars() {
            match sign {
                _ if self.n_preformatted > 0 => self.text.push(sign),
                '\u{a0}' => self.text.push(' '),
                blank if blank.is_whitespace() => {
                    if !self.text.is_empty() && !self.text.ends_with([' ', '\n']) {
                        self.text.push(' ');
                    }
                }
                other => self.text.push(other),
            }
        }
    }

    /// Notes a link of an element that has no content, and words as an attribute.
    fn alone(&mut self, element: &mut Element<'_, '_>, name: &str, target: &str, places: &[Place]) {
        match name {
            "area" => self.area(element, target, places),
            "input" => {
                let words = decoded(&element.get_attribute("value").unwrap_or_default());
                self.link(&words, target, places);
            }
            _ => {}
        }
    }

    /// Notes a place of an image map, which is seen where the map stands.
    fn area(&mut self, element: &mut Element<'_, '_>, target: &str, places: &[Place]) {
        let words = decoded(&element.get_attribute("alt").unwrap_or_default());
        if let Some(place) = places::label(places) {
            let shown = signs::prose_in_brackets(words.trim());
            if let Some(told) = self.labels.alone(&place, &shown, self.blanks()) {
                element.before(&told, ContentType::Html);
            }
        }
        self.link(&words, target, places);
    }

    /// Notes a link whose text began there.
    fn link_since(&mut self, start: usize, target: &str, places: &[Place]) {
        if self.links.len() >= MOST_LINKS {
            return;
        }
        let text = self.text.get(start..).unwrap_or_default();
        let room = MOST_READ.saturating_sub(self.n_read).max(MOST_OF_ONE);
        self.n_read += text.len();
        if text.len() <= room {
            let text = text.to_owned();
            return self.link(&text, target, places);
        }
        let end = text.floor_char_boundary(MOST_OF_ONE);
        let begin = text.get(..end).unwrap_or_default().to_owned();
        let n_links = self.links.len();
        self.link(&begin, target, places);
        for link in self.links.iter_mut().skip(n_links) {
            // What was not read may name any host.
            link.is_mismatch = true;
        }
    }

    fn link(&mut self, text: &str, target: &str, places: &[Place]) {
        let text = text.trim();
        let is_anchor = places.is_empty() && (target.starts_with('#') || target.is_empty());
        if self.links.len() < MOST_LINKS && !is_anchor {
            self.links.push(Found {
                text: text.chars().take(LONGEST_LINK).collect(),
                target: target.chars().take(LONGEST_LINK).collect(),
                host: places::as_host(places),
                is_mismatch: links::is_mismatch(&signs::seen(text), places),
            });
        }
    }
}
