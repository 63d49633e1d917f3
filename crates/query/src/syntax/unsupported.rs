//! Features of other query languages that this one does not have, each with what to use instead.

/// The advice for a word that this language does not have, at a place where no name is possible.
pub(super) fn word(word: &str) -> Option<&'static str> {
    let advice = match word.to_ascii_uppercase().as_str() {
        "OR" => "OR is not supported; list the values of one column with IN ('a', 'b'), or make a query for each alternative",
        "NOT" => "NOT stands only in NOT LIKE and NOT IN; for a comparison use !=, <, <=, > or >=",
        "GROUP" => "GROUP BY is not supported and not needed; a metric in SELECT groups by the selected columns",
        "HAVING" => "HAVING is not supported; a condition on a metric in WHERE filters the groups",
        "JOIN" | "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS" | "NATURAL" => "JOIN is not supported; a query reads one dataset",
        "AS" => "AS is not supported; columns and metrics keep the names of the dataset",
        "UNION" | "INTERSECT" | "EXCEPT" => "set operations are not supported; make a query for each SELECT",
        "OFFSET" | "FETCH" | "TOP" => "only LIMIT is supported; it takes the number of rows",
        "NULLS" => "NULLS FIRST and NULLS LAST are not supported; nulls always come last",
        "BETWEEN" => "BETWEEN is not supported; write name >= low AND name <= high",
        "IS" | "NULL" => "NULL is not supported; no condition matches a null value, so any condition on a name leaves the nulls out",
        "EXISTS" | "CASE" | "CAST" => "expressions are not supported; name a column or metric of the dataset",
        "ESCAPE" => r"ESCAPE is not supported; in a pattern, \ takes the next character as it is",
        "ILIKE" | "REGEXP" | "RLIKE" => "only LIKE is supported; it already ignores case",
        _ => return None,
    };
    Some(advice)
}

pub(super) fn symbol(symbol: &str) -> Option<&'static str> {
    let advice = match symbol {
        "*" | "+" | "-" | "/" | "%" | "||" | "|" | "&" | "^" => "expressions are not supported; name a column or metric of the dataset",
        "(" | ")" => "parentheses are only supported around the list of IN",
        "&&" => "write AND between conditions",
        "." => "a name has one part; quote one that holds a dot: \"a.b\"",
        "<>" | "!" => "'not equal' is written !=",
        "==" => "equality is written =",
        "=>" => "'greater or equal' is written >=",
        "=<" => "'less or equal' is written <=",
        _ => return None,
    };
    Some(advice)
}

/// Whether other languages have a function with that name. A name with a unit that looks like a function has to be in double quotes.
pub(super) fn is_function(word: &str) -> bool {
    FUNCTIONS.iter().any(|function| word.eq_ignore_ascii_case(function))
}

const FUNCTIONS: [&str; 24] = [
    "ABS",
    "AVG",
    "CAST",
    "CEIL",
    "COALESCE",
    "CONCAT",
    "COUNT",
    "DATE",
    "DAY",
    "FLOOR",
    "LEN",
    "LENGTH",
    "LOWER",
    "LTRIM",
    "MAX",
    "MIN",
    "MONTH",
    "ROUND",
    "RTRIM",
    "SUBSTRING",
    "SUM",
    "TRIM",
    "UPPER",
    "YEAR",
];
