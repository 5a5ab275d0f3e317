//! Huge pages for PostgreSQL's shared memory, as docs/install.md has them.

use std::fs;

use crate::lab::postgres::Postgres;

/// How many huge pages the kernel keeps (`hugetlbpage.rst` of the kernel).
const KEPT: &str = "/proc/sys/vm/nr_hugepages";

/// Pages that the kernel keeps for as long as this is there.
#[must_use]
pub struct HugePages {
    before: String,
}

impl HugePages {
    /// Starts PostgreSQL anew on huge pages. `None` where the kernel gives none, which leaves PostgreSQL on the
    /// usual ones.
    pub async fn give(postgres: &Postgres) -> Option<Self> {
        let needed = postgres
            .execute("postgres", "show shared_memory_size_in_huge_pages")
            .await;
        let needed: usize = needed.trim().parse().unwrap();
        let before = fs::read_to_string(KEPT).ok()?;
        let kept: usize = before.trim().parse().unwrap();
        fs::write(KEPT, (kept + needed).to_string()).ok()?;
        let pages = Self { before };
        if free() < needed {
            return None;
        }
        postgres.with_setting("huge_pages = 'on'").await;
        Some(pages)
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        if let Err(error) = fs::write(KEPT, &self.before) {
            eprintln!("{KEPT} stays as it is: {error}");
        }
    }
}

fn free() -> usize {
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    let line = memory
        .lines()
        .find_map(|line| line.strip_prefix("HugePages_Free:"));
    line.unwrap_or("0").trim().parse().unwrap()
}
