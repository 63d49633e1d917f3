//! Parses tokens into a syntax tree. After an error it continues at the next comma, AND or clause, so that all errors are reported together.

mod condition;
mod cursor;

use super::ast::{Name, OrderItem, Select, SpanClause};
use super::lexer::{Token, TokenKind};
use super::unsupported;
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{Diagnostics, Span, alternatives, shortened};
use crate::timespan::TimeSpan;

/// The limits of lists, which keep plans small enough for an engine.
const MAXIMUM_NAMES: usize = 1000;
const MAXIMUM_CONDITIONS: usize = 256;
const MAXIMUM_VALUES: usize = 10_000;
const MAXIMUM_ORDER: usize = 64;

/// Words that are names only if they are quoted.
const KEYWORDS: [&str; 14] =
    ["SELECT", "DISTINCT", "FROM", "WHERE", "AND", "LIKE", "NOT", "IN", "ORDER", "BY", "ASC", "DESC", "LIMIT", "TIMESPAN"];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

const FUNCTION: &str = "functions are not supported; name a column or metric, in double quotes if it holds a parenthesis";

/// The clauses, in the order of the grammar.
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
    /// The clause as messages name it.
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

/// Returns the tree of what was understood, or `None` if no dataset is named, and the diagnostics of the rest.
pub(super) fn select(tokens: Vec<Token>) -> (Option<Select>, Diagnostics) {
    let mut parser = Parser { tokens, position: 0, diagnostics: Diagnostics::default(), too_many: Vec::new() };
    let select = parser.query();
    (select, parser.diagnostics)
}

struct Parser {
    /// The last token is End.
    tokens: Vec<Token>,
    position: usize,
    diagnostics: Diagnostics,
    /// The lists that are too long, each once.
    too_many: Vec<&'static str>,
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
            }
        }
        self.check_complete(&seen);
        select.dataset = dataset?;
        Some(select)
    }

    /// A clause that comes too late or is repeated is an error, but is read all the same.
    fn check_place(&mut self, clause: Clause, seen: &[Clause]) {
        let is_late = seen.iter().any(|other| *other >= clause);
        if is_late && self.only_counts() {
            return;
        }
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
            let at = Span { line: 1, column: 1, length: 0 };
            return self.report_at(at, format!("the query at {at} is empty; write SELECT names FROM dataset"));
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

    /// Reports a token where only a further clause or the end is possible, and skips to the next clause.
    fn unexpected(&mut self, seen: &[Clause]) {
        let found = self.found();
        let message = if seen.is_empty() {
            self.mend(&["SELECT"]);
            format!("{found} stands where a query starts; it starts with SELECT")
        } else if let Some(advice) = self.advice() {
            format!("{found}: {advice}")
        } else {
            let last = seen.iter().max().copied().unwrap_or(Clause::Select);
            let later = CLAUSES.into_iter().filter(|clause| *clause > last);
            let mut expected: Vec<&str> = later.clone().map(Clause::text).collect();
            expected.push("the end");
            let keywords: Vec<&str> = later.map(Clause::keyword).collect();
            format!("{found} is not expected; {}", self.meant(&keywords, &alternatives(&expected)))
        };
        let at = self.at();
        self.skip(|_| false);
        self.report_at(at, message);
    }

    /// The alternatives at this place; if a keyword was meant, it comes first and is mended.
    fn meant(&mut self, keywords: &[&'static str], expected: &str) -> String {
        match self.mend(keywords) {
            Some("ORDER") => format!("did you mean ORDER BY? Here can stand {expected}"),
            Some(keyword) => format!("did you mean {keyword}? Here can stand {expected}"),
            None => format!("here can stand {expected}"),
        }
    }

    fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        loop {
            self.top();
            let at = self.at();
            match self.kind() {
                TokenKind::Symbol("*") => {
                    self.report(format!("SELECT * at {} is not supported; name the columns and metrics to return", self.at()));
                    self.skip(|kind| kind == &TokenKind::Symbol(","));
                }
                _ => match self.name("a column or metric") {
                    // Reported below as a function, not as an unknown name.
                    Some(_) if self.kind() == &TokenKind::Symbol("(") => {}
                    Some(name) => self.push(&mut names, name, at, (MAXIMUM_NAMES, "names behind SELECT")),
                    None => self.skip(|kind| kind == &TokenKind::Symbol(",")),
                },
            }
            if self.take_symbol(",") {
                continue;
            }
            if self.at_end_of_clause() {
                return names;
            }
            if self.mistaken_from() {
                return names;
            }
            match self.kind() {
                TokenKind::Word(word) if unsupported::word(word).is_none() && !is_keyword(word) => self.missing_comma(),
                TokenKind::Quoted(_) => self.missing_comma(),
                TokenKind::Symbol("(") => {
                    self.report(format!("{}: {FUNCTION}", self.found()));
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

    /// A word that resembles FROM stands for it if no FROM follows.
    fn mistaken_from(&mut self) -> bool {
        let is_from = |token: &Token| matches!(&token.kind, TokenKind::Word(word) if word.eq_ignore_ascii_case("FROM"));
        // Not looked for if nothing more is reported, since each search goes up to the next FROM.
        if self.is_full() || self.tokens.iter().skip(self.position).any(is_from) {
            return false;
        }
        let found = self.found();
        let at = self.at();
        let mended = self.mend(&["FROM"]).is_some();
        if mended {
            self.report_at(at, format!("{found} is not expected; did you mean FROM? Here can stand ',' and another name, or FROM"));
        }
        mended
    }

    /// Reports `TOP 10`, which other languages have instead of LIMIT.
    fn top(&mut self) {
        let is_top = matches!(self.kind(), TokenKind::Word(word) if word.eq_ignore_ascii_case("TOP"));
        if is_top && matches!(self.tokens.get(self.position + 1), Some(Token { kind: TokenKind::Number(_), .. })) {
            self.report(format!("{}: {}", self.found(), self.advice().unwrap_or_default()));
            self.advance();
            self.advance();
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
            let at = self.at();
            match self.name("a column or metric") {
                Some(_) if self.kind() == &TokenKind::Symbol("(") => {}
                Some(name) => {
                    let descending = self.take_keyword("DESC") || !self.take_keyword("ASC");
                    self.push(&mut order, OrderItem { name, descending }, at, (MAXIMUM_ORDER, "names behind ORDER BY"));
                }
                None => self.skip(|kind| kind == &TokenKind::Symbol(",")),
            }
            while !self.take_symbol(",") {
                if self.at_end_of_clause() {
                    return order;
                }
                self.unexpected_in_order();
            }
        }
    }

    /// Reports a token where a name's direction or the next name is possible. Skips a direction that was meant, and otherwise skips to the next name.
    fn unexpected_in_order(&mut self) {
        let (found, at) = (self.found(), self.at());
        let advice = match self.kind() {
            TokenKind::Symbol("(") => FUNCTION.to_owned(),
            _ => match self.advice() {
                Some(advice) => advice.to_owned(),
                None => self.meant(&["ASC", "DESC", "LIMIT", "TIMESPAN"], "ASC, DESC, ',' and another name, LIMIT, TIMESPAN or the end"),
            },
        };
        self.report_at(at, format!("{found}: {advice}"));
        if !self.take_keyword("ASC") && !self.take_keyword("DESC") {
            self.skip(|kind| kind == &TokenKind::Symbol(","));
        }
    }

    fn limit(&mut self) -> Option<u64> {
        let TokenKind::Number(digits) = self.kind().clone() else {
            self.report(format!("{}: LIMIT takes the number of rows, from 1", self.found()));
            self.skip(|_| false);
            return None;
        };
        // Engines count rows in signed 64-bit integers.
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
                if !self.only_counts() {
                    self.report(format!("{}: TIMESPAN takes one of {}", self.found(), span_keywords()));
                }
                self.skip(|_| false);
                return None;
            }
        };
        let span = TimeSpan::from_keyword(&word);
        if span.is_none() && !self.only_counts() {
            let advice = match nearest(&word, TimeSpan::KEYWORDS.iter().copied()) {
                Some(near) => format!("did you mean {near}? All are {}", span_keywords()),
                None => format!("it is one of {}", span_keywords()),
            };
            self.report(format!("{} is not a time span; {advice}", self.found()));
        }
        self.advance();
        Some(SpanClause { span: span?, at })
    }

    /// Reads a name, bare or quoted; anything else is reported and not taken.
    fn name(&mut self, what: &str) -> Option<Name> {
        let at = self.at();
        let text = match self.kind() {
            TokenKind::Word(word) if !is_keyword(word) => match self.unit() {
                Some(unit) => {
                    let name =
                        Name { text: format!("{word}({unit})"), at: Span { length: at.length + unit.chars().count() as u32 + 2, ..at } };
                    (0..4).for_each(|_| self.advance());
                    return Some(name);
                }
                None => word.clone(),
            },
            TokenKind::Quoted(text) => text.clone(),
            _ if self.is_full() => {
                self.diagnostics.count();
                return None;
            }
            other => {
                let found = self.found();
                let place_of_clause = self.clause().is_some();
                self.report(match other {
                    TokenKind::Word(word) if word.eq_ignore_ascii_case("NOT") => {
                        format!("{found}: NOT stands only behind a name, in NOT LIKE and NOT IN")
                    }
                    TokenKind::Word(word) if word.eq_ignore_ascii_case("DISTINCT") => {
                        format!("{found}: DISTINCT stands once, directly behind SELECT; it is about whole rows")
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

    /// The unit of a name such as `RevenueGenerated(USD)`, which the documents write without quotes. The argument of a function is not a unit.
    fn unit(&self) -> Option<String> {
        let [name, open, unit, close] = self.tokens.get(self.position..self.position + 4)? else { return None };
        let (TokenKind::Word(word), TokenKind::Word(inner)) = (&name.kind, &unit.kind) else { return None };
        let has_parentheses = open.kind == TokenKind::Symbol("(") && close.kind == TokenKind::Symbol(")");
        let has_blanks = [(name, open), (open, unit), (unit, close)].iter().any(|(left, right)| !left.at.touches(right.at));
        (has_parentheses && !has_blanks && !unsupported::is_function(word) && !is_keyword(inner)).then(|| inner.clone())
    }
}

fn span_keywords() -> String {
    alternatives(TimeSpan::KEYWORDS)
}
