//! The directory as the milter would ask it. Looks up nobody who exists.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Scene, live,
    report::{Answer, Finding},
};
use crate::{
    directory::{
        self, Directory, DirectoryError, Settings,
        ldap::{self, Ldap},
        mirror::{Mirror, Wanted},
        survey::{Flags, Survey},
    },
    domain::{address::Address, folding::Folding, identity::Identity},
    telemetry::{AlarmKind, Alarms, Metrics, chain::Chain},
};

const BIND: &str = "directory-bind";
const LOOK_UP: &str = "directory-lookup";
const SPEED: &str = "directory-speed";
const FLAGS: &str = "directory-flags";
const INDEX: &str = "directory-index";
const MIRROR: &str = "directory-mirror";

/// A look-up with an index takes a few milliseconds; one that reads all entries takes longer the
/// more there are.
const SLOW: Duration = Duration::from_millis(100);
/// How often a search is timed.
const N_MEASURED: usize = 3;
/// How often it is seen whether the mirror is whole.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Bind, one look-up and how long it takes, and what is seen of the flags.
pub async fn findings(scene: &Scene) -> Vec<Finding> {
    let settings = &scene.milter.directory;
    let folding = scene.milter.policy.folding.clone();
    let directory = match directory::open(settings, folding) {
        Ok(directory) => directory,
        Err(error) => {
            let cure = format!("mend the file that directory.table names in {}", scene.file);
            let fault = Answer::fault(Chain(&error).to_string(), cure);
            return vec![fault.of(LOOK_UP)];
        }
    };
    let Settings::Ldap(ldap) = settings else {
        return vec![Answer::good("the table of flags can be read").of(LOOK_UP)];
    };
    let deadline = || Instant::now() + scene.milter.milter.mail_deadline;
    let probed = directory.probe(deadline()).await;
    let (bind, look_up) = judge(scene, settings, &probed);
    let (speed, flags, index) = if probed.is_ok() {
        let speed = speed(directory.as_ref(), deadline()).await;
        let (flags, index) = match survey(directory.as_ref(), deadline()).await {
            Ok(Some(survey)) => (
                visible(&survey, &name(settings), &ldap.marks.attribute),
                index(&survey, &ldap.marks.attribute),
            ),
            Ok(None) => (live::unmade("not shown"), live::unmade("not shown")),
            Err(error) => (unanswered(&error), unanswered(&error)),
        };
        (speed, flags, index)
    } else {
        let unmade = || live::unmade("no look-up was answered");
        (unmade(), unmade(), unmade())
    };
    let mirror = mirror(ldap, &scene.milter.policy.folding, deadline()).await;
    let all = [
        (BIND, bind),
        (LOOK_UP, look_up),
        (SPEED, speed),
        (FLAGS, flags),
        (INDEX, index),
        (MIRROR, mirror),
    ];
    all.map(|(name, answer)| answer.of(name)).into()
}

/// What is wrong, where several servers failed alike.
fn last(error: &DirectoryError) -> &DirectoryError {
    match error {
        DirectoryError::AllServers { cause, .. } => last(cause),
        DirectoryError::Timeout(_)
        | DirectoryError::Connect { .. }
        | DirectoryError::Tls { .. }
        | DirectoryError::Bind { .. }
        | DirectoryError::LookUp { .. }
        | DirectoryError::Attribute { .. }
        | DirectoryError::Group { .. }
        | DirectoryError::Table { .. } => error,
    }
}

fn judge(
    scene: &Scene,
    settings: &Settings,
    probed: &Result<(), DirectoryError>,
) -> (Answer, Answer) {
    let bound = || Answer::good(name(settings));
    let unmade = || live::unmade("the directory was not asked");
    let file = &scene.file;
    let Err(error) = probed else {
        let seen = "the base is there, and the schema knows the flag or is hidden";
        return (bound(), Answer::good(seen));
    };
    let seen = Chain(error).to_string();
    match last(error) {
        DirectoryError::Timeout(_)
        | DirectoryError::Connect { .. }
        | DirectoryError::AllServers { .. } => {
            let cure = format!("see that the servers of directory.ldap.urls ({file}) run");
            (Answer::away(seen, cure), unmade())
        }
        DirectoryError::Bind { .. } => {
            let cure = format!("set bind_dn and bind_password_file of [directory.ldap] in {file}");
            (Answer::fault(seen, cure), unmade())
        }
        DirectoryError::Tls { .. } => {
            let cure = format!("set starttls and ca_file of [directory.ldap] in {file}");
            (Answer::fault(seen, cure), unmade())
        }
        DirectoryError::Group { .. } => {
            let cure = format!(
                "see that the group is there and that the account may read its members: flag_group \
                 and the rules of {file} name it"
            );
            (bound(), Answer::fault(seen, cure))
        }
        DirectoryError::Attribute { .. } => {
            let cure = format!(
                "load config/ldap/mailhold.ldif into the server, or set directory.ldap.attribute \
                 in {file}"
            );
            (bound(), Answer::fault(seen, cure))
        }
        DirectoryError::LookUp { .. } | DirectoryError::Table { .. } => {
            let cure = format!(
                "see that directory.ldap.base in {file} is there, and that the account may read it"
            );
            (bound(), Answer::fault(seen, cure))
        }
    }
}

fn name(settings: &Settings) -> String {
    match settings {
        Settings::Ldap(ldap) => {
            let servers = ldap.servers.iter().map(ToString::to_string);
            format!(
                "bound {} at {}",
                ldap.bind,
                servers.collect::<Vec<_>>().join(", ")
            )
        }
        Settings::Table(_) => "a table".to_owned(),
    }
}

/// Whether the flagged people can be held in memory: by doing so once.
async fn mirror(settings: &ldap::Settings, folding: &Folding, deadline: Instant) -> Answer {
    let by_look_ups = "every message is looked up";
    if settings.mirror.wanted == Wanted::Off {
        return Answer::good(format!("directory.ldap.mirror is off: {by_look_ups}"));
    }
    let live = Arc::new(Ldap::new(settings.clone(), folding.clone()));
    let plan = match Mirror::plan(&live) {
        Ok(plan) => plan,
        Err(why) => return Answer::good(format!("{}: {by_look_ups}", Chain(&why))),
    };
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let mirror = Mirror::start(live, plan, metrics, alarms.clone());
    loop {
        if let Some(entries) = mirror.entries() {
            return Answer::good(format!("{} entries were read into memory", entries.len()));
        }
        if let Some(detail) = alarms.detail(AlarmKind::MirrorLost) {
            return Answer::warning(
                format!("{detail}: {by_look_ups}"),
                "see docs/mirror.md for what a server needs, or set directory.ldap.mirror = \"off\"",
            );
        }
        if Instant::now() >= deadline {
            return Answer::good(format!("no server offers it yet: {by_look_ups}"));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// The milter's own search, for an address that nobody has: without an index all is read. The
/// quickest of a few counts, for a busy host is slow now and then.
async fn speed(directory: &dyn Directory, deadline: Instant) -> Answer {
    let mut best = Duration::MAX;
    for _ in 0..N_MEASURED {
        let nobody = format!("nobody-{}@mailhold.invalid", Uuid::now_v7());
        let Some(address) = Address::from_envelope(nobody.as_bytes()) else {
            return live::unmade("no address to look up");
        };
        let begin = Clock::now();
        let sender = Identity::Sender(address);
        if let Err(error) = directory.standing(&sender, deadline).await {
            return unanswered(&error);
        }
        best = best.min(begin.elapsed());
    }
    slowness(best)
}

/// What is seen of the flags; the quickest search of a few.
async fn survey(
    directory: &dyn Directory,
    deadline: Instant,
) -> Result<Option<Survey>, DirectoryError> {
    let mut best: Option<Survey> = None;
    for _ in 0..N_MEASURED {
        let Some(survey) = directory.survey(deadline).await? else {
            return Ok(None);
        };
        if best.as_ref().is_none_or(|best| survey.took < best.took) {
            best = Some(survey);
        }
    }
    Ok(best)
}

fn unanswered(error: &DirectoryError) -> Answer {
    let cure = "look at the directory's log, then run this again";
    Answer::away(Chain(error).to_string(), cure)
}

/// A flag that the account may not read looks like no flag at all.
fn visible(survey: &Survey, account: &str, attribute: &str) -> Answer {
    match survey.flags {
        Flags::Counted(0) => Answer::warning(
            format!("{account} sees no {attribute}: nobody is flagged, or it may not read it"),
            format!("flag a person, and let the account read {attribute} (docs/install.md)"),
        ),
        Flags::Counted(count) => Answer::good(format!("{attribute} is seen on {count} entries")),
        Flags::MoreThan(count) => {
            Answer::good(format!("{attribute} is seen on more than {count} entries"))
        }
    }
}

/// By the server's own settings where the account may read them, else by the time of a search.
fn index(survey: &Survey, attribute: &str) -> Answer {
    let cure =
        format!("add an index: `olcDbIndex: {attribute} eq,pres` on the database in cn=config");
    if let Some(line) = survey.index_of(attribute) {
        return Answer::good(format!("cn=config has `olcDbIndex: {line}`"));
    }
    if !survey.indexes.is_empty() {
        return Answer::warning(format!("cn=config has no index on {attribute}"), cure);
    }
    let seen = format!(
        "cn=config is not shown to this account; measured: the search ({attribute}=*) took {} ms",
        survey.took.as_millis()
    );
    if survey.took <= SLOW {
        Answer::good(seen)
    } else {
        Answer::warning(format!("{seen}, more than {}", SLOW.as_millis()), cure)
    }
}

fn slowness(took: Duration) -> Answer {
    let seen = format!("a look-up by address took {} ms", took.as_millis());
    if took <= SLOW {
        return Answer::good(seen);
    }
    Answer::warning(
        format!(
            "{seen}; above {} ms an index is likely missing",
            SLOW.as_millis()
        ),
        "add an equality index for each attribute of directory.ldap.filter (`olcDbIndex: mail eq`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    fn survey(took: u64, indexes: &[&str]) -> Survey {
        Survey {
            flags: Flags::Counted(3),
            took: Duration::from_millis(took),
            indexes: indexes.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn the_servers_own_word_counts_more_than_the_time() {
        let slow = index(&survey(900, &["IsMailMonitor eq"]), "IsMailMonitor");
        assert_eq!(slow.verdict, Verdict::Good);
        let quick = index(&survey(1, &["mail eq"]), "IsMailMonitor");
        assert_eq!(quick.verdict, Verdict::Warning);
    }

    #[test]
    fn without_the_servers_word_it_is_said_what_was_measured() {
        let quick = index(&survey(1, &[]), "IsMailMonitor");
        assert_eq!(quick.verdict, Verdict::Good);
        let slow = index(&survey(900, &[]), "IsMailMonitor");
        assert_eq!(slow.verdict, Verdict::Warning);
        let measured = "measured: the search (IsMailMonitor=*) took 900 ms";
        assert!(slow.seen.contains(measured), "{}", slow.seen);
    }

    #[test]
    fn a_slow_look_up_is_told_with_the_time_that_it_took() {
        let quick = slowness(Duration::from_millis(3));
        assert_eq!(quick.verdict, Verdict::Good);
        let slow = slowness(Duration::from_millis(450));
        assert_eq!(slow.verdict, Verdict::Warning);
        assert!(slow.seen.contains("took 450 ms"), "{}", slow.seen);
    }
}
