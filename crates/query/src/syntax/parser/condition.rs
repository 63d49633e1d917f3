//! WHERE: conditions, their operators and their values.

use super::{FUNCTION, MAXIMUM_CONDITIONS, MAXIMUM_VALUES, Parser, is_keyword};
use crate::column::Comparison;
use crate::diagnostic::{Span, quoted};
use crate::syntax::ast::{Condition, Literal, LiteralValue, Predicate};
use crate::syntax::lexer::TokenKind;
use crate::syntax::unsupported;

const POINT: &str = "a number has digits on both sides of its one point";

impl Parser {
    pub(super) fn conditions(&mut self) -> Vec<Condition> {
        let is_and = |kind: &TokenKind| matches!(kind, TokenKind::Word(word) if word.eq_ignore_ascii_case("AND"));
        let mut conditions = Vec::new();
        loop {
            let at = self.at();
            match self.condition() {
                Some(condition) => self.push(&mut conditions, condition, at, (MAXIMUM_CONDITIONS, "conditions")),
                None => self.skip(is_and),
            }
            if !self.take_keyword("AND") {
                if self.at_end_of_clause() {
                    return conditions;
                }
                let (found, at) = (self.found(), self.at());
                let advice = match (self.kind(), self.before()) {
                    (TokenKind::Symbol("."), Some(TokenKind::Number(_))) => POINT.to_owned(),
                    _ => match self.advice() {
                        Some(advice) => advice.to_owned(),
                        None => self.meant(
                            &["AND", "ORDER", "LIMIT", "TIMESPAN"],
                            "AND and another condition, ORDER BY, LIMIT, TIMESPAN or the end",
                        ),
                    },
                };
                self.report_at(at, format!("{found}: {advice}"));
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
        let mut negated = self.take_keyword("NOT");
        if !self.at_operator() {
            let (found, at) = (self.found(), self.at());
            let advice = match self.kind() {
                TokenKind::Symbol("(") => FUNCTION.to_owned(),
                _ => match self.advice() {
                    Some(advice) => advice.to_owned(),
                    None if negated => self.meant(&["LIKE", "IN"], "LIKE or IN"),
                    None => self.meant(&["LIKE", "NOT", "IN"], "=, !=, <, <=, >, >=, LIKE, NOT LIKE, IN or NOT IN"),
                },
            };
            self.report_at(at, format!("{found}: {advice}"));
            negated = self.take_keyword("NOT") || negated;
        }
        if self.take_keyword("LIKE") {
            return Some(Condition { name, predicate: Predicate::Like { pattern: self.literal()?, negated } });
        }
        if self.take_keyword("IN") {
            return Some(Condition { name, predicate: Predicate::In { values: self.values()?, negated } });
        }
        None
    }

    fn at_operator(&self) -> bool {
        matches!(self.kind(), TokenKind::Word(word) if word.eq_ignore_ascii_case("LIKE") || word.eq_ignore_ascii_case("IN"))
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
            TokenKind::Symbol(symbol @ ("(" | "." | "+")) => {
                let advice = match symbol {
                    "(" => "a list stands only behind IN or NOT IN",
                    "." => POINT,
                    _ => "a number stands without a plus",
                };
                self.report(format!("{}: {advice}", self.found()));
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
            let at = self.at();
            match self.literal() {
                Some(value) => self.push(&mut values, value, at, (MAXIMUM_VALUES, "values in a list")),
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
