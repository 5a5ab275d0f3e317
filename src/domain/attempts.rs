//! How often a sign-in may be tried: failures are counted for each login and for each client, and the
//! wait grows. Bounded in memory; never knows a password, and never asks the clock.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Duration};

use super::grams::folded;

/// Failures that cost nothing, of one login.
const LOGIN_FREE: u32 = 5;
/// The same of one client: several people may sit behind one address.
const CLIENT_FREE: u32 = 20;
/// The wait after the last free failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// A failure is forgotten when none has followed for this long; no wait is longer.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Logins, and clients, that are remembered at most.
const CAPACITY: usize = 10_000;
/// A longer login is nobody's; what is remembered of it is cut.
const LOGIN_CHARS: usize = 256;

/// What is remembered of failed sign-ins. All times are measured from one beginning of the caller's
/// choice by a clock that is never set back.
#[derive(Debug, Default)]
pub struct Attempts {
    logins: Ledger<String>,
    clients: Ledger<IpAddr>,
}

impl Attempts {
    /// Begins an attempt, which counts as failed until it is said to be none: many at once get no
    /// more than one after the other.
    ///
    /// # Errors
    /// How long to wait before the next one; this one must not be made, and does not count.
    pub fn begin(&mut self, login: &str, client: IpAddr, moment: Duration) -> Result<(), Duration> {
        let (login, client) = (login_key(login), client_key(client));
        let waits = [
            self.logins.wait(&login, LOGIN_FREE, moment),
            self.clients.wait(&client, CLIENT_FREE, moment),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        self.logins.count(login, moment);
        self.clients.count(client, moment);
        Ok(())
    }

    /// The attempt that was begun last succeeded: the login begins anew. The client's other failures
    /// stay, or one good login would pay for guessing all others.
    pub fn succeeded(&mut self, login: &str, client: IpAddr) {
        self.logins.0.remove(&login_key(login));
        self.clients.take_back(&client_key(client));
    }

    /// The attempt came to nothing, because nobody could be asked: it does not count.
    pub fn unanswered(&mut self, login: &str, client: IpAddr) {
        self.logins.take_back(&login_key(login));
        self.clients.take_back(&client_key(client));
    }
}

/// One spelling for all that a directory takes for the same login: it compares without case, and after
/// RFC 4518 neither wide letters nor inner blanks make another one.
fn login_key(login: &str) -> String {
    let seen = login.chars().filter(|sign| !is_mapped_to_nothing(*sign));
    let folded = folded(&seen.collect::<String>());
    folded.chars().take(LOGIN_CHARS).collect()
}

/// Beside what nobody sees (RFC 4518, section 2.2): a hyphen of Mongolian, and what stands for an object.
fn is_mapped_to_nothing(sign: char) -> bool {
    matches!(sign, '\u{1806}' | '\u{fffc}')
}

/// Whoever has one IPv6 address has 2^64 of them.
fn client_key(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(network.into())
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Failures by key.
#[derive(Debug)]
struct Ledger<K>(HashMap<K, Failures>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Duration,
}

impl<K> Default for Ledger<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Ledger<K> {
    fn wait(&self, key: &K, free: u32, moment: Duration) -> Option<Duration> {
        let failures = self.0.get(key).filter(|found| !found.is_over(moment))?;
        let beyond = failures.count.checked_sub(free)?;
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(beyond));
        let until = failures.last + wait.min(WINDOW);
        Some(until.saturating_sub(moment)).filter(|wait| !wait.is_zero())
    }

    fn count(&mut self, key: K, moment: Duration) {
        if !self.0.contains_key(&key) && self.0.len() >= CAPACITY {
            self.make_room(moment);
        }
        let none = Failures {
            count: 0,
            last: moment,
        };
        let failures = self.0.entry(key).or_insert(none);
        if failures.is_over(moment) {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = moment;
    }

    fn take_back(&mut self, key: &K) {
        if let Some(failures) = self.0.get_mut(key) {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                self.0.remove(key);
            }
        }
    }

    /// Forgets what is over or, if nothing is, the one with the fewest failures: whoever floods the
    /// ledger with names drives out these names first, not the one that he guesses at.
    fn make_room(&mut self, moment: Duration) {
        self.0.retain(|_, failures| !failures.is_over(moment));
        if self.0.len() < CAPACITY {
            return;
        }
        let least = self.0.iter();
        let least = least.min_by_key(|(_, failures)| (failures.count, failures.last));
        let least = least.map(|(key, _)| key.clone());
        if let Some(key) = least {
            self.0.remove(&key);
        }
    }
}

impl Failures {
    fn is_over(&self, moment: Duration) -> bool {
        moment.saturating_sub(self.last) >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn client(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
    }

    fn failed(attempts: &mut Attempts, login: &str, times: u32, moment: Duration) {
        for number in 0..times {
            attempts.begin(login, client(number), moment).unwrap();
        }
    }

    #[test]
    fn after_five_failures_a_login_waits_longer_and_longer() {
        let mut attempts = Attempts::default();
        let mut moment = MINUTE;
        failed(&mut attempts, "anna", 5, moment);
        for seconds in [30, 60, 120, 240, 480, 900] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(attempts.begin("Anna", CLIENT, moment), Err(wait));
            assert_eq!(
                attempts.begin("eva", client(seconds as u32), moment),
                Ok(())
            );
            moment += wait;
            if wait < WINDOW {
                assert_eq!(attempts.begin(" ANNA", CLIENT, moment), Ok(()));
            }
        }
    }

    #[test]
    fn another_spelling_of_a_login_has_no_failures_of_its_own() {
        let mut attempts = Attempts::default();
        failed(&mut attempts, "anna lee", 5, MINUTE);
        let padded = format!("anna{} lee", "\u{200b}".repeat(LOGIN_CHARS));
        for spelling in [
            "ANNA LEE",
            " anna  lee",
            "\u{ff41}nna lee",
            "an\u{200b}na lee",
            "a\u{fe00}nna lee",
            &padded,
        ] {
            assert!(
                attempts.begin(spelling, CLIENT, MINUTE).is_err(),
                "{spelling}"
            );
        }
    }

    #[test]
    fn failures_are_forgotten_after_a_quarter_of_an_hour() {
        let mut attempts = Attempts::default();
        failed(&mut attempts, "anna", 5, MINUTE);
        let later = MINUTE + WINDOW;
        failed(&mut attempts, "anna", 5, later);
        assert!(attempts.begin("anna", CLIENT, later).is_err());
    }

    #[test]
    fn a_client_waits_after_twenty_failures_whatever_the_logins() {
        let mut attempts = Attempts::default();
        for number in 0..20 {
            let begun = attempts.begin(&format!("p{number}"), CLIENT, MINUTE);
            assert_eq!(begun, Ok(()));
        }
        let mapped = IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped());
        for same in [CLIENT, mapped] {
            assert_eq!(attempts.begin("anna", same, MINUTE), Err(FIRST_WAIT));
        }
        assert_eq!(attempts.begin("anna", client(1), MINUTE), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let mut attempts = Attempts::default();
        for number in 0..20_u16 {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            let begun = attempts.begin(&format!("p{number}"), address, MINUTE);
            assert_eq!(begun, Ok(()));
        }
        let same = "2001:db8::ffff:1".parse().unwrap();
        assert!(attempts.begin("anna", same, MINUTE).is_err());
        let other = "2001:db8:0:1::1".parse().unwrap();
        assert_eq!(attempts.begin("anna", other, MINUTE), Ok(()));
    }

    #[test]
    fn a_success_frees_the_login_and_not_the_client() {
        let mut attempts = Attempts::default();
        failed(&mut attempts, "anna", 4, MINUTE);
        attempts.begin("anna", CLIENT, MINUTE).unwrap();
        attempts.succeeded("anna", CLIENT);
        failed(&mut attempts, "anna", 5, MINUTE);

        let mut attempts = Attempts::default();
        for number in 0..19 {
            attempts
                .begin(&format!("p{number}"), CLIENT, MINUTE)
                .unwrap();
        }
        attempts.begin("own", CLIENT, MINUTE).unwrap();
        attempts.succeeded("own", CLIENT);
        assert_eq!(attempts.begin("p20", CLIENT, MINUTE), Ok(()));
        assert!(attempts.begin("p21", CLIENT, MINUTE).is_err());
    }

    #[test]
    fn an_attempt_that_nobody_answered_does_not_count() {
        let mut attempts = Attempts::default();
        for _ in 0..100 {
            assert_eq!(attempts.begin("anna", CLIENT, MINUTE), Ok(()));
            attempts.unanswered("anna", CLIENT);
        }
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_does_not_free_the_one_that_is_guessed_at() {
        let mut attempts = Attempts::default();
        failed(&mut attempts, "anna", 5, MINUTE);
        for number in 0..12_000 {
            let begun = attempts.begin(&format!("x{number}"), client(number), MINUTE);
            assert_eq!(begun, Ok(()));
        }
        assert_eq!(attempts.logins.0.len(), CAPACITY);
        assert!(attempts.clients.0.len() <= CAPACITY);
        assert!(attempts.begin("anna", client(13_000), MINUTE).is_err());
    }
}
