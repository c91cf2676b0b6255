//! Durations, rates and shares as people write them: `30s`, `20/s`, `97%`; and ports.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time in a scenario or a plan: `500ms`, `30s`, `1m 30s`, `3m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Duration);

impl Span {
    /// The longest that can be written, 1000 days: patience included, a scenario is over by then.
    const LONGEST: Self = Self::secs(1000 * 24 * 3600);

    /// A span of whole seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of milliseconds.
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// This span stretched by a factor, as the patience of a slow machine asks; to the
    /// millisecond, so that a plan reads what it wrote.
    #[must_use]
    pub fn stretched(self, factor: f64) -> Self {
        let millis = Duration::from_millis(1).as_secs_f64();
        let stretched = (self.0.as_secs_f64() * factor / millis).round();
        // A float to integer cast saturates: nonsense becomes 0 or a very long time.
        Self::millis(stretched as u64)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a duration; write one such as `500ms`, `30s` or `1m 30s`");
        let ours = |c: char| c.is_ascii_digit() || matches!(c, '.' | ' ' | 'm' | 's' | 'h');
        if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(ours) {
            return Err(wrong());
        }
        let parsed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        let span = Duration::try_from(parsed).map(Self).map_err(|_| wrong())?;
        if span > Self::LONGEST {
            return Err(format!("`{text}` is longer than {}", Self::LONGEST));
        }
        if !span.0.subsec_nanos().is_multiple_of(1_000_000) {
            return Err(format!("`{text}` is finer than a millisecond"));
        }
        Ok(span)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (hours, rest) = (millis / 3_600_000, millis % 3_600_000);
        let (minutes, rest) = (rest / 60_000, rest % 60_000);
        let seconds = match (rest / 1000, rest % 1000) {
            (0, 0) if millis > 0 => String::new(),
            (0, ms) if ms > 0 && ms == millis => format!("{ms}ms"),
            (s, 0) => format!("{s}s"),
            (s, ms) => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
        };
        let text = match (hours, minutes) {
            (0, 0) => seconds,
            (0, m) => format!("{m}m {seconds}"),
            (h, 0) => format!("{h}h {seconds}"),
            (h, m) => format!("{h}h {m}m {seconds}"),
        };
        f.pad(text.trim_end())
    }
}

/// How often a workload acts: `20/s`, `30/m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Acts a second; positive and finite.
    pub per_second: f64,
}

impl Rate {
    /// The time between two acts.
    pub fn period(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a rate; write one such as `20/s` or `30/m`");
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count = decimal(count).ok_or_else(wrong)?;
        let per_second = match unit {
            "s" => count,
            "m" => count / 60.0,
            _ => return Err(wrong()),
        };
        if !(0.001 / 60.0..=10_000.0).contains(&per_second) {
            return Err(format!("`{text}` is not between `0.001/m` and `10000/s`"));
        }
        // Nearest to what Display writes, so that a plan reads what it wrote.
        Ok(Self {
            per_second: if per_second < 1.0 {
                thousandths(per_second * 60.0) / 60.0
            } else {
                per_second
            },
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per_second >= 1.0 {
            write!(f, "{}/s", self.per_second)
        } else {
            write!(f, "{}/m", thousandths(self.per_second * 60.0))
        }
    }
}

/// A share of a whole: `97%`, `99.5%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a share; write one from `0%` to `100%`");
        let number = text.strip_suffix('%').and_then(decimal).ok_or_else(wrong)?;
        if number > 100.0 {
            return Err(wrong());
        }
        if thousandths(number) != number {
            return Err(format!("`{text}` is finer than a thousandth of a percent"));
        }
        Ok(Self(number / 100.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", thousandths(self.0 * 100.0))
    }
}

/// A port of a transport protocol: `2377/tcp`, `7946/udp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// From 1 to 65535.
    pub number: u16,
    /// True for UDP, false for TCP.
    pub udp: bool,
}

impl Port {
    /// A TCP port.
    pub const fn tcp(number: u16) -> Self {
        Self { number, udp: false }
    }

    /// A UDP port.
    pub const fn udp(number: u16) -> Self {
        Self { number, udp: true }
    }
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is not a port; write one such as `2377/tcp` or `7946/udp`");
        let (number, protocol) = text.split_once('/').ok_or_else(wrong)?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| digits).ok_or_else(wrong)?;
        match protocol {
            "tcp" => Ok(Self::tcp(number)),
            "udp" => Ok(Self::udp(number)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = if self.udp { "udp" } else { "tcp" };
        write!(f, "{}/{protocol}", self.number)
    }
}

/// Digits with an optional fraction: no sign, exponent, infinity or NaN.
fn decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok())?
}

/// A number to three decimal places, which is what is written.
fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Reads and writes a unit as the text that people write.
macro_rules! as_text {
    ($name:ident, $pattern:literal, $about:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "pattern": $pattern, "description": $about
                })
            }
        }
    };
}

as_text!(
    Span,
    r"^\d+(\.\d+)?\s*(ms|s|m|h)(\s*\d+(\.\d+)?\s*(ms|s|m|h))*$",
    "such as 30s or 1m 30s"
);
as_text!(Port, r"^[1-9]\d{0,4}/(tcp|udp)$", "such as 7946/udp");
as_text!(Rate, r"^\d+(\.\d+)?/(s|m)$", "such as 20/s");
as_text!(Share, r"^\d+(\.\d+)?%$", "such as 97%");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_what_they_write() {
        for text in [
            "500ms", "30s", "1.5s", "3m", "1m 30s", "1m 0.5s", "1h", "1h 1.5s", "26h 3m", "0s",
        ] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), text);
        }
        for text in ["20/s", "30/m", "0.5/m"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
        }
        for text in ["2377/tcp", "7946/udp", "65535/udp"] {
            assert_eq!(text.parse::<Port>().expect(text).to_string(), text);
        }
        for text in ["97%", "99.5%", "0%", "100%"] {
            assert_eq!(text.parse::<Share>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        assert!(
            "5 parsecs"
                .parse::<Span>()
                .expect_err("no")
                .contains("such as")
        );
        assert!("-5s".parse::<Span>().is_err());
        assert!("0/s".parse::<Rate>().is_err());
        assert!("NaN/s".parse::<Rate>().is_err());
        assert!("101%".parse::<Share>().is_err());
        for text in [
            "",
            "30",
            "s",
            "1us",
            "1.0005ms",
            "99999999h",
            "PT5S",
            "1 s s",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in [
            "1e3/s",
            "+1/s",
            "0.00001/m",
            "20000/s",
            "1/h",
            "inf/s",
            "./s",
            "1./s",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in [
            "",
            "/",
            "2377",
            "2377/",
            "/tcp",
            "0/tcp",
            "65536/tcp",
            "+1/tcp",
            "01/udp",
            "1/sctp",
            "1/TCP",
            " 1/tcp",
            "1/tcp/udp",
        ] {
            let error = text.parse::<Port>().expect_err(text);
            assert!(error.contains("such as"), "{error}");
        }
        for text in ["99.9999%", "NaN%", "-1%", "99"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stretched_span_is_whole_milliseconds_and_never_panics() {
        assert_eq!(Span::secs(30).stretched(1.37), Span::millis(41_100));
        for factor in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            let _ = Span::secs(30).stretched(factor);
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_is_written_and_read_again(
            millis in 0_u64..100_000_000, rate in "[0-9]{1,4}(\\.[0-9]{1,6})?/[sm]",
            share in "[0-9]{1,3}(\\.[0-9]{1,4})?%",
        ) {
            let span = Span::millis(millis);
            proptest::prop_assert_eq!(span.to_string().parse(), Ok(span));
            if let Ok(rate) = rate.parse::<Rate>() {
                proptest::prop_assert_eq!(rate.to_string().parse(), Ok(rate));
            }
            if let Ok(share) = share.parse::<Share>() {
                proptest::prop_assert_eq!(share.to_string().parse(), Ok(share));
            }
        }
    }
}
