//! Commands in containers, and connections through them.

use std::io;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::Engine;
use crate::journal::ApiError;

/// More than this of a command's output is not kept.
const OUTPUT_MAX: usize = 16 << 20;

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// The exit code.
    pub code: i64,
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: Vec<u8>,
}

/// A command's standard input and its output, while it runs.
pub type Talk = (
    Box<dyn AsyncWrite + Send + Unpin>,
    Box<dyn Stream<Item = io::Result<Bytes>> + Send + Unpin>,
);

impl Engine {
    /// Runs a command in a container that runs, with this standard input.
    ///
    /// # Errors
    /// When the engine refuses, or the command has not ended before the deadline.
    pub async fn execute(
        &self,
        container: &str,
        command: &[&str],
        input: &[u8],
    ) -> Result<Executed, ApiError> {
        let whole = async {
            let (id, output, mut writer) = self.begin(container, command).await?;
            let write = async {
                // A command may end without reading all of it.
                let _ = writer.write_all(input).await;
                let _ = writer.shutdown().await;
            };
            let read = collect(output);
            let ((), ran) = tokio::join!(write, read);
            let mut ran = ran?;
            let ended = self.docker.inspect_exec(&id).await?;
            ran.code = ended.exit_code.unwrap_or(-1);
            Ok(ran)
        };
        self.call("exec", whole).await
    }

    /// Starts a command in a container, and leaves it to the caller to talk with it.
    ///
    /// # Errors
    /// When the engine refuses or gives no usable answer.
    pub async fn talk(&self, container: &str, command: &[&str]) -> Result<Talk, ApiError> {
        let begun = self.call("exec", self.begin(container, command)).await?;
        let (_, output, input) = begun;
        let output = output.filter_map(|one| async {
            match one {
                Ok(LogOutput::StdOut { message }) => Some(Ok(message)),
                Ok(_) => None,
                Err(error) => Some(Err(io::Error::other(error))),
            }
        });
        Ok((Box::new(input), Box::new(Box::pin(output))))
    }

    async fn begin(
        &self,
        container: &str,
        command: &[&str],
    ) -> Result<(String, Output, Input), bollard::errors::Error> {
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            ..Default::default()
        };
        let exec = self.docker.create_exec(container, options).await?;
        let start = StartExecOptions {
            output_capacity: Some(64 * 1024),
            ..Default::default()
        };
        match self.docker.start_exec(&exec.id, Some(start)).await? {
            StartExecResults::Attached { output, input } => Ok((exec.id, output, input)),
            StartExecResults::Detached => Err(io::Error::other("exec is detached").into()),
        }
    }
}

type Output =
    std::pin::Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;
type Input = std::pin::Pin<Box<dyn AsyncWrite + Send>>;

/// All that a command says.
async fn collect(mut output: Output) -> Result<Executed, bollard::errors::Error> {
    let mut ran = Executed::default();
    while let Some(said) = output.next().await {
        let (kept, message) = match said? {
            LogOutput::StdErr { message } => (&mut ran.err, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                (&mut ran.out, message)
            }
            LogOutput::StdIn { .. } => continue,
        };
        if kept.len() < OUTPUT_MAX {
            kept.extend_from_slice(&message);
        }
    }
    Ok(ran)
}
