//! What an error of the client means: a fact about the swarm, an absence, or our own trouble.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error;

use crate::journal::ApiError;

/// Errors of the HTTP client that have no type of their own and are not about the connection:
/// the engine answered with something other than HTTP, or our own request body failed.
const NOT_ABOUT_THE_CONNECTION: [&str; 4] = [
    "invalid HTTP",
    "invalid content-length",
    "message head is too large",
    "user's Body",
];

/// Sorts an error of the client.
pub(super) fn api_error(error: &Error, what: &str, place: &str) -> ApiError {
    let causes = causes(error);
    let line = format!("`{what}` at `{place}`: {causes}");
    match error {
        Error::DockerResponseServerError {
            status_code,
            message,
        } => ApiError::Refused {
            status: *status_code,
            message: message.trim().to_owned(),
        },
        // The head of the answer said 200 before the engine found out.
        Error::DockerStreamError { error } => ApiError::Refused {
            status: 200,
            message: error.trim().to_owned(),
        },
        Error::SocketNotFoundError(_) => ApiError::Unreachable(line),
        Error::RequestTimeoutError => ApiError::TimedOut(line),
        Error::HyperLegacyError { .. } => {
            if NOT_ABOUT_THE_CONNECTION
                .iter()
                .any(|sign| causes.contains(sign))
            {
                ApiError::NotUnderstood(line)
            } else {
                ApiError::Unreachable(line)
            }
        }
        // The answer had begun: only a broken connection is the connection's fault.
        _ if broken_connection(error) => ApiError::Unreachable(line),
        _ => ApiError::NotUnderstood(line),
    }
}

/// True if an error of the network, and not merely an early end, is among the causes.
fn broken_connection(error: &Error) -> bool {
    // This variant is transparent: its own error is not among its sources.
    let mut cause: Option<&(dyn StdError + 'static)> = match error {
        Error::IOError { err } => Some(err),
        other => Some(other),
    };
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>()
            && !matches!(
                io.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::InvalidData
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Other
            )
        {
            return true;
        }
        cause = current.source();
    }
    false
}

/// The causes, outermost first, each said once.
fn causes(error: &Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(current) = cause {
        cause = current.source();
        // This wrapper repeats its source.
        if !matches!(
            current.downcast_ref::<Error>(),
            Some(Error::HyperLegacyError { .. })
        ) {
            let text = current.to_string();
            if !parts.iter().any(|part| part.ends_with(&text)) {
                parts.push(text);
            }
        }
    }
    parts.join(": ")
}
