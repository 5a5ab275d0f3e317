//! Which recipients of a queue file the client did not name: aliases, copies, redirections. Never
//! judges them: they are shown to whoever decides.

use std::collections::HashSet;

use crate::{
    domain::{address::Address, envelope::Path},
    postfix::queue_file::{QueueFile, Recipient},
    store::added::{Added, AddedRecipient, How, RECORDED},
};

/// Compares what Postfix would serve with what the client named.
///
/// Postfix writes the client's spelling beside an address that it rewrote, so a recipient whose
/// original was named stands in that one's place; any other one was added.
pub(super) fn added(message: &QueueFile, named: &[Path]) -> Added {
    let named: HashSet<Address> = named.iter().flat_map(Path::addresses).collect();
    let redirected = message.redirect.as_ref().map(|address| AddedRecipient {
        how: How::Redirected,
        address: address.clone(),
        original: None,
    });
    let others = message
        .recipients
        .iter()
        .filter_map(|recipient| unnamed(recipient, &named));
    let mut added = Added::default();
    for recipient in redirected.into_iter().chain(others) {
        added.n_in_all += 1;
        if added.recipients.len() < RECORDED {
            added.recipients.push(recipient);
        }
    }
    added
}

fn unnamed(recipient: &Recipient, named: &HashSet<Address>) -> Option<AddedRecipient> {
    let address = Address::from_queue(&recipient.address);
    if named.contains(&address) {
        return None;
    }
    let original = recipient
        .original
        .as_deref()
        .map(Address::from_queue)
        .filter(|original| *original != address);
    let how = match &original {
        Some(original) if named.contains(original) => How::Rewritten,
        Some(_) | None => How::Added,
    };
    let original = original.and(recipient.original.clone());
    Some(AddedRecipient {
        how,
        address: recipient.address.clone(),
        original,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(address: &str, original: Option<&str>) -> Recipient {
        Recipient {
            address: address.as_bytes().to_vec(),
            original: original.map(|text| text.as_bytes().to_vec()),
            ..Recipient::default()
        }
    }

    fn named(argument: &str, rewritten: &str) -> Path {
        Path {
            argument: argument.as_bytes().to_vec(),
            parameters: Vec::new(),
            rewritten: Some(rewritten.as_bytes().to_vec()),
        }
    }

    fn seen(recipients: Vec<Recipient>, paths: &[Path]) -> Vec<(How, String, Option<String>)> {
        let message = message(recipients, None);
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let added = added(&message, paths).recipients.into_iter();
        added
            .map(|one| {
                let original = one.original.as_deref().map(words);
                (one.how, words(&one.address), original)
            })
            .collect()
    }

    fn message(recipients: Vec<Recipient>, redirect: Option<&str>) -> QueueFile {
        QueueFile {
            sender: Vec::new(),
            recipients,
            redirect: redirect.map(|text| text.as_bytes().to_vec()),
            n_delivered: 0,
            arrived_at: chrono::DateTime::UNIX_EPOCH,
            created_second: None,
            size_bytes: 0,
            login: None,
            client_address: None,
            digest: crate::domain::capture::ContentDigest([0; 32]),
            digest_without_received: None,
        }
    }

    #[test]
    fn what_the_client_named_is_not_told_again_however_it_is_spelt() {
        let paths = [
            named("<bob@Out.Test>", "bob@out.test"),
            named("<carl>", "carl@corp.test"),
            named("<\"a b\"@out.test>", "\"a b\"@out.test"),
            named("<@relay.test:dora@out.test>", "dora@out.test"),
        ];
        let queued = [
            ("bob@OUT.test", Some("bob@Out.Test")),
            ("carl@corp.test", Some("carl")),
            ("a b@out.test", Some("a b@out.test")),
            ("dora@out.test", None),
        ];
        let queued = queued.map(|(address, original)| recipient(address, original));
        assert_eq!(seen(queued.to_vec(), &paths), []);
    }

    #[test]
    fn an_alias_tells_whom_it_stands_for() {
        let paths = [named("<all@corp.test>", "all@corp.test")];
        let queued = ["a@out.test", "b@out.test"].map(|to| recipient(to, Some("ALL@corp.test")));
        // A local part is the receiver's: another spelling may be another person.
        assert_eq!(
            seen(queued.to_vec(), &paths)[0].0,
            How::Added,
            "ALL is not all"
        );
        let queued = ["a@out.test", "b@out.test"].map(|to| recipient(to, Some("all@CORP.test")));
        let seen = seen(queued.to_vec(), &paths);
        let from = Some("all@CORP.test".to_owned());
        assert_eq!(
            seen,
            [
                (How::Rewritten, "a@out.test".to_owned(), from.clone()),
                (How::Rewritten, "b@out.test".to_owned(), from)
            ]
        );
    }

    #[test]
    fn a_copy_that_nobody_named_is_added() {
        let paths = [named("<bob@out.test>", "bob@out.test")];
        let queued = vec![
            recipient("bob@out.test", Some("bob@out.test")),
            recipient("archive@corp.test", Some("archive@corp.test")),
            recipient("x@corp.test", Some("copies@corp.test")),
            recipient("bare@corp.test", None),
        ];
        let copy = |address: &str, original: Option<&str>| {
            let original = original.map(str::to_owned);
            (How::Added, address.to_owned(), original)
        };
        assert_eq!(
            seen(queued, &paths),
            [
                copy("archive@corp.test", None),
                copy("x@corp.test", Some("copies@corp.test")),
                copy("bare@corp.test", None),
            ]
        );
    }

    #[test]
    fn many_are_counted_and_the_first_are_kept_a_redirection_before_all() {
        let queued = (0..1_000).map(|n| recipient(&format!("r{n}@out.test"), None));
        let message = message(queued.collect(), Some("else@out.test"));
        let added = added(&message, &[]);
        assert_eq!((added.recipients.len(), added.n_in_all), (RECORDED, 1_001));
        assert_eq!(added.recipients[0].how, How::Redirected);
        assert_eq!(added.recipients[1].address, b"r0@out.test");
    }
}
