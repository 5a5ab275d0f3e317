//! worker
use crate::domain::instance::Instance;
use std::time::Duration;
/// S
pub struct Settings {
    pub instance: Instance,
    pub poll: Duration,
    pub lease: Duration,
    pub batch: u32,
    pub max_backoff: Duration,
}
