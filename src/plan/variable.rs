//! Variables in a stack file's values, as `docker stack deploy` fills them in.

use std::collections::BTreeMap;

/// A value with `$NAME`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?why}`, `${NAME:+other}`
/// and `$$` written out. A variable that is not set and has no default is empty, as in Docker.
///
/// # Errors
/// When a variable is required and not set, or a `$` begins nothing that Docker knows.
pub fn interpolated(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut result = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        result.push_str(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let (inside, after) = after
                .split_once('}')
                .ok_or_else(|| format!("`${{{after}` has no closing brace"))?;
            result.push_str(&braced(inside, environment)?);
            rest = after;
        } else {
            let name = name_at_start(rest);
            if name.is_empty() {
                return Err("a `$` without a name; write `$$` for a dollar sign".to_owned());
            }
            result.push_str(environment.get(name).map_or("", String::as_str));
            rest = &rest[name.len()..];
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// What stands between braces: a name, and what to do when it is not set or empty.
fn braced(inside: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let name = name_at_start(inside);
    let (colon, rest) = match inside[name.len()..].strip_prefix(':') {
        Some(rest) => (true, rest),
        None => (false, &inside[name.len()..]),
    };
    let value = environment
        .get(name)
        .filter(|value| !(colon && value.is_empty()));
    let mut rest = rest.chars();
    match (name, rest.next()) {
        ("", _) => {}
        (_, None) if !colon => return Ok(value.cloned().unwrap_or_default()),
        (_, Some('-')) => return Ok(value.map_or_else(|| rest.collect(), String::clone)),
        (_, Some('+')) => return Ok(value.map(|_| rest.collect()).unwrap_or_default()),
        (_, Some('?')) => {
            let why = rest.as_str();
            return value
                .cloned()
                .ok_or_else(|| format!("`{name}` is not set: {why}"));
        }
        _ => {}
    }
    Err(format!(
        "`${{{inside}}}` is no variable; write one such as `${{NAME:-default}}`"
    ))
}

fn name_at_start(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let name = &text[..end];
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        ""
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("mariadb:10.1", Ok("mariadb:10.1"))]
    #[case("${IMAGE:-mariadb:10.1}", Ok("mariadb:10.1"))]
    #[case("${SET:-x}/$SET/${SET}", Ok("value/value/value"))]
    #[case("${EMPTY:-x}${EMPTY-y}", Ok("x"))]
    #[case("${SET:+other}${GONE:+other}", Ok("other"))]
    #[case("a$$b ${GONE}.", Ok("a$b ."))]
    #[case("${SET:?why}", Ok("value"))]
    #[case("${GONE:?set it}", Err("`GONE` is not set: set it"))]
    #[case("${OPEN", Err("`${OPEN` has no closing brace"))]
    #[case("5$", Err("a `$` without a name; write `$$` for a dollar sign"))]
    #[case(
        "${1}",
        Err("`${1}` is no variable; write one such as `${NAME:-default}`")
    )]
    #[case(
        "${-x}",
        Err("`${-x}` is no variable; write one such as `${NAME:-default}`")
    )]
    #[case(
        "${SET:}",
        Err("`${SET:}` is no variable; write one such as `${NAME:-default}`")
    )]
    fn variables_are_filled_in(#[case] text: &str, #[case] expected: Result<&str, &str>) {
        let environment = [("SET", "value"), ("EMPTY", "")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(interpolated(text, &environment), expected);
    }
}
