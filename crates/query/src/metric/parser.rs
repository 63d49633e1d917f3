//! Parses metric expressions. One grammar serves both levels; a second step finds out which parts are over rows and which are over groups:
//!
//! `expression = term (("+" | "-" | "||") term)*`, `term = factor (("*" | "/") factor)*`,
//! `factor = number | string | name | function "(" … ")" | "(" expression ")"`

use std::collections::HashMap;

use super::types::{arithmetic, common, is_number, of_metric, of_row, sum};
use super::{MetricExpression, Operator, RowExpression};
use crate::column::{Column, ColumnType, Value};
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::{Code, Diagnostic, Span, quoted, shortened};
use crate::fold::fold;
use crate::syntax::lexer::{Token, TokenKind, tokens};
use crate::syntax::literal::{exact, wanted};

/// The deepest nesting of parentheses and functions.
const MAXIMUM_DEPTH: usize = 32;
/// The deepest nesting of COALESCE: the engine plans each argument twice, as the value and for the test for null, so that each level doubles the plan.
const MAXIMUM_COALESCE: usize = 8;
/// A chain of operators is a tree as deep as it is long, and every reader of the tree recurses into it.
const MAXIMUM_OPERATORS: usize = 128;
/// In bytes.
const MAXIMUM_TEXT: usize = 8 * 1024;

/// The columns of a dataset, by folded spelling, so that each name takes one lookup, however many columns and metrics there are.
pub(crate) struct Columns<'c> {
    all: &'c [Column],
    places: HashMap<String, usize>,
}

impl<'c> Columns<'c> {
    pub(crate) fn of(all: &'c [Column]) -> Self {
        let mut places = HashMap::new();
        for (place, column) in all.iter().enumerate() {
            for spelling in std::iter::once(&column.name).chain(&column.aliases) {
                places.entry(fold(spelling).into_owned()).or_insert(place);
            }
        }
        Columns { all, places }
    }
}

/// Parses an expression over the columns of a dataset, including hidden ones.
///
/// # Errors
///
/// The first error, with its place in the text.
pub fn parse(text: &str, columns: &[Column]) -> Result<MetricExpression, Diagnostic> {
    parse_over(text, &Columns::of(columns))
}

pub(crate) fn parse_over(text: &str, columns: &Columns<'_>) -> Result<MetricExpression, Diagnostic> {
    let start = Span { line: 1, column: 1, length: 0 };
    if text.len() > MAXIMUM_TEXT {
        let message = format!("the expression has {} bytes; at most {MAXIMUM_TEXT} are taken", text.len());
        return Err(Diagnostic::at(Code::TooLong, start, message));
    }
    let (tokens, diagnostics) = tokens(text);
    if let Some(first) = diagnostics.into_iter().next() {
        return Err(first);
    }
    let mut parser = Parser { tokens, position: 0, operators: 0, coalesce: 0 };
    let node = parser.expression(0)?;
    if parser.kind() != &TokenKind::End {
        return Err(parser.refuse("here can stand an operator or the end"));
    }
    Lowering { columns: columns.all, places: &columns.places }.metric(&node)
}

/// A node before it is known whether it is over rows or over groups.
struct Node {
    kind: NodeKind,
    at: Span,
}

enum NodeKind {
    Value(Value),
    Name(String),
    Star,
    Aggregate { function: Aggregate, distinct: bool, of: Box<Node> },
    Coalesce(Vec<Node>),
    Arithmetic(Box<Node>, Operator, Box<Node>),
    Concatenate(Box<Node>, Box<Node>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    Count,
    Sum,
    Average,
    Minimum,
    Maximum,
}

/// COALESCE is the only function that is not an aggregate.
const FUNCTIONS: [(&str, Option<Aggregate>); 6] = [
    ("COUNT", Some(Aggregate::Count)),
    ("SUM", Some(Aggregate::Sum)),
    ("AVG", Some(Aggregate::Average)),
    ("MIN", Some(Aggregate::Minimum)),
    ("MAX", Some(Aggregate::Maximum)),
    ("COALESCE", None),
];

struct Parser {
    /// The last token is End.
    tokens: Vec<Token>,
    position: usize,
    operators: usize,
    /// The number of COALESCE that are open here.
    coalesce: usize,
}

impl Parser {
    fn expression(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let mut left = self.term(depth)?;
        loop {
            let operator = match self.kind() {
                TokenKind::Symbol("+") => Some(Operator::Add),
                TokenKind::Symbol("-") => Some(Operator::Subtract),
                TokenKind::Symbol("||") => None,
                _ => return Ok(left),
            };
            let at = self.operator()?;
            let right = self.term(depth)?;
            let (left_side, right_side) = (Box::new(left), Box::new(right));
            let kind = match operator {
                Some(operator) => NodeKind::Arithmetic(left_side, operator, right_side),
                None => NodeKind::Concatenate(left_side, right_side),
            };
            left = Node { kind, at };
        }
    }

    fn term(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let mut left = self.factor(depth)?;
        loop {
            let operator = match self.kind() {
                TokenKind::Symbol("*") => Operator::Multiply,
                TokenKind::Symbol("/") => Operator::Divide,
                _ => return Ok(left),
            };
            let at = self.operator()?;
            let right = self.factor(depth)?;
            left = Node { kind: NodeKind::Arithmetic(Box::new(left), operator, Box::new(right)), at };
        }
    }

    fn factor(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        if depth > MAXIMUM_DEPTH {
            return Err(self.refuse(&format!("the expression is nested more than {MAXIMUM_DEPTH} deep")));
        }
        let at = self.at();
        let kind = match self.kind().clone() {
            TokenKind::Number(digits) => self.number(&digits)?,
            TokenKind::Symbol("-") => {
                self.advance();
                let TokenKind::Number(digits) = self.kind().clone() else {
                    return Err(self.refuse("a minus stands before a number or between two expressions"));
                };
                self.number(&format!("-{digits}"))?
            }
            TokenKind::String(text) => self.taken(NodeKind::Value(Value::String(text))),
            TokenKind::Quoted(name) => self.taken(NodeKind::Name(name)),
            TokenKind::Word(word) => {
                self.advance();
                if self.kind() == &TokenKind::Symbol("(") { self.call(&word, at, depth)? } else { NodeKind::Name(word) }
            }
            TokenKind::Symbol("(") => {
                self.advance();
                let node = self.expression(depth + 1)?;
                self.take(")")?;
                return Ok(node);
            }
            _ => return Err(self.refuse("here can stand a column, a number, a string, a function or '('")),
        };
        Ok(Node { kind, at })
    }

    fn call(&mut self, name: &str, at: Span, depth: usize) -> Result<NodeKind, Diagnostic> {
        let Some((_, function)) = FUNCTIONS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
            let known = FUNCTIONS.map(|(known, _)| known).join(", ");
            return Err(refusal(at, format!("{} at {at} is not a function; the functions are {known}", quoted(name))));
        };
        self.take("(")?;
        let Some(function) = function else {
            if self.coalesce == MAXIMUM_COALESCE {
                return Err(refusal(
                    at,
                    format!("COALESCE at {at} stands within {MAXIMUM_COALESCE} others; name all of its values in one"),
                ));
            }
            self.coalesce += 1;
            let mut parts = vec![self.expression(depth + 1)?];
            while self.kind() == &TokenKind::Symbol(",") {
                self.operator()?;
                parts.push(self.expression(depth + 1)?);
            }
            self.take(")")?;
            self.coalesce -= 1;
            return Ok(NodeKind::Coalesce(parts));
        };
        let distinct = matches!(self.kind(), TokenKind::Word(word) if word.eq_ignore_ascii_case("DISTINCT"));
        if distinct {
            if function != Aggregate::Count {
                return Err(self.refuse("DISTINCT stands only in COUNT"));
            }
            self.advance();
        }
        let of = if function == Aggregate::Count && !distinct && self.kind() == &TokenKind::Symbol("*") {
            let at = self.at();
            Node { kind: self.taken(NodeKind::Star), at }
        } else {
            self.expression(depth + 1)?
        };
        self.take(")")?;
        Ok(NodeKind::Aggregate { function, distinct, of: Box::new(of) })
    }

    fn number(&mut self, digits: &str) -> Result<NodeKind, Diagnostic> {
        let value = exact(digits).and_then(|(unscaled, scale)| match scale {
            0 => i64::try_from(unscaled).ok().map(Value::Int),
            _ => Some(Value::Decimal { unscaled, scale: i8::try_from(scale).ok()? }),
        });
        match value {
            Some(value) => Ok(self.taken(NodeKind::Value(value))),
            None => Err(self.refuse("the number is too great")),
        }
    }

    /// Takes an operator or a comma, and counts it.
    fn operator(&mut self) -> Result<Span, Diagnostic> {
        self.operators += 1;
        if self.operators > MAXIMUM_OPERATORS {
            return Err(self.refuse(&format!("the expression has more than {MAXIMUM_OPERATORS} operators")));
        }
        let at = self.at();
        self.advance();
        Ok(at)
    }

    fn taken(&mut self, kind: NodeKind) -> NodeKind {
        self.advance();
        kind
    }

    fn take(&mut self, symbol: &str) -> Result<(), Diagnostic> {
        if !matches!(self.kind(), TokenKind::Symbol(found) if *found == symbol) {
            return Err(self.refuse(&format!("'{symbol}' is missing here")));
        }
        self.advance();
        Ok(())
    }

    fn kind(&self) -> &TokenKind {
        self.tokens.get(self.position).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn at(&self) -> Span {
        self.tokens.get(self.position).map_or(Span::default(), |token| token.at)
    }

    fn advance(&mut self) {
        self.position = (self.position + 1).min(self.tokens.len().saturating_sub(1));
    }

    fn refuse(&self, advice: &str) -> Diagnostic {
        let at = self.at();
        let found = match self.kind() {
            TokenKind::Word(text) | TokenKind::Quoted(text) | TokenKind::String(text) | TokenKind::Number(text) => quoted(text),
            TokenKind::Symbol(symbol) => format!("'{symbol}'"),
            TokenKind::End => "the end of the expression".to_owned(),
        };
        refusal(at, format!("{found} at {at}: {advice}"))
    }
}

struct Lowering<'c> {
    columns: &'c [Column],
    places: &'c HashMap<String, usize>,
}

impl Lowering<'_> {
    fn metric(&self, node: &Node) -> Result<MetricExpression, Diagnostic> {
        let expression = self.group_level(node)?;
        if !aggregates(&expression) {
            let at = node.at;
            return Err(refusal(
                at,
                format!("the expression at {at} is the same for every group; a metric needs COUNT, SUM, AVG, MIN or MAX"),
            ));
        }
        Ok(expression)
    }

    fn group_level(&self, node: &Node) -> Result<MetricExpression, Diagnostic> {
        let at = node.at;
        let expression = match &node.kind {
            NodeKind::Value(value) => return Ok(MetricExpression::Literal(value.clone())),
            NodeKind::Name(name) => {
                let column = self.column(name, at)?;
                let name = shortened(self.columns.get(column).map_or(name.as_str(), |column| column.name.as_str()));
                let message = format!("column {name} at {at} has several values in a group; put it into COUNT, SUM, AVG, MIN or MAX");
                return Err(refusal(at, message));
            }
            NodeKind::Star => return Err(refusal(at, format!("'*' at {at} stands only in COUNT(*)"))),
            NodeKind::Concatenate(..) => {
                return Err(refusal(at, format!("'||' at {at} joins texts of a row; it stands only within COUNT, MIN or MAX")));
            }
            NodeKind::Arithmetic(left, operator, right) => {
                let (left, right) = (self.group_level(left)?, self.group_level(right)?);
                let kinds = of_metric(&left, self.columns).zip(of_metric(&right, self.columns));
                self.fits(at, kinds.and_then(|(left, right)| arithmetic(left, *operator, right)))?;
                MetricExpression::Arithmetic(Box::new(left), *operator, Box::new(right))
            }
            NodeKind::Coalesce(parts) => {
                let parts = parts.iter().map(|part| self.group_level(part)).collect::<Result<Vec<_>, _>>()?;
                self.alike(at, parts.iter().map(|part| of_metric(part, self.columns)))?;
                MetricExpression::Coalesce(parts)
            }
            NodeKind::Aggregate { function, distinct, of } => return self.aggregate(*function, *distinct, of, at),
        };
        Ok(expression)
    }

    fn aggregate(&self, function: Aggregate, distinct: bool, of: &Node, at: Span) -> Result<MetricExpression, Diagnostic> {
        if matches!(of.kind, NodeKind::Star) {
            return Ok(MetricExpression::CountRows);
        }
        let of = self.row_level(of)?;
        let kind = of_row(&of, self.columns);
        match function {
            Aggregate::Sum => self.number(at, "SUM", kind.filter(|kind| sum(*kind).is_some()), kind)?,
            Aggregate::Average => self.number(at, "AVG", kind.filter(|kind| is_number(*kind)), kind)?,
            Aggregate::Count | Aggregate::Minimum | Aggregate::Maximum => {}
        }
        Ok(match function {
            Aggregate::Count => MetricExpression::Count { distinct, of },
            Aggregate::Sum => MetricExpression::Sum(of),
            Aggregate::Average => MetricExpression::Average(of),
            Aggregate::Minimum => MetricExpression::Minimum(of),
            Aggregate::Maximum => MetricExpression::Maximum(of),
        })
    }

    fn row_level(&self, node: &Node) -> Result<RowExpression, Diagnostic> {
        let at = node.at;
        Ok(match &node.kind {
            NodeKind::Value(value) => RowExpression::Literal(value.clone()),
            NodeKind::Name(name) => RowExpression::Column(self.column(name, at)?),
            NodeKind::Star => return Err(refusal(at, format!("'*' at {at} stands only in COUNT(*)"))),
            NodeKind::Arithmetic(left, operator, right) => {
                let (left, right) = (self.row_level(left)?, self.row_level(right)?);
                let kinds = of_row(&left, self.columns).zip(of_row(&right, self.columns));
                self.fits(at, kinds.and_then(|(left, right)| arithmetic(left, *operator, right)))?;
                RowExpression::Arithmetic(Box::new(left), *operator, Box::new(right))
            }
            NodeKind::Concatenate(left, right) => {
                let (left, right) = (self.row_level(left)?, self.row_level(right)?);
                let texts = [&left, &right].into_iter().all(|part| of_row(part, self.columns) == Some(ColumnType::String));
                if !texts {
                    return Err(refusal(at, format!("'||' at {at} joins texts; both of its sides must be string columns or strings")));
                }
                RowExpression::Concatenate(Box::new(left), Box::new(right))
            }
            NodeKind::Coalesce(parts) => {
                let parts = parts.iter().map(|part| self.row_level(part)).collect::<Result<Vec<_>, _>>()?;
                self.alike(at, parts.iter().map(|part| of_row(part, self.columns)))?;
                RowExpression::Coalesce(parts)
            }
            NodeKind::Aggregate { .. } => {
                return Err(refusal(at, format!("the function at {at} stands within another; only COALESCE can")));
            }
        })
    }

    fn column(&self, name: &str, at: Span) -> Result<usize, Diagnostic> {
        self.places.get(fold(name).as_ref()).copied().ok_or_else(|| {
            let advice = match nearest(name, self.columns.iter().map(|column| column.name.as_str())) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "name one of the dataset's columns".to_owned(),
            };
            refusal(at, format!("{} at {at} is not a column; {advice}", quoted(name)))
        })
    }

    fn fits(&self, at: Span, kind: Option<ColumnType>) -> Result<(), Diagnostic> {
        kind.map(|_| ()).ok_or_else(|| refusal(at, format!("the operator at {at} takes numbers on both sides")))
    }

    fn number(&self, at: Span, name: &str, fitting: Option<ColumnType>, found: Option<ColumnType>) -> Result<(), Diagnostic> {
        let found = found.map_or("nothing", wanted);
        fitting.map(|_| ()).ok_or_else(|| refusal(at, format!("{name} at {at} takes numbers, and this is {found}")))
    }

    fn alike(&self, at: Span, mut kinds: impl Iterator<Item = Option<ColumnType>>) -> Result<(), Diagnostic> {
        let first = kinds.next().flatten();
        let all = first.and_then(|first| kinds.try_fold(first, |known, kind| common(known, kind?)));
        all.map(|_| ()).ok_or_else(|| refusal(at, format!("the values of COALESCE at {at} must be of one type")))
    }
}

fn aggregates(expression: &MetricExpression) -> bool {
    match expression {
        MetricExpression::Literal(_) => false,
        MetricExpression::Arithmetic(left, _, right) => aggregates(left) || aggregates(right),
        MetricExpression::Coalesce(parts) => parts.iter().any(aggregates),
        _ => true,
    }
}

fn refusal(at: Span, message: String) -> Diagnostic {
    Diagnostic::at(Code::Rule, at, message)
}
