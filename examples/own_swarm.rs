//! A swarm's promises as tests of `cargo test`. In a project of your own this is a file in
//! `tests/`, and `seatrial` one of its `[dev-dependencies]`.

/// Says how to run what is below.
fn main() {
    println!("these are tests: cargo test --example own_swarm");
}

#[cfg(test)]
mod tests {
    use seatrial::trial::On;
    use seatrial::verdict::Verdict;

    /// Runs one of the scenarios where it takes milliseconds. On machines: `On::Vm(cache)`.
    fn run(scenario: &str) -> seatrial::trial::Judged {
        let runs = std::env::temp_dir().join("seatrial-own-swarm");
        let root = env!("CARGO_MANIFEST_DIR");
        seatrial::trial(format!("{root}/{scenario}"))
            .on(On::Sim)
            .seed(7)
            .runs(runs)
            .run()
            .expect("it can run here")
    }

    #[test]
    fn the_database_survives_the_loss_of_its_node() {
        let judged = run("scenarios/mariadb-nfs-survives-node-stop.yaml");
        assert!(judged.passed(), "{judged}");
        assert!(judged.folder.join("journal.jsonl").exists());
    }

    #[test]
    fn a_promise_that_cannot_be_kept_is_no_pass() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("lost.yaml");
        let text = include_str!("../scenarios/mariadb-without-shared-storage-loses-data.yaml");
        let (claims, _) = text.split_once("must_fail").expect("a control");
        std::fs::write(&path, claims).expect("written");
        let stack = include_str!("../scenarios/mariadb-local.stack.yaml");
        std::fs::write(folder.path().join("mariadb-local.stack.yaml"), stack).expect("written");
        let judged = seatrial::trial(&path)
            .runs(folder.path())
            .run()
            .expect("it can run");
        assert_eq!(judged.judgement.verdict, Verdict::Fail, "{judged}");
    }

    #[test]
    fn a_mistake_in_the_file_is_told_with_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bad.yaml");
        std::fs::write(&path, "scenario: x\nbecause: y\nfautls: []\n").expect("written");
        let refused = seatrial::trial(&path).runs(folder.path()).run();
        let words = refused.expect_err("refused").to_string();
        assert!(words.contains("fautls"), "{words}");
    }
}
