//! Which addresses are ours. Never asks a directory: the policy's domains say it.

use crate::domain::{envelope::Path, policy::DomainPattern};

/// The domains of the house.
#[derive(Clone, Debug, Default)]
pub struct House {
    /// `policy.internal_domains`
    pub domains: Vec<DomainPattern>,
}

impl House {
    /// Whether every mailbox that a path means is ours.
    pub fn is_internal(&self, path: &Path) -> bool {
        let addresses = path.addresses();
        let is_ours = |domain: &[u8]| self.domains.iter().any(|ours| ours.matches(domain));
        !addresses.is_empty() && addresses.iter().all(|address| is_ours(address.domain()))
    }

    /// Whether an address as it is shown is ours.
    pub fn is_internal_text(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let domain = crate::domain::idn::to_ascii(domain.as_bytes());
        self.domains.iter().any(|ours| ours.matches(&domain))
    }
}
