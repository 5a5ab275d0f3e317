//! From fields as most people write them, which everybody reads alike.

/// Whether all readings of these values agree: each is `a@b` or `Name <a@b>` without a sign that any
/// of them takes for more than itself, and the library gives it back as it was written.
pub(super) fn are_plain(from: &[String], values: &[Vec<u8>]) -> bool {
    let is_plain = |(read, value): (&String, &Vec<u8>)| {
        read.as_bytes() == value.trim_ascii() && is_plain_mailbox(read)
    };
    from.len() == values.len() && from.iter().zip(values).all(is_plain)
}

fn is_plain_mailbox(text: &str) -> bool {
    let is_only = |text: &str, signs: &[u8]| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || signs.contains(&byte);
        !text.is_empty() && text.bytes().all(is_plain)
    };
    let mailbox = match text.strip_suffix('>').map(|rest| rest.split_once('<')) {
        Some(Some((name, mailbox))) if is_only(name, b" .-_'") && name.ends_with(' ') => mailbox,
        Some(_) => return false,
        None => text,
    };
    let parts = mailbox.split_once('@');
    parts.is_some_and(|(local, domain)| is_only(local, b".-_+") && is_only(domain, b".-"))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        domain::address::Address,
        mail::{author::authors, mailboxes::as_written},
    };

    fn is_plain(value: &str) -> bool {
        are_plain(&[value.trim().to_owned()], &[value.as_bytes().to_vec()])
    }

    /// Authors whom another reading of a value has, and who are not in its text.
    fn missing(value: &str) -> Vec<Address> {
        let known: Vec<Address> = Address::all_in(value).collect();
        let read: Vec<(String, String)> = as_written(value.trim().as_bytes()).collect();
        let read = read
            .iter()
            .flat_map(|(_, address)| Address::all_in(address));
        authors(&[value.as_bytes().to_vec()], usize::MAX)
            .into_iter()
            .chain(read)
            .filter(|author| !known.contains(author))
            .collect()
    }

    #[test]
    fn what_most_people_write_is_plain() {
        for value in [
            " anna@corp.test",
            "Anna M. Smith-O'Neil <anna.smith+x@corp.test>",
        ] {
            assert!(is_plain(value), "{value}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_plain() {
        for value in [
            "a@b, c@d",
            "\"Anna\" <a@b>",
            "a (x)@b",
            "=?aa?q?a?= <a@b>",
            "a@b@c",
            "A <a@b> <c@d>",
            "a@b <c@d>",
            "a<b@c>",
            "Team: a@b;",
            "a . b@c",
            "Anna",
            "",
        ] {
            assert!(!is_plain(value), "{value}");
        }
        let (read, value) = ("anna@corp.test".to_owned(), b"ben@corp.test".to_vec());
        assert!(!are_plain(from_ref(&read), from_ref(&value)));
        assert!(!are_plain(&[read], &[]));
        assert!(!are_plain(&[], &[value]));
    }

    proptest! {
        #[test]
        fn all_readings_of_a_plain_value_agree(
            name in "([a-zA-Z0-9 .'_+~{}=?:-]{0,12} ?<)?",
            local in "[a-zA-Z0-9._+~ -]{0,8}@?",
            domain in "[a-zA-Z0-9.@ -]{0,8}",
            end in ">?",
        ) {
            let value = format!("{name}{local}{domain}{end}");
            prop_assert!(!is_plain(&value) || missing(&value).is_empty(), "{:?}", value);
        }

        #[test]
        fn all_readings_of_a_mailbox_agree(
            name in "(([a-zA-Z0-9.'_-]{1,6} ){1,3}<)?",
            local in "[a-zA-Z0-9._+-]{1,8}",
            domain in "[a-zA-Z0-9.-]{1,8}",
        ) {
            let end = if name.is_empty() { "" } else { ">" };
            let value = format!("{name}{local}@{domain}{end}");
            prop_assert!(is_plain(&value), "{:?}", value);
            prop_assert_eq!(missing(&value), []);
        }
    }
}
