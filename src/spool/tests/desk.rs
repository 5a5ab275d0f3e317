//! A spool directory of its own for one test, and captures to put there.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use super::faulty::FaultyDisk;
use crate::{
    domain::{
        capture::{Capture, Client, ContentDigest},
        capture_id::CaptureId,
        envelope::{Envelope, Path as MailPath},
        verdict::{Grounds, Matched},
    },
    spool::{Settings, Spool, SpoolError, Waiting},
};

/// Contents above this have a file of their own here.
pub const LIMIT_BYTES: usize = 64 * 1_024;

pub struct Desk {
    directory: TempDir,
    pub disk: Arc<FaultyDisk>,
}

impl Desk {
    pub fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            disk: Arc::new(FaultyDisk::default()),
        }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            directory: self.root(),
            min_free_percent: 0,
            min_free_bytes: 0,
            memory_limit_bytes: LIMIT_BYTES as u64,
        }
    }

    pub fn open(&self) -> Spool {
        Spool::open_on(&self.settings(), self.disk.clone()).unwrap()
    }

    pub fn root(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    pub fn segments(&self) -> Vec<PathBuf> {
        files(&self.root().join("segments"))
    }

    pub fn large(&self) -> Vec<PathBuf> {
        files(&self.root().join("large"))
    }

    pub fn aside(&self) -> Vec<PathBuf> {
        files(&self.root().join("aside"))
    }

    /// The directory as a power cut would leave it now, if all writes had reached the disk.
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        for part in ["", "segments", "large", "aside"] {
            fs::create_dir(copy.root().join(part)).unwrap();
            for file in files(&self.root().join(part)) {
                let name = file.file_name().unwrap();
                fs::copy(&file, copy.root().join(part).join(name)).unwrap();
            }
        }
        copy
    }

    pub fn modes(&self) -> Vec<(String, u32)> {
        let parts = ["", "segments", "large", "aside"].map(|part| self.root().join(part));
        let inner = parts.iter().flat_map(|part| files(part));
        let all = parts.iter().cloned().chain(inner);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        all.map(|path| (path.display().to_string(), mode(&path)))
            .collect()
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// A capture of a message with this content.
pub fn capture(content: &[u8]) -> Capture {
    let path = |argument: &[u8]| MailPath {
        argument: argument.to_vec(),
        parameters: vec![b"SIZE=1000".to_vec()],
        rewritten: None,
    };
    Capture {
        id: CaptureId::new(Uuid::now_v7()),
        instance: "postfix".parse().unwrap(),
        queue_id: "4jWkMG56f7z1j".parse().unwrap(),
        captured_at: DateTime::<Utc>::from_timestamp(1_795_246_090, 721_039_123).unwrap(),
        envelope: Envelope {
            sender: path(b"<anna@corp.test>"),
            recipients: vec![path(b"<\xe9\0@elsewhere.test>")],
        },
        client: Client {
            login: Some(b"anna".to_vec()),
            address: Some("192.0.2.1".parse().unwrap()),
            name: None,
            daemon: Some(b"smtpd".to_vec()),
        },
        grounds: Grounds {
            rule: "flagged-external".into(),
            matched: Matched::default(),
        },
        size_bytes: content.len() as u64,
        digest: ContentDigest(Sha256::digest(content).into()),
    }
}

/// A message of about this length with every byte value in it.
pub fn message(n_bytes: usize) -> Vec<u8> {
    let mut content = b"Subject: a\r\n\r\n".to_vec();
    content.extend((0..n_bytes).map(|at| u8::try_from(at * 31 % 251).unwrap()));
    content
}

/// Commits a message in chunks as a milter gets them.
pub async fn commit(spool: &Spool, content: &[u8]) -> Result<Capture, SpoolError> {
    let capture = capture(content);
    let mut draft = spool.draft();
    for chunk in content.chunks(65_535) {
        draft.write(chunk).await?;
    }
    spool.commit(draft, capture.clone()).await?;
    Ok(capture)
}

pub async fn content_of(waiting: &Waiting) -> Result<Vec<u8>, SpoolError> {
    let mut content = Vec::new();
    let mut chunks = waiting.content.chunks();
    while let Some(chunk) = chunks.next().await? {
        assert!(chunk.len() <= 1_024 * 1_024);
        content.extend(chunk);
    }
    Ok(content)
}

/// All captures that wait, with their contents.
pub async fn offered(spool: &Spool) -> Vec<(Capture, Vec<u8>)> {
    let mut all = Vec::new();
    if spool.n_waiting() == 0 {
        return all;
    }
    for waiting in spool.next_batch(usize::MAX, u64::MAX).await.unwrap() {
        let content = content_of(&waiting).await.unwrap();
        all.push(((*waiting.capture).clone(), content));
    }
    all
}

pub async fn offered_ids(spool: &Spool) -> Vec<CaptureId> {
    let all = offered(spool).await;
    all.into_iter().map(|(capture, _)| capture.id).collect()
}

/// Waits for a state, with a bound.
pub async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < end, "never so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
