//! One case of docs/policy.md, as the page and the tests have it.

use super::site::Site;

/// A table of the page: the title of its first column, and its rows.
pub type Table = (&'static str, &'static [Case]);

/// A mail and what must come of it. Texts are filled by [`super::site::Cast::fill`].
pub struct Case {
    /// What the page calls it.
    pub name: &'static str,
    /// In which house.
    pub site: Site,
    /// Which way the mail goes.
    pub way: Way,
    /// MAIL FROM, or the argument of `sendmail -f`.
    pub sender: &'static str,
    /// The header fields that tell who sends.
    pub header: &'static str,
    /// The recipients.
    pub to: &'static [&'static str],
    /// What must come of it.
    pub becomes: Becomes,
}

/// Which way a mail goes.
#[derive(Clone, Copy)]
pub enum Way {
    /// The submission service, after a login with its password.
    Submission(&'static str),
    /// The same from a host that is none of the house.
    Roaming(&'static str),
    /// SMTP from a proxy that names a login.
    Proxy(&'static str),
    /// SMTP without a login, from a host of the house.
    Inside,
    /// SMTP without a login, from a host of somebody else.
    Outside,
    /// SMTP without a login, from the mail host itself, which the settings leave out of the networks.
    Loopback,
    /// The sendmail command.
    Sendmail,
    /// The sendmail command, which takes the recipients from the header (`-t`).
    SendmailByHeader,
}

/// What must come of a mail.
#[derive(Clone, Copy)]
pub enum Becomes {
    /// It is held by this rule, because of this kind of identity.
    Held(&'static str, &'static str),
    /// It goes on, and a line tells why.
    Passed(&'static str),
    /// It goes on, and a record has the rule that would have held it.
    Watched(&'static str),
    /// It goes on, and is counted under this label alone.
    Free(&'static str),
    /// Its sender is asked to send it separately to each recipient, by this rule.
    Refused(&'static str),
    /// Its sender is asked to come again, for this reason.
    ComesAgain(&'static str),
}

/// What a case differs from: an unflagged person's mail that leaves the house.
pub const USUAL: Case = Case {
    name: "",
    site: Site::Usual,
    way: Way::Submission("{other}"),
    sender: "{other}@corp.test",
    header: "From: Ben <{other}@corp.test>",
    to: &["{new}@elsewhere.test"],
    becomes: Becomes::Free("unflagged"),
};

impl Case {
    /// The name of its test: a sentence.
    pub fn sentence(&self) -> String {
        let end = match self.becomes {
            Becomes::Held(..) => "is held",
            Becomes::Passed(_) => "passes",
            Becomes::Watched(_) => "is watched",
            Becomes::Free(_) => "is free",
            Becomes::Refused(_) => "is refused",
            Becomes::ComesAgain(_) => "comes again",
        };
        let text = format!("{} {end}", self.name).to_lowercase();
        let text = text.replace('\'', "");
        let words = text.split(|sign: char| !sign.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("_")
    }

    /// Its row on the page.
    pub fn row(&self) -> Vec<String> {
        let left = match self.becomes {
            Becomes::Held(rule, "") => format!("a review: `{rule}`"),
            Becomes::Held(rule, kind) => format!("a review: `{rule}`, {kind}"),
            Becomes::Passed(reason) => format!("a line: `{reason}`"),
            Becomes::Watched(rule) => format!("a record: `{rule}`"),
            Becomes::Free(label) => format!("a count: `{label}`"),
            Becomes::Refused(rule) => format!("a line: `{rule}`"),
            Becomes::ComesAgain(reason) => format!("a line: `{reason}`"),
        };
        let verdict = match self.becomes {
            Becomes::Free(_) => "free",
            Becomes::ComesAgain(_) => "try again",
            Becomes::Held(..) | Becomes::Passed(_) | Becomes::Watched(_) | Becomes::Refused(_) => {
                self.becomes.label()
            }
        };
        vec![self.name.to_owned(), verdict.to_owned(), left]
    }
}

impl Becomes {
    /// The label under which the milter counts it.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Held(..) => "hold",
            Self::Passed(_) => "pass",
            Self::Watched(_) => "watch",
            Self::Free(label) => label,
            Self::Refused(_) => "refuse",
            Self::ComesAgain(_) => "try_again",
        }
    }
}
