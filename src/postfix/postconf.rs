//! Asks an instance with `postconf`, and reads what we need to know of it. Never changes a parameter.

use std::{collections::HashMap, ffi::OsStr, path::PathBuf, time::Duration};

use super::{
    Settings,
    command::{self, Bounds},
    error::PostfixError,
};

/// The longest header field that a milter gets, whatever `header_size_limit` says
/// (`KLUDGE_HEADER_LIMIT` in `src/cleanup/cleanup_message.c`).
const MILTER_FIELD_LIMIT: usize = 60_000;

const DAY: Duration = Duration::from_secs(86_400);

/// The parameters that are asked for.
const NAMES: [&str; 10] = [
    "mail_version",
    "queue_directory",
    "enable_long_queue_ids",
    "hash_queue_names",
    "hash_queue_depth",
    "header_size_limit",
    "maximal_queue_lifetime",
    "bounce_queue_lifetime",
    "mail_owner",
    "syslog_name",
];

/// What Postfix says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `mail_version`, such as 3.7.11.
    pub version: String,
    /// Where the queues are.
    pub queue_directory: PathBuf,
    /// The queues that have sub-directories.
    pub hash_queue_names: Vec<String>,
    /// How deep these are.
    pub hash_queue_depth: usize,
    /// The length at which a header field is cut for milters, in bytes.
    pub header_field_limit: usize,
    /// How long a message is tried. Counted from the making of its queue file, held time included.
    pub maximal_queue_lifetime: Duration,
    /// The same for mail from the null sender.
    pub bounce_queue_lifetime: Duration,
    /// The user that owns the queue.
    pub mail_owner: String,
    /// What log lines of this instance begin with.
    pub syslog_name: String,
}

/// Asks an instance; refuses one that we must not act on.
pub(super) async fn read(settings: &Settings) -> Result<Parameters, PostfixError> {
    let mut question = vec!["-x"];
    question.extend(NAMES);
    let parameters = parse(&ask(settings, &question).await?)?;
    if !has_long_ids(&parameters) {
        return Err(PostfixError::ShortQueueIds {
            main_cf: settings.config_directory.join("main.cf"),
        });
    }
    understand(&parameters)
}

/// What `postconf` prints when it is asked this.
pub(super) async fn ask(settings: &Settings, question: &[&str]) -> Result<String, PostfixError> {
    let program = settings.command_directory.join("postconf");
    let mut arguments = vec![OsStr::new("-c"), settings.config_directory.as_os_str()];
    arguments.extend(question.iter().map(OsStr::new));
    let bounds = Bounds {
        deadline: settings.command_timeout,
        output_bytes: 1_024 * 1_024,
    };
    let output = command::run(&program, &arguments, b"", bounds).await?;
    if !output.status.success() {
        return Err(PostfixError::Refused {
            program,
            status: output.status.to_string(),
            said: output.complaint(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lines of `name = value`, the value on one line.
pub(super) fn lines_of(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim(), value.trim()))
}

/// The value of each parameter that was asked for.
fn parse(text: &str) -> Result<HashMap<&'static str, String>, PostfixError> {
    let lines: HashMap<&str, &str> = lines_of(text).collect();
    NAMES
        .into_iter()
        .map(|name| match lines.get(name) {
            Some(value) => Ok((name, (*value).to_owned())),
            None => Err(PostfixError::Parameter {
                name,
                value: String::new(),
            }),
        })
        .collect()
}

fn has_long_ids(parameters: &HashMap<&'static str, String>) -> bool {
    parameters
        .get("enable_long_queue_ids")
        .is_some_and(|value| value.eq_ignore_ascii_case("yes"))
}

fn understand(values: &HashMap<&'static str, String>) -> Result<Parameters, PostfixError> {
    let value = |name: &'static str| values.get(name).cloned().unwrap_or_default();
    let number = |name| {
        let value = value(name);
        let read = value.parse::<usize>();
        read.map_err(|_| PostfixError::Parameter { name, value })
    };
    let lifetime = |name| {
        let value = value(name);
        let read = parse_time(&value, DAY);
        read.ok_or(PostfixError::Parameter { name, value })
    };
    let version = value("mail_version");
    if parse_version(&version).is_some_and(|version| version < (3, 5)) {
        return Err(PostfixError::TooOld { version });
    }
    let queue_directory = PathBuf::from(value("queue_directory"));
    if !queue_directory.is_absolute() {
        return Err(PostfixError::Parameter {
            name: "queue_directory",
            value: value("queue_directory"),
        });
    }
    Ok(Parameters {
        version,
        queue_directory,
        hash_queue_names: value("hash_queue_names")
            .split([',', ' ', '\t'])
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        hash_queue_depth: number("hash_queue_depth")?,
        header_field_limit: number("header_size_limit")?.min(MILTER_FIELD_LIMIT),
        maximal_queue_lifetime: lifetime("maximal_queue_lifetime")?,
        bounce_queue_lifetime: lifetime("bounce_queue_lifetime")?,
        mail_owner: value("mail_owner"),
        syslog_name: value("syslog_name"),
    })
}

/// Reads a time as Postfix does; a bare number counts `bare`, which differs by parameter: days for
/// the lifetimes, seconds for the milters.
pub fn parse_time(text: &str, bare: Duration) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..)? {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        "d" => DAY,
        "w" => DAY * 7,
        "" => bare,
        _ => return None,
    };
    unit.checked_mul(digits.parse().ok()?)
}

/// The first two numbers of a version; snapshots such as `3.12-20260101` have them too.
pub fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Parameters {
        /// The parameters of an ordinary instance, for the tests of this module's neighbours.
        pub fn usual() -> Self {
            understood(USUAL).unwrap()
        }
    }

    const USUAL: &str = "\
mail_version = 3.7.11
queue_directory = /var/spool/postfix
enable_long_queue_ids = yes
hash_queue_names = deferred, defer
hash_queue_depth = 1
header_size_limit = 102400
maximal_queue_lifetime = 5d
bounce_queue_lifetime = 12h
mail_owner = postfix
syslog_name = postfix
";

    fn understood(text: &str) -> Result<Parameters, PostfixError> {
        understand(&parse(text)?)
    }

    #[test]
    fn the_usual_parameters_are_understood() {
        let parameters = understood(USUAL).unwrap();
        assert_eq!(parameters.hash_queue_names, ["deferred", "defer"]);
        assert_eq!(parameters.header_field_limit, 60_000);
        assert_eq!(parameters.maximal_queue_lifetime, DAY * 5);
        assert_eq!(parameters.bounce_queue_lifetime, DAY / 2);
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let fault = understood(&USUAL.replace("hash_queue_depth", "x")).unwrap_err();
        assert!(fault.to_string().contains("hash_queue_depth"), "{fault}");
    }

    #[test]
    fn a_value_that_makes_no_sense_is_shown() {
        let fault = understood(&USUAL.replace("= 5d", "= soon")).unwrap_err();
        assert!(
            fault
                .to_string()
                .contains("maximal_queue_lifetime = \"soon\""),
            "{fault}"
        );
    }

    #[test]
    fn an_old_postfix_is_refused() {
        let fault = understood(&USUAL.replace("3.7.11", "3.4.23")).unwrap_err();
        assert!(
            matches!(fault, PostfixError::TooOld { .. }),
            "{fault} is not what was expected"
        );
    }

    #[test]
    fn short_queue_ids_are_seen() {
        let long = parse(USUAL).unwrap();
        let short = parse(&USUAL.replace("= yes", "= no")).unwrap();
        assert!(has_long_ids(&long) && !has_long_ids(&short));
    }

    #[test]
    fn times_have_the_units_of_postfix() {
        let seconds = |text| parse_time(text, DAY).map(|time| time.as_secs());
        assert_eq!(seconds("90s"), Some(90));
        assert_eq!(seconds("2m"), Some(120));
        assert_eq!(seconds("1w"), Some(604_800));
        assert_eq!(seconds("2"), Some(172_800));
        assert_eq!(seconds(""), None);
        assert_eq!(seconds("1y"), None);
        assert_eq!(seconds("99999999999999999999d"), None);
    }
}
