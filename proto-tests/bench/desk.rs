//! List and search of the review desk with a million reviews: the server's part of what a reviewer waits
//! for.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use mailhold::{
    domain::{
        grams::{Mark, grams},
        person::{folded_entry, with_those_above},
        query::Query,
        scope::Scope,
    },
    store::{
        Store,
        listing::{Count, Search},
    },
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{
    pages::HugePages,
    report::{Report, number},
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::{
    lab::{Lab, postgres::OWNER},
    store::fixture::Fixture,
};

const REVIEWS: usize = 1_000_000;
/// Rows that one statement makes.
const STEP: usize = 100_000;
const ROUNDS: usize = 60;
const LIMIT_MS: f64 = 50.0;
const ROWS: &str = include_str!("desk.sql");

const WORDS: usize = 2_000;
const PEOPLE: usize = 5_000;
const STRANGERS: usize = 20_000;
/// Words of one in 5, 100, 1,000 and 100,003 messages, numbered from [`WORDS`] on.
const MARKED: [&str; 4] = ["budget", "merger", "契約書", "zebrafish"];

/// What is asked for, and with which scope.
const CASES: [(&str, &str, Narrow); 16] = [
    ("list of what waits", "", Narrow::No),
    ("list of all", "state:all", Narrow::No),
    ("1 in 100,000", "zebrafish", Narrow::No),
    ("1 in 100,000, all", "zebrafish state:all", Narrow::No),
    ("1 in 100", "merger", Narrow::No),
    ("1 in 100, all", "merger state:all", Narrow::No),
    ("1 in 5", "budget", Narrow::No),
    ("1 in 5, all", "budget state:all", Narrow::No),
    ("two signs of a Chinese word", "契約", Narrow::No),
    (
        "two signs of a Chinese word, all",
        "契約 state:all",
        Narrow::No,
    ),
    ("nothing", "nowheretobefound state:all", Narrow::No),
    (
        "several terms, all",
        "budget domain:example.test has:attachment state:all",
        Narrow::No,
    ),
    ("narrow scope, list", "", Narrow::Yes),
    ("narrow scope, list of all", "state:all", Narrow::Yes),
    ("narrow scope, 1 in 5", "budget", Narrow::Yes),
    ("narrow scope, 1 in 5, all", "budget state:all", Narrow::Yes),
];

/// Whether only one department of 500 is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrow {
    No,
    Yes,
}

/// Measures.
pub async fn measure(lab: &Lab) -> ExitCode {
    // As docs/install.md has it for so many reviews.
    lab.postgres.with_setting("shared_buffers = '1GB'").await;
    let pages = HugePages::give(&lab.postgres).await;
    if pages.is_none() {
        println!("the kernel gives no huge pages: counts of many matches take longer");
    }
    let fixture = Fixture::own(lab).await;
    let begin = Instant::now();
    seed(&fixture).await;
    println!(
        "{REVIEWS} reviews after {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    let store = fixture.web();
    let mut report = Report::default();
    for (name, query, narrow) in CASES {
        let scope = match narrow {
            Narrow::No => Scope::All,
            Narrow::Yes => Scope::Unit {
                suffix: folded_entry("ou=dept77,dc=corp,dc=test"),
            },
        };
        let search = Search::new(Query::parse(query).unwrap(), scope);
        ask(&store, &search, name, &mut report).await;
    }
    report.print();
    report.exit_code()
}

async fn ask(store: &Store, search: &Search, name: &str, report: &mut Report) {
    let (mut pages, mut counts) = (Vec::new(), Vec::new());
    let (mut n_lines, mut count) = (0, Count::Exact(0));
    // The first two are to warm up.
    for _ in 0..ROUNDS + 2 {
        let began = Instant::now();
        n_lines = store.search(search).await.unwrap().lines.len();
        pages.push(milliseconds(began.elapsed()));
        let began = Instant::now();
        count = store.count(search).await.unwrap();
        counts.push(milliseconds(began.elapsed()));
    }
    for (what, samples, fact) in [
        ("page of 50", &pages[2..], format!("{n_lines} lines")),
        ("count", &counts[2..], format!("{count:?}")),
    ] {
        let median = number(Figure::median(samples).value);
        let row = Row::new(
            format!("{name}: {what}, p95"),
            Figure::quantile(samples, 0.95),
            Target::AtMost(LIMIT_MS),
        );
        report.add(row.unit("ms").fact(format!("{fact}; p50 {median} ms")));
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Fills a database as its owner. What each row would set off is done for all at once.
async fn seed(fixture: &Fixture<'_>) {
    let settings = fixture.settings(OWNER);
    let options: sqlx::postgres::PgConnectOptions = settings.url.parse().unwrap();
    let password = &fixture.lab.postgres.login(OWNER).password;
    let mut owner = PgConnection::connect_with(&options.password(password))
        .await
        .unwrap();
    run(
        &mut owner,
        "set maintenance_work_mem = '1GB';
        set synchronous_commit = off;
        alter table capture disable trigger user;
        alter table listing disable trigger user;
        alter table listing_waiting drop constraint listing_waiting_of_listing;
        alter table listing drop constraint listing_of_capture;
        drop index listing_by_gram, listing_waiting_by_gram;",
    )
    .await;
    vocabulary(&mut owner).await;
    for begin in (1..=REVIEWS).step_by(STEP) {
        let rows = ROWS
            .replace(":begin", &begin.to_string())
            .replace(":end", &(begin + STEP - 1).to_string())
            .replace(":n", &REVIEWS.to_string());
        run(&mut owner, &rows).await;
    }
    run(
        &mut owner,
        "insert into listing_waiting
            select l.*, 'held' from listing l join capture c using (capture_id) where c.state = 'held';
        insert into capture_recipient (capture_id, ordinal, recipient, argument, parameters)
            select capture_id, 0, 'b@elsewhere.test', '', '{}' from capture where state = 'held';
        alter table listing add constraint listing_of_capture
            foreign key (capture_id) references capture (capture_id);
        alter table listing_waiting add constraint listing_waiting_of_listing
            foreign key (capture_id) references listing (capture_id);
        alter table capture enable trigger user;
        alter table listing enable trigger user;
        create index listing_waiting_by_gram on listing_waiting using gin (grams) with (fastupdate = off);
        create index listing_by_gram on listing using gin (grams) with (fastupdate = off)",
    )
    .await;
    for table in ["capture", "capture_recipient", "listing", "listing_waiting"] {
        run(&mut owner, &format!("vacuum (analyze) {table}")).await;
    }
    fixture.execute("checkpoint").await;
}

/// The tables that rows are made of. They stay for this connection alone.
async fn vocabulary(owner: &mut PgConnection) {
    let mut words: Vec<String> = (0..WORDS)
        .map(word)
        .chain(MARKED.map(str::to_owned))
        .collect();
    let address = |number: usize, domain: &str| {
        format!("{}.{}@{domain}", word(number * 7 + 1), word(number / 3 + 2))
    };
    let people: Vec<String> = (0..PEOPLE)
        .map(|number| address(number, "corp.test"))
        .collect();
    let strangers: Vec<String> = (0..STRANGERS)
        .map(|number| {
            address(
                number * 11,
                ["shop.test", "example.test", "co.test"][number % 3],
            )
        })
        .collect();
    let entries: Vec<String> = (0..PEOPLE)
        .map(|number| {
            let name = format!("uid=p{number},ou=dept{},dc=corp,dc=test", number % 500);
            folded_entry(&name)
        })
        .collect();
    // Whatever has a file has this among its grams.
    words.push(String::new());
    let plain = |texts: &[String]| -> Vec<String> {
        texts.iter().map(|text| joined(grams(text))).collect()
    };
    let with_marks = people.iter().zip(&entries).map(|(address, entry)| {
        let marks = with_those_above(entry).into_iter();
        joined(
            grams(address)
                .into_iter()
                .chain(marks.map(|name| Mark::Entry(name).as_gram())),
        )
    });
    let with_marks: Vec<String> = with_marks.collect();
    let mut of_words = plain(&words);
    of_words.pop();
    of_words.push(Mark::Attachment.as_gram());
    for (table, texts, grams) in [
        ("word", &words, of_words),
        ("outside", &strangers, plain(&strangers)),
        ("person", &people, with_marks),
    ] {
        keep(owner, table, [texts, &grams, &entries]).await;
    }
}

/// Keeps words with their grams, and entries where there are some.
async fn keep(owner: &mut PgConnection, table: &str, [texts, grams, entries]: [&Vec<String>; 3]) {
    let make = format!(
        "create temporary table {table} as
        select (number - 1)::int as i, w, w as address, entry,
            array_to_tsvector(string_to_array(g, chr(10))) as g
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as given (w, g, entry, number)"
    );
    sqlx::query(AssertSqlSafe(make))
        .bind(texts)
        .bind(grams)
        .bind(entries)
        .execute(&mut *owner)
        .await
        .unwrap();
    run(
        owner,
        &format!("delete from {table} where w is null; analyze {table}"),
    )
    .await;
}

fn joined(grams: impl IntoIterator<Item = String>) -> String {
    grams.into_iter().collect::<Vec<_>>().join("\n")
}

/// A word that looks like one: every tenth is Chinese.
fn word(number: usize) -> String {
    let number = number % WORDS;
    let mut seed = number as u64 + 1;
    let mut next = |n: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((seed >> 33) % n).unwrap()
    };
    if number.is_multiple_of(10) {
        return (0..3)
            .filter_map(|_| char::from_u32(0x4e00 + next(3_000)))
            .collect();
    }
    let length = 4 + number % 6;
    (0..length)
        .filter_map(|_| char::from_u32(u32::from(b'a') + next(26)))
        .collect()
}

async fn run(owner: &mut PgConnection, sql: &str) {
    let done = owner.execute(AssertSqlSafe(sql.to_owned())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
