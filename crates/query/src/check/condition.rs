//! Conditions: literals become predicates on the field's type. A condition that no value can meet is not an error; a note reports it.

use super::Checker;
use crate::column::{ColumnType, Comparison, Value};
use crate::datasets::catalog::Field;
use crate::diagnostic::{Code, quoted};
use crate::plan::{Condition, Predicate};
use crate::syntax::ast::{self, Literal, LiteralValue};
use crate::syntax::literal::{Converted, convert, exact, wanted};

/// The field with which a literal is compared.
#[derive(Clone, Copy)]
struct Compared<'a> {
    field: Field,
    /// The name that the query uses, in the dataset's spelling.
    name: &'a str,
    kind: ColumnType,
}

impl Checker<'_> {
    pub(super) fn condition(&mut self, condition: &ast::Condition) -> Option<Condition> {
        let (field, name) = self.field(&condition.name)?;
        let compared = Compared { field, name, kind: self.dataset.field_type(field) };
        let predicate = match &condition.predicate {
            ast::Predicate::Compare(comparison, literal) => self.compare(compared, *comparison, &literal.value),
            ast::Predicate::In { values, negated } => self.within(compared, values, *negated),
            ast::Predicate::Like { pattern, negated } => self.like(pattern, *negated)?,
        };
        Some(Condition { field, predicate })
    }

    fn compare(&mut self, compared: Compared<'_>, comparison: Comparison, literal: &LiteralValue) -> Predicate {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let converted = converted(compared, literal);
        let test = match (&converted, comparison) {
            (Converted::Value(value), _) => return Predicate::Compare(comparison, value.clone()),
            (_, Equal) | (Converted::No, Less | LessOrEqual | Greater | GreaterOrEqual) => Predicate::Nothing,
            (_, NotEqual) => Predicate::NotNull,
            (Converted::Between(value), _) => return Predicate::Compare(comparison, value.clone()),
            (Converted::Within(day), Less | LessOrEqual) => return Predicate::Compare(LessOrEqual, Value::Date(*day)),
            (Converted::Within(day), Greater | GreaterOrEqual) => return Predicate::Compare(Greater, Value::Date(*day)),
            (Converted::Above, Less | LessOrEqual) | (Converted::Below, Greater | GreaterOrEqual) => Predicate::NotNull,
            (Converted::Above, Greater | GreaterOrEqual) | (Converted::Below, Less | LessOrEqual) => Predicate::Nothing,
        };
        let (name, effect) = (compared.name, effect(&test));
        self.notes.push(format!("{} {}, so the condition on {name} {effect}", quoted(literal.text()), reason(compared, &converted)));
        test
    }

    fn within(&mut self, compared: Compared<'_>, literals: &[Literal], negated: bool) -> Predicate {
        let mut values = Vec::with_capacity(literals.len());
        let mut dropped: Vec<(&LiteralValue, Converted)> = Vec::new();
        for literal in literals {
            match converted(compared, &literal.value) {
                Converted::Value(value) => values.push(value),
                other => dropped.push((&literal.value, other)),
            }
        }
        let test = match values.is_empty() {
            true if negated => Predicate::NotNull,
            true => Predicate::Nothing,
            false => Predicate::In { values, negated },
        };
        if let Some((literal, converted)) = dropped.first() {
            let found = quoted(literal.text());
            let reason = reason(compared, converted);
            let others = match dropped.len() - 1 {
                0 => String::new(),
                1 => ", like 1 other value of the list".to_owned(),
                n => format!(", like {n} other values of the list"),
            };
            let name = compared.name;
            let effect = match test {
                Predicate::In { .. } => format!("the list for {name} is read without {}", if dropped.len() == 1 { "it" } else { "them" }),
                _ => format!("the condition on {name} {}", effect(&test)),
            };
            self.notes.push(format!("{found} {reason}{others}, so {effect}"));
        }
        test
    }

    /// LIKE on a field of any type: a value that is not a text is compared as CSV writes it. A number or truth value is used as a pattern as it is written.
    fn like(&mut self, pattern: &Literal, negated: bool) -> Option<Predicate> {
        let text = pattern.value.text();
        let length = text.chars().count();
        if length > LONGEST_PATTERN {
            let at = pattern.at;
            self.report(Code::TooLong, at, format!("the pattern at {at} has {length} characters; LIKE takes {LONGEST_PATTERN}"));
            return None;
        }
        let trailing = text.chars().rev().take_while(|character| *character == '\\').count();
        if trailing % 2 == 1 {
            let at = pattern.at;
            let message = format!(r"the pattern at {at} ends with \, which takes the next character as it is; write \\ for a \ itself");
            self.report(Code::Rule, at, message);
            return None;
        }
        Some(Predicate::Like { pattern: text.to_owned(), negated })
    }
}

/// Why a literal is not a value of the field.
fn reason(Compared { name, kind, .. }: Compared<'_>, converted: &Converted) -> String {
    match converted {
        Converted::Between(_) if kind == ColumnType::Int64 => "is not a whole number".to_owned(),
        Converted::Between(_) => format!("has more decimals than {name} holds"),
        Converted::Within(_) => "is not a whole day".to_owned(),
        Converted::Below | Converted::Above => format!("is beyond all that {name} can hold"),
        Converted::Value(_) | Converted::No => format!("is not {}", wanted(kind)),
    }
}

/// A metric is compared before it is converted to its type, since a sum of integers can exceed an integer.
fn converted(Compared { field, kind, .. }: Compared<'_>, literal: &LiteralValue) -> Converted {
    match (field, kind, convert(literal, kind)) {
        (Field::Metric(_), ColumnType::Int64, beyond @ (Converted::Above | Converted::Below)) => {
            let value = exact(literal.text().trim()).and_then(|(unscaled, scale)| Some((unscaled, i8::try_from(scale).ok()?)));
            value.map_or(beyond, |(unscaled, scale)| Converted::Value(Value::Decimal { unscaled, scale }))
        }
        (_, _, converted) => converted,
    }
}

/// The most characters of a LIKE pattern; the work for each text grows with them.
const LONGEST_PATTERN: usize = 1000;

fn effect(test: &Predicate) -> &'static str {
    match test {
        Predicate::NotNull => "matches every row with a value",
        _ => "matches no row",
    }
}
