//! What counts as submitted: mail of the house's own people, as opposed to mail that comes in.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use crate::domain::capture::Client;

/// Whose mail at one listener is submitted, and does not just come in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Submitters {
    /// That of a client with a login, or with an address within the networks of the house.
    #[default]
    ByClient,
    /// Everybody's: a submission service, or `sendmail`.
    All,
}

/// The networks whose mail is the house's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Option<Vec<IpNet>>);

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network such as \"192.0.2.0/24\" or \"2001:db8::/32\"")]
pub struct BadNetwork(String);

impl Networks {
    /// Takes the networks; with `None` every client counts as one of the house, which is safe and
    /// costs look-ups for mail that comes in.
    pub fn new(networks: Option<Vec<IpNet>>) -> Self {
        Self(networks)
    }

    /// Whether a message is submitted by somebody of the house.
    pub fn submitted(&self, client: &Client, at: Submitters) -> bool {
        let by_address = || match (&self.0, client.address) {
            (Some(networks), Some(address)) => {
                let address = address.to_canonical();
                networks.iter().any(|network| network.contains(&address))
            }
            // Who cannot be told from the house's own people is taken for one.
            (None, _) | (_, None) => true,
        };
        at == Submitters::All || client.login.is_some() || by_address()
    }

    /// The networks as they were given; `None` if every client is one of the house.
    pub fn list(&self) -> Option<&[IpNet]> {
        self.0.as_deref()
    }
}

/// Reads a network as Postfix spells it in `mynetworks`: `192.0.2.0/24`, `[2001:db8::]/32`, `::1`.
pub fn parse_network(text: &str) -> Result<IpNet, BadNetwork> {
    let plain: String = text
        .trim()
        .chars()
        .filter(|sign| !"[]".contains(*sign))
        .collect();
    let network = plain.parse::<IpNet>().ok();
    let network = network.or_else(|| plain.parse::<IpAddr>().ok().map(IpNet::from));
    network
        .map(|network| unmapped(network.trunc()))
        .ok_or_else(|| BadNetwork(text.to_owned()))
}

/// An IPv4 network in IPv6's clothes (RFC 4291, section 2.5.5.2) is compared as what it is.
fn unmapped(network: IpNet) -> IpNet {
    let (IpNet::V6(six), IpAddr::V4(four)) = (network, network.addr().to_canonical()) else {
        return network;
    };
    let length = six.prefix_len().checked_sub(96);
    length
        .and_then(|length| Ipv4Net::new(four, length).ok())
        .map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str, login: Option<&str>) -> Client {
        Client {
            address: address.parse().ok(),
            login: login.map(|login| login.as_bytes().to_vec()),
            ..Client::default()
        }
    }

    fn house() -> Networks {
        let networks = ["127.0.0.0/8", "[::1]/128", "192.0.2.7/24"];
        let networks = networks.map(|text| parse_network(text).unwrap());
        Networks::new(Some(networks.to_vec()))
    }

    #[test]
    fn a_login_or_an_own_address_submits() {
        for address in ["127.0.0.1", "::1", "192.0.2.200", "::ffff:192.0.2.1"] {
            assert!(
                house().submitted(&client(address, None), Submitters::ByClient),
                "{address}"
            );
        }
        assert!(house().submitted(&client("198.51.100.1", Some("anna")), Submitters::ByClient));
    }

    #[test]
    fn what_comes_in_from_elsewhere_is_not_submitted() {
        assert!(!house().submitted(&client("198.51.100.1", None), Submitters::ByClient));
        assert!(house().submitted(&client("198.51.100.1", None), Submitters::All));
    }

    #[test]
    fn who_cannot_be_told_counts_as_one_of_the_house() {
        assert!(house().submitted(&client("unknown", None), Submitters::ByClient));
        let all = Networks::default();
        assert!(all.submitted(&client("198.51.100.1", None), Submitters::ByClient));
    }

    #[test]
    fn a_mapped_network_is_what_it_stands_for() {
        let mapped = parse_network("[::ffff:192.0.2.0]/120").unwrap();
        assert_eq!(mapped, parse_network("192.0.2.0/24").unwrap());
    }

    #[test]
    fn odd_networks_are_refused() {
        for odd in [
            "",
            "192.0.2.0/33",
            "example.com",
            "hash:/etc/postfix/networks",
        ] {
            assert!(parse_network(odd).is_err(), "{odd:?}");
        }
    }
}
