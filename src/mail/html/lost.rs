//! What a page loses that some program shows: words and links in elements that are taken away with their
//! content. Never gets on the page: it is told, and read in the source.

use std::collections::BTreeSet;

use super::{
    bounds,
    names::rename,
    plain::{self, WITHOUT_CONTENT},
    tags::Tag,
    walk::{self, Found, Walked},
};

/// Elements whose content some program shows; with a style also others of those without content.
const SHOWN_BY_SOME: [&str; 4] = ["svg", "math", "template", "iframe"];

/// What is lost.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// Whether words are.
    pub has_words: bool,
    /// Links that are.
    pub links: Vec<Found>,
}

/// Reads HTML anew where it has elements that are lost, as if nobody knew them: then their content stays.
/// `walked` is what was read without it.
pub(super) fn read(html: &str, bases: &[String], walked: &Walked) -> Lost {
    let Some(opened) = open(html) else {
        return Lost::default();
    };
    let unread = Lost {
        has_words: true,
        links: Vec::new(),
    };
    // Without walls elements lie deeper.
    if opened.is_told || !bounds::fits(&opened.html) {
        return unread;
    }
    let Some(all) = walk::walk(&plain::write_out(&opened.html), bases) else {
        return unread;
    };
    let n_letters = |text: &str| text.chars().filter(|sign| sign.is_alphanumeric()).count();
    let known: BTreeSet<&str> = walked
        .links
        .iter()
        .map(|link| link.target.as_str())
        .collect();
    let is_new = |link: &Found| !known.contains(link.target.as_str());
    Lost {
        has_words: n_letters(&all.text) > n_letters(&walked.text),
        links: all.links.into_iter().filter(is_new).collect(),
    }
}

struct Opened {
    html: String,
    /// Whether it has words beside its content.
    is_told: bool,
}

fn open(html: &str) -> Option<Opened> {
    let mut renamed = html.as_bytes().to_vec();
    let (mut is_any, mut is_told) = (false, false);
    for (at, _) in html.match_indices('<') {
        let tag = Tag::read(html.get(at + 1..).unwrap_or_default());
        let Some(tag) = tag.filter(|tag| !tag.is_end) else {
            continue;
        };
        let name = tag.name();
        let has = |word: &str| tag.text.to_ascii_lowercase().contains(word);
        if name == "a"
            && let Some(place) = tag.text.to_ascii_lowercase().find("xlink:href")
        {
            blank(&mut renamed, at + 1 + place, "xlink:".len());
        }
        let is_lost = SHOWN_BY_SOME.contains(&name.as_str())
            || WITHOUT_CONTENT.contains(&name.as_str()) && has("display");
        if is_lost {
            rename(&mut renamed, at + 1);
            is_told |= name == "iframe" && has("srcdoc");
            is_any = true;
        }
    }
    let html = String::from_utf8(renamed).ok()?;
    is_any.then_some(Opened { html, is_told })
}

fn blank(html: &mut [u8], at: usize, length: usize) {
    if let Some(bytes) = html.get_mut(at..at + length) {
        bytes.fill(b' ');
    }
}

#[cfg(test)]
mod tests {
    use crate::mail::html::{Pictures, Read, read};

    fn read_alone(html: &str) -> Read {
        read(html, &[], &mut Pictures::default())
    }

    #[test]
    fn words_that_a_page_loses_are_told() {
        for html in [
            "<svg><text>Secret</text></svg>",
            "<SVG><foreignObject><p>Secret</p></foreignObject></SVG>",
            "<math><mtext>Secret</mtext></math>",
            "<div><template shadowrootmode=open>Secret</template></div>",
            "<title style='display:block'>Secret</title>",
            "<script style='Display:block' type=x>Secret</script>",
            "<iframe srcdoc='<p>Secret'></iframe>",
            "<input value=Secret>",
        ] {
            let read = read_alone(&format!("<p>words</p>{html}"));
            assert!(read.has_hidden, "{html}");
            assert!(!read.page.unwrap().contains("Secret"), "{html}");
        }
        for html in [
            "<svg width=1><path d='M1 1'/></svg>",
            "<title>Subject</title><style>p{display:none}</style><script>x()</script>",
            "<iframe src=https://x.test></iframe>",
            "<input type=hidden value=x>",
            "&lt;svg>words",
        ] {
            assert!(!read_alone(html).has_hidden, "{html}");
        }
    }

    #[test]
    fn links_that_a_page_loses_are_told() {
        let host = |html: &str| {
            let read = read_alone(&format!("<a href=//x.test>x</a>{html}"));
            let link = read.links.get(1).cloned().unwrap();
            (link.host.unwrap().unicode, link.is_mismatch)
        };
        for html in [
            "<svg><a href='https://evil.test'><text>bank.test</text></a></svg>",
            "<svg><a XLink:href='https://evil.test'>bank.test</a></svg>",
            "<math><mtext><a href='https://evil.test'>bank.test</a></mtext></math>",
            "<form action='https://evil.test'><button>bank.test</button></form>",
            "<form><button formaction='https://evil.test'>bank.test</button></form>",
            "<input type=submit value='bank.test' formaction='https://evil.test'>",
        ] {
            assert_eq!(host(html), ("evil.test".to_owned(), true), "{html}");
        }
    }

    #[test]
    fn a_page_is_read_as_by_programs_that_run_no_scripts() {
        let read = read_alone(
            "<noscript><base href='https://evil.test'></noscript><a href=login>bank.test</a>\
             <NoScript><b>words</b></NoScript>",
        );
        assert_eq!(read.links[0].host.as_ref().unwrap().unicode, "evil.test");
        assert!(read.page.unwrap().ends_with("</a><b>words</b>"));
        assert_eq!(read.text, "bank.testwords");
    }

    #[test]
    fn elements_that_only_seem_to_be_of_another_language_keep_their_words() {
        for name in [
            "g",
            "text",
            "view",
            "in",
            "list",
            "mtext",
            "desc",
            "annotation-xml",
        ] {
            let read = read_alone(&format!("<{name}>a<a href=//x.test>b</a></{name}>c"));
            let link = "<a dir=\"ltr\"><samp dir=\"ltr\">[x.test]</samp> b</a>";
            assert_eq!(read.page, Some(format!("a{link}c")), "{name}");
        }
    }

    #[test]
    fn nothing_that_a_browser_would_hide_is_closed_on_a_page() {
        let read = read_alone(
            "a<details open><summary>b</summary>c</details><ruby>d<rp>e</rp><rt>f</rt></ruby>",
        );
        assert_eq!(
            read.page.as_deref(),
            Some("a<div><div>b</div>c</div><ruby>de<rt>f</rt></ruby>")
        );
    }
}
