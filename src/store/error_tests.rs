//! Which faults may pass by themselves, and which blame what was asked.

use std::io;

use super::error::{Cause, StoreError};
use crate::domain::capture_id::CaptureId;

fn refused(code: &str) -> StoreError {
    StoreError::Record {
        count: 1,
        cause: Cause::Refused {
            code: code.to_owned(),
            message: String::new(),
            constraint: None,
            detail: None,
        },
    }
}

#[test]
fn a_server_that_is_ill_or_badly_set_up_is_asked_again() {
    for code in [
        "08006", "40001", "40P01", "53100", "53300", "57014", "57P01", "57P03", "25006", "28P01",
        "42501", "42P01", "58030", "XX000",
    ] {
        assert!(refused(code).is_transient(), "{code}");
    }
}

#[test]
fn content_that_is_only_busy_is_asked_for_again() {
    for (kind, again) in [
        (io::ErrorKind::ResourceBusy, true),
        (io::ErrorKind::Other, false),
        (io::ErrorKind::InvalidData, false),
    ] {
        let capture_id = CaptureId::new(sqlx::types::Uuid::nil());
        let cause = kind.into();
        let error = StoreError::ReadWaiting { capture_id, cause };
        assert_eq!(error.is_transient(), again, "{kind}");
    }
}

#[test]
fn what_the_rows_are_to_blame_for_is_permanent() {
    for code in ["22021", "22P05", "23514", "54000"] {
        assert!(!refused(code).is_transient(), "{code}");
    }
}
