//! `mailhold password`: a line of the password file, from a password on standard input. Never takes a
//! password as an argument, and never writes one.

use std::{
    io::{self, Read as _, Write},
    process::ExitCode,
};

use anyhow::Error;

use super::{Failure, Outcome, args::PasswordArguments, exit, reviews::own_fault};
use crate::directory::passwords;

/// A longer input is no password.
const LONGEST_BYTES: u64 = 4_096;

/// Reads one line and prints another.
pub fn run(arguments: &PasswordArguments) -> Outcome {
    let mut text = String::new();
    let input = io::stdin().lock().take(LONGEST_BYTES);
    let read = io::BufReader::new(input).read_to_string(&mut text);
    read.map_err(|cause| usage(format!("cannot read the password: {cause}")))?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.contains('\n') {
        return Err(usage("the password must be one line".to_owned()));
    }
    let line = passwords::line(
        &arguments.login,
        &arguments.roles,
        &arguments.addresses,
        password,
    );
    let line = line.map_err(|fault| usage(fault.to_string()))?;
    writeln!(io::stdout(), "{line}").map_err(own_fault)?;
    Ok(ExitCode::SUCCESS)
}

fn usage(text: String) -> Failure {
    Failure::new(exit::USAGE, Error::msg(text))
}
