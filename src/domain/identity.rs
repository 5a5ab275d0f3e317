//! Under which names a message is sent.

use std::fmt;

use super::{address::Address, envelope::Path, folding::Folding};

/// One name under which a message is sent; each is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The SASL login (macro `{auth_authen}`): the only authenticated name.
    Login(Vec<u8>),
    /// The envelope sender.
    Sender(Address),
    /// An author: a mailbox of the header field From (RFC 5322, section 3.6.2).
    Author(Address),
}

impl Identity {
    /// The identities of a message, the login first because it is the one that was proved.
    pub fn of(login: Option<&[u8]>, sender: &Path) -> Vec<Self> {
        let login = login
            .filter(|login| !login.is_empty())
            .map(|login| Self::Login(login.to_vec()));
        login
            .into_iter()
            .chain(sender.addresses().into_iter().map(Self::Sender))
            .collect()
    }

    /// What is looked up, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Login(login) => login.clone(),
            Self::Sender(address) | Self::Author(address) => address.to_bytes(),
        }
    }

    /// The one form of all its spellings; two of a login with a realm, the second one without it.
    pub fn fold(&self, folding: &Folding) -> Vec<Vec<u8>> {
        match self {
            Self::Login(login) => {
                let plain = folding.without_realm(login);
                let both = [Some(&**login), plain].into_iter().flatten();
                both.map(|login| folding.fold_login(login)).collect()
            }
            Self::Sender(address) | Self::Author(address) => vec![folding.fold(address)],
        }
    }

    /// Every spelling under which a directory may have it, the given one first.
    pub fn spellings(&self, folding: &Folding) -> Vec<Vec<u8>> {
        match self {
            Self::Login(login) => folding.login_spellings(login),
            Self::Sender(address) | Self::Author(address) => folding.spellings(address),
        }
    }

    /// Whether both are one address, in the same spelling: a look-up of one answers for the other.
    pub fn is_same_address(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sender(one) | Self::Author(one), Self::Sender(two) | Self::Author(two)) => {
                one == two
            }
            (Self::Login(_), _) | (_, Self::Login(_)) => false,
        }
    }

    /// Whether it is the SASL login.
    pub fn is_login(&self) -> bool {
        match self {
            Self::Login(_) => true,
            Self::Sender(_) | Self::Author(_) => false,
        }
    }

    /// The part after the last `@`; empty if there is none.
    pub fn domain(&self) -> &[u8] {
        match self {
            Self::Login(login) => {
                let at = login.iter().rposition(|byte| *byte == b'@');
                at.and_then(|at| login.get(at + 1..)).unwrap_or_default()
            }
            Self::Sender(address) | Self::Author(address) => address.domain(),
        }
    }

    /// The kind of name, as records and `reviews show` spell it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            Self::Sender(_) => "envelope sender",
            Self::Author(_) => "header From",
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(login) => write!(f, "login {}", String::from_utf8_lossy(login)),
            Self::Sender(address) | Self::Author(address) => {
                write!(f, "{} {}", self.kind(), address.to_display())
            }
        }
    }
}
