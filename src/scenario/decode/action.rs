//! Actions and what they are about.

use super::{Decoder, Form};
use crate::scenario::yaml::{Node, Value};
use crate::scenario::{
    Action, ActionVerb, Join, JoinAs, JoinHow, Pull, Scale, Token, Update, UpgradeOrder, Write,
};

pub(super) const ACTION: Form = Form {
    name: "an action",
    keys: &["at", "do", "within"],
    example: "{ at: 15s, do: { scale: { service: nginx, replicas: 4 } } }",
};

pub(super) const VERB: Form = Form {
    name: "action",
    keys: &[
        "scale", "promote", "demote", "drain", "activate", "update", "remove", "deploy", "leave",
        "join", "pull", "write", "upgrade",
    ],
    example: "{ scale: { service: nginx, replicas: 4 } }",
};

pub(super) const SCALE: Form = Form {
    name: "`scale`",
    keys: &["service", "replicas"],
    example: "scale: { service: nginx, replicas: 4 }",
};

pub(super) const UPDATE: Form = Form {
    name: "`update`",
    keys: &["service", "image", "env", "args"],
    example: "update: { service: nginx, env: { COLOUR: green } }",
};

pub(super) const JOIN: Form = Form {
    name: "`join`",
    keys: &["node", "as", "token"],
    example: "join: { node: server-22, as: manager, token: wrong }",
};

pub(super) const PULL: Form = Form {
    name: "`pull`",
    keys: &["image", "on"],
    example: "pull: { image: \"${NGINX_IMAGE:-nginx:1.12}\", on: every_node }",
};

pub(super) const WRITE: Form = Form {
    name: "`write`",
    keys: &["path", "content"],
    example: "write: { path: nginx-01/index.html, content: \"HELLO AGAIN\\n\" }",
};

const ROLES: &[(&str, JoinAs)] = &[("manager", JoinAs::Manager), ("worker", JoinAs::Worker)];

const ORDERS: &[(&str, UpgradeOrder)] = &[
    ("managers_first", UpgradeOrder::ManagersFirst),
    ("workers_first", UpgradeOrder::WorkersFirst),
];

const TOKENS: &[(&str, Token)] = &[
    ("right", Token::Right),
    ("wrong", Token::Wrong),
    ("rotated", Token::Rotated),
];

impl Decoder<'_> {
    pub(super) fn action(&mut self, node: &Node) -> Option<Action> {
        let fields = self.fields(&ACTION, node)?;
        let at = self.need(&fields, "at", Self::unit);
        let verb = self.need(&fields, "do", |decoder, _, node| decoder.action_verb(node));
        let within = self.maybe(&fields, "within", Self::unit);
        Some(Action {
            at: at?,
            verb: verb?,
            within: within?,
        })
    }

    fn action_verb(&mut self, node: &Node) -> Option<ActionVerb> {
        let (verb, node) = self.verb(&VERB, node)?;
        Some(match verb {
            "scale" => ActionVerb::Scale(self.scale(node)?),
            "promote" => ActionVerb::Promote(self.target(verb, node)?),
            "demote" => ActionVerb::Demote(self.target(verb, node)?),
            "drain" => ActionVerb::Drain(self.target(verb, node)?),
            "activate" => ActionVerb::Activate(self.target(verb, node)?),
            "update" => ActionVerb::Update(self.update(node)?),
            "remove" => ActionVerb::Remove(self.text(verb, node)?),
            "deploy" => ActionVerb::Deploy(self.text(verb, node)?),
            "leave" => ActionVerb::Leave(self.target(verb, node)?),
            "join" => ActionVerb::Join(self.join(node)?),
            "pull" => ActionVerb::Pull(self.pull(node)?),
            "upgrade" => ActionVerb::Upgrade(self.word("order", node, ORDERS)?),
            _ => ActionVerb::Write(self.write(node)?),
        })
    }

    fn scale(&mut self, node: &Node) -> Option<Scale> {
        let fields = self.fields(&SCALE, node)?;
        let service = self.need(&fields, "service", Self::text);
        let replicas = self.need(&fields, "replicas", Self::number);
        Some(Scale {
            service: service?,
            replicas: replicas?,
        })
    }

    fn update(&mut self, node: &Node) -> Option<Update> {
        let fields = self.fields(&UPDATE, node)?;
        let service = self.need(&fields, "service", Self::text);
        let image = self.maybe(&fields, "image", Self::text);
        let env = self.maybe(&fields, "env", |decoder, name, node| {
            decoder.texts(name, node, "write `env: { NAME: its value }`")
        });
        let args = self.maybe(&fields, "args", |decoder, name, node| {
            decoder.list(name, node, |decoder, item| decoder.text("args", item))
        });
        Some(Update {
            service: service?,
            image: image?,
            env: env?.unwrap_or_default(),
            args: args?,
        })
    }

    fn pull(&mut self, node: &Node) -> Option<Pull> {
        let fields = self.fields(&PULL, node)?;
        let image = self.need(&fields, "image", Self::text);
        let on = self.maybe(&fields, "on", Self::target);
        Some(Pull {
            image: image?,
            on: on?,
        })
    }

    fn write(&mut self, node: &Node) -> Option<Write> {
        let fields = self.fields(&WRITE, node)?;
        let path = self.need(&fields, "path", Self::text);
        let content = self.need(&fields, "content", Self::text);
        Some(Write {
            path: path?,
            content: content?,
        })
    }

    fn join(&mut self, node: &Node) -> Option<Join> {
        if !matches!(node.value, Value::Map(_)) {
            return self.text("join", node).map(Join::Node);
        }
        let fields = self.fields(&JOIN, node)?;
        let name = self.need(&fields, "node", Self::text);
        let role = self.maybe(&fields, "as", |decoder, _, node| {
            decoder.word("role", node, ROLES)
        });
        let token = self.maybe(&fields, "token", |decoder, _, node| {
            decoder.word("token", node, TOKENS)
        });
        Some(Join::How(JoinHow {
            node: name?,
            role: role?,
            token: token?,
        }))
    }
}
