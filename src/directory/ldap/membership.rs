//! Who is in a group, asked of the group's own entry.

use super::search::Server;
use crate::directory::{
    DirectoryError,
    reading::{Answered, Marks},
};

/// The attribute that names members by their login (RFC 2307), not by their entry.
const MEMBER_UID: &str = "memberUid";
/// The login of a person.
pub(super) const UID: &str = "uid";

/// Where a membership stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// In the person's entry, in the attribute that `Marks::member_of` names.
    OfPerson,
    /// In the group's entry.
    OfGroup {
        /// `member` or `uniqueMember`, which name entries, or `memberUid`, which names logins.
        member: String,
    },
}

impl Membership {
    /// Whether a person's login is needed to know a member.
    pub(in crate::directory) fn is_by_login(&self) -> bool {
        match self {
            Self::OfPerson => false,
            Self::OfGroup { member } => member.eq_ignore_ascii_case(MEMBER_UID),
        }
    }

    /// Adds to a person's values what the groups' entries say, as if it stood in the person's own.
    ///
    /// # Errors
    /// A group that cannot be read: nobody is known not to be in it.
    pub(super) async fn complete(
        &self,
        server: &Server,
        marks: &Marks,
        person: &mut Answered,
    ) -> Result<(), DirectoryError> {
        let Self::OfGroup { member } = self else {
            return Ok(());
        };
        let names = if self.is_by_login() {
            take_logins(person)
        } else {
            vec![person.name.clone().into_bytes()]
        };
        for group in marks.all_groups() {
            for name in &names {
                if server.compare(group.as_str(), member, name).await? {
                    let value = group.as_str().as_bytes().to_vec();
                    person.values.push((marks.member_of.clone(), value));
                }
            }
        }
        Ok(())
    }
}

/// The logins are no marks.
fn take_logins(person: &mut Answered) -> Vec<Vec<u8>> {
    let values = std::mem::take(&mut person.values);
    let is_login = |(name, _): &(String, Vec<u8>)| {
        let name = name.split(';').next().unwrap_or_default();
        name.eq_ignore_ascii_case(UID)
    };
    let (logins, marks) = values.into_iter().partition(is_login);
    person.values = marks;
    let logins: Vec<(String, Vec<u8>)> = logins;
    logins.into_iter().map(|(_, login)| login).collect()
}
