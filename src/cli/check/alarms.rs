//! The alarms of the running milter and worker, by the page where they serve their figures.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    Scene,
    report::{Answer, Finding},
};
use crate::telemetry::AlarmKind;

const NAME: &str = "alarms";

/// A process that has not answered by then stands still.
const PATIENCE: Duration = Duration::from_secs(5);

/// More than any process has to say.
const LIMIT_BYTES: u64 = 256 * 1_024;

const REQUEST: &[u8] = b"GET /alarms HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// Each alarm that stands in a process, or that there is none.
pub async fn findings(scene: &Scene) -> Vec<Finding> {
    let (milter, worker) = tokio::join!(
        of("milter", scene.milter.metrics),
        of("worker", scene.worker.metrics),
    );
    let answers = [milter, worker].concat().into_iter();
    answers.map(|answer| answer.of(NAME)).collect()
}

async fn of(role: &str, address: SocketAddr) -> Vec<Answer> {
    let asked = timeout(PATIENCE, ask(address)).await;
    match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok(page) => read(role, &page),
        Err(error) => vec![Answer::away(
            format!("the {role} does not answer at {address}: {error}"),
            format!("start it (`systemctl start mailhold-{role}`), or look at its log"),
        )],
    }
}

async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(LIMIT_BYTES).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.split_once("\r\n\r\n") {
        Some((head, page)) if head.starts_with("HTTP/1.1 200 ") => Ok(page.to_owned()),
        _ => Err(io::Error::other("another program, or another version")),
    }
}

fn read(role: &str, page: &str) -> Vec<Answer> {
    let answers: Vec<Answer> = page.lines().map(|line| alarm(role, line)).collect();
    if answers.is_empty() {
        return vec![Answer::good(format!("the {role} has no alarm"))];
    }
    answers
}

fn alarm(role: &str, line: &str) -> Answer {
    let (word, _) = line.split_once(": ").unwrap_or((line, ""));
    let seen = format!("{role}: {line}");
    let cure = format!("docs/monitoring.md tells what to do at the alarm {word}");
    match AlarmKind::named(word) {
        Some(kind) if kind.is_in_the_way() => Answer::away(seen, cure),
        Some(_) | None => Answer::warning(seen, cure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn an_alarm_is_a_failure_while_the_process_is_not_ready_and_else_a_warning() {
        let page = "spool_full: 3 bytes free\ngone: 4jWkMG56f7z1j: it was removed\n";
        let answers = read("milter", page);
        let verdicts: Vec<_> = answers.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Away, Verdict::Warning]);
        assert_eq!(answers[0].seen, "milter: spool_full: 3 bytes free");
        assert!(answers[1].cure.as_ref().unwrap().contains("alarm gone"));
        assert_eq!(read("worker", "")[0].verdict, Verdict::Good);
    }
}
