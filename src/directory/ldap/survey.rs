//! What a server shows of the flags as a whole, for `mailhold check`.

use ldap3::{LdapError, Scope};
use tokio::time::Instant;

use super::{
    Ldap,
    search::{ENTRY_LIMIT, Question, SIZE_LIMIT_EXCEEDED, Server, Wanted, is_hidden},
};
use crate::directory::{
    DirectoryError,
    survey::{Flags, Survey},
};

impl Ldap {
    /// Asks one server for all that is flagged, and for its own settings.
    pub(super) async fn survey_server(&self, server: &Server) -> Result<Survey, DirectoryError> {
        let attribute = self.settings.marks.attribute.as_str();
        let present = format!("({attribute}=*)");
        let begin = Instant::now();
        let people = server.search(question(&self.settings.base, &present, &attribute));
        let (flags, hidden) = match people.await {
            Err(error) if is_size_limit(&error) => {
                let limit = ENTRY_LIMIT.unsigned_abs() as usize;
                (Flags::MoreThan(limit), 0)
            }
            found => {
                let found = found?;
                // Without the right to read it, an entry is found and shown without its flag.
                let hidden = found.iter().filter(|one| one.values.is_empty()).count();
                (Flags::Counted(found.len() - hidden), hidden)
            }
        };
        let took = begin.elapsed();
        let indexes = server.search(question("cn=config", "(olcDbIndex=*)", &"olcDbIndex"));
        let indexes = match indexes.await {
            Err(error) if is_hidden(&error) => Vec::new(),
            found => found?,
        };
        let lines = indexes.into_iter().flat_map(|entry| entry.values);
        Ok(Survey {
            flags,
            hidden,
            took,
            indexes: lines
                .map(|(_, line)| String::from_utf8_lossy(&line).into_owned())
                .collect(),
        })
    }
}

fn question<'a>(base: &'a str, filter: &'a str, attribute: &'a &'a str) -> Question<'a> {
    Question {
        base,
        scope: Scope::Subtree,
        filter,
        attributes: std::slice::from_ref(attribute),
        wanted: Wanted::All,
        kind: "survey",
    }
}

/// Whether the server has more to give than was asked for (RFC 4511, section 4.1.9).
fn is_size_limit(error: &DirectoryError) -> bool {
    let DirectoryError::LookUp { cause, .. } = error else {
        return false;
    };
    matches!(
        cause.downcast_ref(),
        Some(LdapError::LdapResult { result }) if result.rc == SIZE_LIMIT_EXCEEDED
    )
}
