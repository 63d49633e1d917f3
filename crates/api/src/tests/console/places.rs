//! The lists of what a browser looks at and sends, compared with the console's own table: what is added here has to be added there.

use std::collections::BTreeSet;

use axum::http::Method;
use insightgate_identity::program::Program;

use crate::console::endpoints;

const LISTS: &str = include_str!("../../../../../tests-e2e/console/places.py");

/// Addresses that answer a script, or with a file: no page is there to be looked at.
const NO_PAGES: [(&str, &str); 4] = [
    ("/console/{program}/queries/names", "names for the script of the editor"),
    ("/console/{program}/queries/values", "values for the script of the editor"),
    ("/console/{program}/reports/{report}/executions", "a part of the report's page, for a script"),
    ("/console/tenants/{tenant}/audit/export", "a file"),
];

/// The quoted texts of each line of the list.
fn list(name: &str) -> Vec<Vec<&'static str>> {
    let list = LISTS.split_once(&format!("\n{name} = [\n")).unwrap().1.split_once("\n]").unwrap().0;
    list.lines().map(|line| line.split('"').skip(1).step_by(2).collect()).collect()
}

/// The address of a place, without its query.
fn path(place: &[&'static str]) -> &'static str {
    place[1].split('?').next().unwrap()
}

/// The pattern of the page at the address: of several that fit it, the one with the fewest variable parts, as the router chooses.
fn page_at<'a>(patterns: &BTreeSet<&'a str>, path: &str) -> Option<&'a str> {
    let is_variable = |part: &&str| part.starts_with('{');
    let fits = |pattern: &&&str| {
        let (known, asked): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
        known.len() == asked.len() && known.iter().zip(&asked).all(|(known, asked)| known == asked || is_variable(known))
    };
    patterns.iter().filter(fits).min_by_key(|pattern| pattern.split('/').filter(is_variable).count()).copied()
}

fn patterns(method: &Method) -> BTreeSet<&'static str> {
    endpoints().into_iter().filter(|endpoint| endpoint.method == *method).map(|endpoint| endpoint.path).collect()
}

#[test]
fn every_page_is_looked_at_in_every_program() {
    let (pages, forms) = (patterns(&Method::GET), patterns(&Method::POST));
    let places = [list("PLACES"), list("MORE")].concat();
    let mut seen = BTreeSet::new();
    for place in &places {
        let page = page_at(&pages, path(place));
        let is_known = page.is_some() || page_at(&forms, path(place)).is_some();
        assert_eq!(is_known, place[2] != "There is no such page", "{place:?}");
        let program = page.filter(|page| page.contains("{program}")).map(|_| path(place).split('/').nth(2).unwrap());
        seen.extend(page.map(|page| (page, program.unwrap_or_default())));
    }
    for page in &pages {
        let programs = if page.contains("{program}") { Program::ALL.iter().map(|program| program.name()).collect() } else { vec![""] };
        for program in programs {
            let is_page = NO_PAGES.iter().all(|(path, _)| path != page);
            assert_eq!(seen.contains(&(*page, program)), is_page, "{page} {program}: add it to tests-e2e/console/places.py");
        }
    }
    assert!(NO_PAGES.iter().all(|(path, _)| pages.contains(path)), "an exception names what is not there");
}

#[test]
fn every_form_is_among_the_actions() {
    let actions = list("ACTIONS");
    let listed: BTreeSet<&str> = actions.iter().map(|action| action[0]).collect();
    assert_eq!(listed, patterns(&Method::POST), "tests-e2e/console/places.py");
    assert_eq!(listed.len(), actions.len());
}
