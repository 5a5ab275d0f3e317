//! The images of a mail that its HTML names by Content-ID, each drawn anew: what a browser is given is
//! our own image, with nothing of the sender's file but its dots. Never fetches one.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use image::{DynamicImage, ImageFormat, ImageReader, codecs::jpeg::JpegEncoder};

use super::links;
use crate::mail::transfer;

/// Dots of one image.
const MOST_DOTS: u64 = 10_000_000;

/// Dots of all images of a mail.
const MOST_DOTS_IN_ALL: u64 = 60_000_000;

/// Images of a mail.
const MOST_IMAGES: usize = 50;

/// Bytes of all data URIs of a mail.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// No screen of a reviewer shows more dots of a mail in one direction.
const LONGEST_SIDE: u32 = 1_600;

/// The images of a mail.
#[derive(Debug, Default)]
pub(in crate::mail) struct Pictures<'a> {
    files: BTreeMap<String, &'a [u8]>,
    tried: BTreeSet<String>,
    /// Data URIs by Content-ID.
    shown: BTreeMap<String, String>,
    n_dots: u64,
    n_bytes: usize,
    /// Bytes that pages may still be written with: a page can name one image ten thousand times.
    room: Room,
}

/// Room for images in pages.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<AtomicUsize>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(2 * MOST_BYTES)))
    }
}

impl Room {
    /// Takes so much of it, if there is as much.
    pub(super) fn take(&self, n_bytes: usize) -> bool {
        let less = |left: usize| left.checked_sub(n_bytes);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .is_ok()
    }
}

impl<'a> Pictures<'a> {
    /// Begins with the files of a mail by their Content-IDs; of two with the same ID the first.
    pub fn new(files: impl IntoIterator<Item = (String, &'a [u8])>) -> Self {
        let mut pictures = Self::default();
        for (id, bytes) in files {
            pictures.files.entry(id).or_insert(bytes);
        }
        pictures
    }

    /// Whether a page shows the image.
    pub fn is_shown(&self, id: &str) -> bool {
        self.shown.contains_key(id)
    }

    /// The data URIs of these Content-IDs.
    pub(super) fn only(&self, ids: &[String]) -> BTreeMap<String, String> {
        let uri = |id: &String| Some((id.clone(), self.shown.get(id)?.clone()));
        ids.iter().filter_map(uri).collect()
    }

    /// The room that all pages of the mail share.
    pub(super) fn room(&self) -> Room {
        self.room.clone()
    }

    /// The data URIs by Content-ID.
    #[cfg(test)]
    pub(super) fn shown(&self) -> &BTreeMap<String, String> {
        &self.shown
    }

    /// Draws the image, if there is room for it.
    pub(super) fn show(&mut self, id: &str) {
        if self.tried.len() >= MOST_IMAGES || !self.tried.insert(id.to_owned()) {
            return;
        }
        let Some(bytes) = self.files.get(id) else {
            return;
        };
        let left = MOST_DOTS_IN_ALL.saturating_sub(self.n_dots).min(MOST_DOTS);
        let drawn = catch_unwind(AssertUnwindSafe(|| draw(bytes, left)))
            .ok()
            .flatten();
        let Some((n_dots, uri)) = drawn else { return };
        self.n_dots += n_dots;
        if self.n_bytes + uri.len() <= MOST_BYTES {
            self.n_bytes += uri.len();
            self.shown.insert(id.to_owned(), uri);
        }
    }
}

/// The Content-ID that a `cid:` address names.
pub(super) fn id_of(address: &str) -> Option<String> {
    let plain = links::plain(address);
    let (scheme, id) = plain.split_once(':')?;
    scheme.eq_ignore_ascii_case("cid").then(|| {
        let bytes = transfer::percent(id.as_bytes()).bytes;
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn draw(bytes: &[u8], most_dots: u64) -> Option<(u64, String)> {
    let reader = || {
        ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .ok()
    };
    let (width, height) = reader()?.into_dimensions().ok()?;
    let n_dots = u64::from(width) * u64::from(height);
    if n_dots == 0 || n_dots > most_dots {
        return None;
    }
    let format = reader()?.format()?;
    let image = reader()?.decode().ok()?;
    let image = match width.max(height) > LONGEST_SIDE {
        true => image.thumbnail(LONGEST_SIDE, LONGEST_SIDE),
        false => image,
    };
    Some((n_dots, data_uri(&image, format)?))
}

/// A photograph as JPEG, everything else as PNG.
fn data_uri(image: &DynamicImage, format: ImageFormat) -> Option<String> {
    let mut out = Cursor::new(Vec::new());
    let kind = match format == ImageFormat::Jpeg {
        true => {
            let encoder = JpegEncoder::new_with_quality(&mut out, 85);
            image.to_rgb8().write_with_encoder(encoder).ok()?;
            "jpeg"
        }
        false => {
            let plain = DynamicImage::ImageRgba8(image.to_rgba8());
            plain.write_to(&mut out, ImageFormat::Png).ok()?;
            "png"
        }
    };
    Some(format!(
        "data:image/{kind};base64,{}",
        transfer::to_base64(out.get_ref())
    ))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A PNG of this size.
    pub fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height)
            .write_to(&mut out, ImageFormat::Png)
            .unwrap();
        out.into_inner()
    }

    fn shows(bytes: &[u8]) -> bool {
        let mut pictures = Pictures::new([("a".to_owned(), bytes)]);
        pictures.show("a");
        pictures.is_shown("a")
    }

    #[test]
    fn an_image_is_drawn_anew_without_what_hangs_on_it() {
        let mut bytes = png(3, 3);
        bytes.extend(b"<script>");
        let mut pictures = Pictures::new([("a".to_owned(), bytes.as_slice())]);
        pictures.show("a");
        let coded = pictures.shown()["a"]
            .strip_prefix("data:image/png;base64,")
            .unwrap();
        let drawn = transfer::base64(coded.as_bytes());
        assert!(drawn.is_clean && !drawn.bytes.ends_with(b"<script>"));
    }

    #[test]
    fn an_image_with_too_many_dots_is_not_drawn() {
        let mut bytes = png(2, 2);
        assert!(shows(&bytes));
        // Its header says 100,000 by 100,000.
        bytes[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        assert!(!shows(&bytes));
        assert!(!shows(b"<svg xmlns='http://www.w3.org/2000/svg'/>"));
        assert!(!shows(b""));
    }

    #[test]
    fn more_images_than_the_limit_are_not_drawn() {
        let bytes = png(1, 1);
        let ids: Vec<String> = (0..60).map(|number| number.to_string()).collect();
        let mut pictures = Pictures::new(ids.iter().map(|id| (id.clone(), bytes.as_slice())));
        ids.iter().for_each(|id| pictures.show(id));
        assert_eq!(pictures.shown().len(), 50);
    }
}
