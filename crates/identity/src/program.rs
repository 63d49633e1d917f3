//! The partner programs. The API serves each under a path of its own.

use std::fmt;
use std::str::FromStr;
use strum::{IntoStaticStr, VariantArray};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// The partner network (AI Cloud Partner Program). It needs tokens for application and user.
    Mpn,
    /// The commercial marketplace.
    Cmp,
}

impl Program {
    pub const ALL: &'static [Program] = Program::VARIANTS;

    /// The path segment.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Program::Mpn => "Partner network",
            Program::Cmp => "Commercial marketplace",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No program has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a program: use mpn or cmp")]
pub struct UnknownProgram(String);

impl FromStr for Program {
    type Err = UnknownProgram;

    /// Paths are matched without regard to case.
    fn from_str(text: &str) -> Result<Self, UnknownProgram> {
        let found = Program::ALL.iter().copied().find(|program| program.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| UnknownProgram(text.to_owned()))
    }
}
