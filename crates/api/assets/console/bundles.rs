// Made by `cargo xtask console`.

pub(crate) const PAGE_SCRIPT: &str = "/console/assets/page-68ec347961db.js";
pub(crate) const PAGE_STYLE: &str = "/console/assets/page-a7df713f597c.css";
pub(crate) const EDITOR_SCRIPT: &str = "/console/assets/editor-2674239fa4f3.js";
pub(crate) const CHART_SCRIPT: &str = "/console/assets/chart-5df0855146af.js";
pub(crate) const CHART_STYLE: &str = "/console/assets/chart-091f9a356168.css";
pub(crate) const LICENCES: &str = "/console/assets/licences-bfad2f91b3e1.txt";

pub(super) static FILES: [(&str, BuiltIn); 6] = [
    ("page-68ec347961db.js", BuiltIn::compressed("text/javascript; charset=utf-8", include_bytes!("page.js.gz"))),
    ("page-a7df713f597c.css", BuiltIn::compressed("text/css; charset=utf-8", include_bytes!("page.css.gz"))),
    ("editor-2674239fa4f3.js", BuiltIn::compressed("text/javascript; charset=utf-8", include_bytes!("editor.js.gz"))),
    ("chart-5df0855146af.js", BuiltIn::compressed("text/javascript; charset=utf-8", include_bytes!("chart.js.gz"))),
    ("chart-091f9a356168.css", BuiltIn::compressed("text/css; charset=utf-8", include_bytes!("chart.css.gz"))),
    ("licences-bfad2f91b3e1.txt", BuiltIn::plain("text/plain; charset=utf-8", include_bytes!("licences.txt"))),
];
