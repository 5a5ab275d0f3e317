//! Translates between indymilter and a session. Decides nothing.
//!
//! A panic in a session becomes a temporary failure: the session takes no more mail, and every later
//! message of its connection is answered *try again*.

use std::{ffi::CString, future::Future, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt;
use indymilter::{
    Actions, Callbacks, Context, ContextActions, EomContext, NegotiateContext, ProtoOpts,
    SetErrorReply, Status,
};

use super::{
    CurrentDesk, Desk, Entrance,
    answer::Answer,
    intake,
    negotiate::{negotiate, silent_where_agreed},
    session::Session,
};
use crate::{
    domain::reply::{SendSeparately, TryAgain},
    telemetry::{AlarmKind, events},
};

/// The callbacks of one listener.
pub fn callbacks(current: CurrentDesk, entrance: Entrance) -> Callbacks<Session> {
    Callbacks::new()
        .on_negotiate(move |cx, actions, opts| {
            // From here on the connection keeps this desk, whatever is reloaded meanwhile.
            let session = (Arc::clone(&current.borrow()), entrance.clone());
            Box::pin(async move { on_negotiate(cx, actions, opts, session) })
        })
        .on_mail(|cx, arguments| Box::pin(on_mail(cx, arguments)))
        .on_rcpt(|cx, arguments| Box::pin(on_rcpt(cx, arguments)))
        .on_data(|cx| Box::pin(on_data(cx)))
        .on_header(|cx, name, value| Box::pin(on_header(cx, name, value)))
        .on_eoh(|cx| Box::pin(on_end_of_header(cx)))
        .on_body(|cx, chunk| Box::pin(on_body(cx, chunk)))
        .on_eom(|cx| Box::pin(on_end_of_message(cx)))
        .on_abort(|cx| Box::pin(on_abort(cx)))
        .on_close(|cx| Box::pin(on_close(cx)))
}

fn on_negotiate(
    cx: &mut NegotiateContext<Session>,
    offered_actions: Actions,
    offered_opts: ProtoOpts,
    (desk, entrance): (Arc<Desk>, Entrance),
) -> Status {
    let header = desk.policy.header_use();
    let agreed = negotiate(cx, offered_actions, offered_opts, header);
    if let Some(missing) = agreed.missing {
        desk.alarms.raise(
            AlarmKind::NegotiationFailed,
            &format!("Postfix does not offer {missing}"),
        );
        events::negotiation_failed(&missing);
    }
    cx.data = Some(Session::new(desk, entrance, agreed.opts));
    Status::Continue
}

async fn on_mail(cx: &mut Context<Session>, arguments: Vec<CString>) -> Status {
    let Some(session) = &mut cx.data else {
        return reply(&mut cx.reply, Answer::TryAgain);
    };
    let answer = guarded(session.mail(arguments, &cx.macros)).await;
    let answer = session.survived("mail", answer).unwrap_or(Answer::TryAgain);
    reply(&mut cx.reply, answer)
}

async fn on_rcpt(cx: &mut Context<Session>, arguments: Vec<CString>) -> Status {
    let Some(session) = &mut cx.data else {
        return Status::Continue;
    };
    let done = guarded(async { session.rcpt(arguments, &cx.macros) }).await;
    session.survived("rcpt", done);
    silent_where_agreed(session.opts, ProtoOpts::NOREPLY_RCPT)
}

async fn on_data(cx: &mut Context<Session>) -> Status {
    let Some(session) = &mut cx.data else {
        return reply(&mut cx.reply, Answer::TryAgain);
    };
    let answer = guarded(async { session.data(&cx.macros) }).await;
    let answer = session.survived("data", answer).unwrap_or(Answer::TryAgain);
    reply_unless_silent(session, ProtoOpts::NOREPLY_DATA, &mut cx.reply, answer)
}

async fn on_header(cx: &mut Context<Session>, name: CString, value: CString) -> Status {
    let Some(session) = &mut cx.data else {
        return Status::Continue;
    };
    let done = guarded(session.header(name, value)).await;
    session.survived("header", done);
    silent_where_agreed(session.opts, ProtoOpts::NOREPLY_HEADER)
}

async fn on_end_of_header(cx: &mut Context<Session>) -> Status {
    let Some(session) = &mut cx.data else {
        return Status::Continue;
    };
    let answer = guarded(session.end_of_header()).await;
    let answer = session.survived("eoh", answer).unwrap_or(Answer::TryAgain);
    reply_unless_silent(session, ProtoOpts::NOREPLY_EOH, &mut cx.reply, answer)
}

async fn on_body(cx: &mut Context<Session>, chunk: Bytes) -> Status {
    let Some(session) = &mut cx.data else {
        return Status::Continue;
    };
    let done = guarded(session.body(&chunk)).await;
    session.survived("body", done);
    silent_where_agreed(session.opts, ProtoOpts::NOREPLY_BODY)
}

async fn on_end_of_message(cx: &mut EomContext<Session>) -> Status {
    let Some(session) = &mut cx.data else {
        return reply(&mut cx.reply, Answer::TryAgain);
    };
    let captured = guarded(session.end_of_message(&cx.macros)).await;
    let captured = session
        .survived("eom", captured)
        .unwrap_or(Err(Answer::TryAgain));
    let answer = match captured {
        Ok(capture) => {
            match cx
                .actions
                .quarantine(intake::quarantine_reason(&capture))
                .await
            {
                Ok(()) => Answer::Hold,
                Err(error) => session.quarantine_failed(error, &capture.queue_id),
            }
        }
        Err(answer) => answer,
    };
    reply(&mut cx.reply, answer)
}

async fn on_abort(cx: &mut Context<Session>) -> Status {
    if let Some(session) = &mut cx.data {
        session.abort();
    }
    Status::Continue
}

async fn on_close(cx: &mut Context<Session>) -> Status {
    drop(cx.data.take());
    Status::Continue
}

/// Runs one event of a session; `None` after a panic.
async fn guarded<T>(event: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(event).catch_unwind().await.ok()
}

/// Where Postfix reads no reply, the next stage that has one gives the answer.
fn reply_unless_silent(
    session: &mut Session,
    silence: ProtoOpts,
    reply_to: &mut impl SetErrorReply,
    answer: Answer,
) -> Status {
    if session.opts.contains(silence) {
        session.answer_later(answer);
        Status::Noreply
    } else {
        reply(reply_to, answer)
    }
}

/// The protocol's word for an answer. Every temporary refusal has the same text.
fn reply(reply: &mut impl SetErrorReply, answer: Answer) -> Status {
    match answer {
        Answer::Continue => Status::Continue,
        // The quarantine itself was asked for before; Postfix holds what is accepted after it.
        Answer::Accept | Answer::Hold => Status::Accept,
        // A text that is refused leaves Postfix's own, which says no more.
        Answer::TryAgain => {
            let enhanced = Some(TryAgain::ENHANCED_CODE);
            let _own_text = reply.set_error_reply(TryAgain::CODE, enhanced, [TryAgain::TEXT]);
            Status::Tempfail
        }
        Answer::SendSeparately => {
            let enhanced = Some(SendSeparately::ENHANCED_CODE);
            let text = [SendSeparately::TEXT];
            let _own_text = reply.set_error_reply(SendSeparately::CODE, enhanced, text);
            Status::Reject
        }
    }
}
