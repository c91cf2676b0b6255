//! The simulated managers' API on the LAN: who is listened to, and in which words one is not.

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use seatrial::plan::Plan;
use seatrial::scenario::Api;
use seatrial::substrate::sim::Sim;
use seatrial::substrate::{ClientCall, ClientRan, Knock, Lab, PowerOff};
use seatrial::wait;

use super::plans;

/// A balancer before three managers that listen like this.
fn open(api: Api) -> Plan {
    let mut plan = plans::balanced();
    plan.topology.api = api;
    plan
}

/// A lab whose tasks run.
async fn settled(api: Api) -> Arc<dyn Lab> {
    let lab = Sim::new().lab(&open(api));
    lab.deploy().await.expect("deployed");
    wait::pause(Duration::from_secs(5)).await;
    lab
}

async fn client(lab: &dyn Lab, on: &str, words: &str) -> ClientRan {
    let (words, without_certificate) = match words.strip_prefix(STRANGER) {
        Some(words) => (words, true),
        None => (words, false),
    };
    let call = ClientCall {
        args: words.split(' ').map(str::to_owned).collect(),
        without_certificate,
    };
    lab.docker(on, &call).await.expect("it ran")
}

const BALANCER: &str = "--host tcp://192.168.150.27:2375 service ls";
const MANAGER: &str = "--host tcp://192.168.150.1:2375 service ls";
const WORKER: &str = "--host tcp://192.168.150.4:2375 service ls";
const OTHER_PORT: &str = "--host tcp://192.168.150.1:2376 service ls";
const WITH_TLS: &str = "--host tcp://192.168.150.27:2376 --tlsverify service ls";
/// Before the words of a client without a certificate.
const STRANGER: &str = "stranger: ";
const NO_CERTIFICATE: &str = "stranger: --host tcp://192.168.150.27:2376 --tlsverify service ls";
const WITHOUT_TLS: &str = "--host tcp://192.168.150.27:2376 service ls";
const TLS_TO_PLAIN: &str = "--host tcp://192.168.150.27:2375 --tlsverify service ls";

#[rstest]
#[case::a_manager(Api::Plain, MANAGER, "")]
#[case::through_the_balancer(Api::Plain, BALANCER, "")]
#[case::with_a_certificate(Api::Tls, WITH_TLS, "")]
#[case::a_worker(Api::Plain, WORKER, "Cannot connect to the Docker daemon at tcp://")]
#[case::another_port(Api::Plain, OTHER_PORT, "Cannot connect")]
#[case::nobody_listens(Api::Closed, MANAGER, "Cannot connect")]
#[case::nobody_listens_behind_it(Api::Closed, BALANCER, "Cannot connect")]
#[case::without_a_certificate(Api::Tls, NO_CERTIFICATE, "bad certificate")]
#[case::without_tls(Api::Tls, WITHOUT_TLS, "an HTTP request to an HTTPS server")]
#[case::tls_where_there_is_none(Api::Plain, TLS_TO_PLAIN, "HTTP response to HTTPS client")]
#[tokio::test(start_paused = true)]
async fn a_remote_client_is_let_in_where_the_api_is_open(
    #[case] api: Api,
    #[case] words: &str,
    #[case] refused: &str,
) {
    let lab = settled(api).await;
    for on in ["balancer", "server-5"] {
        let ran = client(&*lab, on, words).await;
        assert_eq!(ran.code == 0, refused.is_empty(), "{ran:?}");
        assert!(ran.err.contains(refused), "{ran:?}");
        assert_eq!(ran.out.contains("3/3"), refused.is_empty(), "{ran:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_balancer_finds_the_managers_that_are_left() {
    let lab = settled(Api::Plain).await;
    lab.power_off("server-2", PowerOff::Cut).await.expect("off");
    let asked = async || client(&*lab, "balancer", BALANCER).await.code == 0;
    let (one, two, three) = (asked().await, asked().await, asked().await);
    assert!(!(one && two && three), "it cannot know yet");
    wait::pause(Duration::from_secs(5)).await;
    for _ in 0..5 {
        assert!(asked().await);
    }
    lab.power_off("balancer", PowerOff::Cut).await.expect("off");
    assert_eq!(client(&*lab, "server-5", BALANCER).await.code, 1);
}

#[tokio::test(start_paused = true)]
async fn the_port_is_open_where_a_manager_listens() {
    let nodes = ["server-1", "server-4"].map(str::to_owned);
    let knocked = async |api| {
        let lab = settled(api).await;
        let answers = lab.knock(&nodes, 2375).await.expect("tried");
        nodes.clone().map(|node| answers.get(&node).copied())
    };
    let (yes, no) = (Some(Knock::Accepted), Some(Knock::Refused));
    assert_eq!(knocked(Api::Plain).await, [yes, no]);
    assert_eq!(knocked(Api::Tls).await, [no, no]);
    assert_eq!(knocked(Api::Closed).await, [no, no]);
}
