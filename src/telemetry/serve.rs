//! Serves `/metrics`, `/livez`, `/readyz` and `/alarms` of one process on loopback.

use std::{
    fmt::Write,
    io,
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use hyper_util::rt::TokioTimer;

use super::{AlarmKind, Alarms, Metrics};

/// A client that has not sent its request by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to look for alarms that are over.
const ROUND: Duration = Duration::from_secs(10);

/// What is said in place of a detail that is not for every user of the host.
const IN_THE_LOG: &str = "the event alarm.began in the log has its detail";

#[derive(Clone)]
struct Figures {
    metrics: Metrics,
    alarms: Alarms,
}

/// Why the figures cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is in use or not ours.
    #[error("cannot listen on {address} for metrics")]
    Bind {
        /// The address of the setting.
        address: SocketAddr,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// Binds `address` and serves until the process ends.
pub fn start(address: SocketAddr, metrics: Metrics, alarms: Alarms) -> Result<(), ServeError> {
    let bind = |cause| ServeError::Bind { address, cause };
    let listener = TcpListener::bind(address).map_err(bind)?;
    listener.set_nonblocking(true).map_err(bind)?;
    let mut server = axum_server::from_tcp(listener).map_err(bind)?;
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let router = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .route("/alarms", get(standing))
        .with_state(Figures {
            metrics,
            alarms: alarms.clone(),
        });
    tokio::spawn(end_alarms(alarms));
    tokio::spawn(server.serve(router.into_make_service()));
    Ok(())
}

/// Prometheus 3 asks for the version of the format.
async fn metrics_text(State(figures): State<Figures>) -> impl IntoResponse {
    let format = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (format, figures.metrics.to_text())
}

/// Ends momentary alarms, whether somebody asks for the figures or not.
async fn end_alarms(alarms: Alarms) {
    let mut rounds = tokio::time::interval(ROUND);
    loop {
        rounds.tick().await;
        alarms.expire(Instant::now());
    }
}

/// 200 when nothing stands in the way, else 503 and one line per fault.
async fn readiness(State(figures): State<Figures>) -> (StatusCode, String) {
    let faults = figures.alarms.not_ready();
    if faults.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, lines(&faults))
}

/// One line per alarm that stands, those beside which the process is ready too.
async fn standing(State(figures): State<Figures>) -> String {
    let mut standing = figures.alarms.standing();
    for (kind, detail) in &mut standing {
        if !kind.is_for_everybody() {
            *detail = IN_THE_LOG.to_owned();
        }
    }
    lines(&standing)
}

fn lines(alarms: &[(AlarmKind, String)]) -> String {
    alarms
        .iter()
        .fold(String::new(), |mut text, (kind, detail)| {
            // What servers say may have lines of its own.
            let words: Vec<&str> = detail.split_whitespace().collect();
            let _infallible = writeln!(text, "{}: {}", kind.as_str(), words.join(" "));
            text
        })
}
