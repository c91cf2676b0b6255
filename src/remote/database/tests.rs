//! Sessions against listeners that are no database; a real one is met in `tests/remote.rs`.

use rstest::rstest;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

const PASSWORD: &str = "s3cret-word";

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

async fn refusal(addr: SocketAddr, deadline: Duration) -> String {
    let error = MySql::connect(addr, Some(PASSWORD), deadline).await;
    let error = error.unwrap_err();
    assert!(!error.contains(PASSWORD), "{error}");
    error
}

#[tokio::test]
async fn nobody_listens() {
    let (listener, addr) = listener().await;
    drop(listener);
    let error = refusal(addr, Duration::from_secs(20)).await;
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn accepted_and_closed_is_an_error_before_the_deadline() {
    // QEMU's port forwarder accepts, finds nobody in the guest, and closes.
    let (listener, addr) = listener().await;
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let error = refusal(addr, Duration::from_secs(20)).await;
    assert!(!error.contains("no session within"), "{error}");
}

#[rstest]
#[case::silence(b"")]
#[case::half_a_greeting(b"\x4a\0\0\0\x0a8.0.36\0")]
#[tokio::test]
async fn accepted_and_then_nothing_ends_at_the_deadline(#[case] greeting: &'static [u8]) {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(greeting).await.unwrap();
        std::future::pending::<()>().await;
    });
    let error = refusal(addr, Duration::from_millis(200)).await;
    assert_eq!(error, "no session within 200ms");
}

#[tokio::test]
async fn another_protocol_is_an_error_and_no_panic() {
    let (listener, addr) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    refusal(addr, Duration::from_secs(20)).await;
}

#[tokio::test]
async fn an_ended_session_sends_nothing() {
    let (_listener, addr) = listener().await;
    let mut session = MySql { conn: None, addr };
    let deadline = Duration::from_secs(20);
    let never = session.insert(1, deadline).await;
    assert!(matches!(&never, Outcome::Refused(why) if why.starts_with("never sent")));
    assert!(session.query("SELECT 1", deadline).await.is_err());
    assert!(session.create_ledger(deadline).await.is_err());
    assert!(matches!(
        session.read_ledger(deadline).await,
        Rows::Unreadable(_)
    ));
    assert!(session.check_ledger(deadline).await.is_err());
}

#[rstest]
#[case::full_table(1114, true)]
#[case::no_table(1146, true)]
#[case::read_only(1290, true)]
#[case::deadlock(1213, true)]
#[case::shutdown(1053, false)]
#[case::during_commit(1180, false)]
#[case::interrupted(1317, false)]
#[case::killed(1927, false)]
#[case::lost(2013, false)]
fn a_server_error_refuses_only_if_nothing_can_be_committed(
    #[case] code: u16,
    #[case] refused: bool,
) {
    let outcome = outcome(&Failure::Server(ServerError {
        code,
        message: "words".to_owned(),
        state: "HY000".to_owned(),
    }));
    let said = format!("ERROR {code} (HY000): words");
    let expected = if refused {
        Outcome::Refused(said)
    } else {
        Outcome::Unknown(said)
    };
    assert_eq!(outcome, expected);
}

#[test]
fn a_broken_connection_and_a_deadline_leave_the_row_unknown() {
    let broken = outcome(&Failure::Broken("connection lost".to_owned()));
    assert!(matches!(broken, Outcome::Unknown(_)));
    let late = outcome(&Failure::TimedOut(Duration::from_secs(5)));
    assert_eq!(late, Outcome::Unknown("no answer within 5s".to_owned()));
}
