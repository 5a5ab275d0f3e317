//! Under which names a message is sent.

use std::fmt;

use super::{address::Address, envelope::Path};

/// One name under which a message is sent; each is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The SASL login (macro `{auth_authen}`): the only authenticated name.
    Login(Vec<u8>),
    /// The envelope sender.
    Sender(Address),
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
            Self::Sender(address) => address.to_bytes(),
        }
    }

    /// The kind of name, as records and `reviews show` spell it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Login(_) => "login",
            Self::Sender(_) => "envelope sender",
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(login) => write!(f, "login {}", String::from_utf8_lossy(login)),
            Self::Sender(address) => write!(f, "envelope sender {}", address.to_display()),
        }
    }
}
