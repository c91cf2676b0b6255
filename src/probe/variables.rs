//! `variables`: a database's settings, through every node that we did not break.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use super::Miss;
use crate::substrate::Lab;
use crate::units::Span;
use crate::wait::Look;

/// Opens a session of its own through each node and asks for all of the server's settings at once:
/// a session's own may differ from what the configuration says.
pub(super) async fn observe(
    lab: &dyn Lab,
    service: &str,
    set: &BTreeMap<String, String>,
    within: Duration,
    nodes: &[String],
) -> Look<String> {
    let names: Vec<String> = set.keys().map(|name| format!("'{name}'")).collect();
    let statement = format!(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})",
        names.join(", ")
    );
    let statement = statement.as_str();
    super::through_each(&format!("variables {service}"), nodes, |node| async move {
        let attempt = async {
            let mut session = lab.database(&node, service, within).await?;
            Ok::<_, Miss>(session.pairs(statement, within).await?)
        };
        let late = || Miss::from(format!("no answer within {}", Span(within)));
        let pairs = timeout(within, attempt).await.map_err(|_| late())??;
        differences(set, &pairs).map_err(Miss::from)
    })
    .await
}

/// Every setting that is not as it should be.
fn differences(set: &BTreeMap<String, String>, pairs: &[(String, String)]) -> Result<(), String> {
    let differs = set.iter().filter_map(|(name, value)| {
        // A server spells its names in its own case.
        let found = pairs
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        match found {
            Some((_, found)) if found == value => None,
            Some((_, found)) => Some(format!("{name} is `{found}`, not `{value}`")),
            None => Some(format!("there is no variable {name}")),
        }
    });
    let differs: Vec<String> = differs.collect();
    if differs.is_empty() {
        Ok(())
    } else {
        Err(differs.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_different_setting_is_told() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let set: BTreeMap<_, _> = [pair("max_connections", "100"), pair("wait", "1")].into();
        let both = [pair("Max_connections", "100"), pair("wait", "1")];
        assert_eq!(differences(&set, &both), Ok(()));
        let other = [pair("max_connections", "151")];
        let said = "max_connections is `151`, not `100`, there is no variable wait";
        assert_eq!(differences(&set, &other), Err(said.to_owned()));
    }
}
