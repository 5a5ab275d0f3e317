//! The least that a review needs of Postfix, and nothing more.

use indymilter::{Actions, NegotiateContext, ProtoOpts, Status};

use super::{macros, session::Session};
use crate::domain::policy::HeaderUse;

/// Without these a held message could not be held, or not be captured as it is.
const NEEDED_ACTIONS: Actions = Actions::QUARANTINE;

/// With the leading space a header value is exactly what follows the colon.
const NEEDED_OPTS: ProtoOpts = ProtoOpts::LEADING_SPACE;

/// Replies that Postfix need not wait for: one round trip less for each field, recipient and chunk.
const WELCOME_OPTS: [ProtoOpts; 3] = [
    ProtoOpts::NOREPLY_RCPT,
    ProtoOpts::NOREPLY_HEADER,
    ProtoOpts::NOREPLY_BODY,
];

/// What was agreed with Postfix.
pub struct Agreed {
    /// The protocol options in force.
    pub opts: ProtoOpts,
    /// What is missing, if anything: the connection then ends, and Postfix takes its default action.
    pub missing: Option<String>,
}

/// Asks for what is needed, and for what is welcome if it is offered.
pub fn negotiate(
    cx: &mut NegotiateContext<Session>,
    offered_actions: Actions,
    offered_opts: ProtoOpts,
    header: HeaderUse,
) -> Agreed {
    // The field starts as everything that is offered: assigned, not widened.
    cx.requested_actions = NEEDED_ACTIONS;
    // indymilter has asked for all stages that nobody listens to. Where one must be sent it answers
    // by itself; where it must not be asked for it would end the connection without a word.
    cx.requested_opts &= offered_opts;
    // Skip would end the capture of a message early.
    cx.requested_opts.remove(ProtoOpts::SKIP);
    cx.requested_opts |= NEEDED_OPTS;
    // Where the verdict is known, what is none of our business is let go, before its body. The other
    // one of the two stages needs no reply.
    let without_verdict = match header {
        HeaderUse::Copied => ProtoOpts::NOREPLY_EOH,
        HeaderUse::Judged => ProtoOpts::NOREPLY_DATA,
    };
    for welcome in WELCOME_OPTS.into_iter().chain([without_verdict]) {
        if offered_opts.contains(welcome) {
            cx.requested_opts |= welcome;
        }
    }
    cx.requested_macros = macros::wanted();
    let mut missing = Vec::new();
    if !offered_actions.contains(NEEDED_ACTIONS) {
        missing.push("the quarantine action");
    }
    if !offered_opts.contains(NEEDED_OPTS) {
        missing.push("header values with their leading space (milter protocol 6)");
    }
    let missing = (!missing.is_empty()).then(|| missing.join(" and "));
    Agreed {
        opts: cx.requested_opts,
        missing,
    }
}

/// The status to return where Postfix may have been told not to wait for one.
pub fn silent_where_agreed(opts: ProtoOpts, silence: ProtoOpts) -> Status {
    if opts.contains(silence) {
        Status::Noreply
    } else {
        Status::Continue
    }
}
