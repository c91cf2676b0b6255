//! The guest agent: the way into a machine that no fault of its networks can cut.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tokio_util::codec::{Framed, LinesCodec};

use crate::substrate::Trouble;
use crate::substrate::nodes::Ran;
use crate::wait::{Look, TimedOut, pause, until};

/// The longest answer: the output of a command, in base 64.
const LINE_MAX: usize = 64 << 20;

/// How long the agent may take for anything but a command of ours.
const CALL: Duration = Duration::from_secs(20);

/// A command is asked after often at first, since most end at once, and seldom then: the agent and
/// the guest's journal are at work for every question. It tells the end of a command only once, so
/// no question may be given up between the two.
const SOON: Duration = Duration::from_secs(2);
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_millis(500);

type Lines = Framed<UnixStream, LinesCodec>;

/// The agent of one machine; calls take turns.
pub(super) struct Agent {
    pub(super) machine: String,
    socket: PathBuf,
    lines: Mutex<Option<Lines>>,
}

impl Agent {
    /// An agent that is first talked to when it is needed.
    pub(super) fn new(machine: &str, socket: &Path) -> Self {
        Self {
            machine: machine.to_owned(),
            socket: socket.into(),
            lines: Mutex::new(None),
        }
    }

    /// Waits until the agent answers.
    pub(super) async fn ready(&self, deadline: Duration) -> Result<(), TimedOut> {
        let look = || async {
            match self.call("guest-ping", Value::Null).await {
                Ok(_) => Look::Holds(()),
                Err(error) => Look::NotYet(error.0),
            }
        };
        let what = format!("the guest agent of `{}`", self.machine);
        until(what, deadline, Duration::from_millis(200), look).await
    }

    /// Runs a shell command, with this standard input, and returns what it came to.
    pub(super) async fn run(
        &self,
        command: &str,
        input: &[u8],
        deadline: Duration,
    ) -> Result<Ran, Trouble> {
        let arguments = json!({
            "path": "/bin/sh",
            "arg": ["-c", command],
            "input-data": BASE64.encode(input),
            "capture-output": true,
        });
        let started = self.call("guest-exec", arguments).await?;
        let pid = started["pid"].clone();
        let began = Instant::now();
        let look = || async {
            if began.elapsed() > SOON {
                pause(SELDOM.saturating_sub(OFTEN)).await;
            }
            match self.call("guest-exec-status", json!({ "pid": pid })).await {
                Ok(status) if status["exited"] == json!(true) => Look::Holds(ran(&status)),
                Ok(_) => Look::NotYet("still running".into()),
                Err(error) => Look::CannotTell(error.0),
            }
        };
        let what = format!("`{command}` on `{}`", self.machine);
        until(what, deadline, OFTEN, look)
            .await
            .map_err(|late| Trouble(late.to_string()))
    }

    /// Runs a shell command that must succeed, and returns its standard output.
    pub(super) async fn sh(&self, command: &str, deadline: Duration) -> Result<String, Trouble> {
        self.sh_with(command, b"", deadline).await
    }

    /// Runs a shell command with a standard input; it must succeed.
    pub(super) async fn sh_with(
        &self,
        command: &str,
        input: &[u8],
        deadline: Duration,
    ) -> Result<String, Trouble> {
        let ran = self.run(command, input, deadline).await?;
        if ran.code == 0 {
            return Ok(ran.out);
        }
        let said = ran.err.trim().replace('\n', "; ");
        let (machine, code) = (&self.machine, ran.code);
        Err(Trouble(format!(
            "`{command}` on `{machine}` failed with {code}: {said}"
        )))
    }

    /// Sets the guest's clock this much ahead of the host's; a restored machine needs the host's.
    pub(super) async fn set_time(&self, ahead: Duration) -> Result<(), Trouble> {
        let now = jiff::Timestamp::now().as_nanosecond();
        let ahead = i128::try_from(ahead.as_nanos()).unwrap_or(i128::MAX);
        let now = i64::try_from(now.saturating_add(ahead)).unwrap_or(i64::MAX);
        self.call("guest-set-time", json!({ "time": now }))
            .await
            .map(|_| ())
    }

    /// How far the guest's clock is from the host's, at least and at most: it was read at some time
    /// between question and answer.
    pub(super) async fn clock_off(&self) -> Result<(Duration, Duration), Trouble> {
        let asked = jiff::Timestamp::now().as_nanosecond();
        let said = self.call("guest-get-time", Value::Null).await?;
        let answered = jiff::Timestamp::now().as_nanosecond();
        let about = || Trouble(format!("`{}` tells no time: {said}", self.machine));
        let shown = i128::from(said.as_i64().ok_or_else(about)?);
        let least = shown.abs_diff(shown.clamp(asked, answered.max(asked)));
        let most = shown.abs_diff(asked).max(shown.abs_diff(answered));
        let long = |nanos| Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Ok((long(least), long(most)))
    }

    /// Asks the guest to shut itself down, as a person would; its process ends when it has.
    pub(super) async fn shut_down(&self) -> Result<(), Trouble> {
        let arguments = json!({ "path": "/bin/systemctl", "arg": ["poweroff", "--no-block"] });
        self.call("guest-exec", arguments).await.map(|_| ())
    }

    /// Forgets the session: the machine behind the socket is a new one.
    pub(super) async fn forget(&self) {
        *self.lines.lock().await = None;
    }

    /// Calls the agent; a session that gave no good answer is not used again.
    async fn call(&self, command: &str, arguments: Value) -> Result<Value, Trouble> {
        let mut lines = self.lines.lock().await;
        let mut session = match lines.take() {
            Some(session) => session,
            None => self.open().await?,
        };
        let mut request = json!({ "execute": command });
        if !arguments.is_null() {
            request["arguments"] = arguments;
        }
        let answer = timeout(CALL, exchange(&mut session, &request)).await;
        let about = |what: &str| Trouble(format!("`{command}` on `{}`: {what}", self.machine));
        match answer {
            Ok(Ok(message)) => {
                *lines = Some(session);
                match message.get("return") {
                    Some(result) => Ok(result.clone()),
                    None => Err(about(
                        message["error"]["desc"].as_str().unwrap_or("no result"),
                    )),
                }
            }
            Ok(Err(error)) => Err(about(&error)),
            Err(_) => Err(about(&format!("no answer within {CALL:?}"))),
        }
    }

    /// Opens the socket and skips whatever an earlier session left unread.
    async fn open(&self) -> Result<Lines, Trouble> {
        let about = |what: String| Trouble(format!("guest agent of `{}`: {what}", self.machine));
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| about(error.to_string()))?;
        let mut session = Framed::new(stream, LinesCodec::new_with_max_length(LINE_MAX));
        let id = rand::random::<u32>();
        let request = json!({ "execute": "guest-sync", "arguments": { "id": id } });
        let synced = async {
            let mut answer = exchange(&mut session, &request).await?;
            while answer.get("return") != Some(&json!(id)) {
                answer = next(&mut session).await?;
            }
            Ok::<_, String>(())
        };
        match timeout(Duration::from_secs(3), synced).await {
            Ok(Ok(())) => Ok(session),
            Ok(Err(error)) => Err(about(error)),
            Err(_) => Err(about("it does not answer yet".into())),
        }
    }
}

/// Sends a request and reads the next message.
async fn exchange(session: &mut Lines, request: &Value) -> Result<Value, String> {
    session
        .send(request.to_string())
        .await
        .map_err(|error| error.to_string())?;
    next(session).await
}

/// Reads the next message.
async fn next(session: &mut Lines) -> Result<Value, String> {
    match session.next().await {
        Some(Ok(line)) => parse(&line),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("the agent closed the connection".into()),
    }
}

/// Reads one message.
pub(super) fn parse(line: &str) -> Result<Value, String> {
    serde_json::from_str(line).map_err(|error| format!("not understood: {error}"))
}

/// Reads the status of a command that has ended.
pub(super) fn ran(status: &Value) -> Ran {
    let text = |key: &str| {
        let bytes = BASE64
            .decode(status[key].as_str().unwrap_or_default())
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let signal = status["signal"]
        .as_i64()
        .map(|signal| signal.saturating_add(128));
    let code = status["exitcode"].as_i64().or(signal).unwrap_or(-1);
    Ran {
        code,
        out: text("out-data"),
        err: text("err-data"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;
    use crate::substrate::vm::noise;

    #[test]
    fn a_command_that_died_of_a_signal_did_not_succeed() {
        let killed = ran(&json!({ "exited": true, "signal": 9 }));
        assert_eq!(killed.code, 137);
        let done = ran(&json!({ "exited": true, "exitcode": 0, "out-data": "aGk=" }));
        assert_eq!(
            done,
            Ran {
                code: 0,
                out: "hi".into(),
                err: String::new()
            }
        );
        assert_eq!(ran(&json!({ "exited": true })).code, -1);
    }

    #[test]
    fn half_a_message_is_not_understood() {
        assert!(parse("{\"return\": ").is_err());
        assert_eq!(parse("{\"return\": {}}"), Ok(json!({ "return": {} })));
    }

    /// What the agent says when all is well.
    const SAMPLES: [&str; 4] = [
        r#"{"return": {"pid": 4711}}"#,
        r#"{"return": {"exited": true, "exitcode": 0, "out-data": "aGk=", "err-data": ""}}"#,
        r#"{"return": {"exited": true, "signal": 9, "out-truncated": true}}"#,
        r#"{"error": {"class": "GenericError", "desc": "Guest agent is not available"}}"#,
    ];

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 4000,
            rng_seed: RngSeed::Fixed(7),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_message_that_may_be_anything_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            which in 0..SAMPLES.len(), at in 0_usize..80, length in 0_usize..8,
            number in any::<i64>(),
        ) {
            let text = String::from_utf8_lossy(&bytes);
            let sample = SAMPLES[which];
            let start = at.min(sample.len());
            let end = (start + length).min(sample.len());
            let few: String = text.chars().take(3).collect();
            let changed = format!("{}{few}{}", &sample[..start], &sample[end..]);
            noise::agent(&text);
            noise::agent(&changed);
            ran(&json!({ "signal": number }));
        }
    }
}
