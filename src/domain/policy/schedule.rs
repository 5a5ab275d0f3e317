//! When a rule applies: days of the week and hours of the day, by the clock on the wall.

use std::str::FromStr;

use chrono::Weekday;

/// A moment of the week, local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub day: Weekday,
    /// Minutes since midnight.
    pub minute: u16,
}

/// Days and hours; a part that is `None` does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The days on which the hours begin.
    pub days: Option<Vec<Weekday>>,
    /// The hours of such a day.
    pub hours: Option<Hours>,
}

/// From one time of the day up to, and not including, another one; over midnight if the second is
/// the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: u16,
    to: u16,
}

/// A text that names no hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no span of hours such as \"08:00-18:00\"")]
pub struct BadHours(String);

const DAY_MINUTES: u16 = 24 * 60;

impl Schedule {
    /// Whether the moment is within.
    pub fn includes(&self, moment: Moment) -> bool {
        let Some(hours) = self.hours else {
            return self.is_on(moment.day);
        };
        // The hours after midnight belong to the day on which they began.
        let began_today = match hours.goes_over_midnight() {
            true => moment.minute >= hours.from,
            false => (hours.from..hours.to).contains(&moment.minute),
        };
        let began_yesterday = hours.goes_over_midnight() && moment.minute < hours.to;
        began_today && self.is_on(moment.day) || began_yesterday && self.is_on(moment.day.pred())
    }

    /// Whether it restricts nothing.
    pub fn is_always(&self) -> bool {
        self.days.is_none() && self.hours.is_none()
    }

    fn is_on(&self, day: Weekday) -> bool {
        self.days.as_ref().is_none_or(|days| days.contains(&day))
    }
}

impl Hours {
    fn goes_over_midnight(self) -> bool {
        self.to < self.from
    }
}

impl FromStr for Hours {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let read = || {
            let (from, to) = text.split_once('-')?;
            let hours = Self {
                from: minute(from)?,
                to: minute(to)?,
            };
            // A span of no length would never, or always, match: nobody could tell which.
            (hours.from != hours.to && hours.from < DAY_MINUTES).then_some(hours)
        };
        read().ok_or_else(|| BadHours(text.to_owned()))
    }
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|sign| sign.is_ascii_digit());
    if !is_number(hour) || !is_number(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY_MINUTES).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: Weekday, hour: u16, minute: u16) -> Moment {
        let minute = hour * 60 + minute;
        Moment { day, minute }
    }

    fn hours(text: &str) -> Schedule {
        Schedule {
            days: Some(vec![Weekday::Fri]),
            hours: Some(text.parse().unwrap()),
        }
    }

    #[test]
    fn office_hours_end_with_their_last_minute() {
        let office = hours("08:00-18:00");
        assert!(office.includes(at(Weekday::Fri, 8, 0)));
        assert!(office.includes(at(Weekday::Fri, 17, 59)));
        assert!(!office.includes(at(Weekday::Fri, 18, 0)));
        assert!(!office.includes(at(Weekday::Fri, 7, 59)));
        assert!(!office.includes(at(Weekday::Sat, 12, 0)));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = hours("22:00-06:00");
        assert!(night.includes(at(Weekday::Fri, 23, 0)));
        assert!(night.includes(at(Weekday::Sat, 5, 59)));
        assert!(!night.includes(at(Weekday::Sat, 6, 0)));
        assert!(!night.includes(at(Weekday::Fri, 5, 0)));
    }

    #[test]
    fn a_day_may_end_at_midnight() {
        let evening = hours("18:00-24:00");
        assert!(evening.includes(at(Weekday::Fri, 23, 59)));
        assert!(!evening.includes(at(Weekday::Sat, 0, 0)));
    }

    #[test]
    fn without_days_and_hours_it_is_always() {
        let always = Schedule::default();
        assert!(always.is_always() && always.includes(at(Weekday::Sun, 3, 0)));
    }

    #[test]
    fn odd_hours_are_refused() {
        for odd in [
            "",
            "8-18",
            "08:00",
            "08:00-08:00",
            "08:60-09:00",
            "25:00-26:00",
            "24:00-08:00",
        ] {
            assert!(odd.parse::<Hours>().is_err(), "{odd}");
        }
    }
}
