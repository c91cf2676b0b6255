//! Images: where the nodes reach no registry outside, those that they have.

use super::Reader;
use crate::plan::topology::REGISTRY;
use crate::scenario::Node;

impl Reader<'_> {
    /// A service's image, as the file names it, variables and all.
    pub(super) fn image(&mut self, name: &str, node: &Node) -> Option<String> {
        let Some((image, text)) = node.get("image").and_then(|it| Some((it, it.text()?))) else {
            let help = "write `image: NAME:TAG`; `docker stack deploy` builds nothing";
            self.wrong(&node.span, format!("service `{name}` has no image"), help);
            return None;
        };
        let full = self.text("`image`", image)?;
        let pulled = full.strip_prefix(REGISTRY);
        let pulled = pulled.and_then(|rest| rest.strip_prefix('/'));
        let there: Vec<(&str, &str)> = self.options.images().collect();
        let wanted = pulled.unwrap_or(&full);
        if there.is_empty() || there.iter().any(|(_, image)| *image == wanted) {
            return Some(text.to_owned());
        }
        let variables = there.iter().map(|(name, _)| format!("`${{{name}}}`"));
        let help = format!(
            "its nodes reach no registry outside: write one of {}; your own images run with \
             `--on hosts=FILE`",
            variables.collect::<Vec<_>>().join(", ")
        );
        let title = format!("`{}` has no image `{full}`", self.options.place);
        self.wrong(&image.span, title, help);
        None
    }
}
