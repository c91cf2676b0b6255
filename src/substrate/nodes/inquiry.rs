//! What is asked of the guests themselves: ports seen from the LAN, a kernel's mounts, files of the
//! share, a client.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Nodes, Ran};
use crate::journal::ApiError;
use crate::substrate::{ClientCall, ClientRan, Knock, MountSeen};
use crate::swarm::Remains;

/// Where a `docker` client looks that trusts the managers and has no certificate to show. Only a
/// folder without one does: with `--tlscert=` the client of 20.10 panics.
pub(in crate::substrate) const STRANGER: &str = "root/.docker/stranger";

/// How long a command may take. The slowest, a `docker` client on an emulated machine under load,
/// takes some seconds; each command also ends itself before this.
const COMMAND: Duration = Duration::from_secs(20);

/// Seconds that a guest waits for connections. Linux repeats a lost SYN after 1 s and 3 s.
const CONNECT_S: u32 = 4;

/// Seconds that a guest gives a `docker` client.
const CLIENT_S: u32 = 15;

/// Seconds that a guest gives to reading a file: a mount whose server is away waits for ever.
const READ_S: u32 = 8;

/// The most that is read of a file, in bytes: more than a scenario file can hold.
const READ_MAX: usize = 1024 * 1024;

impl dyn Nodes + '_ {
    /// Tries a port on each node from a machine that is no node, all in one command.
    pub(in crate::substrate) async fn knocked(
        &self,
        nodes: &[String],
        port: u16,
    ) -> Result<BTreeMap<String, Knock>, String> {
        let all = || self.plan().topology.nodes.iter();
        let addresses: BTreeMap<&str, &str> = all()
            .filter(|node| nodes.contains(&node.name))
            .map(|node| (node.address.as_str(), node.name.as_str()))
            .collect();
        let command = knocks(addresses.keys().copied(), port, CONNECT_S);
        let said = self.sh(self.elsewhere(), &command, COMMAND).await;
        let said = said.map_err(|trouble| trouble.0)?;
        Ok(answers(&said, &addresses))
    }

    /// What a manager still lists of a service of the plan.
    pub(in crate::substrate) async fn left_of(
        &self,
        manager: &str,
        service: &str,
    ) -> Result<Remains, ApiError> {
        let stack = self.plan().stack_of(service);
        let known = stack.zip(self.plan().service(service));
        let Some((stack, service)) = known else {
            let what = format!("there is no service `{service}` in the plan");
            return Err(ApiError::NotUnderstood(what));
        };
        let engine = self.engine(manager).await?;
        engine.remains(&service.full_name, &stack.name).await
    }

    /// Whether a node's own engine lists an image of the plan.
    pub(in crate::substrate) async fn lists(
        &self,
        node: &str,
        image: &str,
    ) -> Result<bool, ApiError> {
        let image = self.image(image)?;
        self.engine(node).await?.has_image(&image).await
    }

    /// Reads the mounts of a container's first process.
    pub(in crate::substrate) async fn mounted(
        &self,
        node: &str,
        container: &str,
    ) -> Result<Vec<MountSeen>, String> {
        if container.is_empty() || !container.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(format!("`{container}` is no identity of a container"));
        }
        let ran = self.run(node, &table(container), b"", COMMAND).await;
        let ran = ran.map_err(|trouble| trouble.0)?;
        match ran.code {
            0 => mounts(&ran.out),
            NO_PROCESS => Err("no process of the container runs there".to_owned()),
            code => Err(format!("the table of mounts could not be read: {code}")),
        }
    }

    /// Reads a file of the share where a node has it mounted.
    pub(in crate::substrate) async fn read(
        &self,
        node: &str,
        path: &str,
    ) -> Result<Option<String>, String> {
        let Some(storage) = &self.plan().topology.storage else {
            return Err("there is no share".to_owned());
        };
        let command = reading(&format!("{}/{path}", storage.mount));
        let ran = self.run(node, &command, b"", COMMAND).await;
        content(ran.map_err(|trouble| trouble.0)?)
    }

    /// Runs the node's own `docker` client.
    pub(in crate::substrate) async fn client(
        &self,
        node: &str,
        call: &ClientCall,
    ) -> Result<ClientRan, String> {
        let words: Vec<String> = call.args.iter().map(|word| quoted(word)).collect();
        let identity = if call.without_certificate {
            format!("DOCKER_CERT_PATH=/{STRANGER} ")
        } else {
            String::new()
        };
        let command = format!(
            "{identity}timeout -k 1 {CLIENT_S} docker {}",
            words.join(" ")
        );
        let ran = self.run(node, &command, b"", COMMAND).await;
        let ran = ran.map_err(|trouble| trouble.0)?;
        match ran.code {
            // What `timeout` itself says: see its manual, "EXIT STATUS".
            124 | 137 => Err(format!("no end within {CLIENT_S}s")),
            126 | 127 => Err("there is no `docker` client".to_owned()),
            code => Ok(ClientRan {
                code,
                out: ran.out,
                err: ran.err,
            }),
        }
    }
}

/// The exit code of [`table`] when the container has no process.
const NO_PROCESS: i64 = 9;

/// Connects to all addresses at once, and prints one that answered with what it said. A command
/// for `bash`, whose `/dev/tcp` needs no tool; processes are dear on an emulated machine.
fn knocks<'a>(addresses: impl Iterator<Item = &'a str>, port: u16, seconds: u32) -> String {
    let addresses: Vec<&str> = addresses.collect();
    format!(
        "LC_ALL=C timeout {seconds} bash -c 'for at in {}; do ( \
         said=$( {{ : 3<>/dev/tcp/$at/{port}; }} 2>&1 ) && echo \"$at accepted\" || \
         case $said in *refused*) echo \"$at refused\" ;; esac ) & done; wait'; \
         code=$?; test $code = 0 || test $code = 124",
        addresses.join(" ")
    )
}

/// What the addresses said; whoever said nothing is missing.
fn answers(said: &str, addresses: &BTreeMap<&str, &str>) -> BTreeMap<String, Knock> {
    let answer = |line: &str| {
        let (address, word) = line.split_once(' ')?;
        let knock = match word {
            "accepted" => Knock::Accepted,
            "refused" => Knock::Refused,
            _ => return None,
        };
        Some(((*addresses.get(address)?).to_owned(), knock))
    };
    said.lines().filter_map(answer).collect()
}

/// Prints a file, or its beginning.
fn reading(file: &str) -> String {
    let file = quoted(file);
    format!("LC_ALL=C timeout -k 1 {READ_S} head -c {READ_MAX} -- {file}")
}

/// What a file holds, by what [`reading`] it came to; none if it is not there.
fn content(ran: Ran) -> Result<Option<String>, String> {
    match ran.code {
        0 => Ok(Some(ran.out)),
        124 | 137 => Err(format!("no end within {READ_S}s")),
        _ if ran.err.contains("No such file or directory") => Ok(None),
        _ => Err(ran.err.trim().replace('\n', "; ")),
    }
}

/// Prints the mounts of the container's first process: the one that is number 1 among its own. A
/// process that is only about to enter the container still has the node's mounts.
fn table(container: &str) -> String {
    format!(
        "for p in $(grep -ls {container} /proc/[0-9]*/cgroup); do p=${{p%/cgroup}}; \
         if grep -q '^NSpid:.*[[:space:]]1$' $p/status 2> /dev/null; \
         then cat $p/mountinfo; exit; fi; done; exit {NO_PROCESS}"
    )
}

/// Reads `/proc/PID/mountinfo` (Linux `Documentation/filesystems/proc.rst`, 3.5).
fn mounts(table: &str) -> Result<Vec<MountSeen>, String> {
    let mount = |line: &str| {
        let (mount, system) = line.split_once(" - ")?;
        let mount: Vec<&str> = mount.split(' ').collect();
        let system: Vec<&str> = system.split(' ').collect();
        let read_only = |options: &str| options.split(',').any(|option| option == "ro");
        let (here, whole) = (mount.get(5)?, system.get(2)?);
        Some(MountSeen {
            at: (*mount.get(4)?).to_owned(),
            kind: (*system.first()?).to_owned(),
            read_only: read_only(here) || read_only(whole),
        })
    };
    let read: Option<Vec<MountSeen>> = table.lines().map(mount).collect();
    let read = read.filter(|mounts| !mounts.is_empty());
    read.ok_or_else(|| "the table of mounts is not understood".to_owned())
}

/// A word that a shell takes as it is.
pub(in crate::substrate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this machine's loopback addresses say, tried for a second.
    fn knock(port: u16) -> BTreeMap<String, Knock> {
        let nodes = [("127.0.0.1", "server-3"), ("127.0.0.2", "server-12")].into();
        let command = knocks(BTreeMap::keys(&nodes).copied(), port, 1);
        let mut shell = std::process::Command::new("sh");
        let ran = shell.args(["-c", &command]).output().expect("a shell");
        assert!(ran.status.success(), "{ran:?}");
        answers(&String::from_utf8_lossy(&ran.stdout), &nodes)
    }

    #[test]
    fn a_listener_and_a_refusal_are_told_apart() {
        let open = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = open.local_addr().expect("an address").port();
        let seen = knock(port);
        assert_eq!(seen.get("server-3"), Some(&Knock::Accepted));
        assert_eq!(seen.get("server-12"), Some(&Knock::Refused));
        drop(open);
        assert_eq!(knock(port).get("server-3"), Some(&Knock::Refused));
        let nodes = [("192.168.150.3", "server-3")].into();
        assert!(answers("", &nodes).is_empty());
        assert!(answers("192.168.150.3 \n192.168.150.9 refused\n", &nodes).is_empty());
    }

    #[tokio::test]
    async fn a_listener_that_takes_nobody_is_silent_and_holds_up_no_other() {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let any = "127.0.0.1:0".parse().expect("an address");
        socket.bind(any).expect("a port");
        let full = socket.listen(1).expect("a listener");
        let address = full.local_addr().expect("an address");
        // Linux drops a SYN for a queue that is full, as a filter would.
        let brief = Duration::from_millis(200);
        let connect = || std::net::TcpStream::connect_timeout(&address, brief).ok();
        let waiting: Vec<_> = std::iter::from_fn(connect).take(50).collect();
        assert!(waiting.len() < 50, "the queue never fills");
        let seen = knock(address.port());
        assert_eq!(seen.get("server-3"), None);
        assert_eq!(seen.get("server-12"), Some(&Knock::Refused));
    }

    #[test]
    fn the_kernels_table_tells_kind_and_access() {
        let line = |point: &str, options: &str, system: &str| {
            format!("735 712 0:51 /nginx {point} {options} master:1 - {system}\n")
        };
        let text = line("/", "rw,relatime", "overlay overlay rw,lowerdir=/a")
            + &line(
                "/html",
                "ro,relatime",
                "nfs4 192.168.150.2:/data rw,vers=4.2",
            )
            + &line("/data", "rw,relatime", "nfs storage:/data ro,vers=3");
        let seen = mounts(&text).expect("a table");
        let told: Vec<_> = seen
            .iter()
            .map(|one| (one.at.as_str(), one.kind.as_str(), one.read_only))
            .collect();
        let right = [
            ("/", "overlay", false),
            ("/html", "nfs4", true),
            ("/data", "nfs", true),
        ];
        assert_eq!(told, right);
        for broken in ["", "735 712 0:51 / /html", "735 712 0:51 / /html rw - nfs4"] {
            mounts(broken).expect_err(broken);
        }
    }

    #[test]
    fn a_container_without_a_process_is_said_to_have_none() {
        let mut shell = std::process::Command::new("sh");
        let nobody = table(&"0123456789abcdef".repeat(4));
        let ran = shell.args(["-c", &nobody]).output().expect("a shell");
        assert_eq!(ran.status.code().map(i64::from), Some(NO_PROCESS));
    }

    #[test]
    fn a_file_that_is_not_there_is_told_from_one_that_cannot_be_read() {
        let read = |file: &std::path::Path| {
            let command = reading(&file.display().to_string());
            let mut shell = std::process::Command::new("sh");
            let ran = shell.args(["-c", &command]).output().expect("a shell");
            content(Ran {
                code: ran.status.code().map_or(-1, i64::from),
                out: String::from_utf8_lossy(&ran.stdout).into_owned(),
                err: String::from_utf8_lossy(&ran.stderr).into_owned(),
            })
        };
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("it's a page");
        assert_eq!(read(&file), Ok(None));
        for text in ["", "HELLO AGAIN\n", "no end of line"] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(read(&file), Ok(Some(text.to_owned())));
        }
        std::fs::write(&file, vec![b'x'; READ_MAX + 7]).expect("written");
        let cut = read(&file).map(|text| text.map(|text| text.len()));
        assert_eq!(cut, Ok(Some(READ_MAX)));
        read(folder.path()).expect_err("a folder");
    }

    #[test]
    fn no_shell_reads_the_words_of_a_client() {
        assert_eq!(quoted("a;b $c"), "'a;b $c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
