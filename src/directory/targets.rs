//! Strangers' bytes for what the directory reads and is asked, and what must hold of each. Run as
//! property tests and by the fuzzer (docs/testing.md); never part of the program.

use super::{
    filter::{FilterTemplate, any_of},
    generalized_time,
    ldap::{
        is_filter,
        targets::{compared, shape},
        url::{Scheme, ServerUrl},
    },
};
use crate::domain::targets::Cut;

const PLACE: &str = "{address}";

/// The filter: a value stays one value, whatever is in it, and stands for nothing else.
pub fn ldap_filter(input: &[u8]) {
    let mut cut = Cut::new(input);
    let (value, before, after) = (cut.part(), cut.part(), cut.part());
    let template = "(&(objectClass=person)(|(mail={address})(proxyAddresses=smtp:{address})))";
    let Ok(template) = FilterTemplate::new(template, PLACE) else {
        panic!("{template} is a filter");
    };
    let filter = template.render(value);
    assert!(filter.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
    let prefixed = [b"smtp:", value].concat();
    let whole = |value: &[u8]| vec![Some(value.to_vec())];
    assert_eq!(
        compared(&filter),
        [
            ("objectClass".to_owned(), whole(b"person")),
            ("mail".to_owned(), whole(value)),
            ("proxyAddresses".to_owned(), whole(&prefixed)),
        ]
    );
    if !before.is_empty() && !after.is_empty() {
        let Ok(template) = FilterTemplate::new("(mail={address})", PLACE) else {
            panic!("a filter");
        };
        let parts = vec![Some(before.to_vec()), None, Some(after.to_vec())];
        let filter = template.render_between(before, after);
        assert_eq!(compared(&filter), [("mail".to_owned(), parts)]);
        let both = any_of(vec![filter, template.render(value)]);
        assert_eq!(compared(&both).len(), 2, "{both}");
    }
    any_template(&String::from_utf8_lossy(cut.rest()), value);
}

/// A template that was accepted is a filter of the same shape for every value. Nobody without a name
/// is asked for, and a tag stands between two parts: none of them is empty.
fn any_template(template: &str, value: &[u8]) {
    let Ok(template) = FilterTemplate::new(template, PLACE) else {
        return;
    };
    if value.is_empty() {
        return;
    }
    let filter = template.render(value);
    assert!(is_filter(&filter), "{filter}");
    assert_eq!(
        shape(&filter),
        shape(&template.render(b"a@b.test")),
        "{filter}"
    );
    template.attributes();
    if template.can_search_parts() {
        let filter = template.render_between(value, value);
        assert!(is_filter(&filter), "{filter}");
    }
}

/// The time of a directory: what was read is read again in its plainest form.
pub fn generalized_time(input: &[u8]) {
    let Some(time) = generalized_time::parse(input) else {
        return;
    };
    let text = time.format("%Y%m%d%H%M%S.%fZ").to_string();
    // A year of five digits comes of an offset on the last day of 9999, and one below zero likewise.
    if text.len() == "20301231235959.000000000Z".len() && !text.starts_with('-') {
        assert_eq!(
            generalized_time::parse(text.as_bytes()),
            Some(time),
            "{text}"
        );
    }
}

/// The URL of a server: shown as it was written, and local only if it says so plainly.
pub fn ldap_url(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(url) = text.parse::<ServerUrl>() else {
        return;
    };
    assert_eq!(url.as_str(), text);
    assert_eq!(url.to_string(), text);
    if url.is_local() && url.scheme() != Scheme::Ldapi {
        let (_, place) = text.split_once("://").unwrap_or_default();
        let place = place.to_ascii_lowercase();
        let plain = ["localhost", "127.", "[", "::1"];
        assert!(plain.iter().any(|host| place.starts_with(host)), "{text}");
        assert!(!text.contains(['@', '?', ' ', '#']), "{text}");
    }
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use crate::domain::targets::{joined, seeds::texts};

    /// A value, two parts of one, and a template.
    pub fn ldap_filter() -> Vec<Vec<u8>> {
        let template = b"(|(mail={address})(uid={address}))";
        let nested =
            b"(&(objectClass=person)(!(cn:caseIgnoreMatch:={address}))(mail=smtp:{address}))";
        vec![
            [&joined(&[b"*", b"", b""])[..], b"(mail=\\2{address})"].concat(),
            [
                &joined(&[b"anna@corp.test", b"anna+", b"@corp.test"])[..],
                template,
            ]
            .concat(),
            [
                &joined(&[b"*)(uid=*))(|(uid=*\\\0\xe9", b"a*", b"*)"])[..],
                nested,
            ]
            .concat(),
        ]
    }

    /// Times in every form.
    pub fn generalized_time() -> Vec<Vec<u8>> {
        texts(&[
            "20301231235959Z",
            "203012312359,25Z",
            "2030123123.75+0130",
            "99991231235960-2359",
            "00000101000000Z",
        ])
    }

    /// URLs of servers.
    pub fn ldap_url() -> Vec<Vec<u8>> {
        texts(&[
            "ldap://localhost:389",
            "ldaps://ldap.example.com:636/",
            "ldap://[::1]:389",
            "ldapi://%2Frun%2Fslapd%2Fldapi",
            "ldap://127.0.0.1",
        ])
    }
}
