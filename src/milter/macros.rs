//! The Postfix macros that are asked for and read.
//!
//! Each list holds a macro that is always defined at its stage: when all requested macros are
//! undefined Postfix sends an empty packet, which indymilter skips, and the values of the message
//! before would stay (the SASL login among them).

use std::{collections::HashMap, ffi::CString};

use indymilter::{MacroStage, Macros};

use crate::domain::capture::Client;

/// What to ask Postfix for, by stage (MILTER_README, "Sendmail macro emulation").
pub fn wanted() -> HashMap<MacroStage, CString> {
    let lists = [
        (MacroStage::Connect, c"{client_addr} {daemon_name}"),
        (MacroStage::Helo, c"{client_addr}"),
        (
            MacroStage::Mail,
            c"{mail_addr} {auth_authen} {client_addr} {client_name} {daemon_name}",
        ),
        (MacroStage::Rcpt, c"{rcpt_addr} {client_addr}"),
        (MacroStage::Data, c"i {client_addr}"),
        (MacroStage::Eoh, c"i"),
        (MacroStage::Eom, c"i {client_addr}"),
    ];
    lists
        .into_iter()
        .map(|(stage, list)| (stage, list.to_owned()))
        .collect()
}

/// The form that Postfix made of the sender or of the last recipient.
pub fn rewritten(macros: &Macros, name: &std::ffi::CStr) -> Option<Vec<u8>> {
    macros.get(name).map(|value| value.to_bytes().to_vec())
}

/// Who sends, as far as Postfix says.
pub fn client(macros: &Macros) -> Client {
    let bytes = |name| macros.get(name).map(|value| value.to_bytes().to_vec());
    let address = macros
        .get(c"{client_addr}")
        .and_then(|value| value.to_str().ok());
    Client {
        login: bytes(c"{auth_authen}").filter(|login| !login.is_empty()),
        address: address.and_then(|text| text.trim_start_matches("IPv6:").parse().ok()),
        name: bytes(c"{client_name}"),
        daemon: bytes(c"{daemon_name}"),
    }
}

/// The queue ID as it stands at this stage.
pub fn queue_id(macros: &Macros) -> Option<String> {
    macros
        .get(c"i")
        .map(|value| value.to_string_lossy().into_owned())
}
