//! Broken scenarios: each says everything that is wrong with it, where, and what to write instead.

#[path = "reject/course.rs"]
mod course;
#[path = "reject/judge.rs"]
mod judge;

use std::path::{Path, PathBuf};

use insta::{Settings, assert_snapshot};
use rstest::rstest;
use seatrial::capability::{Capabilities, Capability};
use seatrial::plan::{Node, Options, Outcome, Role, plan};
use seatrial::scenario::{Loaded, Mistake, Mistakes, load, parse};
use seatrial::substrate::dind::Dind;

fn options() -> Options {
    use Capability::{CleanStop, Isolation, NfsV3, NfsV42, PowerCut, RoutingMesh};
    Options {
        place: "sim".into(),
        capabilities: [CleanStop, PowerCut, Isolation, RoutingMesh, NfsV3, NfsV42].into(),
        patience: 1.0,
        seed: 7,
        no_faults: false,
        environment: Default::default(),
        nodes: None,
    }
}

fn refusal(path: &Path, options: &Options) -> Mistakes {
    match load(path).and_then(|loaded| plan(&loaded, options)) {
        Ok(outcome) => panic!("accepted: {outcome:?}"),
        Err(mistakes) => mistakes,
    }
}

/// The name of the file that a mistake is shown in, without this machine's folders.
fn relative(path: &Path) -> PathBuf {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR"))
        .expect("a file of this package")
        .to_owned()
}

#[rstest]
fn a_broken_scenario_says_all_that_is_wrong(
    #[files("tests/reject/*.yaml")]
    #[exclude(r"\.stack\.yaml$")]
    path: PathBuf,
) {
    let path = relative(&path);
    let name = path
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let mistakes = refusal(&path, &options());
    assert!(
        mistakes.iter().all(|mistake| mistake.line().is_some()),
        "{mistakes}"
    );
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("reject");
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, mistakes));
}

#[test]
fn colours_are_for_those_who_ask() {
    let mistakes = refusal(Path::new("tests/reject/misspelt.yaml"), &options());
    assert!(mistakes.render(true).contains('\u{1b}'));
    assert!(!mistakes.render(false).contains('\u{1b}'));
}

#[test]
fn a_place_without_the_capability_skips() {
    let with = |missing: &[Capability]| {
        let mut options = options();
        options
            .capabilities
            .retain(|capability| !missing.contains(capability));
        let loaded = load(Path::new("scenarios/mariadb-nfs-v3-power-cut.yaml")).expect("sound");
        plan(&loaded, &options).expect("sound")
    };
    let Outcome::Skipped { name, reason } = with(&[Capability::PowerCut]) else {
        panic!()
    };
    assert_eq!(name, "mariadb-nfs-v3-power-cut");
    assert_eq!(reason, "`sim` has no power cut");
    let all: Capabilities = options().capabilities;
    let Outcome::Skipped { reason, .. } = with(&all.into_iter().collect::<Vec<_>>()) else {
        panic!()
    };
    assert_eq!(
        reason,
        "`sim` has no power cut, no routing mesh and no NFS v3"
    );
    assert!(matches!(with(&[Capability::NfsV42]), Outcome::Ready(_)));
}

#[rstest]
#[case::as_promised("", None)]
#[case::early(
    ", export: async",
    Some("`sim` has no share that answers before it has written")
)]
fn a_share_that_answers_early_is_not_what_every_place_can_make(
    #[case] export: &str,
    #[case] reason: Option<&str>,
) {
    let options = Options {
        capabilities: Dind::at_best(),
        ..options()
    };
    let path = PathBuf::from("scenarios/article/08-nginx-on-nfs.yaml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let cluster = "nfs: v3";
    assert!(text.contains(cluster), "{text}");
    let text = text.replace(cluster, &format!("{cluster}{export}"));
    let loaded = parse(&path, &text).expect("sound");
    let skipped = match plan(&loaded, &options).expect("sound") {
        Outcome::Skipped { reason, .. } => Some(reason),
        Outcome::Ready(_) => None,
    };
    assert_eq!(skipped.as_deref(), reason);
}

#[rstest]
#[case::a_page("article/14-balancer", "kill: worker", "no sudden end of a node")]
#[case::the_share_of_a_page("article/14-balancer", "kill: storage", "no power cut")]
#[case::a_ledger("mariadb-nfs-v3-power-cut", "kill: worker", "no power cut")]
fn only_where_data_are_looked_at_a_kill_has_to_be_a_power_cut(
    #[case] scenario: &str,
    #[case] fault: &str,
    #[case] lacks: &str,
) {
    let options = Options {
        capabilities: Capabilities::new(),
        ..options()
    };
    let path = PathBuf::from(format!("scenarios/{scenario}.yaml"));
    let text = std::fs::read_to_string(&path).expect("a file");
    let text = text.replace("kill: worker", fault);
    let loaded = parse(&path, &text).expect("sound");
    let Outcome::Skipped { reason, .. } = plan(&loaded, &options).expect("sound") else {
        panic!("it is ready")
    };
    let cuts = ["no sudden end of a node", "no power cut"];
    let named: Vec<&str> = cuts
        .into_iter()
        .filter(|cut| reason.contains(cut))
        .collect();
    assert_eq!(named, [lacks], "{reason}");
}

#[test]
fn patience_that_outlasts_a_fault_is_refused() {
    let text = std::fs::read_to_string("scenarios/mariadb-nfs-survives-node-stop.yaml")
        .expect("a file")
        .replace("host_of: mariadb } }", "host_of: mariadb } }\n    for: 3m");
    let loaded = parse(Path::new("scenarios/patient.yaml"), &text).expect("sound");
    assert!(matches!(plan(&loaded, &options()), Ok(Outcome::Ready(_))));
    let slow = Options {
        patience: 2.0,
        ..options()
    };
    let mistakes = plan(&loaded, &slow).expect_err("4m is longer than 3m");
    assert_snapshot!(mistakes);
    for patience in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        plan(
            &loaded,
            &Options {
                patience,
                ..options()
            },
        )
        .expect_err("no patience");
    }
}

#[test]
fn a_variable_of_a_stack_file_is_filled_in() {
    let path = Path::new("tests/reject/variables/uses-variables.yaml");
    let with = |port: &str| {
        let environment = [("PORT".to_owned(), port.to_owned())].into();
        let options = Options {
            environment,
            ..options()
        };
        load(path).and_then(|loaded| plan(&loaded, &options))
    };
    assert!(matches!(with("8080"), Ok(Outcome::Ready(_))));
    assert!(
        with("8081")
            .expect_err("another port")
            .to_string()
            .contains("`8081`")
    );
    assert!(
        with("many")
            .expect_err("no port")
            .to_string()
            .contains("`many:80` is no port")
    );
}

#[rstest]
#[case::by_its_variable("${NGINX_IMAGE:-nginx:1.12}", false)]
#[case::by_its_name("seatrial/nginx:1", false)]
#[case::of_the_labs_registry("192.168.150.28:5000/${NGINX_IMAGE}", false)]
#[case::another("nginx:1.12", true)]
#[case::by_another_variable("${REDIS_IMAGE:-redis:7}", true)]
#[case::of_the_labs_registry_which_has_no_other("192.168.150.28:5000/redis:7", true)]
fn an_image_that_no_node_can_have_is_refused(#[case] image: &str, #[case] refused: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.yaml");
    let read = |path: &str| std::fs::read_to_string(path).expect("a file");
    let usual = "image: ${NGINX_IMAGE:-nginx:1.12}";
    let stack = read("scenarios/nginx-nfs.stack.yaml");
    assert!(stack.contains(usual), "{stack}");
    let stack = stack.replace(usual, &format!("image: {image}"));
    std::fs::write(folder.path().join("nginx-nfs.stack.yaml"), stack).expect("written");
    let text = read("scenarios/nginx-nfs-answers-on-every-node.yaml");
    let text = text.replace("cluster: {", "cluster: { registry: true,");
    let loaded = parse(&path, &text).expect("sound");
    let images = [("NGINX_IMAGE".to_owned(), "seatrial/nginx:1".to_owned())];
    let own = Options {
        environment: images.into(),
        ..options()
    };
    match plan(&loaded, &own) {
        Ok(_) => assert!(!refused),
        Err(mistakes) => {
            let told = mistakes.to_string();
            assert!(refused && told.contains("`sim` has no image `"), "{told}");
            assert!(told.contains("write one of `${NGINX_IMAGE}`"), "{told}");
        }
    }
    let lent = Options {
        nodes: Some(Vec::new()),
        ..own
    };
    assert!(plan(&loaded, &lent).is_ok(), "hosts may have any");
    assert!(plan(&loaded, &options()).is_ok(), "nobody knows yet");
}

#[cfg(unix)]
#[test]
fn a_stack_file_outside_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = std::fs::read_to_string("scenarios/nginx-nfs-answers-on-every-node.yaml");
    let text = text.expect("a file");
    let path = folder.path().join("a.yaml");
    let outside = std::path::absolute("scenarios/nginx-nfs.stack.yaml").expect("a path");
    std::os::unix::fs::symlink(&outside, folder.path().join("link.stack.yaml")).expect("a link");
    let outside = outside.display().to_string();
    for (file, why) in [
        ("link.stack.yaml", "leads out of"),
        ("../a.stack.yaml", "is not beside the scenario"),
        ("./a.stack.yaml", "is not beside the scenario"),
        ("nginx-nfs.stack.yaml/", "is not beside the scenario"),
        (outside.as_str(), "is not beside the scenario"),
        ("gone.stack.yaml", "cannot be read"),
        ("Upper.stack.yaml", "small letters"),
        (".stack.yaml", "small letters"),
        ("compose.yaml", "does not end in"),
    ] {
        let text = text.replace("nginx-nfs.stack.yaml", file);
        let loaded = parse(&path, &text).expect("sound");
        let mistakes = plan(&loaded, &options()).expect_err(file);
        assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
        assert!(mistakes.to_string().contains(why), "{mistakes}");
    }
}

#[test]
fn what_is_no_scenario_file_is_said_to_be_none() {
    for (path, why) in [
        ("tests/reject/gone.yaml", "failed to read"),
        ("tests/reject", "is not a file"),
        ("/dev/zero", "is not a file"),
    ] {
        let mistakes = load(Path::new(path)).expect_err(path);
        assert!(mistakes.to_string().contains(why), "{mistakes}");
    }
    let parsed = parse(Path::new("a.yaml"), &"# long\n".repeat(200_000));
    assert!(
        parsed
            .expect_err("too long")
            .to_string()
            .contains("longer than 1 MiB")
    );
    let parsed = parse(Path::new("a\nb.yaml"), "");
    assert!(
        parsed
            .expect_err("odd name")
            .to_string()
            .contains("is no name for a scenario")
    );
}

/// No more of it is read than of the longest honest one, as a scenario and as a stack.
#[test]
fn files_of_100_megabytes_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (name, first) in [("plain.yaml", ""), ("cut.yaml", "a\u{e9}")] {
        let text = first.to_owned() + &"\u{e9}".repeat(800_000);
        std::fs::write(path(name), text).expect("written");
        let file = std::fs::File::options().append(true).open(path(name));
        file.and_then(|file| file.set_len(100_000_000))
            .expect("longer");
        let said = load(&path(name)).expect_err("too long").to_string();
        assert!(said.contains("longer than 1 MiB"), "{said}");
    }
    std::fs::copy(path("plain.yaml"), path("shop.stack.yaml")).expect("copied");
    std::fs::write(path("short.yaml"), TWO_MANAGERS).expect("written");
    let said = refusal(&path("short.yaml"), &options()).to_string();
    assert!(
        said.contains("shop.stack.yaml` is longer than 1 MiB"),
        "{said}"
    );
}

#[test]
fn bombs_do_not_go_off() {
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep: String = (0..300)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let wide = format!("expect: [{}]", "a,".repeat(100_000));
    let keys: String = (0..19_000).map(|index| format!("k{index}: 1\n")).collect();
    let aliases = "a: &a [x, x]\nb: &b [*a, *a]\n".to_owned();
    for text in [nested, deep, wide, keys, aliases] {
        let mistakes = parse(Path::new("a.yaml"), &text).expect_err("a bomb");
        assert!(mistakes.to_string().len() < 100_000);
    }
    let bomb = Path::new("tests/reject/bomb/bomb.yaml");
    assert!(
        refusal(bomb, &options())
            .to_string()
            .contains("more than 20000 values")
    );
}

/// Two managers, a worker, a database that may run anywhere, and a majority that is needed.
const TWO_MANAGERS: &str = "\
scenario: a
because: b
cluster: { managers: 2, workers: 1 }
deploy: shop.stack.yaml
steady: [ running: { service: mariadb, replicas: 1 } ]
faults:
  - { at: 15s, do: { stop: worker } }
  - { at: 4m, do: { stop: worker } }
expect: [ control: kept, recovers: { within: 3m } ]
";

/// The same with other words.
fn edited(edits: &[(&str, &str)]) -> Loaded {
    let mut text = TWO_MANAGERS.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "`{from}` is not in the template");
        text = text.replace(from, to);
    }
    parse(Path::new("tests/reject/majority.yaml"), &text).expect("sound")
}

/// That it is then refused in these words; accepted, if there are none.
#[track_caller]
fn is_refused(edits: &[(&str, &str)], refused: &str) {
    match plan(&edited(edits), &options()) {
        Ok(_) => assert_eq!(refused, "", "accepted"),
        Err(mistakes) => {
            assert!(!refused.is_empty(), "{mistakes}");
            assert!(mistakes.to_string().contains(refused), "{mistakes}");
        }
    }
}

#[rstest]
#[case::as_it_is(&[], "")]
#[case::a_service_on_workers(&[("stop: worker", "stop: { host_of: agent }")], "")]
#[case::a_service_anywhere(&[("stop: worker", "stop: { host_of: mariadb }")], "1 of 2")]
#[case::a_named_worker(&[("stop: worker", "stop: server-16")], "")]
#[case::a_named_manager(&[("stop: worker", "stop: server-12")], "is a manager: 1 of 2")]
#[case::the_leader(
    &[("stop: worker", "kill: leader")],
    "`leader` is a manager: 1 of 2 would be left, no majority, and `control: kept` is expected"
)]
#[case::some_manager(&[("stop: worker", "isolate: manager")], "is a manager: 1 of 2")]
#[case::a_manager_to_spare(&[("stop: worker", "stop: leader"), ("managers: 2", "managers: 3")], "")]
#[case::two_at_once(
    &[("stop: worker", "stop: leader"), ("managers: 2", "managers: 3"), ("4m", "16s")],
    "1 of 3"
)]
#[case::one_node_twice_is_one(
    &[("stop: worker", "stop: server-3"), ("managers: 2", "managers: 3"), ("4m", "16s")],
    ""
)]
#[case::two_of_five(
    &[("stop: worker", "stop: leader"), ("managers: 2", "managers: 5"), ("4m", "16s")],
    ""
)]
#[case::a_risk_that_is_taken(
    &[("stop: worker", "stop: leader"), ("expect:", "allow: [quorum_loss]\nexpect:")],
    ""
)]
#[case::nobody_needs_a_majority(
    &[
        ("stop: worker", "stop: leader"),
        ("control: kept, recovers: { within: 3m }", "control: lost"),
    ],
    ""
)]
#[case::no_majority_is_lost(&[("kept", "lost")], "2 managers keep their majority")]
#[case::a_fault_under_another(&[("worker }", "worker }, for: 4m")], "may still be down")]
#[case::until_the_next(
    &[("15s, do: { stop: worker }", "15s, do: { stop: worker }, for: 225s")],
    ""
)]
#[case::a_worker_by_its_name(
    &[("15s, do: { stop: worker }", "15s, do: { stop: server-16 }, for: 4m")],
    "may still be down"
)]
#[case::a_worker_by_its_service(
    &[("15s, do: { stop: worker }", "15s, do: { stop: { host_of: agent } }, for: 4m")],
    "may still be down"
)]
#[case::another_node(
    &[("worker }", "worker }, for: 4m"), ("4m, do: { stop: worker", "4m, do: { stop: server-99")],
    "no node `server-99`"
)]
#[case::a_control_of_what_every_run_is_judged_by(
    &[("expect:", "must_fail: [steady, undisturbed]\nexpect:")],
    ""
)]
#[case::a_control_of_what_cannot_fail(
    &[("expect:", "must_fail: [exercised]\nexpect:")],
    "nothing here that could fail is called `exercised`"
)]
#[case::as_long_as_the_fault(
    &[("worker }", "worker }, for: 3m")],
    "could not be told from the cure"
)]
#[case::longer_than_the_fault(&[("worker }", "worker }, for: 3m 1s")], "")]
#[case::the_same_time(&[("4m", "15s")], "")]
#[case::before_the_first(&[("4m", "14s")], "is before the fault above")]
fn a_majority_and_a_cure_are_looked_after(#[case] edits: &[(&str, &str)], #[case] refused: &str) {
    is_refused(edits, refused);
}

#[rstest]
#[case::just_those(3, 1, None)]
#[case::a_worker_more(3, 2, None)]
#[case::a_manager_more(4, 1, Some("4 managers and 1 worker"))]
#[case::a_manager_fewer(2, 1, Some("2 managers and 1 worker"))]
#[case::a_manager_alone(1, 2, Some("1 manager and 2 workers"))]
#[case::no_worker(3, 0, Some("3 managers and 0 workers"))]
fn a_swarm_that_is_there_must_have_the_managers_asked_for(
    #[case] managers: usize,
    #[case] workers: usize,
    #[case] instead: Option<&str>,
) {
    let node = |index: usize| Node {
        name: format!("there-{index}"),
        address: format!("192.168.150.{index}"),
        role: match index < managers {
            true => Role::Manager,
            false => Role::Worker,
        },
    };
    let nodes: Vec<Node> = (0..managers + workers).map(node).collect();
    let lent = Options {
        nodes: Some(nodes.clone()),
        ..options()
    };
    let loaded = edited(&[("managers: 2", "managers: 3")]);
    match (plan(&loaded, &lent).expect("sound"), instead) {
        (Outcome::Ready(ready), None) => assert_eq!(ready.topology.nodes, nodes),
        (Outcome::Skipped { reason, .. }, Some(found)) => {
            let said = format!("`sim` has {found}, not 3 managers and 1 worker");
            assert_eq!(reason, said);
        }
        (outcome, _) => panic!("{outcome:?}"),
    }
}

#[test]
fn two_services_that_publish_one_port_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("a.yaml"), TWO_MANAGERS).expect("written");
    let with = |port: u16| {
        let stack = format!(
            "services:\n  mariadb: {{ image: a, ports: ['80:80'] }}\n  \
             web: {{ image: b, ports: ['{port}:80'] }}\n"
        );
        std::fs::write(path("shop.stack.yaml"), stack).expect("written");
        load(&path("a.yaml")).and_then(|loaded| plan(&loaded, &options()))
    };
    assert!(matches!(with(81), Ok(Outcome::Ready(_))));
    let mistakes = with(80).expect_err("one port");
    let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
    let said = "`mariadb` and `web` of this stack publish port 80";
    assert_eq!(titles, [said]);
}

#[rstest]
#[case::the_root("/", "")]
#[case::a_folder("/data", "")]
#[case::of_no_root("data", "`data` is no mount point")]
#[case::with_a_blank("/da ta", "`/da ta` is no mount point")]
#[case::with_a_slash_at_its_end("/data/", "`/data/` is no mount point")]
fn a_mount_point_is_a_clean_path(#[case] at: &str, #[case] refused: &str) {
    let mount = format!("replicas: 1 }}, mount: {{ service: mariadb, at: {at} }}");
    is_refused(&[("replicas: 1 }", mount.as_str())], refused);
}

#[rstest]
#[case::the_longest_delay("delay: 1s", "")]
#[case::the_longest_in_all("delay: 600ms, jitter: 400ms", "")]
#[case::longer("delay: 600ms, jitter: 401ms", "held for more than 1s")]
#[case::the_most_jitter("delay: 20ms, jitter: 19ms", "")]
#[case::more_jitter("delay: 20ms, jitter: 20ms", "leaves nothing of a delay of 20ms")]
#[case::the_least_loss("loss: 1%", "")]
#[case::less("loss: 0.999%", "a loss is from 1% to 50%")]
#[case::the_most_loss("loss: 50%", "")]
#[case::more("loss: 50.001%", "a loss is from 1% to 50%")]
fn a_link_may_be_slow_within_bounds(#[case] how: &str, #[case] refused: &str) {
    let slow = format!("slow: {{ node: worker, {how} }}");
    is_refused(&[("stop: worker", slow.as_str())], refused);
}

#[rstest]
#[case::the_least("skew: { node: worker, by: 30s }", "")]
#[case::less("skew: { node: worker, by: 29.999s }", "a clock jumps by 30s or more")]
fn a_clock_jumps_far_enough_to_be_seen(#[case] skew: &str, #[case] refused: &str) {
    is_refused(&[("stop: worker", skew)], refused);
}

#[rstest]
#[case::the_most("managers: 3, workers: 4", "")]
#[case::more("managers: 3, workers: 5", "8 nodes are more than a lab has")]
fn a_lab_has_so_many_nodes(#[case] cluster: &str, #[case] refused: &str) {
    is_refused(&[("managers: 2, workers: 1", cluster)], refused);
}

#[rstest]
#[case::a_majority("managers: 3", "", "")]
#[case::none("managers: 2, workers: 1", "", "1 of 2 would be left, no majority")]
#[case::none_is_asked_for("managers: 2, workers: 1", "quorum_loss", "")]
#[case::one_to_take_the_tasks("managers: 1, workers: 1", "quorum_loss", "")]
#[case::nobody_to_take_them("managers: 1", "quorum_loss", "no other node could take the tasks")]
fn an_upgrade_leaves_a_majority_and_somebody_to_take_the_tasks(
    #[case] cluster: &str,
    #[case] allow: &str,
    #[case] refused: &str,
) {
    let upgrade = "actions: [ { at: 10s, do: { upgrade: managers_first } } ]";
    let upgrade = format!("{upgrade}\nallow: [{allow}]\nexpect:");
    let edits = [
        ("managers: 2, workers: 1", cluster),
        ("expect:", upgrade.as_str()),
        ("stop: worker", "skew: { node: manager, by: 1h }"),
    ];
    is_refused(&edits, refused);
}
