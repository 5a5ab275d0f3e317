//! The ways to find what matches, each good for another kind of search. The planner is not left to
//! choose: it takes every part of a word for equally rare.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder, types::Uuid};

use crate::domain::capture_id::CaptureId;

use super::super::{
    Cause, Store,
    reviews::{Order, Position},
    within,
};
use super::{
    Search,
    conditions::{self, Table},
    lookup::Lookup,
};

/// Rows that are looked at before anything is looked up: what every fortieth message matches fills a
/// page with them.
pub(super) const FIRST_LOOK: u32 = 2_000;
/// Rows that are looked at for something that the first look has found now and then.
const LONG_LOOK: u32 = 20_000;
/// From so many rows of the first look on a long one is likely to fill the page.
const ENOUGH_FOR_LONG_LOOK: usize = 10;
/// Messages in rare states that are looked at one by one.
const FEW: i64 = 5_000;

/// What the planner may do with one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Methods {
    /// All that it can.
    All,
    /// Not read a table from its begin: it takes all parts of words for rare and is mostly right, but not
    /// before PostgreSQL has looked at a table.
    NoSequence,
}

/// A place in the list as it is read.
type Place = (Uuid, DateTime<Utc>);

impl Store {
    /// One page along the way that is the shortest for this search.
    pub(super) async fn places(&self, search: &Search) -> Result<Vec<Position>, Cause> {
        let wanted = usize::try_from(search.limit).unwrap_or(usize::MAX);
        if self.are_rare(search).await? {
            let found = self.look(Methods::All, by_state(search)).await?;
            return Ok(found.into_iter().map(position).collect());
        }
        let mut found = self
            .look(Methods::NoSequence, walk(search, Some(FIRST_LOOK)))
            .await?;
        if found.len() < wanted && found.len() >= ENOUGH_FOR_LONG_LOOK {
            found = self
                .look(Methods::NoSequence, walk(search, Some(LONG_LOOK)))
                .await?;
        }
        if found.len() < wanted {
            let rest = match self.lookup(search).await? {
                Some(grams) => by_gram(search, &grams),
                None => walk(search, None),
            };
            found = self.look(Methods::NoSequence, rest).await?;
        }
        Ok(found.into_iter().map(position).collect())
    }

    /// How many match, at most one more than `most`.
    pub(super) async fn number(&self, search: &Search, most: i64) -> Result<i64, Cause> {
        if self.are_rare(search).await? {
            return self
                .add_up(Methods::All, count_by_state(search, most))
                .await;
        }
        let all = || self.add_up(Methods::NoSequence, count_all(search, most));
        let Some(grams) = self.lookup(search).await? else {
            return all().await;
        };
        let look = walk(
            &Search {
                after: None,
                limit: FIRST_LOOK,
                ..search.clone()
            },
            Some(FIRST_LOOK),
        );
        let found = self.look(Methods::NoSequence, look).await?.len();
        // With one of eight, `most` is soon reached by reading; and the look-up of what is that frequent
        // takes as long.
        let is_frequent = found * 8 >= usize::try_from(FIRST_LOOK).unwrap_or(usize::MAX);
        match is_frequent {
            true => all().await,
            false => {
                self.add_up(Methods::NoSequence, count_by_gram(search, &grams, most))
                    .await
            }
        }
    }

    /// Whether so few messages stand in the states asked for that each can be looked at.
    async fn are_rare(&self, search: &Search) -> Result<bool, Cause> {
        let states = search.query.states();
        let table = Table::of(&states);
        if table == Table::Waiting || table.has_no_other(&states) {
            return Ok(false);
        }
        let found = self.in_states(&conditions::words(&states), FEW).await?;
        Ok(found <= FEW)
    }

    /// How many messages stand in states, at most one more than `most`.
    pub(super) async fn in_states(&self, states: &[String], most: i64) -> Result<i64, Cause> {
        let asked = sqlx::query_scalar!(
            r#"select count(*) as "count!"
            from (select from capture where state = any($1) limit $2) as found"#,
            states,
            most + 1,
        )
        .fetch_one(&self.pool);
        within(asked).await
    }

    /// What is to be looked up, without what PostgreSQL's statistics know to be frequent.
    async fn lookup(&self, search: &Search) -> Result<Option<String>, Cause> {
        let Some(lookup) = Lookup::of(&search.query, &search.scope) else {
            return Ok(None);
        };
        let asked = sqlx::query!(
            r#"select u.gram as "gram!", u.frequency as "frequency!"
            from pg_stats s
            cross join lateral unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)
                as u (gram, frequency)
            where s.schemaname = 'public' and s.tablename = $1 and s.attname = 'grams'
                and u.gram = any($2)"#,
            table(search),
            &lookup.grams(),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await?.into_iter();
        let frequencies = found.map(|row| (row.gram, row.frequency)).collect();
        Ok(Some(lookup.written(&frequencies)))
    }

    async fn look(
        &self,
        methods: Methods,
        mut sql: QueryBuilder<Postgres>,
    ) -> Result<Vec<Place>, Cause> {
        within(async {
            let mut transaction = self.pool.begin().await?;
            set(&mut transaction, methods).await?;
            // Planned for its very values.
            let asked = sql.build_query_as::<Place>().persistent(false);
            let found = asked.fetch_all(&mut *transaction).await?;
            transaction.rollback().await?;
            Ok(found)
        })
        .await
    }

    async fn add_up(
        &self,
        methods: Methods,
        mut sql: QueryBuilder<Postgres>,
    ) -> Result<i64, Cause> {
        within(async {
            let mut transaction = self.pool.begin().await?;
            set(&mut transaction, methods).await?;
            let asked = sql.build_query_scalar::<i64>().persistent(false);
            let found = asked.fetch_one(&mut *transaction).await?;
            transaction.rollback().await?;
            Ok(found)
        })
        .await
    }
}

async fn set(
    transaction: &mut sqlx::PgTransaction<'_>,
    methods: Methods,
) -> Result<(), sqlx::Error> {
    let sequence = match methods {
        Methods::All => "on",
        Methods::NoSequence => "off",
    };
    // A look ahead for each page costs more than it saves where the pages are in memory.
    sqlx::query!(
        r#"select
            set_config('enable_seqscan', $1, true) as sequence,
            set_config('jit', 'off', true) as jit,
            set_config('work_mem', '32MB', true) as memory,
            set_config('effective_io_concurrency', '0', true) as ahead,
            set_config('max_parallel_workers_per_gather', '0', true) as workers"#,
        sequence,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(())
}

fn position((capture_id, captured_at): Place) -> Position {
    Position {
        captured_at,
        capture_id: CaptureId::new(capture_id),
    }
}

/// Along the time, over so many rows.
fn walk(search: &Search, n_rows: Option<u32>) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select l.capture_id, l.captured_at from (select w.* from ");
    sql.push(table(search)).push(" w where true");
    add_after(&mut sql, search, "w");
    conditions::add_times_of(&mut sql, &search.query, "w");
    add_order(&mut sql, search.order, "w");
    if let Some(n_rows) = n_rows {
        sql.push(" limit ").push_bind(i64::from(n_rows));
    }
    sql.push(") as l where ");
    conditions::add(&mut sql, search);
    add_order(&mut sql, search.order, "l");
    add_limit(&mut sql, search);
    sql
}

/// Whatever has these grams, put into order afterwards.
fn by_gram(search: &Search, grams: &str) -> QueryBuilder<Postgres> {
    let mut sql =
        QueryBuilder::new("with found as materialized (select l.capture_id, l.captured_at from ");
    sql.push(table(search)).push(" l where l.grams @@ ");
    sql.push_bind(grams.to_owned()).push("::tsquery and ");
    conditions::add(&mut sql, search);
    add_after(&mut sql, search, "l");
    sql.push(") select l.capture_id, l.captured_at from found l");
    add_order(&mut sql, search.order, "l");
    add_limit(&mut sql, search);
    sql
}

/// Every message that stands in the states.
fn by_state(search: &Search) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("select l.capture_id, l.captured_at from ");
    add_by_state(&mut sql, search);
    add_after(&mut sql, search, "l");
    add_order(&mut sql, search.order, "l");
    add_limit(&mut sql, search);
    sql
}

fn count_by_state(search: &Search, most: i64) -> QueryBuilder<Postgres> {
    let mut sql = counting();
    add_by_state(&mut sql, search);
    add_most(&mut sql, most);
    sql
}

fn count_by_gram(search: &Search, grams: &str, most: i64) -> QueryBuilder<Postgres> {
    let mut sql = counting();
    sql.push(table(search)).push(" l where l.grams @@ ");
    sql.push_bind(grams.to_owned()).push("::tsquery and ");
    conditions::add(&mut sql, search);
    add_most(&mut sql, most);
    sql
}

/// Along the time, as the page is read: PostgreSQL keeps no page of a large table in memory that it reads
/// from its begin.
fn count_all(search: &Search, most: i64) -> QueryBuilder<Postgres> {
    let mut sql = counting();
    sql.push(table(search)).push(" l where ");
    conditions::add(&mut sql, search);
    add_order(&mut sql, search.order, "l");
    add_most(&mut sql, most);
    sql
}

fn counting() -> QueryBuilder<Postgres> {
    QueryBuilder::new("select count(*) from (select from ")
}

fn add_most(sql: &mut QueryBuilder<Postgres>, most: i64) {
    sql.push(" limit ").push_bind(most + 1).push(") as found");
}

fn add_by_state(sql: &mut QueryBuilder<Postgres>, search: &Search) {
    sql.push("(select s.capture_id as id from capture s where s.state = any(");
    sql.push_bind(conditions::words(&search.query.states()));
    sql.push(")) as stands cross join lateral (select * from listing where capture_id = stands.id) as l where ");
    conditions::add(sql, search);
}

fn table(search: &Search) -> &'static str {
    Table::of(&search.query.states()).as_str()
}

fn add_after(sql: &mut QueryBuilder<Postgres>, search: &Search, row: &str) {
    let Some(after) = search.after else {
        return;
    };
    let beyond = match search.order {
        Order::OldestFirst => ">",
        Order::NewestFirst => "<",
    };
    sql.push(format!(
        " and ({row}.captured_at, {row}.capture_id) {beyond} ("
    ));
    sql.push_bind(after.captured_at).push(", ");
    sql.push_bind(after.capture_id.uuid()).push(")");
}

fn add_order(sql: &mut QueryBuilder<Postgres>, order: Order, row: &str) {
    let direction = match order {
        Order::OldestFirst => "asc",
        Order::NewestFirst => "desc",
    };
    sql.push(format!(
        " order by {row}.captured_at {direction}, {row}.capture_id {direction}"
    ));
}

fn add_limit(sql: &mut QueryBuilder<Postgres>, search: &Search) {
    sql.push(" limit ").push_bind(i64::from(search.limit));
}
