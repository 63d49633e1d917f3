//! Prints a syntax tree: the normal form of a query, which reads back as the same tree.

use std::fmt::{self, Display, Formatter};

use super::ast::{Condition, Literal, LiteralValue, Name, OrderItem, Predicate, Select};
use super::lexer::is_word;
use super::parser::is_keyword;
use crate::column::Comparison;

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.distinct { "SELECT DISTINCT " } else { "SELECT " })?;
        list(f, ", ", &self.names)?;
        write!(f, " FROM {}", self.dataset)?;
        if !self.conditions.is_empty() {
            f.write_str(" WHERE ")?;
            list(f, " AND ", &self.conditions)?;
        }
        if !self.order.is_empty() {
            f.write_str(" ORDER BY ")?;
            list(f, ", ", &self.order)?;
        }
        if let Some(limit) = self.limit {
            write!(f, " LIMIT {limit}")?;
        }
        if let Some(clause) = &self.span {
            write!(f, " TIMESPAN {}", clause.span)?;
        }
        Ok(())
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bare = self.text.chars().all(is_word) && !self.text.bytes().all(|byte| byte.is_ascii_digit());
        if bare && !is_keyword(&self.text) {
            return f.write_str(&self.text);
        }
        f.write_str(&Name::quoted(&self.text))
    }
}

impl Name {
    pub(super) fn quoted(text: &str) -> String {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: bool| if negated { "NOT " } else { "" };
        match &self.predicate {
            Predicate::Compare(comparison, literal) => write!(f, "{} {comparison} {literal}", self.name),
            Predicate::Like { pattern, negated } => write!(f, "{} {}LIKE {pattern}", self.name, not(*negated)),
            Predicate::In { values, negated } => {
                write!(f, "{} {}IN (", self.name, not(*negated))?;
                list(f, ", ", values)?;
                f.write_str(")")
            }
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            LiteralValue::String(text) => write!(f, "'{}'", text.replace('\'', "''")),
            other => f.write_str(other.text()),
        }
    }
}

impl Display for OrderItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, if self.descending { "DESC" } else { "ASC" })
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        })
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, separator: &str, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let before = if index == 0 { "" } else { separator };
        write!(f, "{before}{item}")?;
    }
    Ok(())
}
