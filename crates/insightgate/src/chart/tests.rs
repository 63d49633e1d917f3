//! Charts as they are drawn, of files as they come.

use super::rows::Head;
use super::text::{Screen, draw};
use super::*;

const PLAIN: Screen = Screen { width: 60, colours: false };

fn read(text: &str) -> Rows {
    let mut head = Head::default();
    head.take(text.as_bytes());
    head.rows(b',')
}

fn charts(text: &str, chosen: &[&str]) -> Result<Charts, NoChart> {
    of(&read(text), &chosen.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

fn drawn(text: &str) -> String {
    draw(&charts(text, &[]).unwrap(), PLAIN)
}

#[test]
fn groups_are_bars_in_the_order_of_the_rows() {
    let text = "CustomerName,TotalRevenue\nAdventure Works,50117940.00\nBlue Yonder Airlines,767175.00\n売上会社,12000000\nNothing,\nZero,0\nNone,NaN\nSmall,1\n,2e6\n";
    assert_eq!(
        drawn(text),
        "\
TotalRevenue by CustomerName

Adventure Works       ███████████████████████████████ 50.1M
Blue Yonder Airlines  ▌ 767.2K
売上会社              ███████▍ 12M
Nothing                –
Zero                   0
None                   –
Small                 ▏ 1
(none)                █▎ 2M
"
    );
    let negative = "\
Change by Region

North                     █████████████████████████████ 12
South  ▐██████████████████ -7.5
East                     ▐ -0.1
West                      ███████▍ 3
";
    assert_eq!(drawn("Region,Change\nNorth,12\nSouth,-7.5\nEast,-0.1\nWest,3\n"), negative);
    let rows = (0..50).map(|row| format!("g{row},1\n")).collect::<String>();
    assert!(drawn(&format!("Group,Total\n{rows}")).ends_with("… and 10 more: ORDER BY and LIMIT choose which are drawn\n"));
}

#[test]
fn months_are_columns_in_the_order_of_time() {
    let text = "Month,TotalRevenue\n2026-06-01,1\n2026-01-01,100\n2026-02-01,250\n2026-04-01,80\n2026-05-01,400\n";
    let expected = "\
TotalRevenue by Month

400 ┤                                    ████████
    │                                    ████████
300 ┤                                    ████████
    │         ████████                   ████████
200 ┤         ████████                   ████████
    │         ████████                   ████████
100 ┤████████ ████████          ▅▅▅▅▅▅▅▅ ████████
    │████████ ████████          ████████ ████████ ▁▁▁▁▁▁▁▁
  0 ┼──────────────────────────────────────────────────────
     2026-01  2026-02  2026-03  2026-04  2026-05  2026-06
";
    assert_eq!(drawn(text), expected);
    let negative = "\
Change by Month

100 ┤█████████
    │█████████
    │█████████
 50 ┤█████████                               ▃▃▃▃▃▃▃▃▃
    │█████████                               █████████
    │█████████                               █████████
  0 ┤          █████████           ▔▔▔▔▔▔▔▔▔
    │          █████████
    │          █████████
-50 ┼──────────────────────────────────────────────────
     2026-01   2026-02   2026-03   2026-04   2026-05
";
    assert_eq!(drawn("Month,Change\n2026-01,100\n2026-02,-50\n2026-04,-1\n2026-05,40\n"), negative);
    assert!(drawn("Month,Seats\n2026-01-01,5\n").contains("┤█████████\n"), "a single one");
    assert!(drawn("Month,A,B\n2026-01-01,5,\n,4,\n").contains("1 row without a time not drawn"));
}

#[test]
fn many_days_are_a_line() {
    let wave = |day: i64| ((day as f64 / 30.0).sin() * 500.0 + 1000.0).round();
    let day = |day: i64| chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap() + chrono::TimeDelta::days(day);
    let rows = (0..365).map(|at| format!("{},{}\n", day(at), wave(at))).collect::<String>();
    let expected = "\
Users by Date

1500 ┤    ⣠⠖⠉⠉⠓⢦⡀                    ⢀⡤⠚⠉⠉⠲⣄
     │  ⢀⠞⠁     ⠙⣄                  ⣠⠊      ⠳⡄
1250 ┤ ⣠⠋        ⠈⢧                ⡴⠁        ⠙⣄
     │⡰⠁           ⢣⡀             ⡜⠁          ⠘⢆
1000 ┤⠁             ⠱⡀          ⢀⡞             ⠈⢦
     │               ⠹⡄        ⢠⠎                ⢣⡀        ⡠
 750 ┤                ⠘⢆      ⡰⠋                  ⠱⣄     ⢀⡔⠁
     │                  ⠑⢦⣀⣀⡤⠊                     ⠈⠳⢤⣀⣠⠴⠋
 500 ┼──────────────────────────────────────────────────────
      2025-01-01                                  2025-12-31
";
    assert_eq!(drawn(&format!("Date,Users\n{rows}")), expected);
}

#[test]
fn groups_over_time_are_a_row_each() {
    let text = "Month,Product,TotalRevenue\n2026-01-01,Office,100\n2026-02-01,Office,250\n2026-01-01,Azure,80\n2026-04-01,Azure,4000\n";
    let expected = "\
TotalRevenue by Month and Product

        2026-01          2026-04   MAX  LAST
Office  ▄▄▄▄▄▄██████               250   250
Azure   ▁▁▁▁▁▁            ██████  4000  4000
Each row has its own scale.
";
    assert_eq!(drawn(text), expected);
    let rows = (0..20).map(|row| format!("2026-01-01,g{row},1\n2026-02-01,g{row},2\n")).collect::<String>();
    assert!(
        drawn(&format!("Month,Group,Total\n{rows}")).ends_with("… and 12 more: ORDER BY and LIMIT, or WHERE, choose which are drawn\n")
    );
}

#[test]
fn columns_are_known_by_names_and_cells() {
    let roles = |text: &str, chosen: &[&str]| {
        let charts = charts(text, chosen).unwrap();
        charts.charts.iter().map(Chart::title).collect::<Vec<_>>()
    };
    assert_eq!(roles("MPNId,Name,Seats\n12,A,5\n13,B,6\n", &[]), ["Seats by MPNId and Name"]);
    assert_eq!(roles("Code2,Seats\n007,5\n", &[]), ["Seats by Code2"]);
    assert_eq!(roles("Year,Seats\n2024,5\n2025,7\n", &[]), ["Seats by Year"]);
    assert_eq!(roles("A,B,C\n1,2,3\n2,2,3\n", &[]), ["B by A", "C by A"]);
    assert_eq!(roles("A,B,C\n1,2,3\n", &[]), ["A", "B", "C"]);
    assert_eq!(roles("Name,Month,Start,Seats\nA,2026-01-01,2020-01-01,5\n", &[]), ["Seats by Month, Name and Start"]);
    assert_eq!(roles("MPNId,Name,Seats\n12,A,5\n12,B,6\n", &[]), ["Seats by Name"], "what is always the same says nothing");
    assert_eq!(roles("MPNId,Name,Seats\n12,A,5\n12,A,6\n", &[]), ["Seats by MPNId and Name, rows with the same label added up"]);
    assert_eq!(roles("Name,A,B\nx,1,2\n", &["b"]), ["B by Name"]);
    assert_eq!(roles("MPNId,Seats\n12,5\n13,6\n", &["MPNID"]), ["MPNId"], "a person knows better");
    assert_eq!(roles("Name,Nothing,Seats\nA,,1\nA,,2\n", &[]), ["Seats by Name, rows with the same label added up"]);
    let many = charts("Name,A,B,C,D,E,F\nx,1,1,1,1,1,1\n", &[]).unwrap();
    assert_eq!((many.charts.len(), many.left_out.join(" ")), (4, "E F".to_owned()));
    assert!(draw(&many, PLAIN).ends_with("Not drawn: E, F. --chart=NAME chooses a column.\n"));
    assert_eq!(charts("Name,Seats\n", &[]), Err(NoChart::NoRows));
    assert_eq!(charts("Name\nA\n", &[]), Err(NoChart::NoNumbers));
    assert_eq!(charts("Name,Seats\nA,1\n", &["Name"]), Err(NoChart::NotNumbers("Name".into(), vec!["Seats".into()])));
}

#[test]
fn labels_cannot_steer_the_terminal() {
    for text in [
        "\"A\u{1b}[2J\u{7}\u{202e}\n\",\u{9b}31mSeats\nx\u{1b}]0;t\u{7}y,5\n\"a\nb\rc\",6\n",
        "Month,\u{1b}[1mGroup,Seats\n2026-01-01,\u{1b}[2Jx,5\n2026-01-01,\u{2067}y,5\n",
        "Month,\u{1b}[1mSeats\n2026-01-01,5\n",
    ] {
        let drawn = drawn(text);
        assert!(drawn.chars().all(|character| character == '\n' || !character.is_control()), "{drawn:?}");
        assert!(!drawn.contains('\u{202e}') && !drawn.contains('\u{2067}') && drawn.contains('\u{fffd}'));
    }
}

#[test]
fn every_line_fits_whatever_the_rows() {
    let long = "名".repeat(100);
    let numbers = [
        "1.7976931348623157e308",
        "-1.7976931348623157e308",
        "5e-324",
        "-5e-324",
        "0",
        "inf",
        "nan",
        "",
        "-0.001",
        "123456789012345678901234567890",
    ];
    for (width, colours) in [(40, false), (60, false), (200, false)] {
        for first in ["2026-01-01", "0001-01-01T00:00:00Z", long.as_str(), ""] {
            for second in ["2026-03-05", "9999-12-31", "b"] {
                for numbers in numbers.iter().flat_map(|one| numbers.iter().map(move |other| (one, other))) {
                    for more in ["", ",x", ",y"] {
                        let text = format!("By,Total,More\n{first},{}{more}\n{second},{}{more}\n{second},1,z\n", numbers.0, numbers.1);
                        let Ok(charts) = charts(&text, &[]) else { continue };
                        let drawn = draw(&charts, Screen { width, colours });
                        let widest = drawn.lines().map(unicode_width::UnicodeWidthStr::width).max();
                        assert!(widest <= Some(width), "{text}\n{drawn}");
                    }
                }
            }
        }
    }
}

#[test]
fn colours_are_for_bars_alone() {
    let charts = charts("Name,Seats\nA,5\nB,0\n", &[]).unwrap();
    let coloured = draw(&charts, Screen { width: 30, colours: true });
    assert_eq!(coloured.matches("\u{1b}[36m").count(), 1);
    assert_eq!(coloured.replace("\u{1b}[36m", "").replace("\u{1b}[0m", ""), draw(&charts, Screen { width: 30, colours: false }));
}
