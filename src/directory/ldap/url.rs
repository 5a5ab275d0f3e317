//! The URL of one LDAP server: how it is reached, and whether others can listen on the way.

use std::{fmt, net::IpAddr, str::FromStr};

/// `ldap://host[:port]`, `ldaps://host[:port]` or `ldapi://` with the path of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    scheme: Scheme,
    /// Empty for a socket.
    host: String,
}

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TCP; with StartTLS if the settings say so.
    Ldap,
    /// TLS from the first byte.
    Ldaps,
    /// A socket of this host.
    Ldapi,
}

/// A text that names no LDAP server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL of ours.
    #[error("{0:?} is not a URL such as \"ldap://localhost:389\"")]
    Odd(String),
    /// `ldapi:///` means another socket on each system.
    #[error("{0:?} names no socket, as \"ldapi://%2Frun%2Fslapd%2Fldapi\" does")]
    NoSocket(String),
}

impl FromStr for ServerUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let odd = || BadUrl::Odd(text.to_owned());
        let (scheme, place) = text.split_once("://").ok_or_else(odd)?;
        let scheme = match scheme {
            "ldap" => Scheme::Ldap,
            "ldaps" => Scheme::Ldaps,
            "ldapi" => Scheme::Ldapi,
            _ => return Err(odd()),
        };
        let mut host = "";
        if scheme == Scheme::Ldapi {
            if !place.to_ascii_lowercase().starts_with("%2f") {
                return Err(BadUrl::NoSocket(text.to_owned()));
            }
        } else {
            let place = place.strip_suffix('/').unwrap_or(place);
            let (before, port) = match place.rsplit_once(':') {
                // The colons of an IPv6 address stand in brackets.
                Some((host, port)) if !port.contains(']') => (host, port),
                _ => (place, "389"),
            };
            let is_host = !before.is_empty() && !before.contains(['/', '@', '?', ' ']);
            if !is_host || !port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Err(odd());
            }
            host = before;
        }
        Ok(Self {
            text: text.to_owned(),
            scheme,
            host: host.to_owned(),
        })
    }
}

impl ServerUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the server is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether nothing leaves this host on the way there.
    pub fn is_local(&self) -> bool {
        let is_loopback = || self.address().is_some_and(|address| address.is_loopback());
        self.scheme == Scheme::Ldapi || self.host.eq_ignore_ascii_case("localhost") || is_loopback()
    }

    /// Whether the host is an IPv6 address: no certificate can be compared with that yet.
    pub fn is_ipv6(&self) -> bool {
        self.address().is_some_and(|address| address.is_ipv6())
    }

    fn address(&self) -> Option<IpAddr> {
        let bare = self
            .host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        bare.unwrap_or(&self.host).parse().ok()
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_sockets_are_local() {
        for (text, is_local) in [
            ("ldap://localhost", true),
            ("ldap://LOCALHOST:389/", true),
            ("ldap://127.0.0.2:1389", true),
            ("ldap://[::1]:389", true),
            ("ldapi://%2Frun%2Fslapd%2Fldapi", true),
            ("ldaps://ldap.example.com", false),
            ("ldap://192.0.2.1", false),
            ("ldap://localhost.example.com", false),
            ("ldap://[2001:db8::1]", false),
        ] {
            assert_eq!(
                text.parse::<ServerUrl>().unwrap().is_local(),
                is_local,
                "{text}"
            );
        }
    }
}
