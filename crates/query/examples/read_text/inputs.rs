//! Texts of a given length that are as hard to read as can be thought of: what is long, deep, wrong or unknown, in each place where it can stand.
//!
//! Shared by the test that counts bytes (`src/linear.rs`) and the program whose instructions are counted (`cargo xtask linear`).

/// What reads a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Query,
    /// A metric expression over the columns of the greatest dataset.
    Metric,
    Definition,
}

pub struct Kind {
    pub name: &'static str,
    pub reader: Reader,
    /// A text of at most so many bytes, and not many less.
    pub text: fn(usize) -> String,
}

impl Reader {
    /// Bytes: a length to start from, and the greatest.
    pub fn sizes(self) -> (usize, usize) {
        match self {
            Reader::Query => (4 << 10, 64 << 10),
            Reader::Metric => (1 << 9, 8 << 10),
            Reader::Definition => (8 << 10, 128 << 10),
        }
    }
}

/// The datasets that queries read: the one with the most columns, and one with dates.
pub const DATASETS: [&str; 2] = ["CLASAzurePropensity", "AzureUsage"];

const fn query(name: &'static str, text: fn(usize) -> String) -> Kind {
    Kind { name, reader: Reader::Query, text }
}

const fn metric(name: &'static str, text: fn(usize) -> String) -> Kind {
    Kind { name, reader: Reader::Metric, text }
}

const fn definition(name: &'static str, text: fn(usize) -> String) -> Kind {
    Kind { name, reader: Reader::Definition, text }
}

pub const KINDS: &[Kind] = &[
    query("names", |n| filled(n, "SELECT ", "MPNID, ", "MPNID FROM CLASAzurePropensity")),
    query("unknown-names", |n| numbered(n, "SELECT ", |i| format!("CustomerNam{i}, "), "MPNID FROM CLASAzurePropensity")),
    query("names-of-no-dataset", |n| filled(n, "SELECT ", "a, ", "a FROM x")),
    query("stars", |n| filled(n, "SELECT ", "*, ", "a FROM CLASAzurePropensity")),
    query("functions", |n| filled(n, "SELECT ", "f(a), ", "a FROM CLASAzurePropensity")),
    query("no-commas", |n| filled(n, "SELECT ", "a ", "FROM CLASAzurePropensity")),
    query("commas", |n| filled(n, "SELECT ", ",", " FROM CLASAzurePropensity")),
    query("long-name", |n| filled(n, "SELECT ", "a", " FROM CLASAzurePropensity")),
    query("long-unicode-name", |n| filled(n, "SELECT ", "Σ", " FROM CLASAzurePropensity")),
    query("long-quoted-name", |n| filled(n, "SELECT \"", "\"\"", "\" FROM CLASAzurePropensity")),
    query("long-bracketed-name", |n| filled(n, "SELECT [", "]]", "] FROM CLASAzurePropensity")),
    query("long-dataset", |n| filled(n, "SELECT a FROM ", "x", "")),
    query("conditions", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "MPNID = 1 AND ", "MPNID = 1")),
    query("unknown-conditions", |n| {
        numbered(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", |i| format!("Custmer{i}=1 AND "), "MPNID = 1")
    }),
    query("wrong-conditions", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "MPNID AND ", "MPNID = 1")),
    query("ands", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "AND ", "")),
    query("ors", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE MPNID = 1 ", "OR ", "")),
    query("values", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE MPNID IN (", "1,", "1)")),
    query("texts", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE MPNID IN (", "'',", "'')")),
    query("values-of-no-type", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month NOT IN (", "'x',", "'x')")),
    query("values-of-no-kind", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month IN (", "x,", "x)")),
    query("subqueries", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "a IN (SELECT ", "")),
    query("open-lists", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "a IN (", "")),
    query("minuses", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = ", "-", "1")),
    query("long-text", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = '", "ß", "'")),
    query("long-instant", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = '2020-01-31T", "0", "'")),
    query("long-blank", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = '", " ", "2020-01-31'")),
    query("quotes", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = '", "''", "'")),
    query("not-closed", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = '", "'' ", "")),
    query("long-pattern", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE MPNID LIKE '", "%_", "'")),
    query("backslashes", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE MPNID LIKE '", "\\", "'")),
    query("long-number", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = ", "9", "")),
    query("zeros", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE NumberofExistingWorkloads = '", "0", ".5'")),
    query("wrong-numbers", |n| filled(n, "SELECT Month FROM AzureUsage WHERE Month = 1 ", "1x ", "")),
    query("open-parentheses", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "(", "")),
    query("closed-parentheses", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", ")", "")),
    query("nested-parentheses", |n| nested(n, "SELECT MPNID FROM CLASAzurePropensity WHERE ", "MPNID = 1")),
    query("order", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity ORDER BY ", "MPNID ASC, ", "MPNID")),
    query("unknown-order", |n| numbered(n, "SELECT MPNID FROM CLASAzurePropensity ORDER BY ", |i| format!("Customer{i}Name, "), "MPNID")),
    query("clauses", |n| filled(n, "", "SELECT FROM WHERE ORDER LIMIT TIMESPAN ", "")),
    query("clauses-in-halves", |n| filled(n / 2, "", "FROM ", "") + &filled(n - n / 2, "", "WHERE ", "")),
    query("spans", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity ", "TIMESPAN LAST_MONT ", "")),
    query("limits", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity ", "LIMIT 0 ", "")),
    query("semicolons", |n| filled(n, "SELECT MPNID FROM CLASAzurePropensity", ";", "")),
    query("strange", |n| filled(n, "", "‘ ", "")),
    query("strange-run", |n| filled(n, "", "😀", "")),
    query("blanks", |n| filled(n, "SELECT", " ", "MPNID FROM CLASAzurePropensity")),
    query("lines", |n| filled(n, "SELECT", "\n", "MPNID, FROM CLASAzurePropensity")),
    query("almost-keywords", |n| filled(n, "", "SELEC WHER ODER LIMI ", "")),
    query("almost-from", |n| filled(n, "SELECT a ", "FRO, ", "")),
    query("words", |n| filled(n, "", "x ", "")),
    query("comments", |n| filled(n, "SELECT Month ", "--\n", "FROM CLASAzurePropensity")),
    query("open-comments", |n| filled(n, "SELECT Month FROM CLASAzurePropensity /*", "/*", "")),
    query("backticks", |n| filled(n, "SELECT ", "`a`,", "a FROM CLASAzurePropensity")),
    query("almost-from", |n| filled(n, "SELECT a ", "FORM ", "")),
    query("almost-from-before-it", |n| filled(n, "SELECT a ", "FORM ", "FROM CLASAzurePropensity")),
    query("almost-and", |n| filled(n, "SELECT Month FROM CLASAzurePropensity WHERE Month = 1 ", "ADN Month LIEK 1 ", "")),
    query("almost-ascending", |n| filled(n, "SELECT Month FROM CLASAzurePropensity ORDER BY Month ", "ACS ", "")),
    query("top", |n| filled(n, "SELECT ", "TOP 1 ", "a FROM CLASAzurePropensity")),
    metric("parentheses", |n| nested(n, "", "COUNT(*)")),
    metric("open-parentheses", |n| filled(n, "", "(", "")),
    metric("open-functions", |n| filled(n, "", "COALESCE(", "")),
    metric("operators", |n| filled(n, "", "COUNT(*) + ", "COUNT(*)")),
    metric("row-operators", |n| filled(n, "SUM(", "1+", "1)")),
    metric("coalesced", |n| filled(n, "COALESCE(", "COUNT(*),", "COUNT(*))")),
    metric("long-name", |n| filled(n, "SUM(", "a", ")")),
    metric("long-text", |n| filled(n, "COUNT('", "''", "')")),
    metric("strange", |n| filled(n, "", "& ", "")),
    metric("minuses", |n| filled(n, "", "-", "")),
    definition("columns", |n| numbered(n, HEAD, column, "")),
    definition("columns-of-no-type", |n| numbered(n, HEAD, |i| format!("[[columns]]\nname = \"c{i}\"\ntype = \"strin\"\n"), "")),
    definition("columns-of-one-name", |n| filled(n, HEAD, "[[columns]]\nname = \"a\"\ntype = \"bool\"\n", "")),
    definition("aliases", |n| {
        let head = format!("{HEAD}[[columns]]\nname = \"c\"\ntype = \"bool\"\naliases = [");
        numbered(n, &head, |i| format!("\"a{i}\","), "]\n")
    }),
    definition("columns-and-metrics", |n| {
        let half = numbered(n / 2, HEAD, column, "");
        half + &numbered(n - n / 2, "", |i| format!("[[metrics]]\nname = \"m{i}\"\nexpression = \"COUNT(c{i})\"\n"), "")
    }),
    definition("columns-and-wrong-metrics", |n| {
        let half = numbered(n / 2, HEAD, column, "");
        half + &numbered(n - n / 2, "", |i| format!("[[metrics]]\nname = \"m{i}\"\nexpression = \"COUNT(d{i})\"\n"), "")
    }),
    definition("metrics-of-one-column", |n| {
        let head = format!("{HEAD}{}", column(0));
        numbered(n, &head, |i| format!("[[metrics]]\nname = \"m{i}\"\nexpression = \"COUNT(c0)\"\n"), "")
    }),
    definition("unknown-keys", |n| numbered(n, HEAD, |i| format!("k{i} = 1\n"), "")),
    definition("unknown-keys-of-columns", |n| numbered(n, HEAD, |i| format!("{}nam = 1\n", column(i)), "")),
    definition("date-ranges", |n| filled(n, &format!("{HEAD}date_ranges = ["), "\"LAST_MONT\",", "]\n")),
    definition("values", |n| filled(n, &format!("{HEAD}[[columns]]\nname = \"a\"\ntype = \"date\"\nexamples = ["), "\"x\",", "]\n")),
    definition("wrong-values", |n| filled(n, &format!("{HEAD}[[columns]]\nname = \"a\"\ntype = \"string\"\nallowed = ["), "1,", "]\n")),
    definition("long-text", |n| filled(n, "title = \"", "ü", &format!("\"\n{HEAD}"))),
    definition("long-name", |n| filled(n, "name = \"", "a", "\"\n")),
    definition("not-toml", |n| filled(n, "", "= 1\n", "")),
    definition("twice", |n| filled(n, "", "a = 1\n", "")),
    definition("open-lists", |n| filled(n, "a = ", "[", "")),
    definition("open-tables", |n| filled(n, "", "[", "")),
    definition("inline-tables", |n| filled(n, "a = ", "{b=", "")),
    definition("dotted", |n| filled(n, "", "a.", "a = 1")),
    definition("dotted-tables", |n| numbered(n, "", |i| format!("[a{i}.b.c]\n"), "")),
    definition("quotes", |n| filled(n, "a = ", "'", "")),
    definition("lines", |n| filled(n, "", "\n", "a")),
    definition("comments", |n| filled(n, "", "#\n", "")),
];

const HEAD: &str = "name = \"A\"\nprogram = \"mpn\"\n";

fn column(number: usize) -> String {
    format!("[[columns]]\nname = \"c{number}\"\ntype = \"int64\"\n")
}

/// `before`, as many times `piece` as fit, `after`.
fn filled(bytes: usize, before: &str, piece: &str, after: &str) -> String {
    let times = bytes.saturating_sub(before.len() + after.len()) / piece.len();
    format!("{before}{}{after}", piece.repeat(times))
}

/// The same with pieces that differ.
fn numbered(bytes: usize, before: &str, piece: impl Fn(usize) -> String, after: &str) -> String {
    let mut text = before.to_owned();
    for number in 0.. {
        let next = piece(number);
        if text.len() + next.len() + after.len() > bytes {
            break;
        }
        text.push_str(&next);
    }
    text + after
}

fn nested(bytes: usize, before: &str, inner: &str) -> String {
    let depth = bytes.saturating_sub(before.len() + inner.len()) / 2;
    format!("{before}{}{inner}{}", "(".repeat(depth), ")".repeat(depth))
}
