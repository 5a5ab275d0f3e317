//! One client: sends letter after letter, and each again when it is told to or does not know.

use std::{io, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::time::{sleep, timeout};

use super::{
    super::ledger::{Outcome, Submission, Way},
    Shared,
    letters::{self, Letter},
    people::Person,
};
use crate::lab::{
    chance::Chance,
    program::text,
    smtp::{Reply, Smtp},
};

/// More than Postfix waits for its milter.
const ATTEMPT_BOUND: Duration = Duration::from_secs(100);
/// Below the bound of the lab's programs.
const SENDMAIL_BOUND: Duration = Duration::from_secs(50);
/// Real clients wait longer.
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(3);
const MOST_ATTEMPTS: usize = 4;
/// Of a hundred letters, so many are cut off at their end, and sent again.
const HANGING_UP: usize = 4;
const REUSING: usize = 30;

/// Sends until the load's bounds are reached; gives how many letters that were.
pub async fn run(shared: &Shared<'_>, mut chance: Chance) -> usize {
    let mut open = None;
    let mut n_letters = 0;
    while shared.may_begin() {
        let person = shared.people.pick(&mut chance).clone();
        let size = shared.size(&mut chance);
        let letter = letters::write(&mut chance, &person.address, size);
        n_letters += 1;
        let way = match chance.below(10) {
            0 | 1 if !person.may_change() => Way::Sendmail,
            0..6 => Way::Smtp,
            _ => Way::Login,
        };
        send(shared, &mut chance, &mut open, (&person, &letter, way)).await;
        if !chance.percent(REUSING) {
            open = None;
        }
        rest(shared.load.longest_pause, &mut chance).await;
    }
    n_letters
}

/// A session that is still open, and for whom.
type Open = Option<(Way, String, Smtp)>;

async fn send(
    shared: &Shared<'_>,
    chance: &mut Chance,
    open: &mut Open,
    (person, letter, way): (&Arc<Person>, &Letter, Way),
) {
    let mut again_after = None;
    for _ in 0..MOST_ATTEMPTS {
        let standing = person.standing();
        let number = shared.ledger.submit(Submission {
            number: 0,
            canary: letter.canary.clone(),
            again_after,
            sender: person.address.clone(),
            standing,
            recipients: letter.recipients.clone(),
            way,
            imprint: letter.imprint.clone(),
            begun_at: Utc::now(),
            outcome: Outcome::Unknown("nothing was heard yet".to_owned()),
            ended_at: None,
        });
        let outcome = match way {
            Way::Sendmail => by_sendmail(shared, person, letter).await,
            Way::Smtp | Way::Login => {
                let hangs_up = again_after.is_none() && chance.percent(HANGING_UP);
                by_smtp(shared, open, (person, letter, way), hangs_up).await
            }
        };
        if person.standing() != standing {
            shared.ledger.unsure(number);
        }
        let is_done = match &outcome {
            Outcome::Accepted { .. } => true,
            Outcome::Refused { code, .. } => *code >= 500,
            Outcome::NotSent(_) | Outcome::Unknown(_) => false,
        };
        shared.ledger.submitted(number, outcome);
        if is_done || shared.stop.is_cancelled() {
            return;
        }
        again_after = Some(number);
        rest(LONGEST_RETRY_PAUSE, chance).await;
    }
}

/// How far a message has come, for whoever loses the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Sent,
}

async fn by_smtp(
    shared: &Shared<'_>,
    open: &mut Open,
    (person, letter, way): (&Arc<Person>, &Letter, Way),
    hangs_up: bool,
) -> Outcome {
    let mut stage = Stage::Before;
    let attempt = async {
        let usable = open
            .take()
            .filter(|(other, login, _)| *other == way && *login == person.login);
        let mut smtp = match usable {
            Some((_, _, smtp)) => smtp,
            None => match begin(shared, person, way).await? {
                Ok(smtp) => smtp,
                Err(refusal) => return Ok(refusal),
            },
        };
        let reply = hand_over(&mut smtp, person, letter).await?;
        if reply.code != 354 {
            return Ok(refused(&reply));
        }
        smtp.try_content(&letter.content).await?;
        stage = Stage::Sent;
        if hangs_up {
            return Err(io::Error::other("the client hung up"));
        }
        let reply = smtp.try_reply().await?;
        if reply.code >= 400 {
            return Ok(refused(&reply));
        }
        *open = Some((way, person.login.clone(), smtp));
        let queue_id = reply
            .text()
            .rsplit_once("queued as ")
            .map(|(_, id)| id.to_owned());
        Ok(Outcome::Accepted { queue_id })
    };
    let ended = timeout(ATTEMPT_BOUND, attempt).await;
    match ended.unwrap_or_else(|late| Err(late.into())) {
        Ok(outcome) => outcome,
        Err(error) if stage == Stage::Sent => Outcome::Unknown(error.to_string()),
        Err(error) => Outcome::NotSent(error.to_string()),
    }
}

async fn begin(
    shared: &Shared<'_>,
    person: &Person,
    way: Way,
) -> io::Result<Result<Smtp, Outcome>> {
    let door = match way {
        Way::Login => shared.doors.submission,
        Way::Smtp | Way::Sendmail => shared.doors.smtp,
    };
    let mut smtp = Smtp::try_connect(door).await?;
    let greeting = smtp.try_reply().await?;
    if greeting.code >= 400 {
        return Ok(Err(refused(&greeting)));
    }
    let mut reply = smtp.try_command("EHLO client.test").await?;
    if reply.code < 400 && way == Way::Login {
        reply = smtp
            .try_authenticate(&person.login, &person.password)
            .await?;
    }
    Ok(if reply.code < 400 {
        Ok(smtp)
    } else {
        Err(refused(&reply))
    })
}

/// The envelope up to `DATA`, or up to the first refusal.
async fn hand_over(smtp: &mut Smtp, person: &Person, letter: &Letter) -> io::Result<Reply> {
    let body = if letter.is_8bit { " BODY=8BITMIME" } else { "" };
    let mail = format!("MAIL FROM:<{}>{body}", person.address);
    let mut reply = smtp.try_command(mail).await?;
    for recipient in &letter.recipients {
        if reply.code >= 400 {
            return Ok(reply);
        }
        reply = smtp.try_command(format!("RCPT TO:<{recipient}>")).await?;
    }
    if reply.code >= 400 {
        return Ok(reply);
    }
    smtp.try_command("DATA").await
}

fn refused(reply: &Reply) -> Outcome {
    Outcome::Refused {
        code: reply.code,
        text: reply.text(),
    }
}

async fn by_sendmail(shared: &Shared<'_>, person: &Person, letter: &Letter) -> Outcome {
    let recipients: Vec<&str> = letter.recipients.iter().map(String::as_str).collect();
    let program = shared
        .doors
        .postfix
        .sendmail_as(&person.address, &recipients);
    match timeout(SENDMAIL_BOUND, program.output(&letter.content)).await {
        Ok(output) if output.status.success() => Outcome::Accepted { queue_id: None },
        // 75: try again (EX_TEMPFAIL in sysexits.h); anything else is a fault of the letter.
        Ok(output) => Outcome::Refused {
            code: if output.status.code() == Some(75) {
                450
            } else {
                550
            },
            text: text(&output.stderr),
        },
        Err(late) => Outcome::Unknown(late.to_string()),
    }
}

async fn rest(longest: Duration, chance: &mut Chance) {
    let milliseconds = usize::try_from(longest.as_millis()).unwrap_or(usize::MAX);
    sleep(Duration::from_millis(chance.below(milliseconds + 1) as u64)).await;
}
