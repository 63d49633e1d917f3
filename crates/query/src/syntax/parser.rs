//! Tokens → syntax tree. After an error it goes on at the next comma, AND or clause, so that all errors show at once.

mod condition;
mod cursor;

use super::ast::{Name, OrderItem, Select, Span, SpanClause};
use super::lexer::{Token, TokenKind};
use super::unsupported;
use crate::diagnostic::{Diagnostic, alternatives, shortened};
use crate::nearest::nearest;
use crate::timespan::TimeSpan;

/// Bounds on lists, so that a plan stays one that an engine can hold.
const MAXIMUM_NAMES: usize = 1000;
const MAXIMUM_CONDITIONS: usize = 256;
const MAXIMUM_VALUES: usize = 10_000;
const MAXIMUM_ORDER: usize = 64;

/// Words that are names only in quotes.
const KEYWORDS: [&str; 14] =
    ["SELECT", "DISTINCT", "FROM", "WHERE", "AND", "LIKE", "NOT", "IN", "ORDER", "BY", "ASC", "DESC", "LIMIT", "TIMESPAN"];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

/// In the order of the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clause {
    Select,
    From,
    Where,
    Order,
    Limit,
    TimeSpan,
}

const CLAUSES: [Clause; 6] = [Clause::Select, Clause::From, Clause::Where, Clause::Order, Clause::Limit, Clause::TimeSpan];

impl Clause {
    /// As a message names it.
    fn text(self) -> &'static str {
        match self {
            Clause::Select => "SELECT",
            Clause::From => "FROM",
            Clause::Where => "WHERE",
            Clause::Order => "ORDER BY",
            Clause::Limit => "LIMIT",
            Clause::TimeSpan => "TIMESPAN",
        }
    }

    fn keyword(self) -> &'static str {
        if self == Clause::Order { "ORDER" } else { self.text() }
    }
}

/// The tree of what was understood, None when no dataset is named; and what was not.
pub(super) fn select(tokens: Vec<Token>) -> (Option<Select>, Vec<Diagnostic>) {
    let mut parser = Parser { tokens, position: 0, diagnostics: Vec::new() };
    let select = parser.query();
    (select, parser.diagnostics)
}

struct Parser {
    /// The last one is End.
    tokens: Vec<Token>,
    position: usize,
    diagnostics: Vec<Diagnostic>,
}

const END: Token = Token { kind: TokenKind::End, at: Span { line: 1, column: 1, length: 0 } };

impl Parser {
    fn query(&mut self) -> Option<Select> {
        let dataset = Name { text: String::new(), at: Span::default() };
        let mut select =
            Select { distinct: false, names: Vec::new(), dataset, conditions: Vec::new(), order: Vec::new(), limit: None, span: None };
        let mut seen: Vec<Clause> = Vec::new();
        let mut dataset = None;
        loop {
            if let Some(clause) = self.clause() {
                self.check_place(clause, &seen);
                if !seen.contains(&clause) {
                    seen.push(clause);
                }
                self.advance();
                match clause {
                    Clause::Select => {
                        select.distinct = self.take_keyword("DISTINCT");
                        select.names.extend(self.names());
                    }
                    Clause::From => dataset = self.dataset().or(dataset),
                    Clause::Where => select.conditions.extend(self.conditions()),
                    Clause::Order => select.order.extend(self.order()),
                    Clause::Limit => select.limit = self.limit().or(select.limit),
                    Clause::TimeSpan => select.span = self.span().or(select.span),
                }
            } else if self.take_symbol(";") {
                if self.kind() != &TokenKind::End {
                    self.report(format!("{} stands after the ';'; give one query at a time", self.found()));
                }
                break;
            } else if self.kind() == &TokenKind::End {
                break;
            } else {
                self.unexpected(&seen);
                self.skip(|_| false);
            }
        }
        self.check_complete(&seen);
        select.dataset = dataset?;
        Some(select)
    }

    /// A clause that comes too late or again is an error, but is read all the same.
    fn check_place(&mut self, clause: Clause, seen: &[Clause]) {
        if seen.contains(&clause) {
            let advice = match clause {
                Clause::Where => "; join conditions with AND",
                Clause::Select => "; a query within a query is not supported",
                _ => "",
            };
            self.report(format!("{} stands a second time at {}{advice}", clause.text(), self.at()));
        } else if let Some(later) = seen.iter().find(|other| **other > clause) {
            let order: Vec<&str> = CLAUSES.iter().map(|clause| clause.text()).collect();
            let (clause, later, at) = (clause.text(), later.text(), self.at());
            self.report(format!("{clause} at {at} must stand before {later}; the order of clauses is {}", order.join(", ")));
        }
    }

    fn check_complete(&mut self, seen: &[Clause]) {
        if seen.is_empty() && self.diagnostics.is_empty() {
            return self.report("the query is empty; write SELECT names FROM dataset".to_owned());
        }
        let start = Span { line: 1, column: 1, length: 0 };
        match (seen.contains(&Clause::Select), seen.contains(&Clause::From)) {
            (true, false) => self.report(format!("FROM is missing at {}; write SELECT names FROM dataset", self.at())),
            (false, true) => self.report_at(start, format!("SELECT is missing at {start}; write SELECT names FROM dataset")),
            (false, false) if !seen.is_empty() => {
                self.report_at(start, format!("SELECT and FROM are missing at {start}; write SELECT names FROM dataset"));
            }
            _ => {}
        }
    }

    /// What stands where only a further clause or the end can.
    fn unexpected(&mut self, seen: &[Clause]) {
        if seen.is_empty() {
            return self.report(format!("{} stands where a query starts; it starts with SELECT", self.found()));
        }
        if let Some(advice) = self.advice() {
            return self.report(format!("{}: {advice}", self.found()));
        }
        let last = seen.iter().max().copied().unwrap_or(Clause::Select);
        let mut expected: Vec<&str> = CLAUSES.into_iter().filter(|clause| *clause > last).map(Clause::text).collect();
        expected.push("the end");
        self.report(format!("{} is not expected; here can stand {}", self.found(), alternatives(&expected)));
    }

    fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        loop {
            match self.kind() {
                TokenKind::Symbol("*") => {
                    self.report(format!("SELECT * at {} is not supported; name the columns and metrics to return", self.at()));
                    self.skip(|kind| kind == &TokenKind::Symbol(","));
                }
                _ => match self.name("a column or metric") {
                    // Reported below as a function, not as a name that nothing has.
                    Some(_) if self.kind() == &TokenKind::Symbol("(") => {}
                    Some(name) => self.push(&mut names, name, MAXIMUM_NAMES, "names behind SELECT"),
                    None => self.skip(|kind| kind == &TokenKind::Symbol(",")),
                },
            }
            if self.take_symbol(",") {
                continue;
            }
            if self.at_end_of_clause() {
                return names;
            }
            match self.kind() {
                TokenKind::Word(word) if unsupported::word(word).is_none() && !is_keyword(word) => self.missing_comma(),
                TokenKind::Quoted(_) => self.missing_comma(),
                TokenKind::Symbol("(") => {
                    let message = format!(
                        "{}: functions are not supported; name a column or metric, in double quotes if it holds a parenthesis",
                        self.found()
                    );
                    self.report(message);
                    self.skip(|kind| kind == &TokenKind::Symbol(","));
                }
                _ => {
                    let advice = self.advice().unwrap_or("here can stand ',' and another name, or FROM");
                    self.report(format!("{}: {advice}", self.found()));
                    self.skip(|kind| kind == &TokenKind::Symbol(","));
                }
            }
            if !self.take_symbol(",") && self.at_end_of_clause() {
                return names;
            }
        }
    }

    fn missing_comma(&mut self) {
        self.report(format!("',' is missing before {}", self.found()));
    }

    fn dataset(&mut self) -> Option<Name> {
        let name = self.name("a dataset");
        if self.kind() == &TokenKind::Symbol(",") {
            self.report(format!("{}: JOIN is not supported; a query reads one dataset", self.found()));
            self.skip(|_| false);
        }
        name
    }

    fn order(&mut self) -> Vec<OrderItem> {
        if !self.take_keyword("BY") {
            self.report(format!("{}: BY is missing behind ORDER", self.found()));
        }
        let mut order = Vec::new();
        loop {
            match self.name("a column or metric") {
                Some(_) if self.kind() == &TokenKind::Symbol("(") => {}
                Some(name) => {
                    let descending = self.take_keyword("DESC") || !self.take_keyword("ASC");
                    self.push(&mut order, OrderItem { name, descending }, MAXIMUM_ORDER, "names behind ORDER BY");
                }
                None => self.skip(|kind| kind == &TokenKind::Symbol(",")),
            }
            if self.take_symbol(",") {
                continue;
            }
            if self.at_end_of_clause() {
                return order;
            }
            let advice = match self.kind() {
                TokenKind::Symbol("(") => {
                    "functions are not supported; name a column or metric, in double quotes if it holds a parenthesis"
                }
                _ => self.advice().unwrap_or("here can stand ASC, DESC, ',' and another name, LIMIT, TIMESPAN or the end"),
            };
            self.report(format!("{}: {advice}", self.found()));
            self.skip(|kind| kind == &TokenKind::Symbol(","));
            if !self.take_symbol(",") {
                return order;
            }
        }
    }

    fn limit(&mut self) -> Option<u64> {
        let TokenKind::Number(digits) = self.kind().clone() else {
            self.report(format!("{}: LIMIT takes the number of rows, from 1", self.found()));
            self.skip(|_| false);
            return None;
        };
        // Engines count rows in signed 64 bits.
        let limit = digits.parse().ok().filter(|limit| (1..=i64::MAX as u64).contains(limit));
        if limit.is_none() {
            self.report(format!("{}: LIMIT takes a whole number from 1 to {}", self.found(), i64::MAX));
        }
        self.advance();
        limit
    }

    fn span(&mut self) -> Option<SpanClause> {
        let at = self.at();
        let word = match self.kind() {
            TokenKind::Word(word) if !is_keyword(word) => word.clone(),
            TokenKind::String(word) | TokenKind::Quoted(word) => {
                let known = TimeSpan::from_keyword(word).map_or("LAST_6_MONTHS", TimeSpan::keyword);
                self.report(format!("{}: TIMESPAN takes a bare keyword: TIMESPAN {known}", self.found()));
                self.advance();
                return None;
            }
            _ => {
                self.report(format!("{}: TIMESPAN takes one of {}", self.found(), span_keywords()));
                self.skip(|_| false);
                return None;
            }
        };
        let span = TimeSpan::from_keyword(&word);
        if span.is_none() {
            let advice = match nearest(&word, TimeSpan::ALL.map(TimeSpan::keyword)) {
                Some(near) => format!("did you mean {near}? All are {}", span_keywords()),
                None => format!("it is one of {}", span_keywords()),
            };
            self.report(format!("{} is not a time span; {advice}", self.found()));
        }
        self.advance();
        Some(SpanClause { span: span?, at })
    }

    /// A name, bare or quoted; what is found instead is reported and left.
    fn name(&mut self, what: &str) -> Option<Name> {
        let at = self.at();
        let text = match self.kind() {
            TokenKind::Word(word) if !is_keyword(word) => word.clone(),
            TokenKind::Quoted(text) => text.clone(),
            other => {
                let found = self.found();
                let place_of_clause = self.clause().is_some();
                self.report(match other {
                    TokenKind::Word(word) if word.eq_ignore_ascii_case("NOT") => {
                        format!("{found}: NOT stands only behind a name, in NOT LIKE and NOT IN")
                    }
                    TokenKind::Word(word) if !place_of_clause => {
                        format!(
                            "{found} is a keyword where {what} is expected; a name of that spelling stands in double quotes: \"{word}\""
                        )
                    }
                    TokenKind::String(text) => {
                        let text = shortened(text);
                        format!("{found} is a string where {what} is expected; names stand bare or in double quotes: \"{text}\"")
                    }
                    TokenKind::Number(_) => {
                        format!("{found} is a number where {what} is expected; a name of that spelling stands in double quotes")
                    }
                    _ => match self.advice() {
                        Some(advice) => format!("{found}: {advice}"),
                        None => format!("{what} is missing before {found}"),
                    },
                });
                return None;
            }
        };
        self.advance();
        Some(Name { text, at })
    }
}

fn span_keywords() -> String {
    alternatives(&TimeSpan::ALL.map(TimeSpan::keyword))
}
