//! What HTML becomes, from its source to the page. Never part of the program.

use super::*;

fn read_alone(html: &str) -> Read {
    read(html, &[], &mut Pictures::default())
}

#[test]
fn a_page_keeps_its_words_and_loses_everything_else() {
    let read = read_alone(
        "<html><head><title>t</title><style>p{color:red}</style><meta charset=x></head><body>\
         <p style='color:red' onclick=x()>Hello <b>World</b></p><script>x()</script></body></html>",
    );
    assert_eq!(read.page.as_deref(), Some("<p>Hello <b>World</b></p>"));
    assert_eq!(read.text, "Hello World");
    assert!(!read.has_hidden);
}

#[test]
fn a_link_shows_its_host_and_leads_nowhere() {
    let read =
        read_alone("<a href='https://user@b\u{fc}cher.test/x'>bank.test</a> <a href=//evil.test>x");
    let page = read.page.unwrap();
    assert_eq!(
        page,
        "<a dir=\"ltr\"><samp dir=\"ltr\">[b\u{fc}cher.test = xn--bcher-kva.test]</samp> bank.test</a> \
         <a dir=\"ltr\"><samp dir=\"ltr\">[evil.test]</samp> x</a>"
    );
    assert_eq!(read.text, "bank.test x");
    assert!(read.links[0].is_mismatch && !read.links[1].is_mismatch);
    assert_eq!(read.links[0].target, "https://user@b\u{fc}cher.test/x");
}

#[test]
fn a_link_leads_on_from_the_base_of_its_document() {
    for target in ["login", "/login", "#login", "", "?x", "\u{2003}/login"] {
        let read = read_alone(&format!(
            "<a href='{target}'>bank.test</a><base target=x><base href='https://evil.test/a/'>\
             <base href=https://bank.test>"
        ));
        let page = read.page.unwrap();
        let wanted = "<a dir=\"ltr\"><samp dir=\"ltr\">[evil.test]</samp> bank.test</a>";
        assert_eq!(page, wanted, "{target}");
        assert!(read.links[0].is_mismatch, "{target}");
        assert_eq!(read.links[0].host.as_ref().unwrap().unicode, "evil.test");
    }
    for (target, host) in [("//x.test", "x.test"), ("http:x.test", "x.test")] {
        let read = read_alone(&format!("<base href=https://evil.test><a href={target}>x"));
        assert_eq!(read.links[0].host.as_ref().unwrap().unicode, host);
    }
    assert!(read_alone("<base href=x/><a href='#x'>x").links.is_empty());
}

#[test]
fn a_link_with_two_places_tells_both_and_agrees_with_no_text_that_names_one() {
    let read = read_alone(
        "<base href='https://evil.test/'><a href='&nbsp;https://bank.test/login'>https://bank.test/login</a>",
    );
    assert_eq!(
        read.page.unwrap(),
        "<a dir=\"ltr\"><samp dir=\"ltr\">[evil.test or bank.test]</samp> https://bank.test/login</a>"
    );
    assert!(read.links[0].is_mismatch);
    let host = read.links[0].host.as_ref().unwrap();
    assert_eq!(host.unicode, "evil.test or bank.test");
}

#[test]
fn a_link_leads_on_from_the_base_that_the_header_of_its_part_names() {
    for base in [
        "https://evil.test/a",
        "https:\t//ev il.test",
        "\"https://evil.test\"",
        "h&#116;tps://evil.test",
    ] {
        let bases = [base.to_owned()];
        let read = read("<a href=login>bank.test", &bases, &mut Pictures::default());
        let wanted = "<a dir=\"ltr\"><samp dir=\"ltr\">[evil.test]</samp> bank.test</a>";
        assert_eq!(read.page.as_deref(), Some(wanted), "{base}");
        assert!(read.links[0].is_mismatch, "{base}");
    }
    let bases = ["x.html".to_owned(), "https://two.test".to_owned()];
    let html = "<base href=https://one.test><a href=login>x";
    let read = read(html, &bases, &mut Pictures::default());
    let host = read.links[0].host.as_ref().unwrap();
    assert_eq!(host.unicode, "one.test or two.test");
}

#[test]
fn a_link_that_no_browser_asks_is_told_as_well() {
    for (target, place) in [
        ("file://evil.test/share/x", "evil.test"),
        ("file:///\\\\evil.test\\share", "evil.test"),
        ("file:///C:/x", "file:"),
        ("smb://evil.test/share", "evil.test"),
        ("\\\\evil.test\\share", "evil.test"),
        ("ms-word:ofe|u|https://evil.test/x.docx", "ms-word:"),
        (
            "Search-MS:query=x&crumb=location:\\\\evil.test",
            "search-ms:",
        ),
        ("view-source:https://evil.test", "view-source:"),
        ("javascript:x()", "javascript:"),
    ] {
        let read = read_alone(&format!("<a href='{target}'>x</a>"));
        let wanted = format!("<a dir=\"ltr\"><samp dir=\"ltr\">[{place}]</samp> x</a>");
        assert_eq!(read.page, Some(wanted));
        assert_eq!(read.links[0].target, target);
    }
    for target in ["mailto:a@corp.test", "tel:1", "#x", "x"] {
        let read = read_alone(&format!("<a href='{target}'>x</a>"));
        assert_eq!(read.page.as_deref(), Some("<a>x</a>"), "{target}");
    }
}

#[test]
fn a_place_of_an_image_map_is_told_where_the_map_stands() {
    let read = read_alone(
        "<img usemap='#m'><map name=m><area href=//evil.test alt='bank.test'>\
         <area href=//x.test><area nohref></map>words",
    );
    assert_eq!(
        read.page.unwrap(),
        "<img><samp dir=\"ltr\">[evil.test]</samp> bank.test \
         <samp dir=\"ltr\">[x.test]</samp> \u{25a1} words"
    );
    assert!(read.links[0].is_mismatch && !read.links[1].is_mismatch);
    assert_eq!(read.links[0].text, "bank.test");
    assert_eq!(read.text, "words");
}

#[test]
fn a_mail_cannot_turn_the_host_of_a_link_round() {
    let label = "<samp dir=\"ltr\">[moc.knab.com]</samp>";
    let link = "<a href='https://moc.knab.com'>Click</a>";
    for around in [
        "<bdo dir=rtl>LINK</bdo>",
        "<p style='unicode-bidi:bidi-override;direction:rtl'>LINK</p>",
        "<style>a, samp { direction: rtl }</style>LINK",
        "<span dir=rtl>LINK</span>",
    ] {
        let page = read_alone(&around.replace("LINK", link)).page.unwrap();
        let page = page.replace("<p>", "").replace("</p>", "");
        let page = page.replace("<span>", "").replace("</span>", "");
        let wanted = format!("<a dir=\"ltr\">{label} Click</a>");
        assert_eq!(page, wanted, "{around}");
    }
    // Arabic and Hebrew keep their direction, and the host its own.
    let page = read_alone(&format!("<p dir=rtl>\u{5d0} {link}</p>")).page;
    let wanted = format!("<p dir=\"rtl\">\u{5d0} <a dir=\"ltr\">{label} Click</a></p>");
    assert_eq!(page, Some(wanted));
    let page = read_alone("<a href='https://a%E2%80%AEb.test'>x</a>").page;
    assert!(!page.unwrap().contains('\u{202e}'));
}

#[test]
fn no_cell_lies_over_another_one() {
    let page = read_alone(
        "<table><tr><td>a<td rowspan=3 align=right>b<tr><th colspan=2 rowspan=2>c</table>",
    )
    .page
    .unwrap();
    assert!(!page.contains("rowspan"), "{page}");
    assert!(page.contains("<td align=\"right\">b</td>") && page.contains("<th colspan=\"2\">c"));
}

#[test]
fn a_mail_cannot_write_a_label_of_its_own() {
    let link = |text: &str| format!("<a href=https://evil.test>{text}</a>");
    for forged in [
        "<samp dir=\"ltr\">[bank.com]</samp>",
        "<SAMP>[bank.com]",
        "<sa<samp>mp>[bank.com]</samp>",
        "<svg><samp>[bank.com]</samp></svg>",
        "<noscript><samp>[bank.com]</samp></noscript>",
        "<xmp><samp>[bank.com]</samp></xmp>",
        "<i title='<samp>[bank.com]</samp>'>x</i>",
        "&lt;samp&gt;[bank.com]&lt;/samp&gt;",
        "<samp",
        "</samp><b>[bank.com]</b>",
        "<b><bdi dir=\"ltr\">[bank.com]</bdi></b>",
    ] {
        for html in [
            link(&format!("Click {forged}")),
            forged.to_owned() + &link("x"),
        ] {
            let page = read_alone(&html).page.unwrap();
            let n_links = page.matches("<a dir=\"ltr\">").count();
            let label = "<a dir=\"ltr\"><samp dir=\"ltr\">[evil.test]</samp> ";
            assert_eq!(page.matches(label).count(), n_links, "{page}");
            // In the value of an attribute it is no element.
            let page = page.replace("title=\"<samp>", "");
            assert_eq!(page.matches("<samp").count(), n_links, "{page}");
        }
    }
}

#[test]
fn within_a_line_a_mail_sets_no_direction() {
    let letters = "<bdi>m</bdi><b dir=ltr>o</b><bdi>c</bdi>";
    let page = read_alone(&format!("<p dir=rtl><span dir=rtl>{letters}</span></p>")).page;
    let wanted = "<p dir=\"rtl\"><span>m<b>o</b>c</span></p>";
    assert_eq!(page.as_deref(), Some(wanted));
}

#[test]
fn what_fills_the_first_line_of_a_newsletter_has_one_name() {
    let filled = "&zwnj;&nbsp;\n".repeat(2_000);
    let page = read_alone(&format!("<div>{filled}Don&shy;au &lt;</div>")).page;
    let wanted = "<div>[ZWNJ \u{d7}2000]&nbsp; Don\u{ad}au &lt;</div>";
    assert_eq!(page.as_deref(), Some(wanted));
}

#[test]
fn a_soft_hyphen_hides_no_other_host() {
    let read = read_alone("<a href='https://evil.test/'>ba&shy;nk.test</a>");
    assert!(read.links[0].is_mismatch);
}

#[test]
fn signs_that_are_not_seen_are_named_on_the_page_as_in_the_text() {
    let family = "\u{1f468}\u{200d}\u{1f469}";
    let read = read_alone(&format!(
        "<p title='a\u{202e}b'>pay&#x202e;fdp\u{200b} &lt;b&gt; {family}<img alt='x\u{2066}\"y'></p>"
    ));
    assert_eq!(
        read.page.unwrap(),
        format!(
            "<p title=\"a[RLO]b\">pay[RLO]fdp[ZWSP] &lt;b&gt; {family}\
             <img alt=\"x[LRI]&quot;y\"></p>"
        )
    );
    // The text tab names them itself.
    assert_eq!(
        read.text,
        format!("pay\u{202e}fdp\u{200b} <b> {family}x\u{2066}\"y")
    );
}

#[test]
fn lines_break_where_a_browser_breaks_them() {
    let read = read_alone(
        "<p>a\n b</p><p>c<br>d</p><ul><li>e<li>f</ul><pre>g\n h</pre><table><tr><td>i<td>j</table>&lt;k&amp;&nbsp;l",
    );
    assert_eq!(read.text, "a b\n\nc\nd\n\ne\nf\n\ng\n h\n\ni j\n\n<k& l");
}

#[test]
fn hidden_text_is_told_and_shown() {
    for style in [
        "display:none",
        "font-size: 0px",
        "VISIBILITY : hidden",
        "opacity:0",
        "mso-hide:all",
        "font-size:0.5px",
    ] {
        let read = read_alone(&format!("<div style='color:red;{style}'>secret</div>"));
        assert!(read.has_hidden, "{style}");
        assert_eq!(read.page.as_deref(), Some("<div>secret</div>"));
    }
    for style in [
        "display:block",
        "font-size:0.9em",
        "opacity:0.5",
        "font-size:10px",
    ] {
        let read = read_alone(&format!("<div style='{style}'>shown</div>"));
        assert!(!read.has_hidden, "{style}");
    }
    assert!(!read_alone("<div style='display:none'> &nbsp; </div>").has_hidden);
    assert!(read_alone("<p hidden>x</p>").has_hidden);
}

#[test]
fn an_image_of_the_mail_is_shown_and_no_other() {
    let png = pictures::tests::png(2, 2);
    let mut pictures = Pictures::new([("a@b".to_owned(), png.as_slice())]);
    let read = read(
        "<img src='CID:a%40b' alt=x><img src=cid:none alt=y><img src=https://tracker.test/p>",
        &[],
        &mut pictures,
    );
    let page = read.page.unwrap();
    assert!(
        page.starts_with("<img src=\"data:image/png;base64,"),
        "{page}"
    );
    assert!(
        page.ends_with("\" alt=\"x\"><img alt=\"y\"><img>"),
        "{page}"
    );
    assert!(pictures.is_shown("a@b"));
    let shown = pictures.shown().clone();
    assert_eq!(safe::clean(&page, shown, pictures.room()), page);
    let many = super::read(&"<img src=cid:a@b>".repeat(90_000), &[], &mut pictures)
        .page
        .unwrap();
    assert!(many.len() < 11 * 1024 * 1024, "{}", many.len());
}

#[test]
fn an_image_that_is_named_often_is_taken_once() {
    let html = "<img src=\"cid:b\"><img src=\"CID:a\">".repeat(4_000) + "<img src=\"cid:%61\">";
    assert_eq!(walk::walk(&html, &[]).unwrap().pictures, ["b", "a"]);
}

#[test]
fn a_bomb_of_tags_ends_in_time() {
    for bomb in [
        "<div>",
        "<b><p>",
        "<a href=x><table>",
        "<font>",
        "<svg><math>",
        "<li><ul>",
        "<div></p>",
        "<b><table><td></b></table><p>",
        "<b><i></x><p>",
    ] {
        let made = read_alone(&bomb.repeat(1_000_000 / bomb.len()));
        assert!(made.is_too_deep, "{bomb}");
    }
}

#[test]
fn links_within_links_are_read_in_bounds_and_what_is_not_read_is_no_agreement() {
    let words = "word ".repeat(200_000);
    let html = "<a href=//x.test><table><td>".repeat(50) + &words;
    let read = read_alone(&html);
    let mismatches: Vec<bool> = read.links.iter().map(|link| link.is_mismatch).collect();
    assert_eq!(mismatches, [[false; 4].as_slice(), &[true; 46]].concat());
    // A text by itself is read to its end.
    let read = read_alone(&format!("<a href=//x.test>{words}https://bank.test</a>"));
    assert!(read.links[0].is_mismatch);
}

#[test]
fn lines_without_number_do_not_part_lines_more() {
    let read = read_alone(&format!("<pre>a{}</pre><p>b", "\n".repeat(5)));
    assert_eq!(read.text, "a\n\n\n\n\nb");
}
