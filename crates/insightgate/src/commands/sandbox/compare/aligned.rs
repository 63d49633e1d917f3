//! Which item of a list here stands for which recorded one: by the id that it has here, by its name, or else by its place.

use std::collections::{HashMap, HashSet, VecDeque};

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
    // By each way an item here is looked at once, so that long lists take no long time.
    let mut by_id: HashMap<String, VecDeque<usize>> = HashMap::new();
    let mut by_name: HashMap<&str, VecDeque<usize>> = HashMap::new();
    let mut by_place = VecDeque::new();
    for (place, other) in here.iter().enumerate() {
        let (id, name) = (id(other), name(other));
        if let Some(id) = id {
            by_id.entry(id.to_ascii_lowercase()).or_default().push_back(place);
        }
        if id.is_some_and(|id| mapping.is_taken(id)) {
            continue;
        }
        if let Some(name) = name {
            by_name.entry(name).or_default().push_back(place);
        }
        if id.is_some() {
            by_place.push_back(place);
        }
    }
    let mut free: HashSet<usize> = (0..here.len()).collect();
    let mut next = |fitting: &mut VecDeque<usize>| std::iter::from_fn(|| fitting.pop_front()).find(|place| free.remove(place));
    let mut places: Vec<Option<usize>> = recorded
        .iter()
        .map(|item| {
            let known = mapping.id(id(item)?)?;
            next(by_id.get_mut(&known.to_ascii_lowercase())?)
        })
        .collect();
    let unknown = |item: &Value| id(item).is_none_or(|id| mapping.id(id).is_none());
    for (item, place) in recorded.iter().zip(&mut places).filter(|(item, place)| place.is_none() && unknown(item)) {
        *place = name(item).and_then(|name| next(by_name.get_mut(name)?));
    }
    for (item, place) in recorded.iter().zip(&mut places).filter(|(item, place)| place.is_none() && unknown(item)) {
        if name(item).is_none() && id(item).is_some() {
            *place = next(&mut by_place);
        }
    }
    let nameless = |value: &Value| id(value).is_none() && name(value).is_none();
    for (number, (item, place)) in recorded.iter().zip(&mut places).enumerate().filter(|(_, (_, place))| place.is_none()) {
        if nameless(item) && here.get(number).is_some_and(nameless) {
            *place = Some(number);
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
    let fields = item.as_object()?;
    fields.get(name).or_else(|| fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
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
