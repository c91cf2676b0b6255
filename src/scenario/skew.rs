//! A clock that jumps.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Target;
use crate::units::Span;

/// A node whose clock jumps ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Skew {
    /// The node.
    pub node: Target,
    /// By how much.
    pub by: Span,
}

impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, by {}", self.node, self.by)
    }
}
