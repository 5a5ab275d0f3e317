//! The cases of docs/policy.md: who sends which way to whom, and what becomes of it. Each is a test.

use super::{
    case::{Becomes, Case, Table, USUAL, Way},
    site::Site,
};

use Becomes::{ComesAgain, Free, Held, Passed, Refused, Watched};
use Way::{Inside, Loopback, Outside, Proxy, Roaming, Sendmail, Submission};

/// The tables of the page, by the title of their first column.
pub static TABLES: &[Table] = &[
    ("with a login", WITH_A_LOGIN),
    ("without a login", WITHOUT_A_LOGIN),
    ("by the sendmail command", BY_SENDMAIL),
    ("from outside", FROM_OUTSIDE),
    ("recipients", TO_WHOM),
    ("by which rule", BY_WHICH_RULE),
    ("where the settings differ", WHERE_SETTINGS_DIFFER),
];

const FLAGGED: &str = "{flagged}@corp.test";
const COLLEAGUE: &str = "{other}@corp.test";
const STRANGER: &str = "stranger@elsewhere.test";
const FROM_FLAGGED: &str = "From: Anna <{flagged}@corp.test>";

const BY_LOGIN: Becomes = Held("flagged-external", "login");
const BY_SENDER: Becomes = Held("flagged-external", "envelope sender");
const BY_FROM: Becomes = Held("flagged-external", "header From");
const UNFLAGGED: Becomes = Free("unflagged");
const INCOMING: Becomes = Free("incoming");

/// A colleague's mail from a host of the house, in which the sender is another one.
const INSIDE: Case = Case {
    way: Inside,
    ..USUAL
};
/// The flagged person's mail from a host of the house.
const FROM_ANNA: Case = Case {
    sender: FLAGGED,
    header: FROM_FLAGGED,
    becomes: BY_SENDER,
    ..INSIDE
};
const ANNAS_LOGIN: Case = Case {
    way: Submission("{flagged}"),
    becomes: BY_LOGIN,
    ..USUAL
};
const COMMAND: Case = Case {
    way: Sendmail,
    ..USUAL
};
const COMING_IN: Case = Case {
    way: Outside,
    sender: STRANGER,
    header: FROM_FLAGGED,
    to: &["{new}@corp.test"],
    becomes: INCOMING,
    ..USUAL
};

#[rustfmt::skip]
static WITH_A_LOGIN: &[Case] = &[
    Case { name: "A flagged login", sender: FLAGGED, header: FROM_FLAGGED, ..ANNAS_LOGIN },
    Case { name: "A flagged login under a colleague's address", ..ANNAS_LOGIN },
    Case { name: "A flagged login under a stranger's address", sender: STRANGER, header: "From: stranger@elsewhere.test", ..ANNAS_LOGIN },
    Case { name: "A flagged login with the null sender", sender: "", ..ANNAS_LOGIN },
    Case { name: "A flagged login in upper case", way: Submission("{FLAGGED}"), ..ANNAS_LOGIN },
    Case { name: "A flagged login written with its realm", way: Submission("{flagged}@mail.corp.test"), ..ANNAS_LOGIN },
    Case { name: "A flagged login that is a mail address", way: Submission("{flagged}@corp.test"), ..ANNAS_LOGIN },
    Case { name: "A flagged login from outside of the networks", way: Roaming("{flagged}"), ..ANNAS_LOGIN },
    Case { name: "A flagged login that a trusted proxy names", way: Proxy("{flagged}"), ..ANNAS_LOGIN },
    Case { name: "A colleague's login", ..USUAL },
    Case { name: "A colleague's login under a flagged address", sender: FLAGGED, becomes: BY_SENDER, ..USUAL },
    Case { name: "A colleague's login under a flagged alias in upper case", sender: "ALIAS.{FLAGGED}@CORP.TEST", becomes: BY_SENDER, ..USUAL },
    Case { name: "A colleague's login with a flagged header From", header: FROM_FLAGGED, ..USUAL },
];

#[rustfmt::skip]
static WITHOUT_A_LOGIN: &[Case] = &[
    Case { name: "A flagged address", ..FROM_ANNA },
    Case { name: "A flagged address in upper case", sender: "{FLAGGED}@CORP.TEST", ..FROM_ANNA },
    Case { name: "A flagged address with a tag", sender: "{flagged}+news@corp.test", ..FROM_ANNA },
    Case { name: "A flagged address at another name of the domain", sender: "{flagged}@corp.example.com", ..FROM_ANNA },
    Case { name: "A flagged address at an international domain", sender: "{flagged}@bücher.test", ..FROM_ANNA },
    Case { name: "A flagged address with a source route", sender: "@relay.test:{flagged}@corp.test", ..FROM_ANNA },
    Case { name: "A flagged address in quotes, with a backslash", sender: "\"\\{flagged}\"@corp.test", ..FROM_ANNA },
    Case { name: "A flagged address without its domain", sender: "{flagged}", ..FROM_ANNA },
    Case { name: "A flagged address as user%domain", sender: "{flagged}%corp.test", ..FROM_ANNA },
    Case { name: "A flagged address as domain!user", sender: "corp.test!{flagged}", ..FROM_ANNA },
    Case { name: "A flagged alias", sender: "alias.{flagged}@corp.test", ..FROM_ANNA },
    Case { name: "A flagged alias with a tag, in upper case, at another name of the domain", sender: "ALIAS.{FLAGGED}+X@CORP.EXAMPLE.COM", ..FROM_ANNA },
    Case { name: "A colleague's address", ..INSIDE },
    Case { name: "A colleague's address with a flagged header From", header: FROM_FLAGGED, becomes: BY_FROM, ..INSIDE },
    Case { name: "A stranger's address with a flagged header From", sender: STRANGER, header: FROM_FLAGGED, becomes: BY_FROM, ..INSIDE },
    Case { name: "The null sender with a flagged header From", sender: "", header: FROM_FLAGGED, becomes: BY_FROM, ..INSIDE },
    Case { name: "The null sender", sender: "", ..INSIDE },
    Case { name: "A header From with a flagged alias, in upper case and with a tag", header: "FROM: <ALIAS.{FLAGGED}+X@CORP.TEST>", becomes: BY_FROM, ..INSIDE },
    Case { name: "A header From with several mailboxes, one of them flagged", header: "From: {other}@corp.test, \"A, A\" <{flagged}@corp.test>\r\nSender: {other}@corp.test", becomes: BY_FROM, ..INSIDE },
    Case { name: "A flagged mailbox behind a colleague's name", header: "From: \"{other}@corp.test\" <{flagged}@corp.test>", becomes: BY_FROM, ..INSIDE },
    Case { name: "Two header From, the second one flagged", header: "From: {other}@corp.test\r\nFrom: {flagged}@corp.test", becomes: BY_FROM, ..INSIDE },
    Case { name: "A header From at an international domain", header: "From: {flagged}@bücher.test", becomes: BY_FROM, ..INSIDE },
    Case { name: "A flagged header From with a space before its colon", header: "Sender: {other}@corp.test\r\nFrom : {flagged}@corp.test", becomes: BY_FROM, ..INSIDE },
    Case { name: "A flagged header From in several lines, with comments", header: "From: Anna\r\n (she) <{flagged}\r\n (at) @\r\n corp.test>", becomes: BY_FROM, ..INSIDE },
    Case { name: "A flagged address in Sender and Reply-To alone", header: "From: {other}@corp.test\r\nSender: {flagged}@corp.test\r\nReply-To: {flagged}@corp.test", ..INSIDE },
];

#[rustfmt::skip]
static BY_SENDMAIL: &[Case] = &[
    Case { name: "A flagged address given with -f", sender: FLAGGED, header: FROM_FLAGGED, becomes: BY_SENDER, ..COMMAND },
    Case { name: "A flagged alias given with -f, in upper case and with a tag", sender: "ALIAS.{FLAGGED}+X@CORP.TEST", becomes: BY_SENDER, ..COMMAND },
    Case { name: "A flagged address given with -f, without its domain", sender: "{flagged}", becomes: BY_SENDER, ..COMMAND },
    Case { name: "A colleague's address given with -f", ..COMMAND },
    Case { name: "A colleague's address given with -f, and a flagged header From", header: FROM_FLAGGED, becomes: BY_FROM, ..COMMAND },
    Case { name: "The null sender given with -f, and a flagged header From", sender: "", header: FROM_FLAGGED, becomes: BY_FROM, ..COMMAND },
    Case { name: "A flagged address given with -f, the recipients taken from the header with -t", way: Way::SendmailByHeader, sender: FLAGGED, becomes: BY_SENDER, ..COMMAND },
    Case { name: "A flagged header From, the recipients taken from the header with -t", way: Way::SendmailByHeader, header: FROM_FLAGGED, becomes: BY_FROM, ..COMMAND },
    Case { name: "A flagged header From as user%domain", header: "From: {flagged}%corp.test", becomes: BY_FROM, ..COMMAND },
    Case { name: "A header From without its domain", header: "From: {flagged}", becomes: BY_FROM, ..COMMAND },
];

#[rustfmt::skip]
static FROM_OUTSIDE: &[Case] = &[
    Case { name: "A flagged header From that comes in", ..COMING_IN },
    Case { name: "A flagged envelope sender that comes in", sender: FLAGGED, ..COMING_IN },
    Case { name: "A bounce with a flagged header From that comes in", sender: "", ..COMING_IN },
    Case { name: "A flagged address to somebody outside, from a host that submitted_networks lacks and mynetworks has", way: Loopback, sender: FLAGGED, to: &["{new}@elsewhere.test"], ..COMING_IN },
];

#[rustfmt::skip]
static TO_WHOM: &[Case] = &[
    Case { name: "To somebody outside", ..FROM_ANNA },
    Case { name: "To several outside", to: &["{new}@elsewhere.test", "{new}@another.test", "{new}@third.test"], ..FROM_ANNA },
    Case { name: "To colleagues", to: &["{new}@corp.test", "two.{new}@CORP.TEST"], becomes: Passed("internal-only"), ..FROM_ANNA },
    Case { name: "To a colleague and somebody outside", to: &["{new}@corp.test", "{new}@elsewhere.test"], ..FROM_ANNA },
    Case { name: "To a name without a domain", to: &["{new}"], becomes: Passed("internal-only"), ..FROM_ANNA },
    Case { name: "To a domain below that of the house", to: &["{new}@branch.corp.test"], ..FROM_ANNA },
    Case { name: "To another name of the domain, which is not among the internal ones", to: &["{new}@corp.example.com"], ..FROM_ANNA },
    Case { name: "To an address literal", to: &["{new}@[192.0.2.25]"], ..FROM_ANNA },
    Case { name: "To user%elsewhere@here", to: &["{new}%elsewhere.test@corp.test"], ..FROM_ANNA },
    Case { name: "To elsewhere!user@here", to: &["elsewhere.test!{new}@corp.test"], ..FROM_ANNA },
    Case { name: "To \"user@elsewhere\"@here", to: &["\"{new}@elsewhere.test\"@corp.test"], ..FROM_ANNA },
    Case { name: "To an exempt recipient", to: &["{new}@lists.test"], becomes: Free("exempt"), ..FROM_ANNA },
    Case { name: "To an exempt recipient and a colleague", to: &["{new}@lists.test", "{new}@corp.test"], becomes: Passed("no-rule"), ..FROM_ANNA },
    Case { name: "To an exempt recipient and somebody outside", to: &["{new}@lists.test", "{new}@elsewhere.test"], ..FROM_ANNA },
    Case { name: "To user%elsewhere at an exempt domain", to: &["{new}%elsewhere.test@lists.test"], ..FROM_ANNA },
    Case { name: "To a protected correspondent", to: &["{new}@lawyer.test"], becomes: Free("protected"), ..FROM_ANNA },
    Case { name: "To a protected correspondent and an exempt recipient", to: &["{new}@lawyer.test", "{new}@lists.test"], becomes: Free("protected"), ..FROM_ANNA },
    Case { name: "To a protected correspondent and a colleague", to: &["{new}@lawyer.test", "{new}@corp.test"], becomes: Free("protected"), ..FROM_ANNA },
    Case { name: "To a protected correspondent and somebody outside", to: &["{new}@lawyer.test", "{new}@elsewhere.test"], becomes: Refused("flagged-external"), ..FROM_ANNA },
    Case { name: "To a protected correspondent and somebody outside, with a flagged header From alone", sender: COLLEAGUE, to: &["{new}@lawyer.test", "{new}@elsewhere.test"], becomes: Refused("flagged-external"), ..FROM_ANNA },
    Case { name: "To a protected correspondent and somebody outside, by the sendmail command", way: Sendmail, to: &["{new}@lawyer.test", "{new}@elsewhere.test"], becomes: Refused("flagged-external"), ..FROM_ANNA },
    Case { name: "To user%elsewhere at a protected domain", to: &["{new}%elsewhere.test@lawyer.test"], ..FROM_ANNA },
];

#[rustfmt::skip]
static BY_WHICH_RULE: &[Case] = &[
    Case { name: "A flagged person to a partner", to: &["{new}@bank.test"], becomes: Passed("partners"), ..FROM_ANNA },
    Case { name: "A flagged person to a partner and somebody outside", to: &["{new}@bank.test", "{new}@elsewhere.test"], ..FROM_ANNA },
    Case { name: "A flagged person to a partner and a colleague", to: &["{new}@bank.test", "{new}@corp.test"], ..FROM_ANNA },
    Case { name: "A flagged person to a partner and an exempt recipient", to: &["{new}@bank.test", "{new}@lists.test"], becomes: Passed("partners"), ..FROM_ANNA },
    Case { name: "A colleague's login under a flagged address to a partner", way: Submission("{other}"), to: &["{new}@bank.test"], ..FROM_ANNA },
    Case { name: "A flagged person to the shop by day", to: &["{new}@shop.test"], becomes: Passed("by-day"), ..FROM_ANNA },
    Case { name: "A flagged person to the shop at another hour", to: &["{new}@hour.shop.test"], ..FROM_ANNA },
    Case { name: "A flagged person to the shop on another day", to: &["{new}@day.shop.test"], ..FROM_ANNA },
    Case { name: "A listed envelope sender", sender: "{new}@sales.corp.test", becomes: Held("sales", "envelope sender"), ..INSIDE },
    Case { name: "A listed header From", header: "From: {new}@sales.corp.test", becomes: Held("sales", "header From"), ..INSIDE },
    Case { name: "A listed envelope sender to a colleague", sender: "{new}@sales.corp.test", to: &["{new}@corp.test"], ..INSIDE },
    Case { name: "A colleague to the press", to: &["{new}@press.test"], becomes: Held("moderated", "login"), ..USUAL },
    Case { name: "The null sender to the press", sender: "", to: &["{new}@press.test"], becomes: Held("moderated", "header From"), ..INSIDE },
    Case { name: "A mail without any name to the press", sender: "", header: "X-Mailer: none", to: &["{new}@press.test"], becomes: Held("moderated", ""), ..INSIDE },
    Case { name: "A watched sender", sender: "{new}@trial.corp.test", becomes: Watched("trial"), ..INSIDE },
    Case { name: "A watched sender to a protected correspondent and somebody outside", sender: "{new}@trial.corp.test", to: &["{new}@lawyer.test", "{new}@elsewhere.test"], becomes: Free("protected"), ..INSIDE },
    Case { name: "A flagged login under a watched address", sender: "{new}@trial.corp.test", ..ANNAS_LOGIN },
];

const STRICT: Case = Case {
    site: Site::Strict,
    ..FROM_ANNA
};
const WATCHING: Case = Case {
    site: Site::Watching,
    ..FROM_ANNA
};
const AWAY: Case = Case {
    way: Submission("{other}"),
    ..USUAL
};
const WAITING: Case = Case {
    site: Site::Waiting,
    ..AWAY
};
const HOLDING: Case = Case {
    site: Site::Holding,
    ..AWAY
};

#[rustfmt::skip]
static WHERE_SETTINGS_DIFFER: &[Case] = &[
    Case { name: "header_from = \"always\": a colleague's login with a flagged header From", way: Submission("{other}"), sender: COLLEAGUE, becomes: BY_FROM, ..STRICT },
    Case { name: "header_from = \"never\": a flagged header From", sender: COLLEAGUE, becomes: UNFLAGGED, ..WATCHING },
    Case { name: "protected_mix = \"hold\": to a protected correspondent and somebody outside", to: &["{new}@lawyer.test", "{new}@elsewhere.test"], ..STRICT },
    Case { name: "protected_mix = \"hold\": to a protected correspondent and a colleague", to: &["{new}@lawyer.test", "{new}@corp.test"], becomes: Free("protected"), ..STRICT },
    Case { name: "mode = \"watch\": to somebody outside", becomes: Watched("flagged-external"), ..WATCHING },
    Case { name: "mode = \"watch\": to a colleague", to: &["{new}@corp.test"], becomes: Passed("internal-only"), ..WATCHING },
    Case { name: "mode = \"watch\": to a protected correspondent and somebody outside", to: &["{new}@lawyer.test", "{new}@elsewhere.test"], becomes: Free("protected"), ..WATCHING },
    Case { name: "outage = \"tempfail\", directory away: anybody's mail", becomes: ComesAgain("directory"), ..WAITING },
    Case { name: "outage = \"tempfail\", directory away: to a colleague", to: &["{new}@corp.test"], becomes: ComesAgain("directory"), ..WAITING },
    Case { name: "outage = \"tempfail\", directory away: a header From, with the null sender", way: Inside, sender: "", header: FROM_FLAGGED, becomes: ComesAgain("directory"), ..WAITING },
    Case { name: "outage = \"tempfail\", directory away: mail that comes in", site: Site::Waiting, ..COMING_IN },
    Case { name: "outage = \"hold\", directory away: anybody's mail to somebody outside", becomes: Held("directory-outage", ""), ..HOLDING },
    Case { name: "outage = \"hold\", directory away: to a colleague", to: &["{new}@corp.test"], becomes: Passed("internal-only"), ..HOLDING },
    Case { name: "outage = \"hold\", directory away: to a partner", to: &["{new}@bank.test"], becomes: Held("directory-outage", ""), ..HOLDING },
    Case { name: "outage = \"hold\", directory away: to a protected correspondent", to: &["{new}@lawyer.test"], becomes: Free("protected"), ..HOLDING },
    Case { name: "outage = \"pass\", directory away: anybody's mail", site: Site::Passing, becomes: Free("unreviewed"), ..AWAY },
];
