//! What the client said in MAIL and RCPT, byte for byte.

use super::address::Address;

/// One path of the envelope with its ESMTP arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The argument as sent: `<a@b>` over SMTP, `a@b` from `sendmail`, `<>` or empty for null.
    pub argument: Vec<u8>,
    /// ESMTP arguments as sent, such as `SIZE=1000` or `NOTIFY=NEVER` (RFC 1869).
    pub parameters: Vec<Vec<u8>>,
    /// The form that Postfix made of it: macro `{mail_addr}` or `{rcpt_addr}`, if it was given.
    pub rewritten: Option<Vec<u8>>,
}

impl Path {
    /// The mailboxes that this path means: as sent, and as Postfix rewrote it where that differs.
    pub fn addresses(&self) -> Vec<Address> {
        let said = Address::from_envelope(&self.argument);
        let meant = self.rewritten.as_deref().and_then(Address::from_envelope);
        let mut addresses: Vec<Address> = said.into_iter().collect();
        if let Some(meant) = meant.filter(|meant| !addresses.contains(meant)) {
            addresses.push(meant);
        }
        addresses
    }

    /// What it takes up in memory.
    pub fn n_bytes(&self) -> usize {
        let parameters = self.parameters.iter();
        let texts = parameters.chain([&self.argument]).chain(&self.rewritten);
        let texts = texts.map(|text| text.len() + size_of::<Vec<u8>>());
        size_of::<Self>() + texts.sum::<usize>()
    }

    /// The address for people: Postfix's form if there is one; `<>` for the null sender.
    pub fn to_display(&self) -> String {
        let meant = self.rewritten.as_deref().and_then(Address::from_envelope);
        meant
            .or_else(|| Address::from_envelope(&self.argument))
            .map_or_else(|| "<>".to_owned(), |address| address.to_display())
    }
}

/// The envelope of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The envelope sender.
    pub sender: Path,
    /// All recipients that Postfix accepted before us, in order.
    pub recipients: Vec<Path>,
}
