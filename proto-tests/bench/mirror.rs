//! The live mirror with a large house: memory, the first refresh, change to effect, and how long an
//! outage is not felt.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use ldap3::{LdapConnAsync, Mod};
use mailhold::directory::Directory;
use nix::unistd::Pid;

use crate::{
    directory::asking::{ask, reading, sender},
    lab::{
        Lab,
        desk::Desk,
        eventually::eventually,
        slapd::{ADMIN, FLAG, PEOPLE, Setup, Slapd},
    },
    mirror::house::{self, Mirrored, Sessions},
};

/// People in the directory, all with the flag's attribute.
const HOUSE: usize = 100_000;
/// Changes, one at a time.
const CHANGES: usize = 300;
/// `mirror_max_age` for the outage.
const MAX_AGE: Duration = Duration::from_secs(20);
const BOUND: Duration = Duration::from_secs(120);

/// Runs all of them.
pub async fn measure(lab: &Lab) {
    let slapd = large_house(lab).await;
    memory(lab, &slapd).await;
    let mut settings = house::settings(&slapd);
    settings.mirror.max_age = MAX_AGE;
    let mirrored = house::follow(settings);
    let begin = Instant::now();
    whole(&mirrored).await;
    println!(
        "first refresh, beside a milter: {} ms",
        begin.elapsed().as_millis()
    );
    look_ups(&mirrored).await;
    change_to_effect(&slapd, &mirrored).await;
    outage(&slapd, &mirrored).await;
}

async fn large_house(lab: &Lab) -> Slapd {
    let more = Setup {
        global: "moduleload syncprov\n".to_owned(),
        database: format!(
            "maxsize 1073741824\n{}",
            house::database_lines(Sessions::Logged)
        ),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slapd-large", &more).await;
    slapd.kill();
    slapd.seed(&people()).await;
    slapd.start_again().await;
    slapd
}

fn people() -> String {
    let mut people = String::new();
    for number in 0..HOUSE {
        let login = login(number);
        write!(
            people,
            "dn: uid={login},{PEOPLE}\nobjectClass: inetOrgPerson\n\
             objectClass: mailholdPerson\nuid: {login}\ncn: {login}\nsn: {login}\n\
             mail: {login}@corp.test\nmailAlternateAddress: given.name{number}@corp.test\n\
             {FLAG}: Y\n\n"
        )
        .unwrap();
    }
    people
}

fn login(number: usize) -> String {
    format!("person{number:06}")
}

/// What the milter needs for it: a process of its own, without and with the mirror.
async fn memory(lab: &Lab, slapd: &Slapd) {
    let mut servers = lab.servers();
    servers.slapd = slapd;
    let desk = Desk::start(servers, |settings| {
        settings.set("directory.ldap.mirror", "off");
    })
    .await;
    let without = kib(desk.milter.id(), "VmRSS:");
    desk.milter.stop().await;
    let mut settings = desk.settings.clone();
    settings.set("directory.ldap.mirror", "on");
    let name = desk.settings_file.file_name().unwrap().to_str().unwrap();
    settings.write(&lab.tools.place, name);
    desk.milter.start_again().await;
    refreshed(&desk, 1).await;
    let with = kib(desk.milter.id(), "VmRSS:");
    slapd.kill();
    slapd.seed(&people()).await;
    slapd.start_again().await;
    refreshed(&desk, 2).await;
    println!(
        "milter's resident memory: {} MiB without the mirror, {} MiB with {HOUSE} people, \
         {} MiB at most, after a second full refresh beside the first",
        without / 1_024,
        with / 1_024,
        kib(desk.milter.id(), "VmHWM:") / 1_024
    );
}

/// Waits for a full refresh and tells its time.
async fn refreshed(desk: &Desk, wanted: usize) {
    let times = eventually("a full refresh", BOUND, async || {
        let events = desk.milter.events();
        let full = events
            .iter()
            .filter(|event| event["event"] == "mirror.ready" && event["kind"] == "full");
        let times: Vec<_> = full.map(|event| event["duration_ms"].clone()).collect();
        if times.len() >= wanted {
            Ok(times)
        } else {
            Err(times)
        }
    })
    .await;
    println!(
        "full refresh of {HOUSE} people by a milter: {} ms",
        times[wanted - 1]
    );
}

fn kib(id: Pid, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn whole(mirrored: &Mirrored) {
    let last = sender(format!("<{}@corp.test>", login(HOUSE - 1)));
    eventually("memory answers", BOUND, async || {
        mirrored.mirror.entries().map(drop).ok_or(())
    })
    .await;
    reading(&mirrored.mirror, &last).await.unwrap();
}

async fn look_ups(mirrored: &Mirrored) {
    const ROUNDS: usize = 100_000;
    let identities: Vec<_> = (0..1_000)
        .map(|number| sender(format!("<{}@corp.test>", login(number * 97))))
        .collect();
    let begin = Instant::now();
    for number in 0..ROUNDS {
        reading(&mirrored.mirror, &identities[number % identities.len()]).await;
    }
    let each = begin.elapsed().as_nanos() / ROUNDS as u128;
    println!("one look-up in memory: {} us", each as f64 / 1_000.0);
}

/// From asking the server for a change, its own work included, to the first look-up that sees it.
async fn change_to_effect(slapd: &Slapd, mirrored: &Mirrored) {
    let (driver, mut ldap) = LdapConnAsync::new(&slapd.url()).await.unwrap();
    tokio::spawn(driver.drive());
    let (_, _, password) = slapd.administrator();
    let password = fs::read_to_string(password).unwrap();
    let bound = ldap.simple_bind(ADMIN, &password).await.unwrap();
    bound.success().unwrap();
    let (mut whole, mut after_answer) = (Vec::new(), Vec::new());
    for number in 0..CHANGES {
        let login = login(number * 311 % HOUSE);
        let address = sender(format!("<{login}@corp.test>"));
        let name = format!("uid={login},{PEOPLE}");
        let begin = Instant::now();
        let change = vec![Mod::Replace(FLAG, ["N"].into())];
        ldap.modify(&name, change).await.unwrap().success().unwrap();
        let answered = Instant::now();
        while reading(&mirrored.mirror, &address).await.is_some() {
            assert!(begin.elapsed() < BOUND, "the change does not act");
            tokio::task::yield_now().await;
        }
        whole.push(begin.elapsed());
        after_answer.push(answered.elapsed());
    }
    print_times("change asked for -> acts", whole);
    print_times("server's answer to the change -> acts", after_answer);
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros() as f64 / 1_000.0;
    println!(
        "{what}, {} one at a time: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
        times.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// The server is killed; somebody asks without a pause.
async fn outage(slapd: &Slapd, mirrored: &Mirrored) {
    let address = sender(format!("<{}@corp.test>", login(HOUSE - 1)));
    slapd.kill();
    let begin = Instant::now();
    let (mut n_answers, mut slowest) = (0_u64, Duration::ZERO);
    loop {
        let asked = Instant::now();
        if ask(&mirrored.mirror, &address).await.is_err() {
            break;
        }
        slowest = slowest.max(asked.elapsed());
        n_answers += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!(
        "server killed, mirror_max_age {} s: {n_answers} answers from memory in {:.1} s, the \
         slowest in {:.2} ms, then an error",
        MAX_AGE.as_secs(),
        begin.elapsed().as_secs_f64(),
        slowest.as_micros() as f64 / 1_000.0
    );
    slapd.start_again().await;
    let begin = Instant::now();
    eventually("memory answers again", BOUND, async || {
        mirrored.mirror.entries().map(drop).ok_or(())
    })
    .await;
    println!(
        "server back -> memory answers again: {} ms ({} resumed)",
        begin.elapsed().as_millis(),
        mirrored.n_refreshes("resumed")
    );
    let deadline = tokio::time::Instant::now() + BOUND;
    mirrored.mirror.probe(deadline).await.unwrap();
}
