//! Whether somebody wants their own swarm broken: what would be done to it, and the question.

use std::io::{BufRead, IsTerminal, Write};

use seatrial::plan::{Outcome, Plan};

use super::{Refused, output};

/// Says what would be done, asks, and says that nothing is if the answer is no. True if there is
/// nothing to be done, or the answer is yes.
pub(super) fn given(outcomes: &[Outcome]) -> anyhow::Result<bool> {
    let plans: Vec<&Plan> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Ready(plan) => Some(&**plan),
            Outcome::Skipped { .. } => None,
        })
        .collect();
    let Some(first) = plans.first() else {
        return Ok(true);
    };
    let nodes: Vec<&str> = first.node_names().collect();
    let mut text = format!(
        "This is a swarm that is in use: `{}`.\n",
        nodes.join("`, `")
    );
    text.extend(plans.into_iter().map(told));
    output::tell(text.trim_end());
    if !std::io::stdin().is_terminal() {
        let refused = "nobody is there to ask: write `--yes` to break it without a question";
        return Err(Refused::new(refused).into());
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Type `yes` to go on: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let yes = answer.trim() == "yes";
    if !yes {
        output::tell("nothing was touched: the answer was not `yes`, which `--yes` gives too");
    }
    Ok(yes)
}

/// What one scenario would do.
fn told(plan: &Plan) -> String {
    let stacks: Vec<&str> = plan.stacks().map(|stack| stack.name.as_str()).collect();
    let deploys = match stacks.is_empty() {
        true => Vec::new(),
        false => vec![format!("deploy `{}` and remove it", stacks.join("`, `"))],
    };
    let does = |verb: &str, about: String| format!("{verb} {about}");
    let actions = plan.actions.iter().map(|one| &one.change);
    let actions = actions.map(|change| does(change.verb(), change.about()));
    let faults = plan.faults.iter().map(|one| &one.action);
    let faults = faults.map(|action| does(action.verb(), action.about()));
    let all: Vec<String> = deploys.into_iter().chain(actions).chain(faults).collect();
    format!("  {}: {}\n", plan.name, all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_asked_about_nothing() {
        let skipped = Outcome::Skipped {
            name: "a".to_owned(),
            reason: "`hosts` has no power cut".to_owned(),
        };
        assert!(given(&[skipped]).expect("no question"));
    }
}
