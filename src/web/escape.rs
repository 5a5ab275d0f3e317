//! Writes every value of a page so that it is text and never a mark. In a test build the place
//! `web.escape` turns it off, to see that the Content-Security-Policy alone holds, too.

use std::fmt::{self, Write};

use crate::failpoint;

/// Escapes for HTML, within elements and quoted attributes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Escape;

impl askama::filters::Escaper for Escape {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        if failpoint::is_on!("web.escape") {
            return out.write_str(text);
        }
        askama::filters::Html.write_escaped_str(out, text)
    }
}

#[cfg(test)]
mod tests {
    use askama::filters::Escaper as _;

    use super::*;

    #[test]
    fn no_value_can_become_a_mark_or_leave_an_attribute() {
        let mut out = String::new();
        let value = "<img src=x onerror='a' title=\"b\">&";
        Escape.write_escaped_str(&mut out, value).unwrap();
        for sign in ['<', '>', '"', '\''] {
            assert!(!out.contains(sign), "{out}");
        }
    }
}
