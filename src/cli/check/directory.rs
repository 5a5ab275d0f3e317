//! The directory as the milter would ask it. Looks up nobody who exists.

use std::time::{Duration, Instant as Clock};

use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Scene, live,
    report::{Answer, Finding},
};
use crate::{
    directory::{self, Directory, DirectoryError, Settings},
    domain::{address::Address, identity::Identity},
    telemetry::chain::Chain,
};

const BIND: &str = "directory-bind";
const LOOK_UP: &str = "directory-lookup";
const SPEED: &str = "directory-speed";

/// A look-up with an index takes a few milliseconds; one that reads all entries takes longer the
/// more there are.
const SLOW: Duration = Duration::from_millis(100);

/// Bind, one look-up, and how long it takes.
pub async fn findings(scene: &Scene) -> Vec<Finding> {
    let settings = &scene.milter.directory;
    let directory = match directory::open(settings) {
        Ok(directory) => directory,
        Err(error) => {
            let cure = format!("mend the file that directory.table names in {}", scene.file);
            let fault = Answer::fault(Chain(&error).to_string(), cure);
            return vec![fault.of(LOOK_UP)];
        }
    };
    if let Settings::Table(_) = settings {
        return vec![Answer::good("the table of flags can be read").of(LOOK_UP)];
    }
    let deadline = || Instant::now() + scene.milter.milter.mail_deadline;
    let probed = directory.probe(deadline()).await;
    let (bind, look_up) = judge(scene, settings, &probed);
    let speed = match probed {
        Ok(()) => speed(directory.as_ref(), deadline()).await,
        Err(_) => live::unmade("no look-up was answered"),
    };
    vec![bind.of(BIND), look_up.of(LOOK_UP), speed.of(SPEED)]
}

fn judge(
    scene: &Scene,
    settings: &Settings,
    probed: &Result<(), DirectoryError>,
) -> (Answer, Answer) {
    let bound = || Answer::good(name(settings));
    let unmade = || live::unmade("there is no bind");
    let file = &scene.file;
    let Err(error) = probed else {
        let seen = "the base is there, and the schema knows the flag or is hidden";
        return (bound(), Answer::good(seen));
    };
    let seen = Chain(error).to_string();
    match error {
        DirectoryError::Timeout(_) | DirectoryError::Connect { .. } => {
            let cure = format!("see that the server of directory.ldap.url ({file}) runs");
            (Answer::away(seen, cure), unmade())
        }
        DirectoryError::Bind { .. } => {
            let cure = format!("set bind_dn and bind_password_file of [directory.ldap] in {file}");
            (Answer::fault(seen, cure), unmade())
        }
        DirectoryError::Attribute(_) => {
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
        Settings::Ldap(ldap) => match &ldap.bind {
            Some(bind) => format!("{} at {}", bind.dn, ldap.url),
            None => format!("anonymous at {}", ldap.url),
        },
        Settings::Table(_) => "a table".to_owned(),
    }
}

/// The milter's own search, for an address that nobody has: without an index all is read.
async fn speed(directory: &dyn Directory, deadline: Instant) -> Answer {
    let nobody = format!("nobody-{}@mailhold.invalid", Uuid::now_v7());
    let Some(address) = Address::from_envelope(nobody.as_bytes()) else {
        return live::unmade("no address to look up");
    };
    let begin = Clock::now();
    match directory
        .standing(&Identity::Sender(address), deadline)
        .await
    {
        Ok(_) => slowness(begin.elapsed()),
        Err(error) => Answer::away(
            Chain(&error).to_string(),
            "look at the directory's log, then run this again",
        ),
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

    #[test]
    fn a_slow_look_up_is_told_with_the_time_that_it_took() {
        let quick = slowness(Duration::from_millis(3));
        assert_eq!(quick.verdict, Verdict::Good);
        let slow = slowness(Duration::from_millis(450));
        assert_eq!(slow.verdict, Verdict::Warning);
        assert!(slow.seen.contains("took 450 ms"), "{}", slow.seen);
    }
}
