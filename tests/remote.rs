//! A ledger in a real MariaDB, where one is installed: insert, read, freeze, kill.
//!
//! Skipped, with the reason, where there is none.
#![expect(clippy::unwrap_used, reason = "helpers of a test, which may panic")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use seatrial::journal::{Outcome, Rows, TableWord};
use seatrial::remote::database::{MySql, payload};
use seatrial::substrate::Database as _;
use seatrial::wait::{Look, until};
use tokio::process::{Child, Command};

const PASSWORD: &str = "s3cret-word";
const PATIENT: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(500);

/// A server on loopback with its files in `folder`; killed when dropped.
async fn server(folder: &Path) -> Option<(Child, SocketAddr)> {
    let folder = folder.display();
    let made = Command::new("mariadb-install-db")
        .args(["--no-defaults", "--auth-root-authentication-method=normal"])
        .args(["--skip-test-db", "--user=root"])
        .arg(format!("--datadir={folder}/data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: `mariadb-install-db` is not installed or does not run here");
        return None;
    }
    let init = format!(
        "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n\
         GRANT ALL ON *.* TO root@'127.0.0.1';\n"
    );
    std::fs::write(format!("{folder}/init.sql"), init).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let path = std::env::var("PATH").unwrap_or_default();
    let child = Command::new("mariadbd")
        .env("PATH", format!("{path}:/usr/sbin"))
        .args(["--no-defaults", "--user=root", "--skip-name-resolve"])
        .arg(format!("--datadir={folder}/data"))
        .arg(format!("--socket={folder}/s"))
        .arg(format!("--pid-file={folder}/pid"))
        .arg(format!("--init-file={folder}/init.sql"))
        .args([
            "--bind-address=127.0.0.1",
            &format!("--port={}", addr.port()),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match child {
        Ok(child) => Some((child, addr)),
        Err(error) => {
            eprintln!("skipped: `mariadbd` does not start: {error}");
            None
        }
    }
}

async fn session(addr: SocketAddr) -> MySql {
    until("a session", PATIENT, Duration::from_millis(100), || async {
        match MySql::connect(addr, Some(PASSWORD), PATIENT).await {
            Ok(session) => Look::Holds(session),
            Err(why) => Look::NotYet(why),
        }
    })
    .await
    .unwrap()
}

fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

/// What a database says of a sound table.
fn ok() -> TableWord {
    TableWord {
        kind: "status".to_owned(),
        text: "OK".to_owned(),
    }
}

/// Settings are pairs of text; what is none is an error, and the session lives.
async fn settings(db: &mut MySql) {
    let ask = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('port_open', 'max_connections')";
    let pairs = db.pairs(ask, PATIENT).await.unwrap();
    assert_eq!(pairs, [("max_connections".into(), "151".into())]);
    db.pairs("SELECT 1", PATIENT).await.unwrap_err();
    db.pairs("SELEKT 1", PATIENT).await.unwrap_err();
    assert_eq!(db.pairs(ask, PATIENT).await.unwrap().len(), 1);
}

/// Frozen: nobody knows, and the session is over. Thawed: the row may be there.
async fn freeze_and_thaw(child: &Child, addr: SocketAddr, db: &mut MySql) {
    let mut frozen = session(addr).await;
    signal(child, Signal::STOP);
    assert!(matches!(frozen.insert(6, SHORT).await, Outcome::Unknown(_)));
    assert!(matches!(
        frozen.insert(7, PATIENT).await,
        Outcome::Refused(_)
    ));
    signal(child, Signal::CONT);
    assert_eq!(db.insert(8, PATIENT).await, Outcome::Acknowledged);
    let Rows::Found { ranges, .. } = db.read_ledger(PATIENT).await else {
        panic!("unreadable");
    };
    let there = |row| {
        ranges
            .iter()
            .any(|&(first, last)| (first..=last).contains(&row))
    };
    assert!(there(8) && !there(7), "{ranges:?}");
}

#[tokio::test]
async fn a_ledger_in_a_real_database() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut child, addr)) = server(folder.path()).await else {
        return;
    };
    let mut db = session(addr).await;
    assert!(!format!("{db:?}").contains(PASSWORD));
    let wrong = MySql::connect(addr, Some("other-word"), PATIENT).await;
    let wrong = wrong.unwrap_err();
    assert!(
        wrong.contains("1045") && !wrong.contains("other-word"),
        "{wrong}"
    );

    // Neither the database nor the table is there; an insert is refused and the session lives.
    assert_eq!(db.read_ledger(PATIENT).await, Rows::NoTable);
    assert!(matches!(db.insert(1, PATIENT).await, Outcome::Refused(_)));
    let missing = db.check_ledger(PATIENT).await.unwrap();
    assert!(!missing.contains(&ok()), "{missing:?}");
    db.create_ledger(PATIENT).await.unwrap();
    db.create_ledger(PATIENT).await.unwrap();

    for row in [1, 2, 3, 5, 5] {
        assert_eq!(db.insert(row, PATIENT).await, Outcome::Acknowledged);
    }
    let strange = "INSERT INTO seatrial.ledger VALUES (4, 'x')";
    db.query(strange, PATIENT).await.unwrap();
    assert_eq!(
        db.read_ledger(PATIENT).await,
        Rows::Found {
            ranges: vec![(1, 3), (5, 5)],
            duplicates: vec![5],
            strange: vec![format!("row 4 holds \"x\", not {:?}", payload(4))],
        }
    );
    let error = db.query("SELEKT 1", PATIENT).await.unwrap_err();
    assert!(error.contains("1064"), "{error}");
    db.query("SELECT 1", PATIENT).await.unwrap();

    assert_eq!(db.check_ledger(PATIENT).await, Ok(vec![ok()]));

    settings(&mut db).await;
    freeze_and_thaw(&child, addr, &mut db).await;

    // A session that the server killed is over; of a killed server nobody knows.
    let mut killed = session(addr).await;
    killed
        .query("KILL CONNECTION_ID()", PATIENT)
        .await
        .unwrap_err();
    let never = killed.insert(9, PATIENT).await;
    assert!(matches!(&never, Outcome::Refused(why) if why.starts_with("never sent")));
    let mut last = session(addr).await;
    child.start_kill().unwrap();
    child.wait().await.unwrap();
    assert!(matches!(last.insert(9, PATIENT).await, Outcome::Unknown(_)));
    assert!(matches!(db.read_ledger(PATIENT).await, Rows::Unreadable(_)));
    db.check_ledger(PATIENT).await.unwrap_err();
    MySql::connect(addr, Some(PASSWORD), PATIENT)
        .await
        .unwrap_err();
}
