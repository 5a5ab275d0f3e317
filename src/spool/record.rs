//! The facts of a capture as JSON, with any bytes. Never touches the content.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{
    capture::{Capture, Client, ContentDigest},
    capture_id::CaptureId,
    envelope::{Envelope, Path},
    verdict::{Grounds, Matched},
};

/// Writes the facts down; `large` names the file that has the content, if it has one of its own.
pub(super) fn encode(capture: &Capture, large: Option<Uuid>) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&CaptureShape::of(capture, large))
}

/// Reads the facts back; `None` if they are not ours.
pub(super) fn decode(facts: &[u8]) -> Option<(Capture, Option<Uuid>)> {
    let shape: CaptureShape = serde_json::from_slice(facts).ok()?;
    let large = match &shape.large {
        Some(name) => Some(Uuid::try_parse(name).ok()?),
        None => None,
    };
    Some((shape.into_capture()?, large))
}

/// Text where it is text, so that a person can read the file; else hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Octets {
    Text(String),
    Bytes { hex: String },
}

impl Octets {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes {
                hex: HEXLOWER.encode(bytes),
            },
        }
    }

    fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Bytes { hex } => HEXLOWER.decode(hex.as_bytes()).ok(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct CaptureShape {
    id: String,
    instance: String,
    queue_id: String,
    captured_at: DateTime<Utc>,
    sender: PathShape,
    recipients: Vec<PathShape>,
    client: ClientShape,
    grounds: GroundsShape,
    size_bytes: u64,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    large: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct PathShape {
    argument: Octets,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Octets>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewritten: Option<Octets>,
}

#[derive(Serialize, Deserialize)]
struct ClientShape {
    login: Option<Octets>,
    address: Option<IpAddr>,
    name: Option<Octets>,
    daemon: Option<Octets>,
}

#[derive(Serialize, Deserialize)]
struct GroundsShape {
    rule: String,
    identity_kind: String,
    identity: String,
    entry: String,
    flag: String,
    recipient: String,
}

impl CaptureShape {
    fn of(capture: &Capture, large: Option<Uuid>) -> Self {
        let envelope = &capture.envelope;
        Self {
            id: capture.id.to_string(),
            instance: capture.instance.to_string(),
            queue_id: capture.queue_id.to_string(),
            captured_at: capture.captured_at,
            sender: PathShape::of(&envelope.sender),
            recipients: envelope.recipients.iter().map(PathShape::of).collect(),
            client: ClientShape::of(&capture.client),
            grounds: GroundsShape::of(&capture.grounds),
            size_bytes: capture.size_bytes,
            digest: capture.digest.to_string(),
            large: large.map(|name| name.to_string()),
        }
    }

    fn into_capture(self) -> Option<Capture> {
        let recipients: Option<Vec<Path>> = self
            .recipients
            .into_iter()
            .map(PathShape::into_path)
            .collect();
        Some(Capture {
            id: self.id.parse::<CaptureId>().ok()?,
            instance: self.instance.parse().ok()?,
            queue_id: self.queue_id.parse().ok()?,
            captured_at: self.captured_at,
            envelope: Envelope {
                sender: self.sender.into_path()?,
                recipients: recipients?,
            },
            client: self.client.into_client()?,
            grounds: self.grounds.into_grounds(),
            size_bytes: self.size_bytes,
            digest: ContentDigest(
                HEXLOWER
                    .decode(self.digest.as_bytes())
                    .ok()?
                    .try_into()
                    .ok()?,
            ),
        })
    }
}

impl PathShape {
    fn of(path: &Path) -> Self {
        Self {
            argument: Octets::of(&path.argument),
            parameters: path.parameters.iter().map(|one| Octets::of(one)).collect(),
            rewritten: path.rewritten.as_deref().map(Octets::of),
        }
    }

    fn into_path(self) -> Option<Path> {
        let parameters: Option<Vec<Vec<u8>>> = self
            .parameters
            .into_iter()
            .map(Octets::into_bytes)
            .collect();
        Some(Path {
            argument: self.argument.into_bytes()?,
            parameters: parameters?,
            rewritten: optional(self.rewritten)?,
        })
    }
}

impl ClientShape {
    fn of(client: &Client) -> Self {
        Self {
            login: client.login.as_deref().map(Octets::of),
            address: client.address,
            name: client.name.as_deref().map(Octets::of),
            daemon: client.daemon.as_deref().map(Octets::of),
        }
    }

    fn into_client(self) -> Option<Client> {
        Some(Client {
            login: optional(self.login)?,
            address: self.address,
            name: optional(self.name)?,
            daemon: optional(self.daemon)?,
        })
    }
}

impl GroundsShape {
    fn of(grounds: &Grounds) -> Self {
        let matched = grounds.matched.clone();
        Self {
            rule: grounds.rule.clone(),
            identity_kind: matched.identity_kind,
            identity: matched.identity,
            entry: matched.entry,
            flag: matched.flag,
            recipient: matched.recipient,
        }
    }

    fn into_grounds(self) -> Grounds {
        Grounds {
            rule: self.rule,
            matched: Matched {
                identity_kind: self.identity_kind,
                identity: self.identity,
                entry: self.entry,
                flag: self.flag,
                recipient: self.recipient,
            },
        }
    }
}

/// `None` outside: the bytes are bad; `None` inside: there are none.
#[expect(
    clippy::option_option,
    reason = "the two absences mean different things here"
)]
fn optional(octets: Option<Octets>) -> Option<Option<Vec<u8>>> {
    match octets {
        Some(octets) => octets.into_bytes().map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spool::tests::desk;

    fn round_trip(capture: &Capture) -> Option<Capture> {
        decode(&encode(capture, None).unwrap()).map(|(capture, _)| capture)
    }

    #[test]
    fn the_file_of_a_large_body_is_named_by_the_facts() {
        let name = Uuid::now_v7();
        let capture = desk::capture(b"x");
        let facts = encode(&capture, Some(name)).unwrap();
        assert_eq!(decode(&facts), Some((capture, Some(name))));
    }

    #[test]
    fn facts_that_are_not_ours_are_refused() {
        for facts in ["", "{}", "null", "[1]", "{\"id\":\"x\"}"] {
            assert_eq!(decode(facts.as_bytes()), None, "{facts}");
        }
    }

    proptest! {
        #[test]
        fn an_envelope_of_any_bytes_comes_back_unchanged(
            argument: Vec<u8>, parameter: Vec<u8>, rewritten: Option<Vec<u8>>, login: Option<Vec<u8>>,
            rule: String, identity: String,
        ) {
            let mut capture = desk::capture(b"");
            let path = Path { argument, parameters: vec![parameter, vec![]], rewritten };
            capture.envelope.recipients = vec![path.clone(), Path::default()];
            capture.envelope.sender = path;
            capture.client.login = login;
            capture.grounds.rule = rule;
            capture.grounds.matched.identity = identity;
            prop_assert_eq!(round_trip(&capture), Some(capture));
        }
    }
}
