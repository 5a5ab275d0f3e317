//! The executable: all of it is in the library.

fn main() -> std::process::ExitCode {
    mailhold::cli::run()
}
