//! Which item of a list here stands for which recorded one: by the id that it has here, by its name, or else by its place.

use serde_json::Value;

use super::mapping::Mapping;

/// Fields that say which item it is.
const IDS: [&str; 3] = ["executionId", "reportId", "queryId"];
const NAMES: [&str; 5] = ["datasetName", "queryName", "reportName", "columnName", "name"];

/// For each recorded item its place here, if it is there.
pub(super) fn aligned(recorded: &[Value], here: &[Value], mapping: &Mapping) -> Vec<Option<usize>> {
    if recorded.len() == 1 && here.len() == 1 {
        return vec![Some(0)];
    }
    let mut places = vec![None; recorded.len()];
    let mut free = vec![true; here.len()];
    type Fits<'a> = dyn Fn(usize, &Value, &Value) -> bool + 'a;
    let by_id = |_: usize, item: &Value, other: &Value| {
        let (Some(id), Some(other)) = (id(item), id(other)) else { return false };
        mapping.id(id).is_some_and(|here| here.eq_ignore_ascii_case(other))
    };
    let unknown = |item: &Value| id(item).is_none_or(|id| mapping.id(id).is_none());
    let untaken = |other: &Value| id(other).is_none_or(|id| !mapping.is_taken(id));
    let by_name =
        |_: usize, item: &Value, other: &Value| name(item).is_some() && name(item) == name(other) && unknown(item) && untaken(other);
    let by_place = |_: usize, item: &Value, other: &Value| {
        name(item).is_none() && id(item).is_some() && id(other).is_some() && unknown(item) && untaken(other)
    };
    let nameless = |value: &Value| id(value).is_none() && name(value).is_none();
    let same_place = |place: usize, item: &Value, other: &Value| {
        nameless(item) && nameless(other) && here.get(place).is_some_and(|there| std::ptr::eq(there, other))
    };
    let ways: [&Fits<'_>; 4] = [&by_id, &by_name, &by_place, &same_place];
    for fits in ways {
        for (place, (item, found)) in recorded.iter().zip(&mut places).enumerate() {
            if found.is_some() {
                continue;
            }
            let fitting = here.iter().zip(&free).position(|(other, free)| *free && fits(place, item, other));
            if let Some(mark) = fitting.and_then(|at| free.get_mut(at)) {
                *mark = false;
                *found = fitting;
            }
        }
    }
    places
}

fn id(item: &Value) -> Option<&str> {
    IDS.iter().find_map(|name| field(item, name)?.as_str())
}

fn name(item: &Value) -> Option<&str> {
    NAMES.iter().find_map(|name| field(item, name)?.as_str())
}

/// In any letter case.
pub(super) fn field<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    item.as_object()?.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(recorded: Value, here: Value, mapping: &Mapping) -> Vec<Option<usize>> {
        aligned(recorded.as_array().unwrap(), here.as_array().unwrap(), mapping)
    }

    #[test]
    fn items_are_found_by_id_by_name_and_by_place() {
        let mut mapping = Mapping::default();
        mapping.learn("a", "z");
        let of = |id: &str| json!({"reportId": id});
        // One is known; the others follow in their order.
        assert_eq!(places(json!([of("b"), of("a"), of("c")]), json!([of("x"), of("y"), of("z")]), &mapping), [Some(0), Some(2), Some(1)]);
        let named = |name: &str| json!({"datasetName": name});
        assert_eq!(
            places(json!([named("A"), named("B"), named("C")]), json!([named("C"), named("A")]), &mapping),
            [Some(1), None, Some(0)]
        );
        assert_eq!(places(json!([{"x": 1}, {"x": 2}]), json!([{"x": 2}]), &mapping), [Some(0), None]);
        assert_eq!(places(json!([named("A")]), json!([named("B")]), &mapping), [Some(0)]);
    }
}
