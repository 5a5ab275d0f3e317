//! The type that the first bytes of a file tell, and whether the file pretends to be another one. Never
//! trusts a name.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Groups of types within which a file may call itself what it likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Program,
    Archive,
    Page,
    /// Documents that are archives inside: they may be told as either.
    Office,
    /// Images, sound, texts, PDF.
    Other,
}

/// The type that the first bytes tell.
pub(super) fn real_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(257..262) == Some(b"ustar") {
        return Some("application/x-tar");
    }
    let found = catch_unwind(AssertUnwindSafe(|| infer::get(bytes)))
        .ok()??
        .mime_type();
    // Two letters are the whole sign of these, and begin many a text.
    let is_short_sign = bytes.starts_with(b"BM") || bytes.starts_with(b"MZ");
    let is_text = !bytes.iter().take(1_024).any(|byte| *byte == 0);
    (!is_short_sign || !is_text).then_some(found)
}

/// Whether a program, an archive or a page calls itself something else.
pub(super) fn is_pretence(real_type: &str, declared: &str, name: Option<&str>) -> bool {
    let real = of_type(real_type).unwrap_or(Kind::Other);
    let extension = name
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, extension)| extension);
    let named =
        extension.and_then(|extension| of_extension(&extension.trim().to_ascii_lowercase()));
    let told = [of_type(declared), named];
    let differs = |told: &Kind| match real {
        Kind::Program => *told != Kind::Program,
        Kind::Archive => !matches!(told, Kind::Archive | Kind::Office),
        Kind::Page => *told != Kind::Page,
        Kind::Office | Kind::Other => *told == Kind::Program,
    };
    told.iter().flatten().any(differs)
}

/// None for types that say nothing.
fn of_type(media_type: &str) -> Option<Kind> {
    let kind = match media_type {
        "application/octet-stream" | "application/binary" | "application/unknown" | "" => {
            return None;
        }
        "application/vnd.microsoft.portable-executable"
        | "application/x-executable"
        | "application/x-mach-binary"
        | "application/x-msdownload"
        | "application/x-dosexec"
        | "application/x-elf"
        | "application/x-sh"
        | "text/x-shellscript"
        | "application/wasm"
        | "application/java"
        | "application/x-google-chrome-extension"
        | "application/llvm" => Kind::Program,
        "application/zip"
        | "application/x-zip-compressed"
        | "application/x-tar"
        | "application/gzip"
        | "application/x-gzip"
        | "application/x-7z-compressed"
        | "application/vnd.rar"
        | "application/x-rar-compressed"
        | "application/x-bzip2"
        | "application/x-xz"
        | "application/zstd"
        | "application/vnd.ms-cab-compressed"
        | "application/x-compress"
        | "application/x-lzip"
        | "application/x-unix-archive" => Kind::Archive,
        "text/html" | "application/xhtml+xml" => Kind::Page,
        "application/msword" | "application/java-archive" | "application/epub+zip" => Kind::Office,
        other
            if other.starts_with("application/vnd.o")
                || other.starts_with("application/vnd.ms-") =>
        {
            Kind::Office
        }
        _ => Kind::Other,
    };
    Some(kind)
}

fn of_extension(extension: &str) -> Option<Kind> {
    Some(match extension {
        "exe" | "dll" | "com" | "scr" | "sys" | "cpl" | "ocx" | "msi" | "sh" | "so" | "bin"
        | "class" => Kind::Program,
        "zip" | "tar" | "gz" | "tgz" | "7z" | "rar" | "bz2" | "xz" | "zst" | "cab" | "kmz"
        | "whl" => Kind::Archive,
        "html" | "htm" | "xhtml" | "shtml" => Kind::Page,
        "docx" | "xlsx" | "pptx" | "docm" | "xlsm" | "pptm" | "odt" | "ods" | "odp" | "epub"
        | "jar" | "apk" | "doc" | "xls" | "ppt" | "hwpx" | "key" | "numbers" | "pages" | "vsdx" => {
            Kind::Office
        }
        "pdf" | "txt" | "csv" | "jpg" | "jpeg" | "png" | "gif" | "bmp" | "webp" | "tif"
        | "tiff" | "mp3" | "mp4" | "mov" | "avi" | "wav" | "rtf" | "ics" | "vcf" | "eml"
        | "xml" | "json" => Kind::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "application/vnd.microsoft.portable-executable";

    #[test]
    fn a_program_that_calls_itself_a_document_is_told() {
        assert!(is_pretence(PROGRAM, "application/pdf", None));
        assert!(is_pretence(
            PROGRAM,
            "application/octet-stream",
            Some("report.pdf")
        ));
        assert!(is_pretence("application/zip", "image/png", Some("a.png")));
        assert!(is_pretence("text/html", "application/pdf", Some("a.pdf")));
        assert!(!is_pretence(
            PROGRAM,
            "application/octet-stream",
            Some("setup.exe")
        ));
        assert!(!is_pretence("text/html", "text/html", Some("a.html")));
    }

    #[test]
    fn an_office_document_may_be_an_archive() {
        let word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert!(!is_pretence("application/zip", word, Some("a.docx")));
        assert!(!is_pretence(
            word,
            "application/octet-stream",
            Some("a.docx")
        ));
        assert!(!is_pretence(
            "application/zip",
            "application/x-zip-compressed",
            Some("a.zip")
        ));
    }

    #[test]
    fn the_first_bytes_tell_the_type() {
        assert_eq!(real_type(b"%PDF-1.7\n"), Some("application/pdf"));
        assert_eq!(
            real_type(b"MZ\x90\0").map(|found| found == PROGRAM),
            Some(true)
        );
        assert_eq!(real_type(b"hello"), None);
        assert_eq!(real_type(b""), None);
    }
}
