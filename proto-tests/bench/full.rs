//! A hold queue with 100,000 messages: whether a held message costs more there, and what the worker
//! spends while nothing happens.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    time::{Duration, Instant},
};

use super::{
    contest::{self, Contender, Ends, Results, Round, USUAL},
    ground::{self, FIRST, Ground, as_on_one_host, settle_in},
    held::Sizes,
    hold::compared,
    machine,
    peers::polling::Polling,
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{
    desk::Desk,
    postfix::Postfix,
    smtp::{self, small_mail},
    user::User,
};

/// Messages on hold, all of them captured and confirmed.
pub const MESSAGES: usize = 100_000;
/// Messages that the polling way meets in one pass.
const POLLED: usize = 200;
/// How long the worker is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(60);
/// How often the worker compares all (`worker::reconcile`).
const FULL_PERIOD: Duration = Duration::from_secs(10 * 60);

const FEW: &str = "whole job with few on hold";
const FULL: &str = "whole job with 100,000 on hold";

/// An instance with milter and worker of its own.
pub struct House {
    pub postfix: Postfix,
    pub desk: Desk,
}

impl House {
    /// With so many messages on hold.
    pub async fn start(ground: &Ground<'_>, name: &str, n_held: usize) -> Self {
        let postfix = Postfix::start(&ground.lab.tools, name, ground.lab.sink.address).await;
        ground::deliver_nowhere(&postfix).await;
        let desk = Desk::start(ground.servers(&postfix), |settings| {
            as_on_one_host(settings, &ground.lab.postgres);
        })
        .await;
        let house = Self { postfix, desk };
        if n_held > 0 {
            // Nobody is to see files without their records.
            house.desk.worker.stop().await;
            fill(&house.postfix, n_held).await;
            for sql in [
                records(&house.postfix.name, n_held).as_str(),
                "vacuum (analyze) capture",
                "checkpoint",
            ] {
                house.desk.database.execute(sql).await;
            }
            house.desk.worker.start_again().await;
            compared(&house.desk.worker, 1.0).await;
        }
        let first = house.contender(ground, "the first mail", FIRST);
        settle_in(&first, &house.desk).await;
        house
    }

    /// Flagged mail to it.
    pub fn contender<'a>(
        &'a self,
        ground: &'a Ground<'_>,
        name: &'static str,
        n: usize,
    ) -> Contender<'a> {
        Contender {
            postfix: &self.postfix,
            ends: Ends::Recorded {
                milter: &self.desk.milter,
                worker: &self.desk.worker,
            },
            milter: Some(self.desk.milter.id()),
            ..ground.whole_job(name, self.postfix.smtp, n)
        }
    }

    /// Ends it.
    pub async fn stop(self) {
        self.desk.milter.stop().await;
        self.desk.worker.stop().await;
        self.postfix.stop().await;
    }
}

/// Makes records of as many held messages, as a milter and a worker would have left them an hour ago.
pub fn records(instance: &str, n_held: usize) -> String {
    let begin = name(0).trim_end_matches('0').to_owned();
    format!(
        "insert into capture (capture_id, instance, queue_id, captured_at, sender, sender_argument,
            sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
            matched_entry, matched_flag, matched_recipient, size_bytes, digest,
            twin_by_digest)
        select (lpad(to_hex(number), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '{instance}',
            '{begin}' || number, now() - interval '1 hour', 'a@corp.test', '', '{{}}', 1,
            'flagged-external', '', '', '', '', '', 1, decode(repeat('00', 32), 'hex'),
            gen_random_uuid()
        from generate_series(0, {n_held} - 1) as number;
        update capture set state = 'held' where instance = '{instance}';
        update capture set held_at = now() - interval '1 hour' where instance = '{instance}'"
    )
}

/// A queue ID of Postfix's long form that it gives to no message of today.
pub fn name(number: usize) -> String {
    format!("4jWkMG56f7z{number}")
}

/// Files as Postfix has them: all with the content of one that it made.
pub async fn fill(postfix: &Postfix, n_held: usize) {
    let owner = User::named("postfix");
    let mail = small_mail("a@corp.test", "b@elsewhere.test", "on hold");
    let reply = smtp::send(
        postfix.holding_smtp,
        "a@corp.test",
        &["b@elsewhere.test"],
        &mail,
    )
    .await;
    let hold = postfix.queue_directory.join("hold");
    let first = hold.join(reply.ok().queue_id().as_str());
    let content = fs::read(&first).unwrap();
    fs::remove_file(first).unwrap();
    for number in 0..n_held {
        let path = hold.join(name(number));
        fs::write(&path, &content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        chown(&path, Some(owner.uid), Some(owner.gid)).unwrap();
    }
}

/// Measures.
pub async fn measure(ground: &Ground<'_>, sizes: Sizes, report: &mut Report) {
    let few = House::start(ground, "few", 0).await;
    let full = House::start(ground, "full", MESSAGES).await;
    idle(&full, report).await;
    let contenders = [
        few.contender(ground, FEW, sizes.n_messages),
        full.contender(ground, FULL, sizes.n_messages),
    ];
    let results = contest::run(&contenders, USUAL, sizes.n_rounds).await;
    report.add(cost_row(&results));
    few.stop().await;
    full.desk.milter.stop().await;
    full.desk.worker.stop().await;
    polled(ground, &full.postfix, report).await;
    full.postfix.stop().await;
}

fn cost_row(results: &Results) -> Row {
    let cost = |round: &Round| round.machine_ms;
    let [few, full] = [FEW, FULL].map(|name| results.median(name, cost));
    let rates = [FEW, FULL].map(|name| results.median(name, |round| round.rate));
    Row::new(
        "capture cost per message (the machine's CPU time), 100,000 on hold ÷ few",
        results.ratio(FULL, FEW, cost),
        Target::AtMost(1.05),
    )
    .fact(format!(
        "{full:.3} and {few:.3} ms; {:.0} and {:.0} messages/s",
        rates[1], rates[0]
    ))
}

/// The worker and its database connections, while nothing happens. It begins with a comparison of all, which
/// it repeats every ten minutes: a part of that counts as well.
async fn idle(house: &House, report: &mut Report) {
    house.desk.worker.stop().await;
    house.desk.worker.start_again().await;
    let worker = &house.desk.worker;
    let backend = format!("mailhold_worker {}", house.desk.database.name);
    let spent = || [machine::cpu(worker.id()), machine::cpu_of_named(&backend)];
    compared(worker, 1.0).await;
    let all: Duration = spent().iter().sum();
    // What was left to do is done.
    compared(worker, 3.0).await;
    let (began, before) = (Instant::now(), spent());
    tokio::time::sleep(IDLE).await;
    let (time, after) = (began.elapsed(), spent());
    let parts =
        [0, 1].map(|at| 100.0 * (after[at] - before[at]).as_secs_f64() / time.as_secs_f64());
    let part_of_all = 100.0 * all.as_secs_f64() / FULL_PERIOD.as_secs_f64();
    let row = Row::new(
        "worker and its database connections, CPU of one core while idle, 100,000 on hold",
        Figure::plain(parts[0] + parts[1] + part_of_all),
        Target::AtMost(0.5),
    );
    report.add(row.unit("%").fact(format!(
        "over {} s: worker {:.2}, connections {:.2}; its start with a comparison of all took {:.2} s of CPU, \
         so {part_of_all:.2} for one in ten minutes",
        IDLE.as_secs(),
        parts[0],
        parts[1],
        all.as_secs_f64()
    )));
}

/// What a message costs the polling way, of which one pass meets some: with few on hold and with all.
async fn polled(ground: &Ground<'_>, full: &Postfix, report: &mut Report) {
    // What other parts of the bench left on hold elsewhere is not few.
    let few = Postfix::start(&ground.lab.tools, "polled", ground.lab.sink.address).await;
    let mut each_ms = Vec::new();
    for postfix in [&few, full] {
        let polling = Polling::new(ground.servers(postfix)).await;
        polling.know(&postfix.held()).await;
        let more = ground.held("polled", postfix.holding_smtp, POLLED);
        Contender { postfix, ..more }.round(USUAL).await;
        let before = machine::busy();
        let pass = polling.one_pass().await;
        assert_eq!(pass.new, POLLED as u64);
        let spent = machine::busy() - before;
        each_ms.push((spent.as_secs_f64() * 1_000.0 / POLLED as f64, pass.held));
    }
    few.stop().await;
    let [(few_ms, n_few), (full_ms, n_full)] = each_ms[..] else {
        unreachable!("two instances")
    };
    let row = Row::new(
        "the polling way: capture cost per message, 100,000 on hold ÷ few",
        Figure::plain(full_ms / few_ms),
        Target::None,
    );
    report.add(row.fact(format!(
        "{full_ms:.1} ms with {n_full} on hold and {few_ms:.1} ms with {n_few}, {POLLED} new ones in \
         one pass"
    )));
}
