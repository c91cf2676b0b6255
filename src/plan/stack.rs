//! Reads a Compose stack file as far as the harness needs it; Docker gets it unchanged.

use std::ops::Range;
use std::path::{Component, Path};
use std::sync::Arc;

use serde::Serializer;

use super::{Options, Service, Stack, interpolated};
use crate::scenario::{
    Dialect, Loaded, Mistake, Node, Scenario, Source, Value, read, read_text, source,
};

mod image;
mod mount;
mod port;

/// Reads the stack file that a scenario begins with.
pub(super) fn first(
    loaded: &Loaded,
    options: &Options,
    mistakes: &mut Vec<Mistake>,
) -> Option<Stack> {
    let file = loaded.scenario.deploy.as_deref()?;
    beside(loaded, ("deploy", file), options, mistakes)
}

/// Reads the stack file beside a scenario that `key` names. What is wrong is added to `mistakes`.
pub(super) fn beside(
    loaded: &Loaded,
    (key, file): (&str, &str),
    options: &Options,
    mistakes: &mut Vec<Mistake>,
) -> Option<Stack> {
    let name = match stack_name(file) {
        Ok(name) => name,
        Err(why) => {
            let help = "write the name of a `.stack.yaml` file in the scenario's folder";
            mistakes.push(loaded.mistake(key, format!("`{file}` {why}")).help(help));
            return None;
        }
    };
    let folder = loaded.path.parent().unwrap_or(Path::new(""));
    let path = folder.join(file);
    if let Err(why) = stays_in(folder, &path) {
        mistakes.push(loaded.mistake(key, format!("`{file}` {why}")));
        return None;
    }
    let read = read_text(&path).and_then(|text| source(&path, &text));
    let source = read.map_err(|mistake| mistakes.push(mistake)).ok()?;
    parse(name, &source, &loaded.scenario, options, mistakes)
}

/// The name that a stack is deployed under.
fn stack_name(file: &str) -> Result<&str, &'static str> {
    let mut parts = Path::new(file).components();
    let (first, second) = (parts.next(), parts.next());
    let alone = matches!(first, Some(Component::Normal(only)) if only == file);
    if !alone || second.is_some() {
        return Err("is not beside the scenario");
    }
    let name = file
        .strip_suffix(".stack.yaml")
        .ok_or("does not end in `.stack.yaml`")?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.bytes().all(fits) && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        Ok(name)
    } else {
        Err("names a stack with more than small letters, digits and `-`")
    }
}

/// That a file is there, and that no link leads out of the folder.
fn stays_in(folder: &Path, path: &Path) -> Result<(), String> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let real = path
        .canonicalize()
        .map_err(|error| format!("cannot be read: {error}"))?;
    let home = folder
        .canonicalize()
        .map_err(|error| format!("cannot be read: {error}"))?;
    if real.starts_with(&home) {
        Ok(())
    } else {
        Err(format!(
            "is a link that leads out of `{}`",
            folder.display()
        ))
    }
}

fn parse(
    name: &str,
    source: &Arc<Source>,
    scenario: &Scenario,
    options: &Options,
    mistakes: &mut Vec<Mistake>,
) -> Option<Stack> {
    let before = mistakes.len();
    let root = read(source, Dialect::Compose, mistakes)
        .map_err(|mistake| mistakes.push(mistake))
        .ok()?;
    let mut reader = Reader {
        source,
        options,
        mistakes,
    };
    let services = match root.get("services") {
        Some(services) if !services.entries().is_empty() => services.entries(),
        services => {
            let span = services.map_or(&root.span, |node| &node.span);
            let help = "write `services: { NAME: { image: … } }`";
            reader.wrong(span, "a stack needs services", help);
            &[]
        }
    };
    let services: Vec<Service> = services
        .iter()
        .filter_map(|(key, node)| {
            reader.mounts(node, scenario);
            let full_name = format!("{name}_{}", key.text);
            reader.service(key.text.clone(), full_name, node)
        })
        .collect();
    if mistakes.len() > before {
        return None;
    }
    Some(Stack {
        name: name.to_owned(),
        text: source.text.clone(),
        services,
    })
}

/// Writes a stack file's text as a journal may hold it.
pub(super) fn without_passwords<S: Serializer>(
    text: &str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&passwords_left_out(text))
}

/// A text as others may see it: what follows a name that ends in `PASSWORD` is left out, to the end
/// of its line, and the lines below that belong to it by their indentation.
pub(crate) fn passwords_left_out(text: &str) -> String {
    const WORD: &str = "PASSWORD";
    let mut kept = String::new();
    let mut secret = None;
    for line in text.split_inclusive('\n') {
        let indentation = line.len() - line.trim_start().len();
        if secret.is_some_and(|above| indentation > above || line.trim().is_empty()) {
            continue;
        }
        secret = None;
        // Only ASCII letters change their case here, so places in both texts are the same.
        match line.to_ascii_uppercase().find(WORD) {
            Some(at) => {
                kept.push_str(&line[..at + WORD.len()]);
                kept.push_str(": left out\n");
                secret = Some(indentation);
            }
            None => kept.push_str(line),
        }
    }
    kept
}

/// Reads values of a stack file, variables written out.
struct Reader<'a> {
    source: &'a Arc<Source>,
    options: &'a Options,
    mistakes: &'a mut Vec<Mistake>,
}

impl Reader<'_> {
    fn wrong(&mut self, span: &Range<usize>, title: impl Into<String>, help: impl Into<String>) {
        self.mistakes
            .push(Mistake::at(self.source, span, title).help(help));
    }

    /// A scalar's text, variables written out.
    fn text(&mut self, what: &str, node: &Node) -> Option<String> {
        let Some(text) = node.text() else {
            self.wrong(
                &node.span,
                format!("{what} must be text"),
                "write one value",
            );
            return None;
        };
        match interpolated(text, &self.options.environment) {
            Ok(text) => Some(text),
            Err(why) => {
                self.mistakes
                    .push(Mistake::at(self.source, &node.span, why));
                None
            }
        }
    }

    fn service(&mut self, name: String, full_name: String, node: &Node) -> Option<Service> {
        let image = self.image(&name, node);
        let replicas = self.replicas(node);
        let published = self.published(node);
        let root_password = self.root_password(node);
        let only_workers = self.only_workers(node);
        Some(Service {
            name,
            full_name,
            image: image?,
            replicas: replicas?,
            published: published?,
            root_password: root_password?,
            only_workers: only_workers?,
        })
    }

    /// `Some(None)` for a global service.
    fn replicas(&mut self, node: &Node) -> Option<Option<u32>> {
        let mode = match node.at_key("deploy", "mode") {
            Some(mode) => (self.text("`mode`", mode)?, mode.span.clone()),
            None => ("replicated".to_owned(), 0..0),
        };
        match mode.0.as_str() {
            "global" => Some(None),
            "replicated" => {
                let Some(replicas) = node.at_key("deploy", "replicas") else {
                    return Some(Some(1));
                };
                let text = self.text("`replicas`", replicas)?;
                if let Ok(count) = text.parse() {
                    return Some(Some(count));
                }
                let title = format!("`replicas` is `{text}`, not a whole number");
                self.wrong(&replicas.span, title, "write digits");
                None
            }
            other => {
                let title = format!("mode `{other}` is not read here");
                self.wrong(&mode.1, title, "write `replicated` or `global`");
                None
            }
        }
    }

    /// `Some(None)` when the stack file sets none.
    fn root_password(&mut self, node: &Node) -> Option<Option<String>> {
        const NAME: &str = "MYSQL_ROOT_PASSWORD";
        let Some(variables) = node.get("environment") else {
            return Some(None);
        };
        match &variables.value {
            Value::Map(_) => match variables.get(NAME) {
                None => Some(None),
                // Without a value it is handed on from where the stack is deployed.
                Some(Node {
                    value: Value::Null, ..
                }) => Some(self.options.environment.get(NAME).cloned()),
                Some(value) => self.text(NAME, value).map(Some),
            },
            Value::List(items) => {
                for item in items {
                    let Some(text) = item.text() else { continue };
                    let Some(rest) = text.strip_prefix(NAME) else {
                        continue;
                    };
                    if rest.is_empty() {
                        return Some(self.options.environment.get(NAME).cloned());
                    }
                    if rest.starts_with('=') {
                        let text = self.text(NAME, item)?;
                        return Some(text.split_once('=').map(|(_, value)| value.to_owned()));
                    }
                }
                Some(None)
            }
            _ => {
                let help = "write `NAME: value`, or `- NAME=value`";
                self.wrong(
                    &variables.span,
                    "`environment` must be a map or a list",
                    help,
                );
                None
            }
        }
    }

    fn only_workers(&mut self, node: &Node) -> Option<bool> {
        let placement = node.at_key("deploy", "placement");
        let Some(constraints) = placement.and_then(|node| node.get("constraints")) else {
            return Some(false);
        };
        let Value::List(items) = &constraints.value else {
            let help = "write `constraints: [ node.role == worker ]`";
            self.wrong(&constraints.span, "`constraints` must be a list", help);
            return None;
        };
        let mut only = false;
        for item in items {
            let text = self.text("a constraint", item)?;
            let words: String = text.split_whitespace().collect();
            only |= words == "node.role==worker" || words == "node.role!=manager";
        }
        Some(only)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::capability::Capabilities;

    /// A stack of this text, deployed where a password is set.
    fn stack(text: &str) -> Result<Stack, Vec<Mistake>> {
        let scenario = "scenario: a\nbecause: b\ncluster: { managers: 1 }\nexpect: []\n";
        let loaded = crate::scenario::parse(Path::new("a.yaml"), scenario).expect("sound");
        let source = source(Path::new("a.stack.yaml"), text).expect("short");
        let password = ("MYSQL_ROOT_PASSWORD".to_owned(), "handed on".to_owned());
        let options = Options {
            place: "sim".into(),
            capabilities: Capabilities::new(),
            patience: 1.0,
            seed: 7,
            no_faults: false,
            environment: [password].into(),
            nodes: None,
        };
        let mut mistakes = Vec::new();
        let read = parse("a", &source, &loaded.scenario, &options, &mut mistakes);
        read.ok_or(mistakes)
    }

    /// A service with this line.
    fn service(line: &str) -> Service {
        let text = format!("services:\n  mariadb:\n    image: mariadb:10.1\n    {line}\n");
        let stack = stack(&text).expect("sound");
        stack.services.into_iter().next().expect("one service")
    }

    #[rstest]
    #[case::in_a_list("[ A=b, MYSQL_ROOT_PASSWORD=one=two ]", Some("one=two"))]
    #[case::in_a_map("{ A: b, MYSQL_ROOT_PASSWORD: one }", Some("one"))]
    #[case::an_empty_one("{ MYSQL_ROOT_PASSWORD: '' }", Some(""))]
    #[case::of_a_variable("[ 'MYSQL_ROOT_PASSWORD=${WORD:-one}' ]", Some("one"))]
    #[case::handed_on_in_a_list("[ MYSQL_ROOT_PASSWORD ]", Some("handed on"))]
    #[case::handed_on_in_a_map("{ MYSQL_ROOT_PASSWORD: null }", Some("handed on"))]
    #[case::of_a_longer_name("[ MYSQL_ROOT_PASSWORD_FILE=/one ]", None)]
    #[case::of_another_name("{ MYSQL_PASSWORD: one }", None)]
    #[case::of_no_name("[ ]", None)]
    fn a_root_password_is_read_wherever_it_may_stand(
        #[case] variables: &str,
        #[case] expected: Option<&str>,
    ) {
        let service = service(&format!("environment: {variables}"));
        assert_eq!(service.root_password.as_deref(), expected);
    }

    #[test]
    fn a_service_without_variables_has_no_root_password() {
        assert_eq!(service("init: true").root_password, None);
    }

    #[rstest]
    #[case::nothing("", false)]
    #[case::workers("node.role == worker", true)]
    #[case::no_managers("node.role!=manager", true)]
    #[case::managers("node.role == manager", false)]
    #[case::another("node.labels.disk == ssd", false)]
    #[case::workers_and_another("node.role == worker, node.labels.disk == ssd", true)]
    #[case::the_same_twice("node.role == worker, node.role != manager", true)]
    fn a_constraint_keeps_a_service_off_managers(#[case] constraints: &str, #[case] kept: bool) {
        let line = format!("deploy: {{ placement: {{ constraints: [ {constraints} ] }} }}");
        assert_eq!(service(&line).only_workers, kept);
    }

    #[rstest]
    #[case::no_key("version: '3.8'\n")]
    #[case::an_empty_map("services: {}\n")]
    #[case::a_list("services: [ mariadb ]\n")]
    #[case::nothing("services:\n")]
    fn a_stack_without_services_is_refused(#[case] text: &str) {
        let mistakes = stack(text).expect_err("no service");
        let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
        assert_eq!(titles, ["a stack needs services"]);
    }

    #[rstest]
    #[case::of_every_node("'8080:80'", &[8080])]
    #[case::in_a_row("'127.0.0.1:8000-8002:80-82'", &[8000, 8001, 8002])]
    #[case::chosen_by_docker("{ target: 80 }", &[])]
    #[case::of_udp("{ target: 53, published: 53, protocol: udp }", &[])]
    #[case::of_one_node("{ target: 80, published: 80, mode: host }", &[])]
    fn a_port_is_published_where_every_node_answers_on_it(
        #[case] port: &str,
        #[case] published: &[u16],
    ) {
        assert_eq!(service(&format!("ports: [ {port} ]")).published, published);
    }

    #[rstest]
    #[case::of_nothing("0:80")]
    #[case::backwards("8002-8000:80")]
    fn what_is_no_port_is_refused(#[case] port: &str) {
        let text = format!("services: {{ a: {{ image: b, ports: ['{port}'] }} }}\n");
        let mistakes = stack(&text).expect_err("no port");
        let titles: Vec<&str> = mistakes.iter().map(Mistake::title).collect();
        assert_eq!(titles, [format!("`{port}` is no port")]);
    }

    #[test]
    fn a_password_is_left_out_wherever_yaml_lets_it_stand() {
        let secrets = [
            "  MYSQL_ROOT_PASSWORD: hunter2\n",
            "  MYSQL_ROOT_PASSWORD:\n    \"hunter2\"\n",
            "  MYSQL_ROOT_PASSWORD: >-\n    of two lines:\n\n    hunter2\n",
            "  MYSQL_ROOT_PASSWORD: \"not\n    hunter2\"\n",
            "  - MYSQL_ROOT_PASSWORD=hunter2\n",
        ];
        for secret in secrets {
            let kept = passwords_left_out(&format!("environment:\n{secret}  SHARE: data\nx: y\n"));
            assert!(!kept.contains("hunter2"), "{kept}");
            let rest = "PASSWORD: left out\n  SHARE: data\nx: y\n";
            assert!(kept.ends_with(rest), "{kept}");
        }
    }
}
