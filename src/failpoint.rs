//! Places where a test has a process die, or a file operation fail. Without the feature `failpoints`
//! nothing is left of them in the program: every use is one of the macros.
//!
//! What happens where stands in the variable `FAILPOINTS`, in the language of the crate `fail`, e.g.
//! `worker.command.after=1*return(abort)` or `spool.sync=20*off->2*return(error)`.

/// The process dies here when a test says so, as by `kill -9`: nothing is finished, nothing closed.
macro_rules! reach {
    ($point:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::reached($point);
    };
}
pub(crate) use reach;

/// The function returns an I/O error here when a test says so.
macro_rules! fault {
    ($point:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::failpoint::failed($point)?;
    };
}
pub(crate) use fault;

/// Whether a test has switched something on here.
macro_rules! is_on {
    ($point:literal) => {{
        #[cfg(feature = "failpoints")]
        let is_on = $crate::failpoint::failed($point).is_err();
        #[cfg(not(feature = "failpoints"))]
        let is_on = false;
        is_on
    }};
}
pub(crate) use is_on;

/// Reads what is to happen where; it happens as long as the answer is kept.
macro_rules! begin {
    ($scenario:ident) => {
        #[cfg(feature = "failpoints")]
        let $scenario = fail::FailScenario::setup();
    };
}
pub(crate) use begin;

#[cfg(feature = "failpoints")]
pub(crate) fn reached(point: &str) {
    let action = fail::eval(point, |argument| argument);
    if action.flatten().is_some_and(|word| word == "abort") {
        std::process::abort();
    }
}

#[cfg(feature = "failpoints")]
pub(crate) fn failed(point: &str) -> std::io::Result<()> {
    let action = fail::eval(point, |argument| argument);
    if action.flatten().is_some_and(|word| word == "error") {
        return Err(std::io::Error::from_raw_os_error(nix::libc::EIO));
    }
    Ok(())
}

#[cfg(all(test, feature = "failpoints"))]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_as_an_input_output_error_as_often_as_it_is_wanted() {
        fail::cfg("here", "1*off->2*return(error)->off").unwrap();
        let told: Vec<bool> = (0..4).map(|_| failed("here").is_err()).collect();
        assert_eq!(told, [false, true, true, false]);
    }

    #[test]
    fn a_place_that_nobody_named_does_nothing() {
        reached("nowhere");
        failed("nowhere").unwrap();
    }
}
