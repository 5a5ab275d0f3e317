//! Follows a server for ever: connects, refreshes, takes changes as they come, feels the pulse, and
//! comes back after any loss. Never touches mail.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::{
    Settings,
    keys::{self, Plan},
    memory::Memory,
    refresh::{Cookie, Kind, Position, Refresh, Rest, Said},
    report::Report,
    set::{Names, Person},
    source::{Content, Loss},
};
use crate::directory::{
    ldap::{Ldap, Pulse, Stream},
    reading::Answered,
};

/// A server that says nothing for this long in the middle of a refresh has forgotten it.
const REFRESH_SILENCE: Duration = Duration::from_secs(30);
/// Everything is asked for anew at this age of a connection, or at `mirror_max_age` if that is more:
/// a change of the server's access rules is told to nobody, nor is an attribute that an overlay makes
/// up, nor are people whose branch is moved below the base.
const RENEWAL: Duration = Duration::from_secs(5 * 60);
/// The same after an interruption. A slapd whose database was made anew, or who was killed before it
/// had saved its place (`syncprov-checkpoint`), may resume without a word of what is gone.
const RENEWAL_AFTER_RESUMED: Duration = Duration::from_secs(10);
/// The longest pause before a server is tried again that may come back at any moment.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The pause after a refusal, which somebody must do something about.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);
/// The pause before a server that offers no mirror is asked whether it does now.
const ABSENT_PAUSE: Duration = Duration::from_secs(10 * 60);
/// The pulse is felt this often at least, and oftener for a small `mirror_max_age`.
const PULSE: Duration = Duration::from_secs(2);
/// How often the age is shown.
const SHOW: Duration = Duration::from_secs(1);

/// Keeps a memory like its server.
pub struct Follower {
    pub live: Arc<Ldap>,
    pub plan: Plan,
    pub content: Content,
    pub settings: Settings,
    pub memory: Arc<Memory>,
    pub report: Report,
}

/// How one connection ended.
enum End {
    Lost(Loss),
    /// It was time for a new one.
    Old,
}

impl From<Loss> for End {
    fn from(loss: Loss) -> Self {
        Self::Lost(loss)
    }
}

impl Follower {
    /// Never ends.
    pub async fn run(mut self) {
        let (memory, mut shows) = (Arc::clone(&self.memory), interval(SHOW));
        shows.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let display = self.report.display();
        tokio::select! {
            () = self.follow() => {}
            () = async {
                loop {
                    shows.tick().await;
                    display.figures(memory.len(), memory.age(Instant::now()));
                }
            } => {}
        }
    }

    async fn follow(&mut self) {
        let mut position = None;
        let mut pause = SHORTEST_PAUSE;
        loop {
            let had_position = position.is_some();
            let end = AssertUnwindSafe(self.connection(&mut position, &mut pause));
            let fault = |_| {
                Loss::Unreliable(
                    "a message that cannot be read, or a fault in the program".to_owned(),
                )
                .into()
            };
            let loss = match end.catch_unwind().await.unwrap_or_else(fault) {
                End::Old => {
                    position = None;
                    continue;
                }
                End::Lost(loss) => loss,
            };
            if !loss.keeps_position() {
                position = None;
            }
            self.memory.refresh_is_lost();
            if loss.discredits() {
                self.memory.distrust();
            }
            self.report.lost(&loss, self.settings.wanted);
            if had_position && position.is_none() {
                // Without it the server may well tell everything.
                continue;
            }
            sleep(pause_after(&loss, pause)).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    /// Everything from connecting to the loss of the connection.
    async fn connection(&mut self, position: &mut Option<Position>, pause: &mut Duration) -> End {
        let begin = Instant::now();
        let mut stream = match self.refresh(position).await {
            Ok(stream) => stream,
            Err(loss) => return End::Lost(loss),
        };
        let kind = stream.kind();
        *pause = SHORTEST_PAUSE;
        self.report.ready(kind, self.memory.len(), begin.elapsed());
        let pulse = stream.pulse();
        let renewal = match kind {
            Kind::Full => RENEWAL.max(self.settings.max_age),
            Kind::Resumed => RENEWAL_AFTER_RESUMED,
        };
        tokio::select! {
            loss = self.changes(&mut stream, position) => End::Lost(loss),
            loss = self.pulses(pulse) => End::Lost(loss),
            () = sleep(renewal) => End::Old,
        }
    }

    /// Until the refresh is whole the set stays as it was, and so does the position; of the set only who
    /// is flagged is believed meanwhile.
    async fn refresh(&self, position: &mut Option<Position>) -> Result<Stream, Loss> {
        let asked_at = Instant::now();
        let from = position.clone();
        let mut stream = self.live.follow(&self.content, from).await?;
        self.memory.refresh_begins();
        let mut refresh = Refresh::new(stream.kind());
        let mut cookie = None;
        loop {
            let message = timeout(REFRESH_SILENCE, stream.next())
                .await
                .map_err(|_| Loss::Silent(REFRESH_SILENCE))??;
            cookie = message.cookie.or(cookie);
            if refresh.take(self.read(message.said)?) == Rest::Changes {
                break;
            }
        }
        if refresh.has_untold() {
            let text = "it named an entry of which it had said nothing".to_owned();
            return Err(Loss::Unreliable(text));
        }
        stream.check_rights(&self.content).await?;
        self.memory.refreshed(refresh, asked_at);
        note(&stream, cookie, position);
        Ok(stream)
    }

    async fn changes(&self, stream: &mut Stream, position: &mut Option<Position>) -> Loss {
        loop {
            let told = stream.next().await.and_then(|message| {
                let change = self.memory.change(self.read(message.said)?);
                change.map_err(|error| Loss::Unreliable(error.to_string()))?;
                Ok(message.cookie)
            });
            match told {
                Ok(cookie) => note(stream, cookie, position),
                Err(loss) => return loss,
            }
        }
    }

    async fn pulses(&self, mut pulse: Pulse) -> Loss {
        let often = PULSE.min(self.settings.max_age / 5);
        let mut ticks = interval(often);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked_at = Instant::now();
            if let Err(loss) = pulse.feel().await {
                return loss;
            }
            self.memory.prove(asked_at);
        }
    }

    fn read(&self, said: Said<Answered>) -> Result<Said<Person>, Loss> {
        Ok(match said {
            Said::Is(id, entry) => Said::Is(id, self.person(entry)?),
            Said::Present(ids) => Said::Present(ids),
            Said::Gone(ids) => Said::Gone(ids),
            Said::PresentPhaseOver(rest) => Said::PresentPhaseOver(rest),
            Said::DeletePhaseOver(rest) => Said::DeletePhaseOver(rest),
            Said::Nothing => Said::Nothing,
        })
    }

    /// Reads an entry with nothing left unclear: a person whose name or flag was overlooked would
    /// not be found, or not be flagged.
    fn person(&self, entry: Answered) -> Result<Person, Loss> {
        let content = &self.content;
        let (mut keys, mut values, mut is_marked) = (Vec::new(), Vec::new(), false);
        let mut names = Names::Sure;
        for (told, value) in entry.values {
            let Some(attribute) = content.attribute(&told) else {
                return Err(Loss::Unreliable(format!(
                    "the server calls an attribute {told:?} that has another name in the settings: \
                     write the server's name in the filters"
                )));
            };
            is_marked |= attribute.eq_ignore_ascii_case(&content.flag);
            if content.is_name(attribute) && !keys::is_plain(&value) {
                names = Names::Unsure;
            }
            keys.extend(self.plan.keys(attribute, &value, self.live.folding()));
            if content.is_mark(attribute) {
                values.push((told, value));
            }
        }
        if !is_marked {
            return Err(Loss::Unreliable(format!(
                "an entry came without the attribute {:?} by which it was found: the account may \
                 search by it but not read it",
                content.flag
            )));
        }
        let name = entry.name;
        Ok(Person::new(&Answered { name, values }, &keys, names))
    }
}

/// The last word of the server counts; that of another one counts no more.
fn note(stream: &Stream, cookie: Option<Cookie>, position: &mut Option<Position>) {
    match cookie {
        Some(cookie) => {
            *position = Some(Position {
                server: stream.server().to_owned(),
                cookie,
            });
        }
        None => {
            let is_of_it = |position: &mut Position| position.server == stream.server();
            *position = position.take_if(is_of_it);
        }
    }
}

fn pause_after(loss: &Loss, pause: Duration) -> Duration {
    if let Loss::Unsupported { .. } = loss {
        return ABSENT_PAUSE;
    }
    if loss.is_transient() {
        return pause;
    }
    REFUSED_PAUSE
}
