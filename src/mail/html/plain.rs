//! HTML as a browser reads it, written out plainly: every element with its end tag, no comments, five
//! entities. For the walk alone; never shown to anybody.

use ammonia::Builder;

use super::labels::LABEL;

/// Elements beside the usual ones that texts stand in.
const MORE_TAGS: [&str; 14] = [
    "font", "tfoot", "section", "main", "address", "big", "label", "button", "form", "fieldset",
    "legend", "o:p", "dir", "input",
];

/// What a mail loses here already: the element that labels are written with, so that no mail writes one,
/// and the one that sets each letter apart from its neighbours, so that their order can be turned round.
const LOST: [&str; 2] = [LABEL, "bdi"];

/// Schemes that a link may have to be told; one with any other scheme is as inert, and not listed.
const SCHEMES: [&str; 81] = [
    "http",
    "https",
    "ftp",
    "ftps",
    "sftp",
    "mailto",
    "tel",
    "sms",
    "cid",
    "mid",
    "data",
    "javascript",
    "vbscript",
    "file",
    "smb",
    "blob",
    "about",
    "view-source",
    "ws",
    "wss",
    "ssh",
    "geo",
    "magnet",
    "webcal",
    "skype",
    "whatsapp",
    "tg",
    "line",
    "intent",
    "ms-word",
    "ms-excel",
    "ms-powerpoint",
    "search-ms",
    "onenote",
    "cifs",
    "nfs",
    "afp",
    "dav",
    "davs",
    "webdav",
    "telnet",
    "ldap",
    "ldaps",
    "vnc",
    "rdp",
    "rtsp",
    "irc",
    "ircs",
    "news",
    "nntp",
    "gopher",
    "git",
    "svn",
    "feed",
    "sip",
    "sips",
    "callto",
    "xmpp",
    "facetime",
    "ms-access",
    "ms-project",
    "ms-publisher",
    "ms-visio",
    "ms-infopath",
    "ms-officecmd",
    "ms-outlook",
    "ms-msdt",
    "ms-settings",
    "ms-appinstaller",
    "search",
    "shell",
    "res",
    "mk",
    "mhtml",
    "jar",
    "msteams",
    "zoommtg",
    "slack",
    "itms-apps",
    "itms-services",
    "market",
];

/// Elements whose content no mail program shows, or whose content is no HTML.
pub(super) const WITHOUT_CONTENT: [&str; 12] = [
    "script", "style", "title", "svg", "math", "iframe", "noembed", "noframes", "template", "xml",
    "frameset", "applet",
];

/// Writes it out.
pub(super) fn write_out(html: &str) -> String {
    let mut builder = Builder::default();
    builder
        .add_tags(MORE_TAGS)
        .rm_tags(LOST)
        .clean_content_tags(WITHOUT_CONTENT.into())
        .add_generic_attributes(["style", "hidden", "dir"])
        .add_tag_attributes("area", ["href", "alt"])
        .add_tag_attributes("form", ["action"])
        .add_tag_attributes("button", ["formaction"])
        .add_tag_attributes("input", ["formaction", "type", "value"])
        .add_tags(["base"])
        .add_tag_attributes("base", ["href"])
        .url_schemes(SCHEMES.into())
        .link_rel(None);
    builder.clean(html).to_string()
}

/// The entities that the plain form is written with.
pub(super) fn decoded(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
