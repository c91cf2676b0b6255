//! Refusals about services that are not there, and ports that nothing publishes.

use super::{Docket, words};
use crate::scenario::{Expectation, Part, Target, Workload};

impl Docket<'_> {
    pub(super) fn services(&mut self) {
        self.published_once();
        self.pulled();
        for (index, workload) in self.scenario().workload.iter().enumerate() {
            let path = format!("workload[{index}]");
            match workload {
                Workload::Ledger(ledger) => {
                    self.one_port(&format!("{path}.ledger.service"), &ledger.service);
                    if ledger.writers == Some(0) {
                        let help = "write `writers: 1` or more";
                        self.refuse(
                            &format!("{path}.ledger.writers"),
                            "nobody would write",
                            help,
                        );
                    }
                }
                Workload::Get(get) => {
                    self.page(&format!("{path}.get"), get.via.as_ref(), get.port);
                    self.page_path(&format!("{path}.get.path"), get.path.as_deref());
                }
            }
        }
        for (index, expectation) in self.scenario().expect.iter().enumerate() {
            if let Expectation::NeverTwo(service) = expectation {
                self.service(&format!("expect[{index}].never_two"), service);
            }
        }
    }

    pub(super) fn running(&mut self, path: &str, service: &str, replicas: u32) {
        let Some(service) = self.service(&format!("{path}.service"), service) else {
            return;
        };
        let path = format!("{path}.replicas");
        if replicas == 0 {
            let help = "write how many live tasks there must be, 1 or more";
            self.refuse(&path, "no task at all would hold anywhere", help);
        } else if let Some(declared) = service.replicas.filter(|declared| *declared < replicas) {
            let title = format!("`{}` has {declared} in the stack file", service.name);
            let help = format!("write `{declared}`, or raise `replicas` in the stack file");
            self.refuse(&path, title, help);
        }
    }

    /// A database is asked through its one port.
    pub(super) fn one_port(&mut self, path: &str, service: &str) {
        let Some(service) = self.service(path, service) else {
            return;
        };
        let count = service.published.len();
        if count != 1 {
            let title = format!(
                "`{}` publishes {count} ports on every node, not 1",
                service.name
            );
            self.refuse(path, title, "publish one TCP port, such as `\"3306:3306\"`");
        }
    }

    pub(super) fn page(&mut self, path: &str, via: Option<&Target>, port: u16) {
        if let Some(target) = via {
            let path = format!("{path}.via");
            self.target(&path, target);
            if let Target::Part(part @ (Part::Registry | Part::Storage)) = target {
                let title = format!("the {} answers no page of a service", part.name());
                self.refuse(&path, title, "write `balancer`, or nodes");
            }
        }
        let path = format!("{path}.port");
        let Some(stack) = self.stack else {
            if self.readable {
                let help = "write `deploy: NAME.stack.yaml`";
                self.refuse(&path, "nothing is deployed that could publish a port", help);
            }
            return;
        };
        let later = || self.later.iter().map(|(_, stack)| stack);
        let services = || {
            [stack]
                .into_iter()
                .chain(later())
                .flat_map(|stack| &stack.services)
        };
        let published = || services().flat_map(|service| &service.published);
        if published().any(|known| *known == port) {
            return;
        }
        let ports: Vec<String> = published().map(u16::to_string).collect();
        let known = words(ports.iter().map(String::as_str));
        let help = format!(
            "`{}.stack.yaml` publishes {known} on every node",
            stack.name
        );
        self.refuse(&path, format!("no service publishes port {port}"), help);
    }

    pub(super) fn page_path(&mut self, path: &str, page: Option<&str>) {
        let fits = |page: &str| page.starts_with('/') && page.bytes().all(|b| b.is_ascii_graphic());
        if let Some(page) = page.filter(|page| !fits(page)) {
            let help = "write a path such as `/index.html`, without spaces";
            self.refuse(path, format!("`{page}` is no path of a page"), help);
        }
    }

    /// Two services cannot publish one port.
    fn published_once(&mut self) {
        let Some(stack) = self.stack else { return };
        let mut seen: Vec<(u16, &str)> = Vec::new();
        for service in &stack.services {
            for port in &service.published {
                if let Some((_, other)) = seen.iter().find(|(known, _)| known == port) {
                    let title = format!(
                        "`{other}` and `{}` of this stack publish port {port}",
                        service.name
                    );
                    self.refuse("deploy", title, "give each a port of its own");
                }
                seen.push((*port, &service.name));
            }
        }
    }
}
