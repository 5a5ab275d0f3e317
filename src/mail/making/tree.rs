//! Takes a message apart: its multiparts and the messages within it, in place. Never decodes a leaf.

use std::ops::Range;

use super::{
    Limits,
    fields::{self, Section},
    parameters::{self, Structured},
    splitter::{self, LONGEST_BOUNDARY},
};
use crate::mail::outline::{Body, Doubt, DoubtKind, Part};

/// Signs that may stand outside of the parts of a multipart: programs put a sentence there.
const MOST_OUTSIDE: usize = 400;

/// A leaf that waits to be decoded.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// The number of its part.
    pub part: usize,
    /// Where its content lies in the message, as it was sent.
    pub content: Range<usize>,
    /// What else its header says of it.
    pub hints: Hints,
}

/// What a header says of a leaf, and its part does not keep.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    /// What kind of S/MIME it says it is.
    pub smime_type: Option<String>,
    /// What its links lead on from (RFC 2110, RFC 2557); programs that know either read the first of each.
    pub bases: Vec<String>,
}

/// A message in pieces.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// All parts, depth first.
    pub parts: Vec<Part>,
    /// Those without parts of their own.
    pub leaves: Vec<Leaf>,
    /// The messages within it: the part that holds each, and where it lies.
    pub nested: Vec<(usize, Range<usize>)>,
    /// What is doubtful.
    pub doubts: Vec<Doubt>,
    /// All boundaries that are declared.
    boundaries: Vec<Vec<u8>>,
    /// What looks like a boundary and is out of place, until all boundaries are known.
    out_of_place: Vec<(u32, Vec<u8>)>,
}

/// Where a part lies.
#[derive(Clone, Copy)]
struct Place {
    parent: Option<u32>,
    depth: u32,
    /// The type of a part that declares none.
    default_type: &'static str,
}

/// Takes a message apart.
pub(super) fn take_apart(message: &[u8], limits: &Limits) -> Tree {
    let mut taker = Taker {
        message,
        limits,
        near: None,
        tree: Tree::default(),
    };
    let place = Place {
        parent: None,
        depth: 0,
        default_type: "text/plain",
    };
    taker.entity(0..message.len(), place);
    taker.tree.judge_boundaries();
    taker.tree
}

struct Taker<'a> {
    message: &'a [u8],
    limits: &'a Limits,
    /// The first character set that a part declares; names without one are read in it.
    near: Option<String>,
    tree: Tree,
}

impl Taker<'_> {
    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.message.get(range.clone()).unwrap_or_default()
    }

    fn entity(&mut self, whole: Range<usize>, place: Place) {
        let number = u32::try_from(self.tree.parts.len()).unwrap_or(u32::MAX);
        let section = fields::read(self.message.get(whole.clone()).unwrap_or_default());
        let content = whole.start + section.body_at..whole.end;
        let described = Described::of(&section, place.default_type, self.near.as_deref());
        self.tree.doubt_all(number, section.faults);
        for name in described.twice {
            self.tree.doubt(DoubtKind::TwoParameters, number, &name);
        }
        let mut part = described.part;
        if self.near.is_none() {
            self.near.clone_from(&part.charset);
        }
        part.parent = place.parent;
        part.depth = place.depth;
        let size = content.len();
        part.size_bytes = u64::try_from(size).unwrap_or(u64::MAX);
        let holds = Holds::of(&part.media_type);
        let is_plain = part.encoding.as_deref().is_none_or(is_identity);
        let is_too_deep = place.depth >= self.limits.depth;
        self.tree.parts.push(part);
        match holds {
            Holds::Parts | Holds::Message if is_too_deep => {
                self.tree.doubt(DoubtKind::TooDeep, number, "");
                self.leaf(number, content, Hints::default());
            }
            Holds::Parts => {
                if !is_plain {
                    self.tree.doubt(DoubtKind::BadEncoding, number, "");
                }
                let digest = described.is_digest;
                self.multipart(number, content, described.boundary, digest, place.depth);
            }
            Holds::Message if is_plain => {
                self.tree
                    .nested
                    .push((self.tree.parts.len() - 1, content.clone()));
                self.set_body(number, Body::Message { fields: Vec::new() });
                let place = Place {
                    parent: Some(number),
                    depth: place.depth + 1,
                    default_type: "text/plain",
                };
                self.child(content, place);
            }
            // No program may encode a message (RFC 2046, section 5.2.1), and some decode it.
            Holds::Message => {
                self.tree.doubt(DoubtKind::BadEncoding, number, "");
                self.leaf(number, content, Hints::default());
            }
            Holds::Content => self.leaf(number, content, described.hints),
        }
    }

    fn multipart(
        &mut self,
        number: u32,
        content: Range<usize>,
        boundary: Option<Vec<u8>>,
        is_digest: bool,
        depth: u32,
    ) {
        let usable =
            |boundary: &Vec<u8>| !boundary.is_empty() && boundary.len() <= LONGEST_BOUNDARY;
        let Some(boundary) = boundary.filter(usable) else {
            self.tree.doubt(DoubtKind::NoBoundary, number, "");
            return self.leaf(number, content, Hints::default());
        };
        let split = splitter::split(self.bytes(&content), &boundary);
        let shown = String::from_utf8_lossy(&boundary).into_owned();
        self.tree.boundaries.push(boundary);
        let out = split.out_of_place.into_iter().map(|line| (number, line));
        self.tree.out_of_place.extend(out);
        if split.pieces.is_empty() {
            self.tree.doubt(DoubtKind::NoBoundary, number, &shown);
            return self.leaf(number, content, Hints::default());
        }
        if split.n_outside > MOST_OUTSIDE {
            self.tree
                .doubt(DoubtKind::Unopened, number, "text outside of the parts");
        }
        if !split.is_closed {
            self.tree.doubt(DoubtKind::Unclosed, number, &shown);
        }
        let place = Place {
            parent: Some(number),
            depth: depth + 1,
            default_type: if is_digest {
                "message/rfc822"
            } else {
                "text/plain"
            },
        };
        for piece in split.pieces {
            self.child(
                content.start + piece.start..content.start + piece.end,
                place,
            );
        }
    }

    /// One more part, unless there are too many.
    fn child(&mut self, whole: Range<usize>, place: Place) {
        let most = usize::try_from(self.limits.parts).unwrap_or(usize::MAX);
        if self.tree.parts.len() < most {
            self.entity(whole, place);
        } else {
            self.tree.doubt(DoubtKind::TooManyParts, 0, "");
        }
    }

    fn leaf(&mut self, number: u32, content: Range<usize>, hints: Hints) {
        let (archive, is_inline) = (None, false);
        self.set_body(number, Body::File { archive, is_inline });
        self.tree.leaves.push(Leaf {
            part: usize::try_from(number).unwrap_or(usize::MAX),
            content,
            hints,
        });
    }

    fn set_body(&mut self, number: u32, body: Body) {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(part) = self.tree.parts.get_mut(at) {
            part.body = body;
        }
    }
}

impl Tree {
    fn doubt_all(&mut self, part: u32, faults: Vec<(DoubtKind, String)>) {
        for (kind, detail) in faults {
            self.doubt(kind, part, &detail);
        }
    }

    /// Notes a doubt; the same one about the same part once.
    pub fn doubt(&mut self, kind: DoubtKind, part: u32, detail: &str) {
        /// More doubts tell a reviewer nothing more.
        const MOST: usize = 200;
        /// A longer detail is cut.
        const LONGEST: usize = 200;

        let is_known = |doubt: &Doubt| doubt.kind == kind && doubt.part == Some(part);
        if self.doubts.len() >= MOST || self.doubts.iter().any(is_known) {
            return;
        }
        let end = detail.floor_char_boundary(LONGEST);
        self.doubts.push(Doubt {
            kind,
            part: Some(part),
            detail: detail
                .get(..end)
                .unwrap_or_default()
                .replace('\0', "\u{fffd}"),
        });
    }

    /// A line that begins with a boundary is in its place if it is another boundary.
    fn judge_boundaries(&mut self) {
        for (part, line) in std::mem::take(&mut self.out_of_place) {
            let bare = line.strip_prefix(b"--").unwrap_or(&line);
            let open = bare.strip_suffix(b"--").unwrap_or(bare);
            let own = self.boundaries.iter().find(|own| bare.starts_with(own));
            let is_longer = |other: &&Vec<u8>| {
                Some(other) != own.as_ref() && (*other == bare || *other == open)
            };
            let longer = self.boundaries.iter().find(is_longer);
            if longer.is_none_or(|longer| own.is_some_and(|own| longer.len() <= own.len())) {
                self.doubt(
                    DoubtKind::BoundaryOutOfPlace,
                    part,
                    &String::from_utf8_lossy(&line),
                );
            }
        }
    }
}

/// What a type holds.
enum Holds {
    Parts,
    Message,
    Content,
}

impl Holds {
    fn of(media_type: &str) -> Self {
        match media_type {
            "message/rfc822" | "message/global" | "message/news" => Self::Message,
            other if other.starts_with("multipart/") => Self::Parts,
            _ => Self::Content,
        }
    }
}

/// Whether an encoding leaves the bytes as they are.
pub(super) fn is_identity(encoding: &str) -> bool {
    matches!(encoding, "7bit" | "8bit" | "binary" | "")
}

/// A part as its header describes it.
struct Described {
    part: Part,
    boundary: Option<Vec<u8>>,
    is_digest: bool,
    hints: Hints,
    twice: Vec<String>,
}

impl Described {
    fn of(section: &Section<'_>, default_type: &str, near: Option<&str>) -> Self {
        let structured = |name: &str| -> Option<Structured> {
            section
                .values(name)
                .next()
                .map(|value| parameters::read(value, near))
        };
        let kind = structured("content-type").unwrap_or_default();
        let disposition = structured("content-disposition").unwrap_or_default();
        let encoding = structured("content-transfer-encoding").map(|read| read.value);
        // A type that is none is text (RFC 2045, section 5.2).
        let media_type = match kind.value.split_once('/') {
            Some((_, sub)) if !sub.is_empty() => fields::shown(&kind.value),
            Some(_) | None if kind.value.is_empty() => default_type.to_owned(),
            Some(_) | None => "text/plain".to_owned(),
        };
        let name = disposition.parameter("filename").or(kind.parameter("name"));
        let id = section
            .values("content-id")
            .next()
            .map(|id| String::from_utf8_lossy(id).into_owned());
        let bare = |id: String| id.trim().trim_matches(['<', '>']).replace('\0', "\u{fffd}");
        let text = |text: &str| Some(fields::shown(text)).filter(|text| !text.is_empty());
        let part = Part {
            parent: None,
            depth: 0,
            charset: kind.parameter("charset").and_then(text),
            encoding: encoding.as_deref().and_then(text),
            disposition: text(&disposition.value),
            name: name.and_then(text),
            content_id: id.map(bare).and_then(|id| text(&id)),
            size_bytes: 0,
            sha256: String::new(),
            real_type: None,
            body: Body::Multipart,
            media_type,
        };
        Self {
            boundary: kind.raw("boundary").map(<[u8]>::to_vec),
            is_digest: kind.value == "multipart/digest",
            hints: Hints {
                smime_type: kind.parameter("smime-type").map(str::to_ascii_lowercase),
                bases: ["content-base", "content-location"]
                    .into_iter()
                    .filter_map(|name| section.values(name).next())
                    .map(|value| String::from_utf8_lossy(value).into_owned())
                    .collect(),
            },
            twice: kind.twice.into_iter().chain(disposition.twice).collect(),
            part,
        }
    }
}
