//! Who asks, as far as a request tells: client, language, what is wanted. Knows nothing of sessions.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};

use super::{
    Desk, HERE, Listen,
    error::WebError,
    language::Taste,
    page::{self, Frame},
};

/// What our script adds to a form that it sends.
const SCRIPT: &str = "x-mailhold-script";

/// A request by whomever.
pub struct Visitor {
    /// Preferences and language.
    pub taste: Taste,
    /// Where the request came from.
    pub client: IpAddr,
    /// The path that was asked for.
    pub path: String,
    /// The same with its query.
    pub whole_path: String,
    /// Whether it is our script, which takes a page where a browser is led to it.
    pub wants_page: bool,
}

impl FromRequestParts<Arc<Desk>> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, WebError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(HERE, |ConnectInfo(peer)| peer.ip());
        let whole = parts.uri.path_and_query();
        Ok(Self {
            taste: Taste::of(&parts.headers),
            client: match is_proxy(&desk.settings.listen, peer) {
                true => forwarded(&parts.headers).unwrap_or(peer),
                false => peer,
            },
            path: parts.uri.path().to_owned(),
            whole_path: whole.map_or("/", |whole| whole.as_str()).to_owned(),
            wants_page: parts.headers.contains_key(SCRIPT),
        })
    }
}

/// Whether the one who connects is the proxy that the settings name.
fn is_proxy(listen: &Listen, peer: IpAddr) -> bool {
    match listen {
        Listen::Tls { .. } => false,
        Listen::Plain { proxy, .. } => *proxy == Some(peer),
        // Nobody else is served.
        Listen::Unix { proxy, .. } => proxy.is_some(),
    }
}

/// The client as the proxy before us has seen it: the last one that it has added.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

impl Visitor {
    /// What stands around a page for somebody who is not signed in.
    pub fn frame(&self, desk: &Desk) -> Frame {
        let reader = page::Reader {
            preferences: &self.taste.preferences,
            accepted: &self.taste.accepted,
            seat: None,
        };
        Frame::new(&desk.catalogues, &reader, &self.path)
    }
}
