#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::builtin;
use crate::diagnostic::{MAXIMUM_DIAGNOSTICS, headline, message};
use crate::plan;

fn found(text: &str) -> Diagnostics {
    plan(text, &builtin::catalog("mpn")).expect_err(text)
}

/// The text's lines as they are shown, without the messages, each of which ends with the place already.
fn marks(text: &str) -> String {
    let shown = marked(text, &found(text));
    shown.lines().filter(|line| !line.trim_start().starts_with("= ")).map(|line| format!("{line}\n")).collect()
}

/// The output, letter by letter.
#[test]
fn each_place_is_marked_with_its_message_below() {
    let cases = [
        (
            "SELECT Custmer FROM OfficeUsage",
            "\
1 | SELECT Custmer FROM OfficeUsage
  |        ^~~~~~~
  = 'Custmer' at line 1, column 8 is neither a column nor a metric of OfficeUsage; did you mean 'CustomerName'?",
        ),
        (
            "SELECT Monht, Mnth FROM OfficeUsage ORDER Month",
            "\
1 | SELECT Monht, Mnth FROM OfficeUsage ORDER Month
  |        ^~~~~
  = 'Monht' at line 1, column 8 is neither a column nor a metric of OfficeUsage; did you mean 'Month'?
  |               ^~~~
  = 'Mnth' at line 1, column 15 is neither a column nor a metric of OfficeUsage; did you mean 'Month'?
  |                                           ^~~~~
  = 'Month' at line 1, column 43: BY is missing behind ORDER",
        ),
        (
            "SELECT Month\r\nFROM OfficeUsage\r\nWHERE Month = 1 OR\r\n  Sku = 'a'",
            "\
3 | WHERE Month = 1 OR
  |                 ^~
  = 'OR' at line 3, column 17: OR is not supported; list the values of one column with IN ('a', 'b'), or make a query for each alternative",
        ),
        (
            "SELECT Month",
            "\
1 | SELECT Month
  |             ^
  = FROM is missing at line 1, column 13; write SELECT names FROM dataset",
        ),
        (
            "",
            "\
1 |
  | ^
  = the query at line 1, column 1 is empty; write SELECT names FROM dataset",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(marked(text, &found(text)), expected);
    }
}

#[test]
fn marks_stand_under_what_is_shown() {
    let far = format!("SELECT Month FROM OfficeUsage{}LIMIT 0", "\n".repeat(98));
    let cases = [
        // A tab is shown as four columns.
        (
            "SELECT\tMonht\tFROM\tOfficeUsage",
            "\
1 | SELECT    Monht    FROM    OfficeUsage
  |           ^~~~~
",
        ),
        // Wide, combining and joined characters.
        (
            "SELECT Month FROM OfficeUsage WHERE CustomerName = '売上' AND Nme = '字'",
            "\
1 | SELECT Month FROM OfficeUsage WHERE CustomerName = '売上' AND Nme = '字'
  |                                                               ^~~
",
        ),
        (
            "SELECT \"売上\", \"e\u{301}\", \"👩\u{200d}💻\", x FROM OfficeUsage",
            "\
1 | SELECT \"売上\", \"e\u{301}\", \"👩\u{200d}💻\", x FROM OfficeUsage
  |        ^~~~~~
  |                ^~~
  |                     ^~~~
  |                           ^
",
        ),
        // Characters that could control a terminal, or change the direction of the text, are replaced.
        (
            "SELECT \"\u{1b}[2J\", \"a\u{202e}b\", x FROM OfficeUsage",
            "\
1 | SELECT \"\u{fffd}[2J\", \"a\u{fffd}b\", x FROM OfficeUsage
  |        ^~~~~~
  |                ^~~~~
  |                       ^
",
        ),
        // A byte-order mark has no width; a place that extends beyond its line is marked up to the end of the line.
        (
            "\u{feff}SELECT x FROM OfficeUsage WHERE \"a\nb\" = 1",
            "\
1 | \u{feff}SELECT x FROM OfficeUsage WHERE \"a
  |        ^
  |                                 ^~
",
        ),
        (
            "SELECT Month FROM OfficeUsage WHERE Month =   \n\n",
            "\
3 |
  | ^
",
        ),
        (
            &far,
            "\
99 | LIMIT 0
   |       ^
",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(marks(text), expected, "{text}");
    }
}

#[test]
fn of_a_long_line_the_part_around_the_place_is_shown() {
    let names = vec!["Month"; 60].join(", ");
    let text = format!("SELECT {names}, Monht, {names}, Mnth, Mnoth FROM OfficeUsage");
    assert_eq!(
        marks(&text),
        "\
1 | …, Month, Month, Month, Month, Monht, Month, Month, Month, Month, Month, Month, Month, Month, Month, …
  |                                ^~~~~
1 | …, Month, Month, Month, Month, Mnth, Mnoth FROM OfficeUsage
  |                                ^~~~
  |                                      ^~~~~
"
    );
    // Nothing is cut off in front of the beginning or after the end; wide characters count with the width that they have on a terminal.
    let wide = "字".repeat(80);
    let text = format!("SELECT Nme FROM OfficeUsage WHERE CustomerName = '{wide}' AND Sku = -");
    assert_eq!(
        marks(&text),
        format!(
            "\
1 | SELECT Nme FROM OfficeUsage WHERE CustomerName = '{}…
  |        ^~~
1 | …{}' AND Sku = -
  |                                ^
",
            "字".repeat(25),
            "字".repeat(9),
        )
    );
    // A mark ends where the shown part ends.
    let long = "x".repeat(500);
    let shown = marks(&format!("SELECT Month, {long} FROM OfficeUsage"));
    assert_eq!(shown, format!("1 | SELECT Month, {}…\n  | {}^{}\n", "x".repeat(86), " ".repeat(14), "~".repeat(85)));
}

#[test]
fn no_more_than_twenty_are_shown() {
    let text = format!("SELECT {} FROM OfficeUsage", vec!["x"; 30].join(","));
    let all = found(&text);
    assert_eq!(marked(&text, &all).lines().count(), 1 + 2 * MAXIMUM_DIAGNOSTICS + 1);
    assert!(marked(&text, &all).ends_with("\n  = and 10 more"));
    // A client that only has the message shows the same.
    let (placed, others) = placed(&text, &message(&all));
    assert_eq!((placed.len(), others), (MAXIMUM_DIAGNOSTICS, vec!["and 10 more".to_owned()]));
    let twenty = format!("SELECT {} FROM OfficeUsage", vec!["x"; 20].join(","));
    assert_eq!((found(&twenty).more(), marked(&twenty, &found(&twenty)).lines().count()), (0, 1 + 2 * MAXIMUM_DIAGNOSTICS));
}

/// A server sends one message; the marks made from it are the same as those of a local check.
#[test]
fn a_message_is_read_back() {
    for text in [
        "SELECT Custmer, Monht FROM OfficeUsage",
        "SELECT Month FROM OficeUsage",
        "SELECT Month FROM OfficeUsage WHERE Month = @ TIMESPAN LAST_MONHT",
        "SELECT \"at line 1, column 2\", \"x' at line 1, column 3\" FROM OfficeUsage",
        "SELECT \"two\nlines\" FROM OfficeUsage\nWHERE Sku = 1.5e3 OR",
        "SELECT Month FROM OfficeUsage TIMESPAN TODAY",
        "SELECT Month",
    ] {
        let all = found(text);
        let (diagnostics, others) = placed(text, &message(&all));
        assert_eq!(headline(&diagnostics), headline(&all));
        let places = |all: &[Diagnostic]| {
            let mut places: Vec<_> = all.iter().map(|d| (d.line, d.column, d.length.max(1), d.message.clone())).collect();
            places.sort();
            places
        };
        assert_eq!((places(&diagnostics), others), (places(&all), Vec::new()), "{text}");
    }
}

#[test]
fn what_names_no_place_of_the_text_stays_as_it_is() {
    let text = "SELECT a FROM b";
    for sentence in [
        "Invalid table name",
        "Null or missing value: Name",
        "'x' at line 2, column 1 is nowhere",
        "'x' at line 1, column 17 is nowhere",
        "'x' at line 0, column 1 is nowhere",
        "at line 99999999999, column 1",
        "at line 1",
        "at line 1, column ",
        "at line x, column 1",
        "",
    ] {
        let (diagnostics, others) = placed(text, sentence);
        assert_eq!((diagnostics.to_vec(), others), (Vec::new(), sentence.lines().map(str::to_owned).collect::<Vec<_>>()), "{sentence}");
    }
    let (diagnostics, others) = placed(text, "Incorrect column name: 'a' at line 1, column 8 is wrong\nand more");
    assert_eq!((diagnostics[0].code, diagnostics[0].length, others), (Code::UnknownName, 1, vec!["and more".to_owned()]));
    assert_eq!(diagnostics[0].message, "'a' at line 1, column 8 is wrong");
}

#[test]
fn any_place_in_any_text_is_shown() {
    let texts = ["", "\n", "a\tb\r\n字\u{301}", "\u{200d}\u{202e}\u{0}", &"字".repeat(3000), &"\t".repeat(300), &"\n".repeat(300)];
    for text in texts {
        for line in [0, 1, 2, 301, u32::MAX] {
            for column in [0, 1, 2, 150, 3001, u32::MAX] {
                for length in [0, 1, 200, u32::MAX] {
                    let shown =
                        marked(text, &vec![Diagnostic { code: Code::Rule, line, column, length, message: "m\u{1b}\nn".to_owned() }].into());
                    let lines: Vec<&str> = shown.lines().collect();
                    assert!(lines.len() == 3 && lines[1].contains('^') && lines[2].ends_with("= m\u{fffd} n"), "{shown}");
                    assert!(lines[0].width() <= WIDTH + 20 && !shown.contains(['\u{1b}', '\u{202e}', '\u{0}']), "{shown}");
                }
            }
        }
    }
}
