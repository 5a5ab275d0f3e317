//! Asks an instance how it is set up, service by service, for whoever checks it. Judges nothing.

use std::collections::BTreeMap;

use super::{
    Settings,
    error::PostfixError,
    postconf::{ask, lines_of},
};

/// The parameters of `main.cf` that are asked for. An older Postfix does not know all of them.
const NAMES: [&str; 18] = [
    "mail_version",
    "compatibility_level",
    "queue_directory",
    "mail_owner",
    "enable_long_queue_ids",
    "smtpd_forbid_bare_newline",
    "smtpd_milters",
    "non_smtpd_milters",
    "smtpd_milter_maps",
    "milter_default_action",
    "milter_command_timeout",
    "milter_content_timeout",
    "receive_override_options",
    "content_filter",
    "smtpd_proxy_filter",
    "default_process_limit",
    "inet_interfaces",
    "mynetworks",
];

/// How an instance is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// What `main.cf` says, defaults included, each `$name` replaced by its value.
    parameters: BTreeMap<String, String>,
    /// The services of `master.cf` in their order.
    pub services: Vec<Service>,
}

/// One service of `master.cf`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name; an address or a port for one that listens to the network.
    pub name: String,
    /// `inet`, `unix`, `pass` or another type.
    pub kind: String,
    /// Whether it sees the queue directory as its root.
    pub is_chrooted: bool,
    /// The most processes of it; `None`: as many as are asked for.
    pub process_limit: Option<u32>,
    /// The program, such as `smtpd`.
    pub program: String,
    /// What it sets otherwise than `main.cf`, with `-o`.
    pub options: BTreeMap<String, String>,
}

impl Survey {
    /// Asks `postconf`. Takes an instance that we must not act on, too.
    pub async fn ask(settings: &Settings) -> Result<Self, PostfixError> {
        settings.check()?;
        let mut names = vec!["-x"];
        names.extend(NAMES);
        let (parameters, services, options) = tokio::try_join!(
            ask(settings, &names),
            ask(settings, &["-M"]),
            ask(settings, &["-Px"]),
        )?;
        Ok(Self::read(&parameters, &services, &options))
    }

    /// Reads what `postconf -x NAME …`, `-M` and `-Px` print.
    pub fn read(parameters: &str, services: &str, options: &str) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut survey = Self {
            parameters: lines_of(parameters).map(owned).collect(),
            services: Vec::new(),
        };
        let services = services.lines();
        survey.services = services.filter_map(|line| survey.service(line)).collect();
        for (place, value) in lines_of(options) {
            // A name may hold a slash, a type and a parameter hold none.
            let mut steps = place.rsplitn(3, '/');
            let (parameter, kind, name) = (steps.next(), steps.next(), steps.next());
            let found = survey
                .services
                .iter_mut()
                .find(|one| Some(&*one.name) == name && Some(&*one.kind) == kind);
            if let (Some(service), Some(parameter)) = (found, parameter) {
                service
                    .options
                    .insert(parameter.to_owned(), value.to_owned());
            }
        }
        survey
    }

    /// The value in `main.cf` or Postfix's default; `None` if this Postfix has no such parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The value that counts for one service; empty if there is none.
    pub fn of_service<'a>(&'a self, service: &'a Service, name: &str) -> &'a str {
        let own = service.options.get(name).map(String::as_str);
        own.or_else(|| self.parameter(name)).unwrap_or_default()
    }

    /// The services that run a program, such as `smtpd`.
    pub fn running<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a Service> {
        let services = self.services.iter();
        services.filter(move |service| service.program == program)
    }

    /// One line of `master.cf`: name, type, private, unprivileged, chroot, wakeup, processes,
    /// command.
    fn service(&self, line: &str) -> Option<Service> {
        let mut words = line.split_whitespace();
        let [name, kind] = [words.next()?, words.next()?];
        let [chroot, processes] = [words.nth(2)?, words.nth(1)?];
        let limit = match processes {
            "-" => self.parameter("default_process_limit")?.parse().ok(),
            number => number.parse().ok(),
        };
        Some(Service {
            name: name.to_owned(),
            kind: kind.to_owned(),
            is_chrooted: match chroot {
                "-" => self.has_old_defaults(),
                word => word == "y",
            },
            process_limit: limit.filter(|limit| *limit > 0),
            program: words.next()?.to_owned(),
            options: BTreeMap::new(),
        })
    }

    /// Up to level 0 a `-` in the chroot column means yes.
    fn has_old_defaults(&self) -> bool {
        let level = self.parameter("compatibility_level").unwrap_or_default();
        level.split('.').next().unwrap_or_default().trim() == "0"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: &str = "\
compatibility_level = 3.6
default_process_limit = 100
smtpd_milters = inet:localhost:8891, { unix:mailhold/smtp.sock, default_action=tempfail }
smtpd_milter_maps =
";
    const SERVICES: &str = "\
smtp       inet  n       -       y       -       -       smtpd
smtp       unix  -       -       -       -       -       smtp
cleanup    unix  n       -       y       -       0       cleanup
postlog    unix-dgram n  -       n       -       1       postlogd
127.0.0.1:10025 inet n   -       n       -       7       smtpd -o smtpd_milters= -o {a=b, c}
";
    const OPTIONS: &str = "\
127.0.0.1:10025/inet/a = b, c
127.0.0.1:10025/inet/smtpd_milters =
smtp/unix/syslog_name = postfix/smtp
";

    fn survey() -> Survey {
        Survey::read(PARAMETERS, SERVICES, OPTIONS)
    }

    #[test]
    fn a_parameter_may_be_empty_or_unknown() {
        let survey = survey();
        assert_eq!(survey.parameter("smtpd_milter_maps"), Some(""));
        assert_eq!(survey.parameter("smtpd_forbid_bare_newline"), None);
        let milters = survey.parameter("smtpd_milters").unwrap();
        assert!(milters.ends_with("default_action=tempfail }"), "{milters}");
    }

    #[test]
    fn a_service_has_the_columns_of_master_cf() {
        let survey = survey();
        let smtpd: Vec<_> = survey.running("smtpd").collect();
        assert_eq!(smtpd.len(), 2);
        assert_eq!(smtpd[0].process_limit, Some(100));
        assert!(smtpd[0].is_chrooted && !smtpd[1].is_chrooted);
        assert_eq!(smtpd[1].process_limit, Some(7));
        assert_eq!(
            survey.running("cleanup").next().unwrap().process_limit,
            None
        );
        assert_eq!(survey.services[3].kind, "unix-dgram");
    }

    #[test]
    fn options_belong_to_the_service_of_their_name_and_type() {
        let survey = survey();
        assert!(survey.services[0].options.is_empty());
        assert_eq!(survey.services[1].options.len(), 1);
        let back = &survey.services[4];
        assert_eq!(survey.of_service(back, "smtpd_milters"), "");
        assert_eq!(survey.of_service(back, "a"), "b, c");
        assert!(
            !survey
                .of_service(&survey.services[0], "smtpd_milters")
                .is_empty()
        );
    }

    #[test]
    fn only_the_oldest_defaults_change_the_root_of_a_service_by_themselves() {
        assert!(!survey().services[1].is_chrooted);
        let old = PARAMETERS.replace("3.6", "0");
        assert!(Survey::read(&old, SERVICES, OPTIONS).services[1].is_chrooted);
    }

    #[test]
    fn what_is_no_service_is_passed_over() {
        let survey = Survey::read("", "smtp inet n\n\n", "x = y\n");
        assert_eq!(survey.services, []);
    }
}
