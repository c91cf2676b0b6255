//! Takes secrets out of what is kept for people: join tokens, private keys, the run's passwords.

use std::borrow::Cow;

use crate::plan::{Plan, passwords_left_out};

/// What stands in a secret's place.
const HIDDEN: &str = "[redacted]";

/// What a swarm's join tokens and unlock keys begin with (swarmkit's `ca/config.go` and
/// `manager/encryption/encryption.go`).
const TOKENS: [&str; 2] = ["SWMTKN-", "SWMKEY-"];

/// How the lines around a private key begin and end (RFC 7468, section 2).
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const KEY: &str = "PRIVATE KEY-----";

/// The secrets of one run.
pub(super) struct Redact {
    /// As they are, and as they stand in JSON; the longest first.
    passwords: Vec<String>,
}

impl Redact {
    /// What must not be seen of a plan's run.
    pub(super) fn of(plan: &Plan) -> Self {
        let services = plan.services();
        let known = services.filter_map(|service| service.root_password.as_deref());
        Self::of_passwords(known)
    }

    fn of_passwords<'a>(known: impl Iterator<Item = &'a str>) -> Self {
        let mut passwords: Vec<String> = Vec::new();
        for password in known.filter(|password| !password.is_empty()) {
            let quoted = serde_json::json!(password).to_string();
            passwords.push(quoted[1..quoted.len() - 1].to_owned());
            passwords.push(password.to_owned());
        }
        passwords.sort_by_key(|password| std::cmp::Reverse(password.len()));
        passwords.dedup();
        Self { passwords }
    }

    /// A text without them. A key may have lost its beginning, where the text was cut.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = Cow::Borrowed(text);
        for password in &self.passwords {
            if text.contains(password.as_str()) {
                text = Cow::Owned(text.replace(password.as_str(), HIDDEN));
            }
        }
        passwords_left_out(&keys(&tokens(&text)))
    }
}

/// Without tokens: from what they begin with as far as letters, digits and dashes go.
fn tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = TOKENS.iter().filter_map(|token| rest.find(token)).min() {
        shown += &rest[..at];
        shown += HIDDEN;
        let of_token = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let end = rest[at..].find(|letter| !of_token(letter));
        rest = end.map_or("", |end| &rest[at + end..]);
    }
    shown + rest
}

/// Without private keys, whole or not.
fn keys(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (begin, end) = (edge(rest, BEGIN), edge(rest, END));
        match (begin, end) {
            (Some((begin, inside)), _) if end.is_none_or(|(end, _)| begin < end) => {
                shown += &rest[..begin];
                shown += HIDDEN;
                let over = edge(&rest[inside..], END);
                rest = over.map_or("", |(_, over)| &rest[inside + over..]);
            }
            // Its beginning is gone: nobody can tell how much of what is before belongs to it.
            (_, Some((_, over))) => {
                HIDDEN.clone_into(&mut shown);
                rest = &rest[over..];
            }
            _ => return shown + rest,
        }
    }
}

/// The first line around a private key of this kind: where it begins, and where it ends.
fn edge(text: &str, kind: &str) -> Option<(usize, usize)> {
    text.match_indices(kind).find_map(|(at, _)| {
        let label = &text[at + kind.len()..];
        let key = label.find(KEY)?;
        // Between them is a kind of key: `EC `, `RSA `, or nothing.
        let word = |letter: char| letter.is_ascii_uppercase() || letter == ' ';
        let own = label[..key].chars().all(word);
        own.then_some((at, at + kind.len() + key + KEY.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Redact::of_passwords(["P@ss\"w0rd", "P@ss", ""].into_iter()).text(text)
    }

    #[test]
    fn tokens_are_taken_out_to_their_last_letter() {
        let token = "SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-7p73s1dx5in4";
        let line = format!("join --token {token} 192.168.150.3:2377, again {token}");
        let hidden = "join --token [redacted] 192.168.150.3:2377, again [redacted]";
        assert_eq!(shown(&line), hidden);
        assert_eq!(shown("\"SWMKEY-1-abc/\""), "\"[redacted]/\"");
        assert_eq!(shown("SWMTKN"), "SWMTKN");
    }

    #[test]
    fn passwords_are_taken_out_as_they_are_and_as_json_has_them() {
        assert_eq!(
            shown("IDENTIFIED BY 'P@ss\"w0rd';"),
            "IDENTIFIED BY '[redacted]';"
        );
        assert_eq!(shown(r#"{"env":"P@ss\"w0rd"}"#), r#"{"env":"[redacted]"}"#);
        assert_eq!(shown("P@ss and a half"), "[redacted] and a half");
        let set = "env MYSQL_PASSWORD=another TZ=UTC\nnothing secret";
        assert_eq!(shown(set), "env MYSQL_PASSWORD: left out\nnothing secret");
    }

    #[test]
    fn keys_are_taken_out_also_where_half_of_one_is_gone() {
        let key = |kind: &str| {
            format!("-----BEGIN {kind}PRIVATE KEY-----\nMHcCAQ\n-----END {kind}PRIVATE KEY-----")
        };
        for kind in ["", "EC ", "RSA ", "ENCRYPTED "] {
            let text = format!("a\n{}\nb", key(kind));
            assert_eq!(shown(&text), "a\n[redacted]\nb", "{kind}");
        }
        let two = format!("{}\nbetween\n{}", key(""), key("EC "));
        assert_eq!(shown(&two), "[redacted]\nbetween\n[redacted]");
        let without_head = "MHcCAQ\n-----END EC PRIVATE KEY-----\nafter";
        assert_eq!(shown(without_head), "[redacted]\nafter");
        let without_end = "before\n-----BEGIN PRIVATE KEY-----\nMHcCAQ";
        assert_eq!(shown(without_end), "before\n[redacted]");
        let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(shown(public), public);
    }
}
