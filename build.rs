//! Rebuilds the package when a migration changes: `sqlx::migrate!` cannot see it by itself.

fn main() {
    println!("cargo::rerun-if-changed=src/store/migrations");
}
