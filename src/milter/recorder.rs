//! Moves captures from the spool into PostgreSQL, in batches, for as long as it takes. Mail is held
//! whether this gets on or not; nothing leaves the spool before its COMMIT.

use std::{convert::Infallible, error::Error, io, panic::resume_unwind, time::Duration};

use bytes::Bytes;
use tokio::{sync::watch, time::Instant};

use super::deadlines::{self, Deadlines, is_late};
use crate::{
    domain::{capture_id::CaptureId, pace::Pace},
    mail::header::{self, Excerpt, Fields},
    spool::{Chunks, Spool, SpoolError, Waiting},
    store::{
        Store, StoreError,
        captures::{Content, HeaderFields, Record},
    },
    telemetry::{AlarmKind, Alarms, Metrics, chain::Chain, events},
};

/// Content of one batch, but for a single large message.
const BATCH_BYTES: u64 = 16 * 1_024 * 1_024;

/// A longer header section is read where it may take its time.
const SHORT_SECTION_BYTES: usize = 16 * 1_024;

/// The part of an alarm that the recorder feels, who reads the spool. It is over when nothing waits.
pub(super) const RECORDER: &str = "recorder";

/// The first pause while PostgreSQL is away; it doubles up to the setting.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a stop may be delayed to record what waits.
pub(super) const LAST_WORD: Duration = Duration::from_secs(2);

/// The `[recorder]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Captures in one transaction at most.
    pub batch: usize,
    /// How far batches are apart under load, when a batch waits for others.
    pub linger: Duration,
    /// The longest pause between two tries while PostgreSQL is away.
    pub max_backoff: Duration,
}

/// What the recorder works with.
pub struct Recorder {
    /// Where captures wait.
    pub spool: Spool,
    /// Where they go.
    pub store: Store,
    /// How.
    pub settings: Settings,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
}

/// Records until `stop` turns true, and then what still waits, for a moment. The rest is recorded
/// after the next start.
pub async fn run(recorder: Recorder, mut stop: watch::Receiver<bool>) {
    let mut deadlines = Deadlines::default();
    tokio::select! {
        never = record_for_ever(&recorder, &mut deadlines) => match never {},
        // An error means that the sender is gone, which is a stop as well.
        _stopped = stop.wait_for(|stop| *stop) => {}
    }
    let rest = async {
        while recorder.spool.n_waiting() > 0 && record_next(&recorder, &mut deadlines).await.is_ok()
        {
        }
    };
    // The time is up: what waits is safe in the spool.
    let _time_is_up = tokio::time::timeout(LAST_WORD, rest).await;
}

async fn record_for_ever(recorder: &Recorder, deadlines: &mut Deadlines) -> Infallible {
    let mut pause = FIRST_PAUSE;
    let (mut pace, begin) = (Pace::new(recorder.settings.linger), Instant::now());
    loop {
        // A whole batch waits for nobody.
        if take(recorder, 1).await.is_ok() && recorder.spool.n_waiting() < recorder.settings.batch {
            tokio::time::sleep(pace.take(begin.elapsed())).await;
        }
        if record_next(recorder, deadlines).await.is_ok() {
            pause = FIRST_PAUSE;
            continue;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(recorder.settings.max_backoff);
    }
}

/// Something is in the way of all captures: wait, then try again.
struct InTheWay;

async fn record_next(recorder: &Recorder, deadlines: &mut Deadlines) -> Result<(), InTheWay> {
    let batch = take(recorder, recorder.settings.batch).await?;
    if deadlines.blame_one_of(&batch) {
        return record_singly(recorder, batch, deadlines).await;
    }
    let began = Instant::now();
    match record(recorder, &batch).await {
        Ok(()) => {
            deadlines.end();
            done(recorder, &batch, began.elapsed());
            recorder
                .alarms
                .clear_part(AlarmKind::StoreUnreachable, RECORDER);
            Ok(())
        }
        Err(error) if is_for_all(&error) => {
            deadlines.note(&error);
            Err(in_the_way(recorder, &error))
        }
        // One of the batch may be to blame: one by one the others get through.
        Err(_) => record_singly(recorder, batch, deadlines).await,
    }
}

async fn take(recorder: &Recorder, max_items: usize) -> Result<Vec<Waiting>, InTheWay> {
    loop {
        match recorder.spool.next_batch(max_items, BATCH_BYTES).await {
            Ok(batch) => return Ok(batch),
            Err(SpoolError::Unreadable { id, cause }) => {
                note_set_aside(recorder, id, &cause.to_string());
            }
            Err(error) => {
                note_unreadable(recorder, &error);
                return Err(InTheWay);
            }
        }
    }
}

/// So many refusals without a single success are no matter of single captures.
const HOPELESS: usize = 10;

/// Records captures one by one. What is refused for good is set aside, what may be taken later waits,
/// and neither stops the others.
async fn record_singly(
    recorder: &Recorder,
    batch: Vec<Waiting>,
    deadlines: &mut Deadlines,
) -> Result<(), InTheWay> {
    let mut refusals = Vec::new();
    let (mut n_recorded, mut n_stuck, mut n_late) = (0, 0, 0);
    let is_one_to_blame = deadlines.blame_one_of(&batch);
    for waiting in batch {
        let began = Instant::now();
        match record(recorder, std::slice::from_ref(&waiting)).await {
            Ok(()) => {
                deadlines.recorded(waiting.capture.id);
                done(recorder, &[waiting], began.elapsed());
                n_recorded += 1;
            }
            Err(error) if is_for_all(&error) && !(is_one_to_blame && is_late(&error)) => {
                deadlines.note(&error);
                return Err(in_the_way(recorder, &error));
            }
            Err(error) if error.is_transient() => {
                // It may be the one that all others are read behind.
                recorder.spool.defer(waiting.capture.id);
                if is_late(&error) {
                    deadlines.blame(waiting.capture.id);
                    n_late += 1;
                }
                refusals.push(error);
            }
            Err(error) => {
                let moved = set_aside(recorder, waiting.capture.id, &error).await;
                n_stuck += usize::from(moved.is_err());
            }
        }
        let is_hopeless = n_recorded == 0 && refusals.len() >= HOPELESS;
        if is_hopeless || n_late >= deadlines::PATIENCE {
            break;
        }
    }
    if n_recorded > 0 {
        deadlines.end();
    }
    match refusals.first() {
        Some(error) => Err(in_the_way(recorder, error)),
        None if n_stuck > 0 => Err(InTheWay),
        None => {
            recorder
                .alarms
                .clear_part(AlarmKind::StoreUnreachable, RECORDER);
            Ok(())
        }
    }
}

/// Whether all captures have to wait: neither this one nor another gets through.
fn is_for_all(error: &StoreError) -> bool {
    error.is_transient() && !error.is_answer()
}

async fn set_aside(recorder: &Recorder, id: CaptureId, error: &StoreError) -> Result<(), InTheWay> {
    let reason = Chain(error).to_string();
    let moved = recorder.spool.set_aside(id, &reason).await;
    moved.map_err(|error| {
        note_unreadable(recorder, &error);
        InTheWay
    })?;
    note_set_aside(recorder, id, &reason);
    Ok(())
}

fn note_unreadable(recorder: &Recorder, error: &(dyn Error + 'static)) {
    let detail = Chain(error).to_string();
    recorder
        .alarms
        .raise_part(AlarmKind::SpoolFailing, RECORDER, &detail);
}

fn note_set_aside(recorder: &Recorder, id: CaptureId, reason: &str) {
    recorder.alarms.raise(AlarmKind::CaptureSetAside, reason);
    events::capture_set_aside(&id.to_string(), reason);
}

fn in_the_way(recorder: &Recorder, error: &StoreError) -> InTheWay {
    if let StoreError::ReadWaiting { .. } = error {
        note_unreadable(recorder, error);
        return InTheWay;
    }
    let detail = Chain(error).to_string();
    recorder
        .alarms
        .raise_part(AlarmKind::StoreUnreachable, RECORDER, &detail);
    events::store_unreachable(error);
    InTheWay
}

async fn record(recorder: &Recorder, batch: &[Waiting]) -> Result<(), StoreError> {
    let mut records = Vec::with_capacity(batch.len());
    for waiting in batch {
        let section = section(waiting).await?;
        let fields = fields(&section).await;
        if fields.is_unread {
            let detail = waiting.capture.queue_id.to_string();
            recorder.alarms.raise(AlarmKind::HeaderUnread, &detail);
        }
        records.push(to_record(waiting, fields));
    }
    recorder.store.record(&mut records).await
}

/// What is to be read of the header section. Where it is not there as a whole, all authors are all the same.
async fn section(waiting: &Waiting) -> Result<Bytes, StoreError> {
    if !waiting.is_header_cut() {
        return Ok(waiting.header.clone());
    }
    let capture_id = waiting.capture.id;
    let mut excerpt = Excerpt::default();
    let mut chunks = waiting.content.chunks();
    loop {
        let chunk = chunks.next().await.map_err(waiting_fault);
        let chunk = chunk.map_err(|cause| StoreError::ReadWaiting { capture_id, cause })?;
        let Some(chunk) = chunk else { break };
        if excerpt.add(&chunk).is_break() {
            break;
        }
    }
    Ok(excerpt.finish().into())
}

/// Sessions wait for a thread that reads fields: a short section takes some microseconds, a hostile one
/// of 256 KiB a sixth of a second.
async fn fields(section: &Bytes) -> Fields {
    if section.len() <= SHORT_SECTION_BYTES {
        return header::fields(section);
    }
    let section = section.clone();
    let reading = tokio::task::spawn_blocking(move || header::fields(&section));
    match reading.await {
        Ok(fields) => fields,
        // What it panics with it would have panicked with here.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The program ends: what waits is safe in the spool.
            Err(_) => std::future::pending().await,
        },
    }
}

fn to_record(waiting: &Waiting, fields: Fields) -> Record<Spooled> {
    Record {
        capture: waiting.capture.as_ref().clone(),
        header: HeaderFields {
            subject: fields.subject,
            from: fields.from,
            to: fields.to,
            date: fields.date,
            message_id: fields.message_id,
        },
        content: Spooled(waiting.content.chunks()),
    }
}

fn done(recorder: &Recorder, batch: &[Waiting], time: Duration) {
    let ids: Vec<CaptureId> = batch.iter().map(|waiting| waiting.capture.id).collect();
    recorder.spool.settled(&ids);
    recorder
        .alarms
        .clear_part(AlarmKind::SpoolFailing, RECORDER);
    recorder.metrics.recorded(batch.len(), time);
    for waiting in batch {
        events::message_recorded(&waiting.capture.queue_id, waiting.capture.id);
    }
}

/// Content of the spool as the store reads it.
struct Spooled(Chunks);

impl Content for Spooled {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        self.0.next().await.map_err(waiting_fault)
    }
}

/// Says by its kind whether the content may be readable later: the store knows no spool.
fn waiting_fault(error: SpoolError) -> io::Error {
    let kind = if error.is_transient() {
        io::ErrorKind::ResourceBusy
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn others_go_on_while_a_long_header_is_read() {
        let section = Bytes::from(format!("From: {}\r\n", "a@b.test, ".repeat(2_000)));
        let went_on = Cell::new(false);
        let read = async { (fields(&section).await, went_on.get()) };
        let ((read, went_on), ()) = tokio::join!(read, async { went_on.set(true) });
        assert_eq!(read, header::fields(&section));
        assert!(went_on);
    }

    #[test]
    fn a_lack_of_file_handles_never_sets_a_capture_aside() {
        let capture_id = CaptureId::new(uuid::Uuid::now_v7());
        let blamed = |error| {
            let cause = waiting_fault(error);
            !StoreError::ReadWaiting { capture_id, cause }.is_transient()
        };
        assert!(!blamed(SpoolError::Read {
            path: "/spool/large/x".into(),
            cause: io::Error::from_raw_os_error(nix::libc::EMFILE),
        }));
        assert!(blamed(SpoolError::Unreadable {
            id: capture_id,
            cause: io::ErrorKind::InvalidData.into(),
        }));
    }
}
