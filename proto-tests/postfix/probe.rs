//! Two small milters for tests of the queue file: one edits messages, one notes what it is shown and
//! holds it. Neither has anything to do with mailhold's own milter but the digest.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use indymilter::{
    Actions, Callbacks, Config, Context, ContextActions, EomContext, MacroStage, NegotiateContext,
    ProtoOpts, Status,
};
use mailhold::{
    domain::{capture::ContentDigest, queue_id::QueueId},
    mail::digest::{ContentHasher, render_header},
};
use tokio::net::TcpListener;

/// What the noting milter was shown, by queue ID.
pub type Shown = Arc<Mutex<HashMap<QueueId, ContentDigest>>>;

/// Starts the milter that notes and holds. It ends with the test program.
pub async fn start_noting() -> (SocketAddr, Shown) {
    let shown = Shown::default();
    let callbacks = Callbacks::new()
        .on_negotiate(|cx, _, _| Box::pin(negotiate(cx, Actions::QUARANTINE)))
        .on_mail(|cx, _| Box::pin(begin(cx)))
        .on_header(|cx, name, value| {
            Box::pin(async move {
                let mut field = Vec::new();
                render_header(name.as_bytes(), value.as_bytes(), &mut field);
                note(cx, &field)
            })
        })
        .on_eoh(|cx| Box::pin(async move { note(cx, b"\r\n") }))
        .on_body(|cx, chunk| Box::pin(async move { note(cx, &chunk) }))
        .on_eom({
            let shown = shown.clone();
            move |cx| Box::pin(hold(cx, shown.clone()))
        });
    (serve(callbacks).await, shown)
}

/// Starts the milter that edits. It ends with the test program.
pub async fn start_editing() -> SocketAddr {
    let actions = Actions::ADD_HEADER
        | Actions::CHANGE_HEADER
        | Actions::CHANGE_SENDER
        | Actions::ADD_RCPT
        | Actions::DELETE_RCPT
        | Actions::REPLACE_BODY;
    let callbacks = Callbacks::new()
        .on_negotiate(move |cx, _, _| Box::pin(negotiate(cx, actions)))
        .on_mail(|_, _| Box::pin(async { Status::Continue }))
        .on_eom(|cx| {
            Box::pin(async move {
                edit(cx).await.unwrap();
                Status::Continue
            })
        });
    serve(callbacks).await
}

async fn serve(callbacks: Callbacks<ContentHasher>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending::<()>();
    tokio::spawn(indymilter::run(
        listener,
        callbacks,
        Config::default(),
        never,
    ));
    address
}

async fn negotiate(cx: &mut NegotiateContext<ContentHasher>, actions: Actions) -> Status {
    cx.requested_actions = actions;
    cx.requested_opts.remove(ProtoOpts::SKIP);
    cx.requested_opts |= ProtoOpts::LEADING_SPACE;
    cx.requested_macros = HashMap::from([(MacroStage::Eom, c"i".to_owned())]);
    Status::Continue
}

async fn begin(cx: &mut Context<ContentHasher>) -> Status {
    cx.data = Some(ContentHasher::new());
    Status::Continue
}

fn note(cx: &mut Context<ContentHasher>, bytes: &[u8]) -> Status {
    cx.data.as_mut().unwrap().update(bytes);
    Status::Continue
}

async fn hold(cx: &mut EomContext<ContentHasher>, shown: Shown) -> Status {
    let id = cx.macros.get(c"i").unwrap().to_str().unwrap();
    let digest = cx.data.take().unwrap().finish();
    shown.lock().unwrap().insert(id.parse().unwrap(), digest);
    cx.actions.quarantine("held by a test").await.unwrap();
    Status::Accept
}

/// Every kind of edit that leaves pointer records in the queue file.
async fn edit(cx: &mut EomContext<ContentHasher>) -> Result<(), indymilter::ActionError> {
    let actions = &mut cx.actions;
    actions.add_header("X-Added", " at the end").await?;
    actions
        .add_header("X-Folded", " one\n\ttwo\n three")
        .await?;
    actions
        .add_header("X-Stray", " one\r\n\ttwo\r\n three")
        .await?;
    actions.insert_header(0, "X-Top", " above Received").await?;
    actions
        .insert_header(2, "X-Second", " further down")
        .await?;
    let longer = " a subject that is much longer than what was there before it";
    actions.change_header("Subject", 1, Some(longer)).await?;
    actions.change_header("To", 1, Some(" <s@x.test>")).await?;
    actions.change_header("X-Gone", 1, None::<&str>).await?;
    actions
        .change_sender("<changed@corp.test>", None::<&str>)
        .await?;
    actions.add_recipient("<added@elsewhere.test>").await?;
    actions.delete_recipient("<gone@elsewhere.test>").await?;
    let long = b"y".repeat(5_000);
    actions.replace_body(b"a new body\r\n").await?;
    actions.replace_body(&long).await?;
    actions.replace_body(b" and no line end").await
}
