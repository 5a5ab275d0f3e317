//! Values with units, as people write them.

use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Reads a duration with its unit, such as `250ms` or `2h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text.parse::<u64>().is_ok() {
        return Err(format!("{text:?} has no unit (try \"{text}s\")"));
    }
    let read = humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a duration such as \"250ms\", \"5s\" or \"2h\""))?;
    if read > LONGEST {
        // The clock itself ends after a while.
        return Err(format!("{text:?} is longer than a year"));
    }
    Ok(read)
}

/// Reads a size with its unit into bytes, such as `64 KiB` or `2 GiB`.
pub fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u32); 5] = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let digits = text
        .find(|sign: char| !sign.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    if unit.is_empty() && !number.is_empty() {
        return Err(format!("{text:?} has no unit (try \"{text} MiB\")"));
    }
    let exponent = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, exponent)| *exponent);
    let read = || number.parse::<u64>().ok()?.checked_mul(1 << exponent?);
    read().ok_or_else(|| format!("{text:?} is not a size such as \"64 KiB\" or \"2 GiB\""))
}

/// Reads the mode of a file in octal, such as `0660`.
pub fn mode(text: &str) -> Result<u32, String> {
    let read = u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777);
    read.ok_or_else(|| format!("{text:?} is not a mode in octal such as \"0660\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(duration("5").unwrap_err(), "\"5\" has no unit (try \"5s\")");
        assert!(duration("soon").is_err());
        let long = duration("500000000000y").unwrap_err();
        assert_eq!(long, "\"500000000000y\" is longer than a year");
    }

    #[test]
    fn sizes_need_a_unit_and_must_fit() {
        assert_eq!(size("64 KiB"), Ok(65_536));
        assert_eq!(size("2GiB"), Ok(2 << 30));
        assert_eq!(size("0 B"), Ok(0));
        for odd in [
            "5",
            "",
            "GiB",
            "5 kilo",
            "99999999999999999999 B",
            "20000000000 TiB",
            "-1 B",
        ] {
            assert!(size(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!(mode("0660"), Ok(0o660));
        assert!(mode("0880").is_err());
        assert!(mode("1777").is_err());
    }
}
