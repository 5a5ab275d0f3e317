//! What lies in an archive, by its own table of contents. Never unpacks anything.

use std::{
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::mail::{
    charset,
    outline::{Archive, ArchiveEntry},
};

/// So many entries are shown.
const MOST_SHOWN: usize = 200;

/// So many are counted.
const MOST_COUNTED: usize = 100_000;

/// A longer name is cut.
const LONGEST_NAME: usize = 1_000;

/// Lists a file of this type; `None` if such a type is not listed.
pub(super) fn list(real_type: &str, bytes: &[u8]) -> Option<Archive> {
    let lister = match real_type {
        "application/x-tar" => tar_entries,
        _ if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") => zip_entries,
        _ => return None,
    };
    let mut archive = Archive {
        entries: Vec::new(),
        n_more: 0,
        fault: None,
    };
    // The reader is somebody else's, and its input the sender's.
    let listed = catch_unwind(AssertUnwindSafe(|| lister(bytes, &mut archive)));
    let fault = match listed {
        Ok(Ok(())) => None,
        Ok(Err(fault)) => Some(fault.replace('\0', "\u{fffd}")),
        Err(_) => Some("its table of contents is damaged".to_owned()),
    };
    archive.fault = fault;
    Some(archive)
}

fn push(archive: &mut Archive, entry: impl FnOnce() -> ArchiveEntry) {
    if archive.entries.len() < MOST_SHOWN {
        archive.entries.push(entry());
    } else {
        archive.n_more += 1;
    }
}

fn name(raw: &[u8]) -> String {
    let short = raw.get(..LONGEST_NAME).unwrap_or(raw);
    charset::decode(short, None).text
}

fn zip_entries(bytes: &[u8], archive: &mut Archive) -> Result<(), String> {
    let zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|fault| fault.to_string())?;
    for index in 0..zip.len().min(MOST_COUNTED) {
        let entry = zip
            .by_index_data(index)
            .map_err(|fault| fault.to_string())?;
        push(archive, || ArchiveEntry {
            name: name(entry.name_raw()),
            size_bytes: entry.size(),
            is_encrypted: entry.encrypted(),
        });
    }
    Ok(())
}

fn tar_entries(bytes: &[u8], archive: &mut Archive) -> Result<(), String> {
    let mut tar = tar::Archive::new(Cursor::new(bytes));
    let entries = tar.entries_with_seek().map_err(|fault| fault.to_string())?;
    for entry in entries.take(MOST_COUNTED) {
        let entry = entry.map_err(|fault| fault.to_string())?;
        push(archive, || ArchiveEntry {
            name: name(&entry.path_bytes()),
            size_bytes: entry.size(),
            is_encrypted: false,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zipped(names: &[&str]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let plain = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for name in names {
            writer.start_file(*name, plain).unwrap();
            writer.write_all(b"12345").unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn a_zip_is_listed() {
        let listed = list("application/zip", &zipped(&["a.txt", "../b.exe"])).unwrap();
        let names: Vec<&str> = listed
            .entries
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(names, ["a.txt", "../b.exe"]);
        assert!(
            listed
                .entries
                .iter()
                .all(|entry| entry.size_bytes == 5 && !entry.is_encrypted)
        );
        assert_eq!((listed.n_more, listed.fault), (0, None));
    }

    #[test]
    fn a_zip_with_a_password_is_told() {
        let mut bytes = zipped(&["a.txt"]);
        // The flag of the local header and that of the table of contents.
        for mark in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
            let at = bytes.windows(4).position(|four| four == mark).unwrap();
            bytes[at + if mark[2] == 3 { 6 } else { 8 }] |= 1;
        }
        assert!(list("application/zip", &bytes).unwrap().entries[0].is_encrypted);
    }

    #[test]
    fn only_the_first_entries_are_shown() {
        let names: Vec<String> = (0..205).map(|number| format!("{number}.txt")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = list("application/zip", &zipped(&names)).unwrap();
        assert_eq!((listed.entries.len(), listed.n_more), (200, 5));
    }

    #[test]
    fn a_tar_is_listed() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(3);
        header.set_cksum();
        builder
            .append_data(&mut header, "a/b.txt", &b"abc"[..])
            .unwrap();
        let listed = list("application/x-tar", &builder.into_inner().unwrap()).unwrap();
        assert_eq!(listed.entries[0].name, "a/b.txt");
        assert_eq!(listed.entries[0].size_bytes, 3);
    }

    #[test]
    fn a_damaged_archive_tells_its_fault() {
        assert!(
            list("application/zip", b"PK\x03\x04 and nothing")
                .unwrap()
                .fault
                .is_some()
        );
        assert_eq!(list("application/pdf", b"%PDF-"), None);
    }
}
