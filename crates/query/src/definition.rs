//! A dataset definition: the TOML text that says what a dataset holds, read and written.

use std::fmt;

use crate::catalog::Dataset;

/// A dataset and the program that offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// `mpn` or `cmp`.
    pub program: String,
    pub dataset: Dataset,
}

/// All that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionErrors {
    /// What the text was read from: a file name or URL.
    pub origin: String,
    /// Not empty.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{}:{}: {}", self.origin, problem.line, problem.column, problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for DefinitionErrors {}

/// The definition, or every problem of the text at once.
pub fn read(text: &str, origin: &str) -> Result<Definition, DefinitionErrors> {
    let _ = text;
    Err(DefinitionErrors { origin: origin.to_owned(), problems: Vec::new() })
}

/// TOML that reads back as an equal definition.
pub fn write(definition: &Definition) -> String {
    let _ = definition;
    String::new()
}
