//! Postfix as a whole: its version, its queue IDs, and what keeps a message from being hidden in
//! another one.

use super::{Scene, report::Answer};
use crate::postfix::{postconf::parse_version, survey::Survey};

/// `postsuper -f`, with which mail is returned, came with it.
const OLDEST: (u32, u32) = (3, 5);

/// Whether this Postfix can do all that a decision needs.
pub fn version(_: &Scene, survey: &Survey) -> Vec<Answer> {
    let version = survey.parameter("mail_version").unwrap_or_default();
    let answer = match parse_version(version) {
        Some(found) if found >= OLDEST => Answer::good(format!("Postfix {version}")),
        Some(_) => Answer::fault(
            format!("Postfix {version} cannot return held mail to its sender"),
            "install Postfix 3.5 or newer",
        ),
        None => Answer::warning(
            format!("the version {version:?} cannot be read"),
            "see that it is 3.5 or newer: `postconf mail_version`",
        ),
    };
    vec![answer]
}

/// A bare newline before the end of a message lets a client hide a second message in it, which no
/// milter sees as one of its own.
pub fn bare_newlines(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    const NAME: &str = "smtpd_forbid_bare_newline";
    let main_cf = scene.postfix_file("main.cf");
    let answer = match survey.parameter(NAME) {
        None => Answer::warning(
            format!("this Postfix has no {NAME}: a mail can smuggle another one in"),
            "install a security update: 3.5.23, 3.6.13, 3.7.9, 3.8.4 or anything newer",
        ),
        Some("no" | "") => Answer::warning(
            format!("{NAME} = no: a mail can smuggle another one in"),
            format!(
                "write `{NAME} = normalize` into {main_cf} (an older 3.x: `yes`), then `postfix reload`"
            ),
        ),
        Some(value) => Answer::good(format!("{NAME} = {value}")),
    };
    vec![answer]
}

/// Short queue IDs repeat: a decision could meet another message.
pub fn long_queue_ids(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let value = survey.parameter("enable_long_queue_ids").unwrap_or("no");
    let answer = if value.eq_ignore_ascii_case("yes") {
        Answer::good("enable_long_queue_ids = yes")
    } else {
        Answer::fault(
            format!("enable_long_queue_ids = {value}: queue IDs repeat, and nothing is held"),
            format!(
                "write `enable_long_queue_ids = yes` into {}, then `postfix reload`",
                scene.postfix_file("main.cf")
            ),
        )
    };
    vec![answer]
}
