//! The executable: all of it is in the library.

/// Much of the milter's time is small pieces of memory, one for each packet of Postfix.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    mailhold::cli::run()
}
