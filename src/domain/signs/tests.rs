//! Unit tests of what is named and what is left.

use super::*;

#[test]
fn what_turns_the_direction_is_named() {
    assert_eq!(hidden('\u{202e}').as_deref(), Some("RLO"));
    assert_eq!(hidden('\u{200b}').as_deref(), Some("ZWSP"));
    assert_eq!(hidden('\u{1b}').as_deref(), Some("U+001B"));
    assert_eq!(hidden('\u{e0041}').as_deref(), Some("U+E0041"));
}

#[test]
fn what_is_seen_is_left_alone() {
    for sign in [
        'a',
        ' ',
        '\n',
        '\t',
        '\u{e9}',
        '\u{5c71}',
        '\u{0301}',
        '\u{1f600}',
    ] {
        assert_eq!(hidden(sign), None, "{sign:?}");
    }
}

#[test]
fn in_brackets_stands_what_is_not_seen_and_nothing_else() {
    let text = "pay\u{202e}fdp\u{200b} \u{5c71} \u{1f468}\u{200d}\u{1f469}\u{200d}";
    let shown = "pay[RLO]fdp[ZWSP] \u{5c71} \u{1f468}\u{200d}\u{1f469}[ZWJ]";
    assert_eq!(in_brackets(text), shown);
}

#[test]
fn a_picture_stays_one() {
    for text in [
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
        "\u{1f469}\u{1f3fd}\u{200d}\u{1f4bb}",
        "1\u{fe0f}\u{20e3} \u{a9}\u{fe0e}",
    ] {
        assert_eq!(in_brackets(text), text);
    }
}

#[test]
fn between_pictures_nothing_else_is_hidden() {
    for (text, shown) in [
        (
            "Invoice\u{fe0f}\u{202e}\u{fe0f}fdp.exe",
            "Invoice[U+FE0F][RLO][U+FE0F]fdp.exe",
        ),
        ("\u{2709}\u{202e}\u{2709}", "\u{2709}[RLO]\u{2709}"),
        ("\u{2709}\u{fe0f}\u{fe0f}", "\u{2709}\u{fe0f}[U+FE0F]"),
        (
            "\u{2709}\u{200d}\u{200d}\u{2709}",
            "\u{2709}[ZWJ][ZWJ]\u{2709}",
        ),
        (
            "pay\u{fe0f}\u{200b}\u{fe0f}pal",
            "pay[U+FE0F][ZWSP][U+FE0F]pal",
        ),
        ("1\u{fe0f}000", "1[U+FE0F]000"),
    ] {
        assert_eq!(in_brackets(text), shown);
        assert_eq!(
            prose_in_brackets(text).replace("ZWJ \u{d7}2", "ZWJ][ZWJ"),
            shown
        );
    }
}

#[test]
fn whatever_unicode_leaves_out_of_sight_is_named() {
    for (text, shown) in [
        ("ba\u{34f}nk", "ba[CGJ]nk"),
        ("a\u{2800}b", "a[U+2800]b"),
        ("a\u{e0100}b", "a[U+E0100]b"),
        ("\u{845b}\u{e0100}\u{e0101}", "\u{845b}[U+E0100][U+E0101]"),
        ("\u{17b4}\u{1d173}\u{e0080}", "[U+17B4][U+1D173][U+E0080]"),
    ] {
        assert_eq!(in_brackets(text), shown);
    }
    assert_eq!(seen("ba\u{fe0f}nk\u{34f}.test"), "bank.test");
}

#[test]
fn a_run_of_signs_that_fill_a_line_has_one_name() {
    for (text, shown) in [
        (
            "\u{200c}\u{a0}".repeat(150) + "News",
            "[ZWNJ \u{d7}150]\u{a0}News",
        ),
        ("\u{ad}".repeat(200), "[SHY \u{d7}200]"),
        (
            "\u{34f}\u{200c} \u{ad} ".repeat(9),
            "[CGJ, ZWNJ, SHY \u{d7}27] ",
        ),
        ("a\u{200b} \u{200b}b".to_owned(), "a[ZWSP \u{d7}2] b"),
        ("a\u{200b}\n\u{200b}b".to_owned(), "a[ZWSP]\n[ZWSP]b"),
        ("a\u{200b}b\u{200b}c".to_owned(), "a[ZWSP]b[ZWSP]c"),
        (
            "\u{200c}\u{202e}\u{200c}\u{202e}".to_owned(),
            "[ZWNJ][RLO][ZWNJ][RLO]",
        ),
        ("\u{200b} \r\u{200b}".to_owned(), "[ZWSP] [U+000D][ZWSP]"),
        (" a".to_owned(), " a"),
    ] {
        assert_eq!(prose_in_brackets(&text), shown);
    }
    // A name has each of them.
    assert_eq!(in_brackets("\u{200b}\u{200b}"), "[ZWSP][ZWSP]");
}

#[test]
fn what_spelling_asks_for_is_no_trick_in_a_text_to_be_read() {
    for text in [
        "Donau\u{ad}dampf\u{ad}schiff",
        "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
        "\u{915}\u{94d}\u{200d}\u{937}",
        "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}",
        "\u{845b}\u{e0100}\u{57ce}",
        "\u{182d}\u{180b}",
        "\u{1f468}\u{200d}\u{1f469}",
    ] {
        assert_eq!(prose_in_brackets(text), text);
        assert_eq!(in_brackets(text) == text, text.starts_with('\u{1f468}'));
    }
    for (text, shown) in [
        ("ba\u{200c}nk", "ba[ZWNJ]nk"),
        ("\u{645}\u{200c} a", "\u{645}[ZWNJ] a"),
        ("5\u{ad}000", "5[SHY]000"),
        (
            "\u{645}\u{202e}\u{645}\u{61c}\u{645}",
            "\u{645}[RLO]\u{645}[ALM]\u{645}",
        ),
    ] {
        assert_eq!(prose_in_brackets(text), shown);
    }
}

#[test]
fn what_is_seen_of_a_text_has_no_hidden_sign() {
    assert_eq!(seen("ba\u{ad}nk\u{200b}.test\u{202e}"), "bank.test");
}
