//! The directory as the milter would ask it, server by server. Shows nobody's name: it looks up an
//! address that nobody has, and counts the flags of the others.

use std::time::{Duration, Instant as Clock};

use futures_util::future::join_all;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Scene, live, mirror,
    report::{Answer, Finding},
};
use crate::{
    directory::{
        self, Directory, DirectoryError, Settings,
        ldap::{self, Ldap, url::ServerUrl},
        survey::{Flags, Survey},
    },
    domain::{address::Address, identity::Identity},
    telemetry::chain::Chain,
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

/// Bind and one look-up at each server; how long a look-up takes, and what is seen of the flags, at
/// the first that answers.
pub async fn findings(scene: &Scene) -> Vec<Finding> {
    let folding = &scene.milter.policy.folding;
    let ldap = match &scene.milter.directory {
        Settings::Ldap(ldap) => ldap.as_ref(),
        table @ Settings::Table(_) => return vec![readable(scene, table).of(LOOK_UP)],
    };
    let probes = ldap.servers.iter().map(|url| probe(scene, ldap, url));
    let probed = join_all(probes).await;
    let mut findings: Vec<_> = probed
        .iter()
        .flat_map(|one| {
            let (bind, look_up) = judge(scene, one);
            [bind.of(BIND), look_up.of(LOOK_UP)]
        })
        .collect();
    let answering = probed.iter().find(|one| one.outcome.is_ok());
    let rest = match answering {
        Some(one) => {
            let patience = scene.milter.milter.mail_deadline;
            let deadline = || Instant::now() + patience;
            let live = Ldap::new(one.settings.clone(), folding.clone());
            let speed = speed(&live, deadline()).await;
            let (flags, index) = match survey(&live, deadline()).await {
                Ok(Some(survey)) => (
                    visible(&survey, &one.name(), &ldap.marks.attribute),
                    index(&survey, &ldap.marks.attribute),
                ),
                Ok(None) => (live::unmade("not shown"), live::unmade("not shown")),
                Err(error) => (unanswered(&error), unanswered(&error)),
            };
            let mirror = mirror::whole(&one.settings, folding, patience).await;
            [speed, flags, index, mirror]
        }
        None => [(); 4].map(|()| live::unmade("no look-up was answered")),
    };
    let names = [SPEED, FLAGS, INDEX, MIRROR];
    findings.extend(names.into_iter().zip(rest).map(|(name, one)| one.of(name)));
    findings
}

fn readable(scene: &Scene, table: &Settings) -> Answer {
    match directory::open(table, scene.milter.policy.folding.clone()) {
        Ok(_) => Answer::good("the table of flags can be read"),
        Err(error) => {
            let cure = format!("mend the file that directory.table names in {}", scene.file);
            Answer::fault(Chain(&error).to_string(), cure)
        }
    }
}

/// What one server answered.
struct Probed {
    /// Those of the directory, with this server alone.
    settings: ldap::Settings,
    url: ServerUrl,
    outcome: Result<(), DirectoryError>,
}

impl Probed {
    /// Who asked where.
    fn name(&self) -> String {
        format!("bound {} at {}", self.settings.bind, self.url)
    }
}

/// Asks one server, which no other one stands in for.
async fn probe(scene: &Scene, ldap: &ldap::Settings, url: &ServerUrl) -> Probed {
    let settings = ldap::Settings {
        servers: vec![url.clone()],
        ..ldap.clone()
    };
    let deadline = Instant::now() + scene.milter.milter.mail_deadline;
    let server = Ldap::new(settings.clone(), scene.milter.policy.folding.clone());
    Probed {
        outcome: server.probe(deadline).await,
        url: url.clone(),
        settings,
    }
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

/// Bind and look-up. Errors of look-ups do not name their server, so all are told with it.
fn judge(scene: &Scene, probed: &Probed) -> (Answer, Answer) {
    let url = &probed.url;
    let bound = || Answer::good(probed.name());
    let unmade = || live::unmade(&format!("{url}: the directory was not asked"));
    let file = &scene.file;
    let Err(error) = &probed.outcome else {
        let seen = format!("{url}: the base is there, and the schema knows the flag or is hidden");
        return (bound(), Answer::good(seen));
    };
    let seen = format!("{url}: {}", Chain(error));
    match last(error) {
        DirectoryError::Timeout(_)
        | DirectoryError::Connect { .. }
        | DirectoryError::AllServers { .. } => {
            let cure = format!(
                "see that it runs and can be reached, or take it out of directory.ldap.urls ({file})"
            );
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
    let hidden = survey.hidden;
    if hidden > 0 {
        let total = match survey.flags {
            Flags::Counted(count) | Flags::MoreThan(count) => count + hidden,
        };
        let seen = format!(
            "{account} may not read {attribute} on {hidden} of the {total} entries that have it: \
             their mail is not held"
        );
        let cure = format!("let the account read {attribute} everywhere (docs/install.md)");
        return Answer::warning(seen, cure);
    }
    match survey.flags {
        Flags::Counted(0) => Answer::warning(
            format!("{account} sees no {attribute}: nobody is flagged, or it may not read it"),
            format!("flag a person, and let the account read {attribute} (docs/install.md)"),
        ),
        Flags::Counted(1) => Answer::good(format!("{attribute} is seen on 1 entry")),
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
            hidden: 0,
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
