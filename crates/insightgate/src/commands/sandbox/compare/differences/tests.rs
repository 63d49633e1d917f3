use serde_json::json;

use super::*;
use crate::commands::sandbox::recording::rows::Column;

const A: &str = "72fa95ab-35f5-4d44-a1ee-503abbc88003";
const B: &str = "0f0f0f0f-35f5-4d44-a1ee-503abbc88003";

fn all() -> Strictness {
    Strictness { values: false, added: true, ignored: Vec::new() }
}

fn of(recorded: Value, here: Value, preview: bool, strictness: &Strictness, mapping: &mut Mapping) -> Vec<(String, What)> {
    let (recorded, here, headers) = (Content::Json(recorded), Content::Json(here), BTreeMap::new());
    let answer = |body| Answer { status: 200, headers: &headers, body: Some(body) };
    let found = differences(answer(&recorded), answer(&here), preview, strictness, mapping);
    found.into_iter().map(|difference| (difference.field, difference.kind)).collect()
}

fn plain(recorded: Value, here: Value) -> Vec<(String, What)> {
    of(recorded, here, false, &all(), &mut Mapping::default())
}

fn one(field: &str, kind: What) -> Vec<(String, What)> {
    vec![(field.to_owned(), kind)]
}

#[test]
fn what_has_to_differ_does_not_count() {
    let recorded = json!({"value": [{"reportId": A, "user": "1", "createdTime": "2021-01-06T05:46:00Z", "reportAccessSecureLink": "/a?sig=***",
        "message": format!("Report {A} runs in 12 minutes, at 2021-01-06T05:46:00Z."), "callbackUrl": "https://a.example", "secret": "***", "owner": "of user-1@redacted.example."}], "totalCount": 1});
    let here = json!({"value": [{"reportId": B, "user": "2", "createdTime": "2026-11-22T12:00:00Z", "reportAccessSecureLink": "https://b.example/b?sig=x",
        "message": format!("Report {B} runs in 3 minutes, at 2026-11-22T12:00:00Z."), "callbackUrl": null, "secret": "x", "owner": "of user-2@redacted.example."}], "totalCount": 1});
    assert_eq!(plain(recorded, here), []);
}

#[test]
fn each_kind_of_difference_is_named_by_its_field() {
    let list = |item: Value| json!({"value": [item]});
    assert_eq!(plain(list(json!({"format": "csv"})), list(json!({}))), one("value[0].format", What::Missing));
    assert_eq!(plain(list(json!({})), list(json!({"format": "csv"}))), one("value[0].format", What::Added));
    assert_eq!(plain(list(json!({"count": 20})), list(json!({"count": "20"}))), one("value[0].count", What::Type));
    assert_eq!(plain(list(json!({"link": null})), list(json!({"link": "x"}))), one("value[0].link", What::Type));
    assert_eq!(plain(list(json!({"format": "csv"})), list(json!({"format": "tsv"}))), one("value[0].format", What::Value));
    assert_eq!(
        plain(list(json!({"at": "2021-01-06T05:46:00Z"})), list(json!({"at": "2021-01-06 05:46:00Z"}))),
        one("value[0].at", What::Value)
    );
    assert_eq!(plain(json!({"Value": []}), json!({"value": []})), [("Value".to_owned(), What::Missing), ("value".to_owned(), What::Added)]);
    let named = |names: &[&str]| json!({"value": names.iter().map(|name| json!({"datasetName": name})).collect::<Vec<_>>()});
    assert_eq!(plain(named(&["A", "B"]), named(&["B", "A"])), one("value", What::Order));
    assert_eq!(plain(named(&["A", "B"]), named(&["B", "C", "A"]))[0], ("value[1]".to_owned(), What::Added));
    assert_eq!(plain(named(&["A", "B", "C"]), named(&["A", "C"])), one("value[1]", What::Missing));
    assert_eq!(plain(json!({"columns": ["a", "b"]}), json!({"columns": ["b", "a"]})), one("columns", What::Order));
    assert_eq!(plain(json!({"columns": ["a", "b"]}), json!({"columns": ["a"]})), one("columns[1]", What::Missing));
}

#[test]
fn an_id_stands_for_one_other() {
    let mut mapping = Mapping::default();
    assert_eq!(of(json!({"queryId": A}), json!({"queryId": B}), false, &all(), &mut mapping), []);
    assert_eq!(mapping.id(A), Some(B));
    let changed = of(json!({"queryId": A}), json!({"queryId": B.replace('0', "1")}), false, &all(), &mut mapping);
    assert_eq!(changed, one("queryId", What::Value));
}

#[test]
fn rows_count_by_their_shape_unless_their_values_are_asked_for() {
    let recorded = json!({"value": [{"Name": "text", "Units": 0, "Day": null}], "totalCount": 1});
    let here = json!({"value": [{"Name": "Contoso", "Units": 7, "Day": "x"}, {"Name": null, "Units": 9, "Day": null}], "totalCount": 2});
    assert_eq!(of(recorded.clone(), here.clone(), true, &all(), &mut Mapping::default()), []);
    let values = Strictness { values: true, ..all() };
    assert!(!of(recorded.clone(), here, true, &values, &mut Mapping::default()).is_empty());
    let other = json!({"value": [{"Name": 3, "Day": null, "More": 1}], "totalCount": 1});
    let found = of(recorded.clone(), other, true, &all(), &mut Mapping::default());
    let expected = [("value[].Units", What::Missing), ("value[].More", What::Added), ("value[].Name", What::Type)];
    assert_eq!(found, expected.map(|(field, kind)| (field.to_owned(), kind)));
    assert_eq!(of(recorded, json!({"value": [], "totalCount": 0}), true, &all(), &mut Mapping::default()), one("value", What::Value));
}

#[test]
fn statuses_headers_and_files_are_compared() {
    let headers =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>();
    let file = |names: &[(&str, &str)]| {
        let columns = names.iter().map(|(name, kind)| Column { name: (*name).to_owned(), kinds: BTreeSet::from([(*kind).to_owned()]) });
        Content::File(FileContent { bytes: 1, sha256: String::new(), columns: Some(columns.collect()), head: None })
    };
    let (one, other) = (file(&[("A", "text"), ("B", "number"), ("C", "date")]), file(&[("B", "number"), ("A", "number")]));
    let recorded =
        Answer { status: 200, headers: &headers(&[("content-type", "text/csv"), ("etag", "x"), ("retry-after", "3")]), body: Some(&one) };
    let here = Answer {
        status: 206,
        headers: &headers(&[("content-type", "Text/CSV"), ("etag", "y"), ("content-range", "z")]),
        body: Some(&other),
    };
    let found = differences(recorded, here, false, &all(), &mut Mapping::default());
    let fields: Vec<_> = found.iter().map(|difference| (difference.field.as_str(), difference.kind)).collect();
    let expected = [
        ("status", What::Value),
        ("headers.retry-after", What::Missing),
        ("headers.content-range", What::Added),
        ("columns[2]", What::Missing),
        ("columns", What::Order),
        ("columns.A", What::Type),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn fields_are_ignored_with_all_below_them() {
    let (recorded, here) =
        (json!({"value": [{"a": {"b": 1}, "ab": 1, "c": 1}]}), json!({"value": [{"a": {"b": 2}, "ab": 2, "c": 1, "d": 1}]}));
    let ignoring = |ignored: &[&str], added: bool| {
        let strictness = Strictness { values: false, added, ignored: ignored.iter().map(|path| (*path).to_owned()).collect() };
        of(recorded.clone(), here.clone(), false, &strictness, &mut Mapping::default())
            .into_iter()
            .map(|(field, _)| field)
            .collect::<Vec<_>>()
    };
    assert_eq!(ignoring(&[], true), ["value[0].a.b", "value[0].ab", "value[0].d"]);
    assert_eq!(ignoring(&["value[].a", "$.VALUE[3].d"], true), ["value[0].ab"]);
    assert_eq!(ignoring(&["value"], true), Vec::<String>::new());
    assert_eq!(ignoring(&["value[].a.b"], false), ["value[0].ab"]);
    let more = json!({"value": [{"name": "a"}, {"name": "b"}], "totalCount": 2});
    let count = |added: bool| {
        let (strictness, one) = (Strictness { added, ..all() }, json!({"value": [{"name": "a"}], "totalCount": 1}));
        of(one, more.clone(), false, &strictness, &mut Mapping::default()).len()
    };
    assert_eq!((count(true), count(false)), (2, 0));
}

#[test]
fn long_lists_are_compared_in_one_pass_and_only_the_first_differences_are_told() {
    // By each item with each other these would be ten thousand million.
    let numbers = |from: u32| Value::from((from..from + 100_000).collect::<Vec<_>>());
    assert_eq!(plain(json!({"list": numbers(0)}), json!({"list": numbers(1)})).len(), 2);
    assert_eq!(plain(json!({"list": numbers(0)}), json!({"list": numbers(200_000)})).len(), MOST);
    let named = |from: u32| Value::from((from..from + 100_000).map(|number| json!({"name": number.to_string()})).collect::<Vec<_>>());
    assert_eq!(plain(json!({"list": named(0)}), json!({"list": named(1)})).len(), 2);
    let empty = Value::from(vec![json!({}); 100_000]);
    assert_eq!(plain(json!({"list": empty}), json!({"list": [{}]})).len(), MOST);
    // What does not count takes no place of what does.
    let strictness = Strictness { values: false, added: true, ignored: vec!["list".to_owned()] };
    let found = of(json!({"list": numbers(0), "z": 1}), json!({"list": [], "z": 2}), false, &strictness, &mut Mapping::default());
    assert_eq!(found, one("z", What::Value));
}

#[test]
fn items_of_lists_of_texts_stand_for_each_other() {
    let lists = |recorded: Value, here: Value| plain(json!({"list": recorded}), json!({"list": here}));
    assert_eq!(lists(json!([A, "x", "***"]), json!([B, "x", "anything"])), []);
    assert_eq!(lists(json!(["***", "x"]), json!(["x", "y"])), one("list", What::Order));
    assert_eq!(lists(json!(["***"]), json!([1])), [("list[0]".to_owned(), What::Missing), ("list[0]".to_owned(), What::Added)]);
    assert_eq!(lists(json!([A, A]), json!([B])), one("list[1]", What::Missing));
    let mut mapping = Mapping::default();
    mapping.learn(A, B);
    let known = of(json!({"list": [A, format!("of {A}")]}), json!({"list": [B, format!("of {B}")]}), false, &all(), &mut mapping);
    assert_eq!(known, []);
}

#[test]
fn a_path_of_a_field_is_not_longer_than_a_person_reads() {
    let found = plain(json!({"a".repeat(5000): {"b".repeat(5000): 1}}), json!({"a".repeat(5000): {"b".repeat(5000): 2}}));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0.len(), 2 * LONGEST_NAME + 1);
}
