//! What can be broken on an engine, what cannot, and what is left.

use super::ground::{ground, said};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_is_lost_in_every_way_that_an_engine_has() {
    let Some(ground) = ground("a_leader_is_lost_in_every_way_that_an_engine_has").await else {
        return;
    };
    let (code, told) = said(&mut ground.run("tests/dind/faults.yaml")).await;
    assert_eq!(code, Some(0), "{told}");
    for seen in [
        "has power and stands still",
        "and none was delivered",
        "has no power, sent no frame",
        "PASS residue",
    ] {
        assert!(told.contains(seen), "`{seen}` is not in:\n{told}");
    }
    assert_eq!(ground.there().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn single_flows_are_cut_and_an_engine_crashes_inside_of_its_node() {
    let name = "single_flows_are_cut_and_an_engine_crashes_inside_of_its_node";
    let Some(ground) = ground(name).await else {
        return;
    };
    let (code, told) = said(&mut ground.run("tests/dind/flows.yaml")).await;
    assert_eq!(code, Some(0), "{told}");
    for seen in ["others passed", "it answers on", "PASS residue"] {
        assert!(told.contains(seen), "`{seen}` is not in:\n{told}");
    }
    for struck in ["frames of `server-22`", "frames of `server-12`"] {
        assert!(told.contains(struck), "`{struck}` is not in:\n{told}");
    }
    assert_eq!(ground.there().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_cannot_do_is_named_and_fails_nothing() {
    let Some(ground) = ground("what_an_engine_cannot_do_is_named_and_fails_nothing").await else {
        return;
    };
    let lost = "scenarios/mariadb-nfs-v3-power-cut.yaml";
    let (code, told) = said(&mut ground.run(lost)).await;
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("no power cut"), "{told}");
    assert_eq!(ground.there().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_decide_who_joins_a_swarm_of_containers() {
    let Some(ground) = ground("tokens_decide_who_joins_a_swarm_of_containers").await else {
        return;
    };
    let tokens = "scenarios/article/01-swarm-initialisation.yaml";
    let (code, told) = said(&mut ground.run(tokens)).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("PASS refused"), "{told}");
    assert_eq!(ground.there().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_a_registry_and_an_api_with_tls_are_there_and_are_lost() {
    let name = "a_balancer_a_registry_and_an_api_with_tls_are_there_and_are_lost";
    let Some(ground) = ground(name).await else {
        return;
    };
    let (code, told) = said(&mut ground.run("tests/dind/parts.yaml")).await;
    assert_eq!(code, Some(0), "{told}");
    for seen in [
        "`balancer` has no power",
        "`registry` has power and stands still",
        "refused on balancer",
        "PASS residue",
    ] {
        assert!(told.contains(seen), "`{seen}` is not in:\n{told}");
    }
    assert_eq!(ground.there().await, Vec::<String>::new());
}
