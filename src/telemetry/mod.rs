//! What operators see: events, figures, alarms. Never a subject, a header value or a body.

pub mod alarm;
mod alarm_kind;
pub mod chain;
mod declare;
pub mod events;
pub mod log;
pub mod metrics;
pub mod serve;

pub use alarm::Alarms;
pub use alarm_kind::AlarmKind;
pub use metrics::Metrics;
