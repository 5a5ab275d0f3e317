//! postfix
use std::path::PathBuf;
use std::time::Duration;
/// s
pub struct Settings {
    pub config_directory: PathBuf,
    pub command_directory: PathBuf,
    pub sudo: PathBuf,
    pub log: LogSource,
    pub command_timeout: Duration,
}
/// l
pub enum LogSource {
    Journal,
    File(PathBuf),
    None,
}
