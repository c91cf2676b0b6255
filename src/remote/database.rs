//! A session with MariaDB or MySQL, on one connection of its own: the only module that knows
//! `mysql_async`.
//!
//! There is no pool and no reconnecting: a session that may be out of step is dropped, so that
//! an answer can never be taken for that of another statement.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, IoError, OptsBuilder, Row, ServerError};

use crate::journal::{Outcome, Rows, TableWord};
use crate::substrate::Database;

mod fold;

pub use fold::{Fold, payload};

/// Whatever the server's configuration says: a statement is committed when it is acknowledged,
/// and a value that does not fit is an error.
const INIT: &str = "SET autocommit = 1, sql_mode = 'STRICT_ALL_TABLES'";

/// No unique key: a row that is there twice must be able to show.
const CREATE: [&str; 2] = [
    "CREATE DATABASE IF NOT EXISTS seatrial",
    "CREATE TABLE IF NOT EXISTS seatrial.ledger (`row` BIGINT UNSIGNED NOT NULL, \
     payload CHAR(16) CHARACTER SET ascii NOT NULL, KEY (`row`)) ENGINE=InnoDB",
];

const READ: &str = "SELECT `row`, payload FROM seatrial.ledger ORDER BY `row`";

/// `EXTENDED` also compares every index with the rows. Its columns: table, operation, kind, text.
const CHECK: &str = "CHECK TABLE seatrial.ledger EXTENDED";

/// The most words of a check that are kept; a spoilt index may have one for each row.
const WORDS_MAX: usize = 20;

/// The client's own limit for a packet, in bytes. Given, so that the server need not be asked.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Idle seconds after which a server ends a session: MariaDB's default. Given, so that the
/// server need not be asked.
const WAIT_TIMEOUT_S: usize = 28_800;

/// A session with a server. Never prints its password.
pub struct MySql {
    /// `None` once the session may be out of step with the server.
    conn: Option<Conn>,
    addr: SocketAddr,
}

impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MySql({}, open: {})", self.addr, self.conn.is_some())
    }
}

/// Why a statement was not acknowledged.
#[derive(Debug)]
enum Failure {
    /// Nothing was sent: the session has ended before.
    Closed,
    /// The server answered with an error.
    Server(ServerError),
    /// The connection broke, or the answer made no sense.
    Broken(String),
    /// No whole answer in time.
    TimedOut(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the session has ended: open another one"),
            Self::Server(error) => write!(f, "{error}"),
            Self::Broken(why) => f.write_str(why),
            Self::TimedOut(deadline) => write!(f, "no answer within {deadline:?}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Server(error) => Self::Server(error),
            Error::Io(IoError::Io(error)) => Self::Broken(format!("connection lost: {error}")),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl MySql {
    /// Opens a session as `root`. The deadline covers the connection and the whole handshake.
    ///
    /// # Errors
    /// Why there is no session; never the password.
    pub async fn connect(
        addr: SocketAddr,
        password: Option<&str>,
        deadline: Duration,
    ) -> Result<Self, String> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(addr.ip().to_string())
            .tcp_port(addr.port())
            .user(Some("root"))
            .pass(password)
            // On loopback the client would switch to the server's Unix socket: another machine's.
            .prefer_socket(false)
            .max_allowed_packet(Some(PACKET_BYTES_MAX))
            .wait_timeout(Some(WAIT_TIMEOUT_S))
            .stmt_cache_size(0)
            .init(vec![INIT]);
        match tokio::time::timeout(deadline, Conn::new(opts)).await {
            Ok(Ok(conn)) => Ok(Self {
                conn: Some(conn),
                addr,
            }),
            Ok(Err(error)) => Err(Failure::from(error).to_string()),
            Err(_) => Err(format!("no session within {deadline:?}")),
        }
    }

    /// Runs one statement. The session survives only an answer of the server.
    async fn run(&mut self, statement: &str, deadline: Duration) -> Result<(), Failure> {
        // Taken out, so that a caller who gives up in the middle leaves no session behind.
        let mut conn = self.conn.take().ok_or(Failure::Closed)?;
        let answered = tokio::time::timeout(deadline, conn.query_drop(statement)).await;
        self.settle(conn, answered.ok(), deadline)
    }

    /// Runs one statement and keeps its rows. The session survives only an answer of the server.
    async fn rows(&mut self, statement: &str, deadline: Duration) -> Result<Vec<Row>, Failure> {
        let mut conn = self.conn.take().ok_or(Failure::Closed)?;
        let answered = tokio::time::timeout(deadline, conn.query(statement)).await;
        self.settle(conn, answered.ok(), deadline)
    }

    /// Keeps the session if it is still in step; `None` is a deadline that passed.
    fn settle<T>(
        &mut self,
        conn: Conn,
        answered: Option<Result<T, Error>>,
        deadline: Duration,
    ) -> Result<T, Failure> {
        match answered {
            Some(Ok(answer)) => {
                self.conn = Some(conn);
                Ok(answer)
            }
            Some(Err(error)) => {
                let failure = Failure::from(error);
                if matches!(&failure, Failure::Server(error) if !may_be_committed(error.code)) {
                    self.conn = Some(conn);
                }
                Err(failure)
            }
            None => Err(Failure::TimedOut(deadline)),
        }
    }
}

#[async_trait]
impl Database for MySql {
    async fn query(&mut self, statement: &str, deadline: Duration) -> Result<(), String> {
        let done = self.run(statement, deadline).await;
        done.map_err(|failure| failure.to_string())
    }

    async fn pairs(
        &mut self,
        statement: &str,
        deadline: Duration,
    ) -> Result<Vec<(String, String)>, String> {
        let rows = self.rows(statement, deadline).await;
        let rows = rows.map_err(|failure| failure.to_string())?;
        let pairs: Option<Vec<_>> = rows.into_iter().map(|row| texts(row, [0, 1])).collect();
        pairs.ok_or_else(|| format!("`{statement}` gave no two columns of text"))
    }

    async fn create_ledger(&mut self, deadline: Duration) -> Result<(), String> {
        for statement in CREATE {
            self.query(statement, deadline).await?;
        }
        Ok(())
    }

    async fn insert(&mut self, row: u64, deadline: Duration) -> Outcome {
        let statement = format!(
            "INSERT INTO seatrial.ledger (`row`, payload) VALUES ({row}, '{}')",
            payload(row)
        );
        match self.run(&statement, deadline).await {
            Ok(()) => Outcome::Acknowledged,
            Err(failure) => outcome(&failure),
        }
    }

    async fn read_ledger(&mut self, deadline: Duration) -> Rows {
        let Some(mut conn) = self.conn.take() else {
            return Rows::Unreadable(Failure::Closed.to_string());
        };
        let read = tokio::time::timeout(deadline, read(&mut conn)).await;
        let failure = match read {
            Ok(Ok(rows)) => {
                self.conn = Some(conn);
                return rows;
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::TimedOut(deadline),
        };
        if let Failure::Server(error) = &failure
            && no_such_table(error.code)
        {
            self.conn = Some(conn);
            return Rows::NoTable;
        }
        Rows::Unreadable(failure.to_string())
    }

    async fn check_ledger(&mut self, deadline: Duration) -> Result<Vec<TableWord>, String> {
        let rows = self.rows(CHECK, deadline).await;
        let mut rows = rows.map_err(|failure| failure.to_string())?;
        if let Some(last) = rows.len().checked_sub(1).filter(|last| *last >= WORDS_MAX) {
            rows.drain(WORDS_MAX - 1..last);
        }
        let word = |row| texts(row, [2, 3]).map(|(kind, text)| TableWord { kind, text });
        let words: Option<Vec<_>> = rows.into_iter().map(word).collect();
        words.ok_or_else(|| format!("`{CHECK}` gave no four columns of text"))
    }
}

/// Two columns of a row, if both are texts.
fn texts(mut row: Row, [one, other]: [usize; 2]) -> Option<(String, String)> {
    let mut text = |column| row.take_opt::<String, _>(column).and_then(Result::ok);
    Some((text(one)?, text(other)?))
}

/// Folds the table while it is read: no row is kept.
async fn read(conn: &mut Conn) -> Result<Rows, Failure> {
    let mut stream = conn.query_stream::<Row, _>(READ).await?;
    let mut fold = Fold::default();
    while let Some(row) = stream.next().await {
        let mut row = row?;
        let number = row.take_opt::<u64, _>(0).and_then(Result::ok);
        let content = row.take_opt::<Vec<u8>, _>(1).and_then(Result::ok);
        let (Some(number), Some(content)) = (number, content) else {
            let odd = "the ledger's columns are not a number and a text";
            return Err(Failure::Broken(odd.to_owned()));
        };
        fold.row(number, &content).map_err(Failure::Broken)?;
    }
    Ok(fold.finish())
}

/// What a failed insert means for its row.
fn outcome(failure: &Failure) -> Outcome {
    let why = failure.to_string();
    match failure {
        Failure::Closed => Outcome::Refused(format!("never sent: {why}")),
        Failure::Server(error) if !may_be_committed(error.code) => Outcome::Refused(why),
        Failure::Server(_) | Failure::Broken(_) | Failure::TimedOut(_) => Outcome::Unknown(why),
    }
}

/// Errors after which a statement may be committed all the same: the server ended the session, or
/// the statement, at a moment that it does not tell. From MariaDB's and MySQL's lists of errors.
fn may_be_committed(code: u16) -> bool {
    matches!(
        code,
        1026 | 1030             // writing a file; the storage engine's own error
        | 1053 | 1079           // the server is shutting down
        | 1105                  // no reason given
        | 1152 | 1158..=1161 | 1184 // the connection was aborted
        | 1180                  // during COMMIT
        | 1317 | 1969 | 3024    // interrupted: by hand, by a time limit
        | 1598                  // the binary log could not be written
        | 1927                  // the session was killed
        | 2000..=2999           // the client library's own
    )
}

/// Errors that say that the table, or its database, is not there.
fn no_such_table(code: u16) -> bool {
    matches!(code, 1049 | 1146)
}

#[cfg(test)]
mod tests;
