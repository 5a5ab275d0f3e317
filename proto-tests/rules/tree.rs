//! The repository's own text files. Never follows a link, and leaves out what is built.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the top, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
}

impl Source {
    /// One that need not exist.
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The part of the path behind its last dot.
    pub fn extension(&self) -> &str {
        self.path.rsplit_once('.').map_or("", |(_, end)| end)
    }
}

/// What a build makes, and what a version control system keeps for itself.
const NOT_OURS: [&str; 2] = ["target", ".git"];

/// The top of the repository.
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All text files, in the order of their paths.
pub fn all() -> Vec<Source> {
    let mut files = Vec::new();
    collect(top(), &mut files);
    files.sort();
    files.iter().filter_map(|path| read(path)).collect()
}

/// The files whose path begins so.
pub fn below(start: &str) -> Vec<Source> {
    let mut files = all();
    files.retain(|file| file.path.starts_with(start));
    assert!(!files.is_empty(), "there is nothing below {start}");
    files
}

/// The Rust files of the library and of the tests.
pub fn rust() -> Vec<Source> {
    let mut files = all();
    files.retain(|file| file.extension() == "rs");
    files
}

/// One file.
///
/// # Panics
/// When it is not there.
pub fn file(path: &str) -> Source {
    let text = fs::read_to_string(top().join(path));
    Source::new(path, &text.unwrap_or_else(|e| panic!("{path}: {e}")))
}

/// The names of what lies at the top.
pub fn top_level() -> Vec<String> {
    let entries = fs::read_dir(top()).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| !NOT_OURS.contains(&&**name)).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let kind = entry.file_type().unwrap();
        let is_ours = directory != top() || !NOT_OURS.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && is_ours {
            collect(&entry.path(), files);
        } else if kind.is_file() && is_ours {
            files.push(entry.path());
        }
    }
}

/// A file that is no text is no matter of these rules.
fn read(path: &Path) -> Option<Source> {
    let name = path.strip_prefix(top()).unwrap().to_str()?;
    Some(Source::new(name, &fs::read_to_string(path).ok()?))
}
