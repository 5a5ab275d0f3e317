//! What a client is told when its mail cannot be taken, now or like this.

/// The reply to every temporary failure, whoever sends and whatever failed.
///
/// One text for all: a text of its own for a full spool or a flagged person would tell the sender
/// of the review.
pub struct TryAgain;

impl TryAgain {
    /// The SMTP reply code.
    pub const CODE: &'static str = "451";
    /// The enhanced status code: other or undefined mail system status (RFC 3463, section 3.4).
    pub const ENHANCED_CODE: &'static str = "4.3.0";
    /// The text.
    pub const TEXT: &'static str = "Temporary local problem, please try again later";
}

/// The reply to a message that is to be reviewed and also goes to a protected correspondent.
///
/// It says what to do and not why, like [`TryAgain`].
pub struct SendSeparately;

impl SendSeparately {
    /// The SMTP reply code.
    pub const CODE: &'static str = "550";
    /// The enhanced status code: delivery not authorized, message refused (RFC 3463, section 3.8).
    pub const ENHANCED_CODE: &'static str = "5.7.1";
    /// The text.
    pub const TEXT: &'static str = "Please send this message separately to each recipient";
}
