//! Orders to a swarm.

use std::time::Duration;

use super::inquiry::quoted;
use super::{COMMAND, Nodes};
use crate::journal::ApiError;
use crate::plan::{Role, interpolated};
use crate::scenario::Token;
use crate::substrate::{Order, Trouble};
use crate::swarm::engine::{Engine, JoinTokens, NewTasks};

/// How long an engine may go on joining after it said that it will. A manager refuses a token at
/// once, so an engine that is still at it was not heard.
const JOINING: Duration = Duration::from_secs(30);

impl dyn Nodes + '_ {
    /// A service's name in the swarm.
    pub(in crate::substrate) fn full_name(&self, service: &str) -> Result<String, ApiError> {
        let known = self.plan().service(service);
        known
            .map(|known| known.full_name.clone())
            .ok_or_else(|| ApiError::NotUnderstood(format!("there is no service `{service}`")))
    }

    /// Gives one order.
    pub(in crate::substrate) async fn obey(
        &self,
        manager: &str,
        order: &Order,
    ) -> Result<(), ApiError> {
        let engine = || async {
            let engine = self.engine(manager).await?;
            Ok::<Engine, ApiError>(engine.with_deadline(COMMAND))
        };
        match order {
            Order::Scale { service, replicas } => {
                engine()
                    .await?
                    .scale(&self.full_name(service)?, *replicas)
                    .await
            }
            Order::Update {
                service,
                image,
                env,
                args,
            } => {
                let image = image.as_ref().map(|image| self.image(image)).transpose()?;
                let new = NewTasks {
                    image,
                    env: env.clone(),
                    args: args.clone(),
                };
                let name = self.full_name(service)?;
                engine().await?.update_tasks(&name, &new).await
            }
            Order::Remove { service } => self.remove(&engine().await?, service).await,
            Order::Deploy(stack) => self
                .take_stack(manager, stack)
                .await
                .map_err(|trouble| ApiError::TimedOut(trouble.0)),
            Order::Role { node, role } => {
                let manager = *role == Role::Manager;
                engine().await?.set_role(node, manager).await
            }
            Order::Availability { node, drain } => engine().await?.set_drained(node, *drain).await,
            Order::Leave { node } => {
                let engine = self.engine(node).await?.with_deadline(COMMAND);
                engine.leave_swarm(false).await
            }
            Order::Forget { node } => engine().await?.forget_node(node).await,
            Order::Join { node, role, token } => {
                let tokens = match token {
                    Token::Right => engine().await?.join_tokens().await?,
                    Token::Rotated => engine().await?.rotate_tokens().await?,
                    Token::Wrong => wrong(&engine().await?.join_tokens().await?),
                };
                self.join(manager, node, *role, *token, &tokens).await
            }
            Order::Pull { node, image } => {
                let engine = self.engine(node).await?.with_deadline(COMMAND);
                engine.pull(&self.image(image)?).await
            }
            Order::Exchange { node } => {
                let exchanged = self.exchange(node).await;
                exchanged.map_err(|trouble| ApiError::Unreachable(trouble.0))
            }
            Order::Write { path, content } => self.write(path, content).await,
        }
    }

    /// Overwrites a file of the share on the storage machine.
    async fn write(&self, path: &str, content: &str) -> Result<(), ApiError> {
        let Some(storage) = &self.plan().topology.storage else {
            let what = "there is no storage machine".to_owned();
            return Err(ApiError::NotUnderstood(what));
        };
        let unreachable = |trouble: Trouble| ApiError::Unreachable(trouble.0);
        let command = overwrite(&format!("{}/{path}", storage.export));
        let ran = self.run(&storage.name, &command, content.as_bytes(), COMMAND);
        let ran = ran.await.map_err(unreachable)?;
        match ran.code {
            0 => Ok(()),
            _ => Err(ApiError::Refused {
                status: 500,
                message: ran.err.trim().replace('\n', "; "),
            }),
        }
    }

    /// An image as the machines know it.
    pub(in crate::substrate) fn image(&self, image: &str) -> Result<String, ApiError> {
        interpolated(image, self.variables()).map_err(ApiError::NotUnderstood)
    }

    /// Removes a service, and with a stack's last service the stack's networks.
    async fn remove(&self, engine: &Engine, service: &str) -> Result<(), ApiError> {
        engine.remove_service(&self.full_name(service)?).await?;
        match self.plan().stack_of(service) {
            Some(stack) => engine.remove_networks(&stack.name, COMMAND).await,
            None => Ok(()),
        }
    }

    async fn join(
        &self,
        manager: &str,
        node: &str,
        role: Role,
        token: Token,
        tokens: &JoinTokens,
    ) -> Result<(), ApiError> {
        let address = |name: &str| {
            let mut nodes = self.plan().topology.nodes.iter();
            let node = nodes.find(|one| one.name == name);
            node.map(|node| node.address.clone())
                .ok_or_else(|| ApiError::NotUnderstood(format!("there is no node `{name}`")))
        };
        let secret = match role {
            Role::Manager => &tokens.manager,
            Role::Worker => &tokens.worker,
        };
        let remote = [format!("{}:2377", address(manager)?)];
        let engine = self.engine(node).await?.with_deadline(COMMAND);
        let answer = engine.swarm_join(&remote, secret, &address(node)?).await;
        match (left_open(&answer), token) {
            (None, _) => answer,
            (Some(Open::Repeated), Token::Right) => Ok(()),
            // Not by this token: nobody looked at it.
            (Some(Open::Repeated), Token::Wrong | Token::Rotated) => answer,
            // What is seen afterwards decides.
            (Some(Open::Joining), Token::Right) => Ok(()),
            (Some(Open::Joining), Token::Wrong | Token::Rotated) => {
                match engine.give_up_joining(JOINING).await? {
                    true => Ok(()),
                    false => Err(ApiError::TimedOut(
                        "the engine's own limit for joins".to_owned(),
                    )),
                }
            }
        }
    }
}

/// Writes standard input to a file, in place: another file of that name would be looked up by the
/// nodes only once their caches of its folder have expired.
fn overwrite(file: &str) -> String {
    let file = quoted(file);
    format!("cat > {file} && sync {file}")
}

/// An answer to a join that is no refusal of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// The engine goes on joining.
    Joining,
    /// It is in a swarm already: an order that was taken and not answered is given again.
    Repeated,
}

/// Whether an answer leaves open what became of a join (moby: `daemon/cluster/errors.go`,
/// `errSwarmJoinTimeoutReached` and `errSwarmExists`).
fn left_open(answer: &Result<(), ApiError>) -> Option<Open> {
    let Err(ApiError::Refused { message, .. }) = answer else {
        return None;
    };
    if message.contains("Timeout was reached") {
        Some(Open::Joining)
    } else if message.contains("already part of a swarm") {
        Some(Open::Repeated)
    } else {
        None
    }
}

/// Tokens of the same swarm (`SWMTKN-1-DIGEST-SECRET`) with a secret that never was.
fn wrong(tokens: &JoinTokens) -> JoinTokens {
    let spoilt = |token: &str| {
        let (swarm, secret) = token.rsplit_once('-').unwrap_or((token, ""));
        let other = |c: char| if c == '0' { '1' } else { '0' };
        let secret: String = secret.chars().map(other).collect();
        format!("{swarm}-{secret}")
    };
    JoinTokens {
        manager: spoilt(&tokens.manager),
        worker: spoilt(&tokens.worker),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_to_a_join_may_leave_it_open() {
        let said = |message: &str| {
            let message = message.to_owned();
            left_open(&Err(ApiError::Refused {
                status: 503,
                message,
            }))
        };
        let timeout = "Timeout was reached before node joined. The attempt to join the swarm will \
                       continue in the background.";
        assert_eq!(said(timeout), Some(Open::Joining));
        let twice = "This node is already part of a swarm. Use \"docker swarm leave\" to leave \
                     this swarm and join another one.";
        assert_eq!(said(twice), Some(Open::Repeated));
        let refused = "rpc error: code = InvalidArgument desc = A valid join token is necessary to \
                       join this cluster";
        assert_eq!(said(refused), None);
        assert_eq!(left_open(&Ok(())), None);
    }

    #[test]
    fn a_file_that_is_written_stays_the_same_file() {
        use std::io::Write as _;
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("it's a page");
        let write = |content: &[u8]| {
            let mut shell = std::process::Command::new("sh")
                .args(["-c", &overwrite(&file.display().to_string())])
                .stdin(std::process::Stdio::piped())
                .spawn()
                .expect("a shell");
            let mut input = shell.stdin.take().expect("an input");
            input.write_all(content).expect("taken");
            drop(input);
            assert!(shell.wait().expect("an end").success());
            let inode = std::fs::metadata(&file).expect("a file").ino();
            (inode, std::fs::read(&file).expect("a file"))
        };
        let (first, _) = write(b"a long first content\n");
        assert_eq!(write(b"HELLO\n"), (first, b"HELLO\n".to_vec()));
    }

    #[test]
    fn a_wrong_token_is_of_the_same_swarm_and_another() {
        let right = JoinTokens {
            manager: "SWMTKN-1-digest-0a1".to_owned(),
            worker: "SWMTKN-1-digest-zz0".to_owned(),
        };
        let spoilt = wrong(&right);
        assert_eq!(spoilt.manager, "SWMTKN-1-digest-100");
        assert_eq!(spoilt.worker, "SWMTKN-1-digest-001");
        assert!(spoilt != right);
    }
}
