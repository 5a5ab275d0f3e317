//! The one thread that writes segments: all that wait share one sync. Never answers before it.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{
    disk::{self, Disk},
    error::SpoolError,
    frame::{Frame, Kind},
    index::{Entry, Fresh, Index, Removed},
    large::LargeFile,
    layout::Layout,
    segment::Segment,
};
use crate::{domain::capture::Capture, telemetry::events};

/// The largest group; a longer queue makes two.
const GROUP_FRAMES: usize = 512;
const GROUP_BYTES: u64 = 8 * 1_024 * 1_024;
/// After this pause traces of settled captures are removed without waiting for the next group.
const QUIET: Duration = Duration::from_secs(2);
/// Or when so many are settled: a backlog may be recorded while no mail comes in.
const MANY_SETTLED: usize = 1_000;

/// What the writer is asked.
pub(super) enum Message {
    /// Make this capture durable.
    Commit(Box<Request>),
    /// These captures are not needed any more.
    Settled(Vec<Removed>),
}

/// A capture that waits for its sync.
pub(super) struct Request {
    pub(super) capture: Arc<Capture>,
    pub(super) frame: Frame,
    pub(super) large: Option<LargeFile>,
    pub(super) answer: oneshot::Sender<Result<(), SpoolError>>,
}

/// The state of the writing thread.
pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    layout: Layout,
    index: Arc<Index>,
    /// The segment that takes the next group; a failure takes it away for good.
    segment: Option<Segment>,
    /// Settled, but neither marked nor removed yet.
    settled: Vec<Removed>,
    /// Settled and marked, in segments that are still needed for other captures.
    marked: Vec<Removed>,
}

impl Writer {
    /// `marked` are the settled captures that the start found marked.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        layout: Layout,
        index: Arc<Index>,
        marked: Vec<Removed>,
    ) -> Self {
        Self {
            disk,
            layout,
            index,
            segment: None,
            settled: Vec::new(),
            marked,
        }
    }

    /// Starts the thread. It ends when the last sender is dropped.
    pub(super) fn start(self) -> io::Result<(mpsc::Sender<Message>, JoinHandle<()>)> {
        let (sender, messages) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || self.run(&messages))?;
        Ok((sender, thread))
    }

    fn run(mut self, messages: &mpsc::Receiver<Message>) {
        loop {
            let first = if self.has_chores() {
                messages.recv_timeout(QUIET)
            } else {
                messages.recv().map_err(RecvTimeoutError::from)
            };
            match first {
                Ok(first) => {
                    let group = self.gather(first, messages);
                    if !group.is_empty() {
                        self.commit(group);
                    } else if self.settled.len() >= MANY_SETTLED {
                        self.tidy();
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.tidy(),
                Err(RecvTimeoutError::Disconnected) => return self.tidy(),
            }
        }
    }

    fn has_chores(&self) -> bool {
        !self.settled.is_empty() || self.segment.is_some()
    }

    /// Takes all that waits, up to the size of a group.
    fn gather(&mut self, first: Message, messages: &mpsc::Receiver<Message>) -> Vec<Request> {
        let mut group = Vec::new();
        let mut n_bytes = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Commit(request) => {
                    n_bytes += request.frame.n_bytes();
                    group.push(*request);
                }
                Message::Settled(removed) => self.settled.extend(removed),
            }
            let is_full = group.len() >= GROUP_FRAMES || n_bytes >= GROUP_BYTES;
            next = if is_full {
                None
            } else {
                messages.try_recv().ok()
            };
        }
        group
    }

    fn commit(&mut self, group: Vec<Request>) {
        let marks = marks(&self.settled);
        let captures = group.iter().map(|request| &request.frame);
        let frames: Vec<&Frame> = captures.chain(&marks).collect();
        match self.append(&frames) {
            Ok((segment, places)) => self.confirm(group, segment, &places),
            Err(error) => refuse(group, &error),
        }
        self.sweep();
    }

    /// Marks what is settled, or closes the segment if nothing waits at all, and removes what is
    /// left.
    fn tidy(&mut self) {
        if self.index.is_needed() {
            self.mark(marks(&self.settled));
        } else {
            self.close_segment();
        }
        self.sweep();
    }

    fn mark(&mut self, marks: Option<Frame>) {
        if let Some(marks) = marks
            && let Err(error) = self.append(&[&marks])
        {
            // Nothing is lost: without the marks the captures would be recorded once more.
            events::spool_untidy("mark", &self.layout.segments, &error);
        }
    }

    fn append(&mut self, frames: &[&Frame]) -> Result<(Uuid, Vec<u64>), SpoolError> {
        let n_bytes = frames.iter().map(|frame| frame.n_bytes()).sum();
        let has_room = |segment: &Segment| segment.has_room(n_bytes);
        if !self.segment.as_ref().is_some_and(has_room) {
            self.close_segment();
        }
        let mut segment = match self.segment.take() {
            Some(segment) => segment,
            None => Segment::create(&*self.disk, &self.layout)?,
        };
        self.index.open_segment(segment.id());
        match segment.append(&*self.disk, frames) {
            Ok(places) => {
                let id = segment.id();
                self.segment = Some(segment);
                Ok((id, places))
            }
            Err(error) => {
                segment.close();
                Err(error)
            }
        }
    }

    /// The captures are durable: first they wait for the recorder, then the milter may answer.
    fn confirm(&self, group: Vec<Request>, segment: Uuid, places: &[u64]) {
        let mut answers = Vec::with_capacity(group.len());
        let mut entries = Vec::with_capacity(group.len());
        for (request, at) in group.into_iter().zip(places) {
            let large = request.large.as_ref().map(LargeFile::name);
            if let Some(file) = request.large {
                file.keep();
            }
            let fresh = Fresh {
                capture: Arc::clone(&request.capture),
                content: request.frame.content().clone(),
            };
            entries.push(Entry {
                id: request.capture.id,
                captured_at: request.capture.captured_at,
                size_bytes: request.capture.size_bytes,
                segment,
                at: *at,
                large,
                fresh: large.is_none().then_some(fresh),
            });
            answers.push(request.answer);
        }
        self.index.insert(entries);
        for answer in answers {
            // Nobody may be there to hear it: the capture stays, and the reconciler closes it.
            answer.send(Ok(())).ok();
        }
    }

    fn close_segment(&mut self) {
        if let Some(segment) = self.segment.take() {
            segment.close();
        }
    }

    /// Removes what settled captures left: large contents first, because a content without a frame
    /// would look half-written at the next start. Also when the marks could not be written: on a
    /// full disk this is what makes space.
    pub(super) fn sweep(&mut self) {
        for removed in self.settled.drain(..) {
            if let Some(name) = removed.large {
                disk::remove(&self.layout.large(name));
            }
            self.marked.push(removed);
        }
        let current = self.segment.as_ref().map(Segment::id);
        let dead = self.index.forget_dead(current);
        if dead.is_empty() {
            return;
        }
        // A dead segment may hold the marks of one that lives.
        self.marked
            .retain(|removed| !dead.contains(&removed.segment));
        self.mark(marks(&self.marked));
        for segment in dead {
            disk::remove(&self.layout.segment(segment));
        }
    }
}

/// A frame that names settled captures, so that they are not offered after a restart.
fn marks(settled: &[Removed]) -> Option<Frame> {
    if settled.is_empty() {
        return None;
    }
    let ids = settled.iter().map(|removed| removed.id.uuid().into_bytes());
    Some(Frame::new(
        Kind::Settled,
        ids.flatten().collect(),
        Bytes::new(),
    ))
}

fn refuse(group: Vec<Request>, error: &SpoolError) {
    for request in group {
        // The large content goes with the request, before the answer.
        drop(request.large);
        request.answer.send(Err(error.again())).ok();
    }
}
