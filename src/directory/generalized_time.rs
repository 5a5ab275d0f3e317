//! Reads the time of a directory: GeneralizedTime (RFC 4517, section 3.3.13).

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

const NANOSECONDS_PER_HOUR: i64 = 3_600 * 1_000_000_000;
/// No server gives more digits than a nanosecond needs.
const FRACTION_DIGITS: usize = 18;

/// Reads one value, such as `20301231235959Z` or `203012312359.5+0100`; `None` if it is no such time.
pub fn parse(value: &[u8]) -> Option<DateTime<Utc>> {
    let mut rest = Rest(value);
    let date = NaiveDate::from_ymd_opt(rest.number(4)? as i32, rest.number(2)?, rest.number(2)?)?;
    let hour = rest.below(24)?;
    let (mut minute, mut second, mut unit) = (0, 0, NANOSECONDS_PER_HOUR);
    if rest.begins_with_digit() {
        (minute, unit) = (rest.below(60)?, unit / 60);
        if rest.begins_with_digit() {
            // A leap second is 60; it counts as the first of the next minute.
            (second, unit) = (rest.below(61)?, unit / 60);
        }
    }
    let fraction = match rest.take_any(b".,") {
        Some(_) => rest.fraction(unit)?,
        None => 0,
    };
    let offset = match rest.take_any(b"Z+-")? {
        b'Z' => 0,
        sign => {
            let hours = rest.below(24)?;
            let minutes = if rest.0.is_empty() {
                0
            } else {
                rest.below(60)?
            };
            let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
            if sign == b'+' { seconds } else { -seconds }
        }
    };
    if !rest.0.is_empty() {
        return None;
    }
    let local = date.and_hms_opt(hour, minute, 0)?.and_utc();
    let seconds = TimeDelta::seconds(i64::from(second) - offset);
    local
        .checked_add_signed(seconds)?
        .checked_add_signed(TimeDelta::nanoseconds(fraction))
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn begins_with_digit(&self) -> bool {
        self.0.first().is_some_and(u8::is_ascii_digit)
    }

    fn take_any(&mut self, signs: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        signs.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn number(&mut self, n_digits: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(n_digits)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn below(&mut self, bound: u32) -> Option<u32> {
        self.number(2).filter(|number| *number < bound)
    }

    /// A fraction of `unit` nanoseconds, rounded down.
    fn fraction(&mut self, unit: i64) -> Option<i64> {
        let n_digits = self.0.iter().take_while(|byte| byte.is_ascii_digit());
        let n_digits = n_digits.count();
        let (digits, rest) = self.0.split_at_checked(n_digits)?;
        if digits.is_empty() {
            return None;
        }
        self.0 = rest;
        let digits = digits.get(..FRACTION_DIGITS).unwrap_or(digits);
        let number: i128 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        i64::try_from(number * i128::from(unit) / scale).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }

    #[test]
    fn a_time_is_read_in_every_form_that_the_syntax_has() {
        for (text, wanted) in [
            ("199412161032Z", "1994-12-16T10:32:00Z"),
            ("199412160532-0500", "1994-12-16T10:32:00Z"),
            ("1994121605-05", "1994-12-16T10:00:00Z"),
            ("20301231235959Z", "2030-12-31T23:59:59Z"),
            ("20301231235959.5Z", "2030-12-31T23:59:59.500Z"),
            ("203012312359,25Z", "2030-12-31T23:59:15Z"),
            ("2030123123.75Z", "2030-12-31T23:45:00Z"),
            ("20301231235960Z", "2031-01-01T00:00:00Z"),
            ("20310101003000+0100", "2030-12-31T23:30:00Z"),
            ("20240229000000Z", "2024-02-29T00:00:00Z"),
            ("20301231235959.00Z", "2030-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "2030",
            "20301231",
            "20301231235959",
            "20301331235959Z",
            "20230229000000Z",
            "20301231245959Z",
            "20301231236059Z",
            "20301231235961Z",
            "20301231235959.Z",
            "20301231235959Z ",
            " 20301231235959Z",
            "20301231235959+2400",
            "20301231235959+1",
            "20301231235959+01000",
            "2030-12-31T23:59:59Z",
            "301231235959Z",
            "+0301231235959Z",
            "soon",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse(b"2030123123\xff"), None);
    }

    proptest! {
        #[test]
        fn no_value_makes_the_reading_panic(value in proptest::collection::vec(any::<u8>(), 0..40)) {
            parse(&value);
        }

        #[test]
        fn no_number_makes_the_reading_panic(value in "[0-9]{0,40}[.,]?[0-9]{0,40}[Z+-]?[0-9]{0,5}") {
            parse(value.as_bytes());
        }

        #[test]
        fn a_time_that_was_written_is_read_again(
            seconds in -60_000_000_000_i64..250_000_000_000,
            nanoseconds in 0..1_000_000_000_u32,
            offset in -1_439..1_440_i64,
        ) {
            let time = DateTime::from_timestamp(seconds, nanoseconds).unwrap();
            let local = time + TimeDelta::minutes(offset);
            let (sign, minutes) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
            let text = format!(
                "{}.{nanoseconds:09}{sign}{:02}{:02}",
                local.format("%Y%m%d%H%M%S"), minutes / 60, minutes % 60,
            );
            prop_assert_eq!(parse(text.as_bytes()), Some(time));
        }
    }
}
