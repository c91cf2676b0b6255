//! Durations, rates and shares as people write them: `30s`, `20/s`, `97%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time in a scenario or a plan: `500ms`, `30s`, `1m 30s`, `3m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Duration);

impl Span {
    /// A span of whole seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of milliseconds.
    pub const fn millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// This span stretched by a factor, as the patience of a slow machine asks.
    #[must_use]
    pub fn stretched(self, factor: f64) -> Self {
        Self(self.0.mul_f64(factor))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hint = "write a duration such as `500ms`, `30s` or `1m 30s`";
        let parsed: jiff::SignedDuration = text
            .parse()
            .map_err(|_| format!("`{text}` is not a duration; {hint}"))?;
        Duration::try_from(parsed)
            .map(Self)
            .map_err(|_| format!("`{text}` is before the start; {hint}"))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (minutes, rest) = (millis / 60_000, millis % 60_000);
        let (seconds, fraction) = (rest / 1000, rest % 1000);
        let text = match (minutes, seconds, fraction) {
            (0, 0, ms) if ms > 0 => format!("{ms}ms"),
            (0, s, 0) => format!("{s}s"),
            (0, s, ms) => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
            (m, 0, 0) => format!("{m}m"),
            (m, s, 0) => format!("{m}m {s}s"),
            (m, s, ms) => format!("{m}m {s}.{}s", format!("{ms:03}").trim_end_matches('0')),
        };
        f.pad(&text)
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
        let count: f64 = count.trim().parse().map_err(|_| wrong())?;
        let per_second = match unit.trim() {
            "s" => count,
            "m" => count / 60.0,
            _ => return Err(wrong()),
        };
        if per_second.is_finite() && per_second > 0.0 && per_second <= 10_000.0 {
            Ok(Self { per_second })
        } else {
            Err(format!("`{text}` is not between 0 and 10000 a second"))
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.per_second >= 1.0 {
            write!(f, "{}/s", self.per_second)
        } else {
            write!(
                f,
                "{}/m",
                (self.per_second * 60.0 * 1000.0).round() / 1000.0
            )
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
        let number: f64 = text
            .strip_suffix('%')
            .ok_or_else(wrong)?
            .trim()
            .parse()
            .map_err(|_| wrong())?;
        if (0.0..=100.0).contains(&number) {
            Ok(Self(number / 100.0))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * 100_000.0).round() / 1000.0)
    }
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
as_text!(Rate, r"^\d+(\.\d+)?/(s|m)$", "such as 20/s");
as_text!(Share, r"^\d+(\.\d+)?%$", "such as 97%");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_what_they_write() {
        for text in ["500ms", "30s", "1.5s", "3m", "1m 30s", "0s"] {
            assert_eq!(text.parse::<Span>().expect(text).to_string(), text);
        }
        for text in ["20/s", "30/m", "0.5/m"] {
            assert_eq!(text.parse::<Rate>().expect(text).to_string(), text);
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
    }
}
