//! A page, asked for on a fresh connection and compared byte for byte.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use reqwest::{Client, Response, StatusCode, Url};

use crate::journal::Answer;
use crate::substrate::PageRequest;

/// What is kept of a wrong answer, in characters.
const BEGINNING_CHARS: usize = 80;

/// What is read of a body, at most, so that its beginning can be shown.
const READ_AT_LEAST: usize = 4096;

/// One client for all: it keeps no connection, asks no proxy, follows no redirect, tries once.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    // Pages are asked for without TLS; this only keeps the client from looking for the
    // process's provider and the machine's certificates.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .pool_max_idle_per_host(0)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| causes(&error))
});

/// Asks once. `ask.within` covers everything from the connection to the end of the body.
pub async fn get(addr: SocketAddr, ask: &PageRequest) -> Answer {
    match tokio::time::timeout(ask.within, attempt(addr, ask)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) => Answer::Failed(why),
        Err(_) => Answer::Failed(format!("no whole answer within {:?}", ask.within)),
    }
}

async fn attempt(addr: SocketAddr, ask: &PageRequest) -> Result<Answer, String> {
    // Without its slash a path could name another host.
    if !ask.path.starts_with('/') {
        return Err(format!("`{}` is no path: it must begin with `/`", ask.path));
    }
    let url = Url::parse(&format!("http://{addr}{}", ask.path))
        .map_err(|error| format!("`{}` is no path: {error}", ask.path))?;
    let client = CLIENT.as_ref().map_err(Clone::clone)?;
    let response = client.get(url).send().await;
    let mut response = response.map_err(|error| causes(&error))?;
    let limit = ask.body.len().saturating_add(1).max(READ_AT_LEAST);
    let body = read(&mut response, limit).await?;
    let status = response.status();
    if status == StatusCode::OK && body == ask.body.as_bytes() {
        return Ok(Answer::Right);
    }
    Ok(Answer::Wrong(format!(
        "status {}: {}",
        status.as_u16(),
        beginning(&body)
    )))
}

/// Reads a body, but not much more than `limit` bytes of it.
async fn read(response: &mut Response, limit: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while body.len() < limit {
        match response.chunk().await.map_err(|error| causes(&error))? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(body)
}

/// The first characters of a body, fit to print.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown = String::new();
    for c in text.chars().take(BEGINNING_CHARS) {
        if c.is_control() {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if text.chars().nth(BEGINNING_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The causes of an error without its address, which changes with every lab.
fn causes(error: &dyn std::error::Error) -> String {
    let mut parts = Vec::new();
    let mut cause = error.source();
    while let Some(current) = cause {
        parts.push(current.to_string());
        cause = current.source();
    }
    if parts.is_empty() {
        parts.push(error.to_string());
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use rstest::rstest;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

    /// Sends `answer` to every connection and leaves it open; counts connections.
    async fn server(answer: String) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|n| n > 0) {
                        let _ = stream.write_all(answer.as_bytes()).await;
                        if answer.is_empty() {
                            return;
                        }
                    }
                });
            }
        });
        (addr, count)
    }

    fn ask(path: &str, body: &str, within: Duration) -> PageRequest {
        PageRequest {
            path: path.to_owned(),
            body: body.to_owned(),
            within,
        }
    }

    async fn answer(text: &str) -> Answer {
        let (addr, _) = server(text.to_owned()).await;
        get(addr, &ask("/", "hello\n", Duration::from_secs(20))).await
    }

    #[tokio::test]
    async fn the_right_body_is_right_and_every_request_has_its_own_connection() {
        let (addr, count) = server(HELLO.to_owned()).await;
        let ask = ask("/x?y=1", "hello\n", Duration::from_secs(20));
        assert_eq!(get(addr, &ask).await, Answer::Right);
        assert_eq!(get(addr, &ask).await, Answer::Right);
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[rstest]
    #[case::status(
        "HTTP/1.1 503 No\r\nContent-Length: 6\r\n\r\nhello\n",
        "status 503: hello\\n"
    )]
    #[case::created(
        "HTTP/1.1 201 Ok\r\nContent-Length: 6\r\n\r\nhello\n",
        "status 201: hello\\n"
    )]
    #[case::body(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "status 200: hello"
    )]
    #[case::empty("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "status 200: ")]
    #[case::escaped(
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\u{1b}[31m",
        "status 200: \\u{1b}[31m"
    )]
    #[case::redirect(
        "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n",
        "status 302: "
    )]
    #[tokio::test]
    async fn anything_else_is_wrong(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(answer(text).await, Answer::Wrong(shown.to_owned()));
    }

    #[tokio::test]
    async fn of_an_endless_body_only_the_beginning_is_read() {
        let text = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n{}",
            "x".repeat(10_000)
        );
        let shown = format!("status 200: {}…", "x".repeat(80));
        assert_eq!(answer(&text).await, Answer::Wrong(shown));
    }

    #[rstest]
    #[case::closed_at_once("", "connection")]
    #[case::not_http("SSH-2.0-x\r\n\r\n", "invalid HTTP")]
    #[tokio::test]
    async fn no_answer_has_failed(#[case] text: &str, #[case] said: &str) {
        let Answer::Failed(why) = answer(text).await else {
            panic!("not failed");
        };
        assert!(why.contains(said), "{why}");
        assert!(!why.contains("127.0.0.1"), "{why}");
    }

    #[tokio::test]
    async fn a_body_that_does_not_end_has_failed_at_the_deadline() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhell";
        let (addr, _) = server(text.to_owned()).await;
        let ask = ask("/", "hello\n", Duration::from_millis(200));
        let failed = Answer::Failed("no whole answer within 200ms".to_owned());
        assert_eq!(get(addr, &ask).await, failed);
    }

    #[tokio::test]
    async fn a_refused_connection_and_a_bad_path_have_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let refused = get(addr, &ask("/", "", Duration::from_secs(20))).await;
        assert!(matches!(&refused, Answer::Failed(why) if why.contains("refused")));
        let bad = get(addr, &ask("@example.org/", "", Duration::from_secs(20))).await;
        assert!(matches!(&bad, Answer::Failed(why) if why.contains("must begin")));
    }
}
