//! QEMU's machine protocol: one command, one answer; events are passed over.

use std::path::Path;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::{Framed, LinesCodec};

use crate::substrate::Trouble;
use crate::wait::{Look, until};

/// The longest line that QEMU may send; a longer one is trouble, not memory.
const LINE_MAX: usize = 1 << 20;

/// How long an ordinary command may take.
const COMMAND: Duration = Duration::from_secs(20);

/// A session with one machine's monitor.
pub(super) struct Qmp {
    machine: String,
    lines: Framed<UnixStream, LinesCodec>,
}

impl Qmp {
    /// Opens the monitor's socket as soon as it is there, and leaves the greeting behind.
    pub(super) async fn connect(
        machine: &str,
        socket: &Path,
        deadline: Duration,
    ) -> Result<Self, Trouble> {
        let look = || async {
            match UnixStream::connect(socket).await {
                Ok(stream) => Look::Holds(stream),
                Err(error) => Look::NotYet(error.to_string()),
            }
        };
        let what = format!("the monitor of `{machine}`");
        let stream = until(what, deadline, Duration::from_millis(20), look)
            .await
            .map_err(|late| Trouble(late.to_string()))?;
        let lines = Framed::new(stream, LinesCodec::new_with_max_length(LINE_MAX));
        let mut qmp = Self {
            machine: machine.to_owned(),
            lines,
        };
        qmp.execute("qmp_capabilities", Value::Null).await?;
        Ok(qmp)
    }

    /// Runs a command and returns its result.
    pub(super) async fn execute(
        &mut self,
        command: &str,
        arguments: Value,
    ) -> Result<Value, Trouble> {
        let about = |what: String| Trouble(format!("`{command}` on `{}`: {what}", self.machine));
        let mut request = json!({ "execute": command });
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        let exchange = async {
            self.lines
                .send(request.to_string())
                .await
                .map_err(|error| error.to_string())?;
            while let Some(line) = self.lines.next().await {
                let line = line.map_err(|error| error.to_string())?;
                if let Some(answer) = answer(&line)? {
                    return answer;
                }
            }
            Err("the monitor closed the connection".to_owned())
        };
        match timeout(COMMAND, exchange).await {
            Ok(answer) => answer.map_err(about),
            Err(_) => Err(about(format!("no answer within {COMMAND:?}"))),
        }
    }

    /// Runs a command of the human monitor, for the few that have no other form.
    pub(super) async fn human(&mut self, command_line: &str) -> Result<String, Trouble> {
        let arguments = json!({ "command-line": command_line });
        let said = self.execute("human-monitor-command", arguments).await?;
        Ok(said.as_str().unwrap_or_default().trim().to_owned())
    }
}

/// What a line of the monitor answers: `None` for the greeting and for events.
pub(super) fn answer(line: &str) -> Result<Option<Result<Value, String>>, String> {
    let message: Value =
        serde_json::from_str(line).map_err(|error| format!("not understood: {error}"))?;
    if let Some(result) = message.get("return") {
        return Ok(Some(Ok(result.clone())));
    }
    let said = message.get("error").map(|error| {
        let said = error.get("desc").and_then(Value::as_str);
        Err(said.unwrap_or("an error without a description").to_owned())
    });
    Ok(said)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::substrate::vm::noise;

    #[test]
    fn answers_errors_and_events_are_told_apart() {
        assert_eq!(
            answer(r#"{"return": {"a": 1}}"#),
            Ok(Some(Ok(json!({ "a": 1 }))))
        );
        let error = r#"{"error": {"class": "GenericError", "desc": "no such device"}}"#;
        assert_eq!(answer(error), Ok(Some(Err("no such device".into()))));
        assert_eq!(answer(r#"{"event": "STOP", "timestamp": {}}"#), Ok(None));
        assert_eq!(answer(r#"{"QMP": {"version": {}}}"#), Ok(None));
        assert!(answer("not json").is_err());
    }

    /// What QEMU says when all is well.
    const SAMPLES: [&str; 4] = [
        r#"{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}}}"#,
        r#"{"return": {"status": "completed", "ram": {"total": 1610612736}}}"#,
        r#"{"error": {"class": "GenericError", "desc": "no such device"}}"#,
        r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}"#,
    ];

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4000,
            rng_seed: RngSeed::Fixed(7),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_line_that_may_be_anything_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            which in 0..SAMPLES.len(), at in 0_usize..80, length in 0_usize..8,
        ) {
            let text = String::from_utf8_lossy(&bytes);
            noise::monitor(&text);
            let sample = SAMPLES[which];
            let start = at.min(sample.len());
            let end = (start + length).min(sample.len());
            let few: String = text.chars().take(3).collect();
            noise::monitor(&format!("{}{few}{}", &sample[..start], &sample[end..]));
        }
    }

    /// A monitor that never ends its line is trouble before it is a matter of memory.
    #[tokio::test]
    async fn a_line_without_end_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("monitor");
        let listener = tokio::net::UnixListener::bind(&socket).expect("it listens");
        let flood = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let (mut stream, _) = listener.accept().await.expect("a caller");
            let (block, mut written) = ([b'x'; 1 << 16], 0_usize);
            while stream.write_all(&block).await.is_ok() {
                written += block.len();
            }
            written
        });
        let error = Qmp::connect("server-3", &socket, COMMAND).await;
        let error = error.err().expect("no greeting");
        assert!(error.0.contains("max line length"), "{error}");
        let written = flood.await.expect("no panic");
        assert!(written < 4 * LINE_MAX, "{written} bytes were taken");
    }
}
