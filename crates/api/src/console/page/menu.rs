//! The menu of the console: its places, those that the visitor has, and the way from a program to the other one.

use insightgate_identity::program::Program;
use insightgate_operations::console::prerequisites::usual_program;
use insightgate_operations::manage::administrator::Duty;

use crate::console::visit::Visit;

/// A place in the menu. Those with a program are one place of the menu: the page says which program it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Start,
    Datasets(Program),
    Queries(Program),
    Reports(Program),
    Applications,
    People,
    Organisation,
    Audit,
    Usage,
    /// The organisations, for operators.
    Tenants,
    /// Everything that runs: for operators in every organisation, for administrators in their own.
    Runs,
    /// Health, keys and settings, for operators.
    Server,
    /// A page that the menu does not have.
    Elsewhere,
}

/// An entry of the menu.
pub(crate) struct Entry {
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

/// A place that each program has: the title, the name in addresses, and the place.
type OfProgram = (&'static str, &'static str, fn(Program) -> Place);

const OF_PROGRAMS: [OfProgram; 3] =
    [("Datasets", "datasets", Place::Datasets), ("Queries", "queries", Place::Queries), ("Reports", "reports", Place::Reports)];

impl Place {
    /// The name in addresses and the program, if it is a place that each program has.
    fn of_program(self) -> Option<(&'static str, Program)> {
        let of = |place: fn(Program) -> Place| Program::ALL.iter().copied().find(|program| place(*program) == self);
        OF_PROGRAMS.into_iter().find_map(|(_, page, place)| of(place).map(|program| (page, program)))
    }

    /// The place of an address, so that who is refused in one program finds the way to the other.
    pub(super) fn asked(visit: &Visit) -> Place {
        let page = visit.arrival.uri.path().split('/').nth(3).unwrap_or_default();
        let place = OF_PROGRAMS.into_iter().find(|(_, known, _)| known.eq_ignore_ascii_case(page)).map(|(_, _, place)| place);
        place.zip(visit.program().ok()).map_or(Place::Elsewhere, |(place, program)| place(program))
    }
}

/// The programs in which the visitor's organisation is enrolled, as far as users have to do with them.
fn enrolled(visit: &Visit) -> Vec<Program> {
    let principal = visit.principal();
    let is_enrolled = |program: &Program| principal.enrollments.iter().any(|enrollment| enrollment.program == *program);
    Program::ALL.iter().copied().filter(|program| principal.user.is_some() && is_enrolled(program)).collect()
}

/// The program to which the menu leads: that of the page, or else the usual one.
fn program_of_menu(visit: &Visit, place: Place) -> Option<Program> {
    let programs = enrolled(visit);
    let shown = place.of_program().map(|(_, program)| program).or_else(|| usual_program(visit.context(), visit.principal()));
    shown.filter(|program| programs.contains(program)).or_else(|| programs.first().copied())
}

/// The page in each program, if it is of one and the organisation is in several.
pub(super) fn programs(visit: &Visit, place: Place) -> Vec<Entry> {
    let several = enrolled(visit);
    // With one program, its name would only be noise.
    let Some((page, shown)) = place.of_program().filter(|_| several.len() > 1) else { return Vec::new() };
    let entry = |program: Program| Entry {
        title: program.title().to_owned(),
        href: format!("/console/{program}/{page}"),
        is_current: program == shown,
    };
    several.into_iter().map(entry).collect()
}

pub(super) fn menu(visit: &Visit, current: Place) -> Vec<Entry> {
    let mut menu = Vec::new();
    let mut add = |place, title: &str, href: String| menu.push(Entry { title: title.to_owned(), href, is_current: place == current });
    add(Place::Start, "Start", "/".to_owned());
    if let Some(program) = program_of_menu(visit, current) {
        for (title, page, of) in OF_PROGRAMS {
            add(of(program), title, format!("/console/{program}/{page}"));
        }
    }
    let own = |page: &str| format!("/console/tenants/{}/{page}", visit.principal().tenant.id);
    match visit.is_operator() {
        true => {
            add(Place::Tenants, "Organisations", "/console/tenants".to_owned());
            add(Place::Runs, "Runs", "/console/runs".to_owned());
            add(Place::Server, "Server", "/console/server".to_owned());
        }
        false if visit.has(Duty::Look) => {
            add(Place::Applications, "Applications", own("applications"));
            add(Place::People, "People", own("people"));
            add(Place::Organisation, "Organisation", own("organisation"));
            add(Place::Runs, "Runs", "/console/runs".to_owned());
            add(Place::Audit, "Audit trail", own("audit"));
            add(Place::Usage, "Usage", own("usage"));
        }
        // Roles are what they may look at, or give.
        false if visit.has(Duty::LookAtRoles) => add(Place::People, "People", own("people")),
        false => {}
    }
    menu
}
