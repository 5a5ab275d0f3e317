//! Reads what the browser wrote down: its requests and its complaints.

use serde_json::Value;

/// Something that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its URL.
    pub url: String,
    /// What it was for, in Chromium's words: `Document`, `Image`, `Stylesheet`, `Script`, `Font`…
    pub kind: String,
    /// Whether the browser kept it from being sent: by a content security policy, or because such a
    /// load may only go to the page's own site.
    pub is_forbidden: bool,
}

/// A line of the browser's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Who complains: `security`, `network`, `javascript`, `console-api`…
    pub source: String,
    /// About what.
    pub text: String,
}

impl Complaint {
    /// Whether a content security policy forbade something.
    pub fn is_of_policy(&self) -> bool {
        self.text.contains("Content Security Policy")
    }
}

/// Schemes of what never leaves the page or the browser.
const INSIDE: [&str; 5] = ["data:", "blob:", "about:", "chrome:", "chrome-extension:"];

pub(super) fn requests(log: &[Value]) -> Vec<Request> {
    let messages = log.iter().filter_map(|entry| {
        let text = entry["message"].as_str()?;
        let message: Value = serde_json::from_str(text).ok()?;
        Some(message["message"].clone())
    });
    let messages: Vec<Value> = messages.collect();
    let failed = messages.iter().filter(|message| {
        let why = &message["params"];
        let is_kept = why["blockedReason"].is_string()
            || why["corsErrorStatus"]["corsError"] == "DisallowedByMode";
        message["method"] == "Network.loadingFailed" && is_kept
    });
    let forbidden: Vec<&Value> = failed
        .map(|message| &message["params"]["requestId"])
        .collect();
    let sent = messages
        .iter()
        .filter(|message| message["method"] == "Network.requestWillBeSent");
    let requests = sent.map(|message| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Request {
            url: text(&message["params"]["request"]["url"]),
            kind: text(&message["params"]["type"]),
            is_forbidden: forbidden.contains(&&message["params"]["requestId"]),
        }
    });
    let leaves = |request: &Request| !INSIDE.iter().any(|scheme| request.url.starts_with(scheme));
    requests.filter(leaves).collect()
}

pub(super) fn complaints(log: &[Value]) -> Vec<Complaint> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    log.iter()
        .map(|entry| Complaint {
            source: text(&entry["source"]),
            text: text(&entry["message"]),
        })
        .collect()
}
