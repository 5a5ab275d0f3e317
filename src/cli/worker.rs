//! w
pub fn run(_: &std::path::Path) -> super::Outcome {
    Ok(std::process::ExitCode::SUCCESS)
}
