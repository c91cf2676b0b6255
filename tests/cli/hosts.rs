//! `--on hosts=FILE` where there is no swarm to be reached: what is said, and that nothing is left.

use std::fs;

use super::Desk;

const SCENARIO: &str = "scenarios/article/05-three-replicas.yaml";

fn planned(desk: &Desk, inventory: &str) -> (Option<i32>, String) {
    let path = desk.path("swarm.toml");
    fs::write(&path, inventory).expect("written");
    let on = format!("--on=hosts={}", path.display());
    let said = desk.say(&["plan", SCENARIO, &on]);
    (said.code, said.err)
}

#[test]
fn an_inventory_that_is_not_there_or_not_understood_is_told() {
    let desk = Desk::new();
    let said = desk.say(&["plan", SCENARIO, "--on=hosts=/nowhere/swarm.toml"]);
    assert_eq!(said.code, Some(64));
    let missing = "error: cannot use the inventory `/nowhere/swarm.toml`: No such file";
    assert!(said.err.starts_with(missing), "{}", said.err);
    let (code, err) = planned(&desk, "[[node]]\nname = \"a\"\nhost = \"a\"\n");
    assert_eq!(code, Some(64));
    assert!(
        err.contains("line 3, column 1") && err.contains("unknown field `host`"),
        "{err}"
    );
}

#[test]
fn hosts_that_do_not_answer_are_named_and_nothing_is_left() {
    let desk = Desk::new();
    // Nobody listens on that port of this computer.
    let config = desk.path("ssh_config");
    fs::write(&config, "Host *\n  HostName 127.0.0.1\n  Port 1\n").expect("written");
    let nodes = ["a", "b"].map(|name| format!("[[node]]\nname = \"{name}\"\nssh = \"{name}\"\n"));
    let text = format!("ssh.config = \"ssh_config\"\n{}", nodes.concat());
    let (code, err) = planned(&desk, &text);
    assert_eq!(code, Some(2), "{err}");
    for name in ["a", "b"] {
        let refused = format!("`{name}` by SSH (`{name}`): ssh: connect to host 127.0.0.1 port 1");
        assert!(err.contains(&refused), "{err}");
    }
    let told = desk.say(&[
        "doctor",
        "--inventory",
        &desk.path("swarm.toml").display().to_string(),
    ]);
    assert_eq!(told.code, Some(3), "{}", told.err);
    let why = "`hosts` cannot run yet: `a` by SSH";
    assert!(told.out.contains(why), "{}", told.out);
    let left = fs::read_dir(desk.path("cache/work")).map(Iterator::count);
    assert_eq!(left.unwrap_or_default(), 0);
}

#[test]
fn nobody_is_asked_for_a_place_that_is_none() {
    let desk = Desk::new();
    let said = desk.say(&["plan", SCENARIO, "--on", "hosts"]);
    assert_eq!(said.code, Some(64));
    assert!(
        said.err
            .contains("write `auto`, `vm`, `dind`, or `hosts=FILE`"),
        "{}",
        said.err
    );
}
