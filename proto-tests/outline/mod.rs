//! `mailhold outline` against a real database: what it makes of messages, and of those that are too much
//! for it.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::capture_id::CaptureId,
    store::{
        captures::{HeaderFields, Record},
        outlines::{ContentKind, Failure, Standing},
    },
};

use crate::{
    lab::{
        Lab,
        eventually::eventually,
        ports::free_address,
        role::{self, Role},
        settings::Settings,
        user::User,
    },
    store::fixture::Fixture,
    trials::{Trials, tests},
};

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        what_was_recorded_before_it_started_is_outlined_too,
        a_message_that_needs_too_much_memory_fails_alone,
        a_message_that_takes_too_long_fails_alone,
        a_message_that_is_too_large_is_not_even_begun,
        a_killed_process_leaves_nothing_half_done,
        a_message_that_ends_the_process_itself_twice_fails_alone,
        a_stop_waits_for_what_is_begun_and_leaves_no_child,
        a_child_has_neither_files_nor_rights,
        files_are_kept_byte_for_byte,
    ]
}

const BOUND: Duration = Duration::from_secs(40);

/// An outline process of its own on a fixture's database.
struct Outliner {
    role: Role,
}

impl Outliner {
    async fn start(lab: &Lab, fixture: &Fixture<'_>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let metrics: SocketAddr = free_address();
        let mut settings = Settings::sample();
        let store = fixture.settings("mailhold_outline");
        let file = &lab.postgres.login("mailhold_outline").password_file;
        settings
            .set("outline.database.url", store.url)
            .set("outline.database.password_file", file.display().to_string())
            .set("outline.metrics", metrics.to_string())
            .set("outline.poll", "1s")
            .set("log.format", "json");
        adjust(&mut settings);
        let name = format!("outline-{}", fixture.instance);
        let file = settings.write(&lab.tools.place, &format!("{name}.toml"));
        let program = role::program(lab.tools.mailhold(&name), &file, "outline");
        let program = program.user(User::milter());
        Self {
            role: Role::start(&lab.tools.starter, program, metrics).await,
        }
    }

    /// The process IDs of its readers, whichever of its threads has started them.
    fn readers(&self) -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.role.id())).unwrap();
        let lists =
            threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
        let readers = lists.flat_map(|list| {
            let list = list.unwrap_or_default();
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        readers.collect()
    }
}

/// Records a message.
async fn record(fixture: &Fixture<'_>, content: &[u8]) -> CaptureId {
    let mut capture = fixture.capture();
    capture.size_bytes = content.len() as u64;
    let id = capture.id;
    let mut records = [Record {
        capture,
        header: HeaderFields::default(),
        content: Bytes::copy_from_slice(content),
    }];
    fixture.milter().record(&mut records).await.unwrap();
    id
}

/// What came of it, once it is there.
async fn standing(fixture: &Fixture<'_>, id: CaptureId) -> Standing {
    eventually(
        "the message has an outline or none",
        BOUND,
        async || match fixture.reviews().outline(id).await.unwrap() {
            Standing::Waits => Err(Standing::Waits),
            done @ (Standing::Failed(_) | Standing::Made(_)) => Ok(done),
        },
    )
    .await
}

fn subject(standing: &Standing) -> Option<&str> {
    match standing {
        Standing::Made(outline) => outline.subject.as_deref(),
        none @ (Standing::Waits | Standing::Failed(_)) => panic!("{none:?}"),
    }
}

const SMALL: &[u8] = b"Subject: small\r\n\r\nText\r\n";

/// Text that takes its time, and room.
fn large(bytes: usize) -> Vec<u8> {
    let mut content = b"Subject: large\r\nContent-Type: text/html\r\n\r\n".to_vec();
    while content.len() < bytes {
        content.extend_from_slice(b"<p>one <b>two</b> <a href=\"https://a.test/\">b.test</a>\r\n");
    }
    content
}

async fn what_was_recorded_before_it_started_is_outlined_too(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let before = record(&fixture, SMALL).await;
    let outliner = Outliner::start(lab, &fixture, |_| {}).await;
    assert_eq!(subject(&standing(&fixture, before).await), Some("small"));
    let after = record(&fixture, b"Subject: later\r\n\r\nText\r\n").await;
    assert_eq!(subject(&standing(&fixture, after).await), Some("later"));
    let whole = outliner
        .role
        .metric("mailhold_outlines_total{status=\"whole\"}")
        .await;
    assert!(whole >= 2.0, "{whole}");
    assert_eq!(
        fixture
            .execute("select count(*) from outline_due")
            .await
            .trim(),
        "0"
    );
    outliner.role.stop().await;
}

async fn a_message_that_needs_too_much_memory_fails_alone(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let heavy = record(&fixture, &large(30 * 1_024 * 1_024)).await;
    let small = record(&fixture, SMALL).await;
    let outliner = Outliner::start(lab, &fixture, |settings| {
        settings.set("outline.memory_limit", "96 MiB");
    })
    .await;
    let failed = standing(&fixture, heavy).await;
    assert_eq!(failed, Standing::Failed(Failure::Crashed));
    assert_eq!(subject(&standing(&fixture, small).await), Some("small"));
    let told = ["outline.failed", "crashed", &heavy.to_string()];
    outliner.role.event_with(&told, BOUND).await;
    assert!(outliner.role.is_ready().await);
    outliner.role.stop().await;
}

async fn a_message_that_takes_too_long_fails_alone(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let slow = record(&fixture, &large(30 * 1_024 * 1_024)).await;
    let small = record(&fixture, SMALL).await;
    let outliner = Outliner::start(lab, &fixture, |settings| {
        settings.set("outline.deadline", "500ms");
    })
    .await;
    let failed = standing(&fixture, slow).await;
    assert_eq!(failed, Standing::Failed(Failure::TooSlow));
    assert_eq!(subject(&standing(&fixture, small).await), Some("small"));
    outliner.role.stop().await;
}

async fn a_message_that_is_too_large_is_not_even_begun(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let outliner = Outliner::start(lab, &fixture, |settings| {
        settings.set("outline.size_limit", "1 KiB");
    })
    .await;
    let at_limit = record(&fixture, &large(1_024)[..1_024]).await;
    let beyond = record(&fixture, &large(1_025)[..1_025]).await;
    assert_eq!(subject(&standing(&fixture, at_limit).await), Some("large"));
    let failed = standing(&fixture, beyond).await;
    assert_eq!(failed, Standing::Failed(Failure::TooLarge));
    outliner.role.stop().await;
}

async fn a_killed_process_leaves_nothing_half_done(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let outliner = Outliner::start(lab, &fixture, |_| {}).await;
    let mut ids = Vec::new();
    for _ in 0..60 {
        ids.push(record(&fixture, SMALL).await);
    }
    outliner.role.kill();
    // Another one waits for the time that the dead one has taken; an operator need not.
    fixture
        .execute("update outline_due set due_at = now()")
        .await;
    outliner.role.start_again().await;
    for id in ids {
        assert_eq!(subject(&standing(&fixture, id).await), Some("small"));
    }
    let halves = "select count(*) from outline o full join listing l using (capture_id)
        where o.capture_id is null or l.capture_id is null";
    assert_eq!(fixture.execute(halves).await.trim(), "0");
    outliner.role.stop().await;
}

/// As when it is the parent that runs out of memory over a message, and the system kills it.
async fn a_message_that_ends_the_process_itself_twice_fails_alone(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let deadly = record(&fixture, &large(30 * 1_024 * 1_024)).await;
    let outliner = Outliner::start(lab, &fixture, |settings| {
        settings.set("outline.deadline", "10m");
    })
    .await;
    let attempts = format!("select attempt from outline_due where capture_id = '{deadly}'");
    for attempt in ["1", "2"] {
        let small = record(&fixture, SMALL).await;
        assert_eq!(subject(&standing(&fixture, small).await), Some("small"));
        eventually("the message is begun", BOUND, async || {
            let begun = fixture.execute(&attempts).await;
            if begun.trim() == attempt {
                Ok(())
            } else {
                Err(begun)
            }
        })
        .await;
        outliner.role.kill();
        let standing = fixture.reviews().outline(deadly).await.unwrap();
        assert_eq!(standing, Standing::Waits, "it was not done yet");
        fixture
            .execute("update outline_due set due_at = now()")
            .await;
        outliner.role.start_again().await;
    }
    let failed = standing(&fixture, deadly).await;
    assert_eq!(failed, Standing::Failed(Failure::Crashed));
    let told = ["outline.failed", "crashed", &deadly.to_string()];
    outliner.role.event_with(&told, BOUND).await;
    let small = record(&fixture, SMALL).await;
    assert_eq!(subject(&standing(&fixture, small).await), Some("small"));
    outliner.role.stop().await;
}

async fn a_stop_waits_for_what_is_begun_and_leaves_no_child(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let outliner = Outliner::start(lab, &fixture, |_| {}).await;
    let id = record(&fixture, SMALL).await;
    standing(&fixture, id).await;
    let readers = outliner.readers();
    assert!(!readers.is_empty());
    outliner.role.stop().await;
    eventually("no reader is left", BOUND, async || {
        let is_left = |id: &&String| {
            let line = fs::read_to_string(format!("/proc/{id}/cmdline"));
            line.is_ok_and(|line| line.contains("outline-reader"))
        };
        let left: Vec<&String> = readers.iter().filter(is_left).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        }
    })
    .await;
}

async fn a_child_has_neither_files_nor_rights(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let outliner = Outliner::start(lab, &fixture, |_| {}).await;
    let id = record(&fixture, SMALL).await;
    standing(&fixture, id).await;
    let readers = outliner.readers();
    let child = readers.first().expect("a reader");
    let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    for (name, limit) in [
        ("Max open files", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max address space", "1073741824"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let value = line[name.len()..].split_whitespace().next();
        assert_eq!(value, Some(limit), "{line}");
    }
    let environment = fs::read(format!("/proc/{child}/environ")).unwrap();
    assert_eq!(environment, b"", "nothing of the parent's");
    outliner.role.stop().await;
}

async fn files_are_kept_byte_for_byte(lab: &Lab) {
    use base64::Engine as _;
    let fixture = Fixture::own(lab).await;
    let outliner = Outliner::start(lab, &fixture, |_| {}).await;
    let file: Vec<u8> = (0..3_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let text = base64::engine::general_purpose::STANDARD.encode(&file);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let content = format!(
        "Subject: file\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=a.bin\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        lines.join("\r\n")
    );
    let id = record(&fixture, content.as_bytes()).await;
    standing(&fixture, id).await;
    let (mut kept, mut ordinal) = (Vec::new(), 0);
    while let Some(chunk) = fixture
        .reviews()
        .outline_chunk(id, 0, ContentKind::File, ordinal)
        .await
        .unwrap()
    {
        kept.extend_from_slice(&chunk);
        ordinal += 1;
    }
    assert!(kept == file, "{} of {} bytes", kept.len(), file.len());
    assert!(ordinal > 1, "in several chunks");
    outliner.role.stop().await;
}
