//! WHERE: conditions, their operators and their values.

use super::{MAXIMUM_CONDITIONS, MAXIMUM_VALUES, Parser, is_keyword};
use crate::diagnostic::quoted;
use crate::plan::Comparison;
use crate::syntax::ast::{Condition, Literal, LiteralValue, Predicate, Span};
use crate::syntax::lexer::TokenKind;
use crate::syntax::unsupported;

impl Parser {
    pub(super) fn conditions(&mut self) -> Vec<Condition> {
        let is_and = |kind: &TokenKind| matches!(kind, TokenKind::Word(word) if word.eq_ignore_ascii_case("AND"));
        let mut conditions = Vec::new();
        loop {
            match self.condition() {
                Some(condition) => self.push(&mut conditions, condition, MAXIMUM_CONDITIONS, "conditions"),
                None => self.skip(is_and),
            }
            if !self.take_keyword("AND") {
                if self.at_end_of_clause() {
                    return conditions;
                }
                let advice = self.advice().unwrap_or("conditions are joined with AND");
                self.report(format!("{}: {advice}", self.found()));
                self.skip(is_and);
                if !self.take_keyword("AND") {
                    return conditions;
                }
            }
        }
    }

    fn condition(&mut self) -> Option<Condition> {
        if self.kind() == &TokenKind::Symbol("(") {
            self.report(format!("{}: parentheses around conditions are not supported; join conditions with AND", self.found()));
            return None;
        }
        let name = self.name("a column or metric")?;
        let comparison = match self.kind() {
            TokenKind::Symbol("=") => Some(Comparison::Equal),
            TokenKind::Symbol("!=") => Some(Comparison::NotEqual),
            TokenKind::Symbol("<") => Some(Comparison::Less),
            TokenKind::Symbol("<=") => Some(Comparison::LessOrEqual),
            TokenKind::Symbol(">") => Some(Comparison::Greater),
            TokenKind::Symbol(">=") => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        if let Some(comparison) = comparison {
            self.advance();
            return Some(Condition { name, predicate: Predicate::Compare(comparison, self.literal()?) });
        }
        let negated = self.take_keyword("NOT");
        if self.take_keyword("LIKE") {
            return Some(Condition { name, predicate: Predicate::Like { pattern: self.literal()?, negated } });
        }
        if self.take_keyword("IN") {
            return Some(Condition { name, predicate: Predicate::In { values: self.values()?, negated } });
        }
        let expected =
            if negated { "here can stand LIKE or IN" } else { "here can stand =, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN" };
        let advice = match self.kind() {
            TokenKind::Symbol("(") => {
                Some("functions are not supported; name a column or metric, in double quotes if it holds a parenthesis")
            }
            _ => self.advice(),
        };
        self.report(format!("{}: {}", self.found(), advice.unwrap_or(expected)));
        None
    }

    fn literal(&mut self) -> Option<Literal> {
        let start = self.at();
        let value = match self.kind().clone() {
            TokenKind::String(text) => LiteralValue::String(text),
            TokenKind::Number(digits) => LiteralValue::Number(digits),
            TokenKind::Symbol("-") => {
                if let Some(TokenKind::Number(digits)) = self.tokens.get(self.position + 1).map(|token| token.kind.clone()) {
                    self.advance();
                    let at = Span { length: (self.at().column + self.at().length).saturating_sub(start.column), ..start };
                    self.advance();
                    return Some(Literal { value: LiteralValue::Number(format!("-{digits}")), at });
                }
                self.report(format!("{}: digits are missing behind the minus", self.found()));
                return None;
            }
            TokenKind::Word(word) if word.eq_ignore_ascii_case("TRUE") => LiteralValue::Bool(true),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("FALSE") => LiteralValue::Bool(false),
            TokenKind::Word(word) if !is_keyword(&word) => {
                let found = self.found();
                self.report(match unsupported::word(&word) {
                    Some(advice) => format!("{found}: {advice}"),
                    None => format!("{found} is neither a number nor a string; write a string in single quotes: {}", quoted(&word)),
                });
                return None;
            }
            TokenKind::Quoted(text) => {
                let text = quoted(&text.replace('\'', "''"));
                self.report(format!("{} is a name; write a string in single quotes: {text}", self.found()));
                return None;
            }
            TokenKind::Symbol("(") => {
                self.report(format!("{}: a list stands only behind IN or NOT IN", self.found()));
                return None;
            }
            _ => {
                self.report(format!("{}: a value is missing; write a number or a string in single quotes", self.found()));
                return None;
            }
        };
        self.advance();
        Some(Literal { value, at: start })
    }

    fn values(&mut self) -> Option<Vec<Literal>> {
        if !self.take_symbol("(") {
            self.report(format!("{}: IN takes a list in parentheses: IN ('a', 'b')", self.found()));
            return None;
        }
        if matches!(self.kind(), TokenKind::Word(word) if word.eq_ignore_ascii_case("SELECT")) {
            self.report(format!("{}: subqueries are not supported; list the values", self.found()));
            self.skip_parenthesis();
            return None;
        }
        let mut values = Vec::new();
        let mut whole = true;
        loop {
            match self.literal() {
                Some(value) => self.push(&mut values, value, MAXIMUM_VALUES, "values in a list"),
                None => {
                    whole = false;
                    self.skip(|kind| matches!(kind, TokenKind::Symbol("," | ")")));
                }
            }
            if self.take_symbol(",") {
                continue;
            }
            if self.take_symbol(")") {
                return whole.then_some(values);
            }
            self.report(format!("{}: here can stand ',' and another value, or ')'", self.found()));
            self.skip(|kind| matches!(kind, TokenKind::Symbol("," | ")")));
            whole = false;
            if !self.take_symbol(",") {
                self.take_symbol(")");
                return None;
            }
        }
    }
}
