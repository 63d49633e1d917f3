//! The editor: a text, what is wrong with it or what it means, its first rows, and what can be done with it.

use askama::Template;
use insightgate_identity::program::Program;
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::failure::Failure;
use insightgate_operations::queries::check::{CheckedQuery, check_query};
use insightgate_operations::queries::create::{QueryInput, create_query};
use insightgate_operations::queries::preview::PREVIEW_ROWS;
use insightgate_operations::reports::download::{DownloadInput, download};
use insightgate_query::format::Format;

use super::encoded;
use super::faults::{Marked, marked};
use super::rows::Rows;
use super::saved::{Saved, found, known};
use crate::console::endpoint::Given;
use crate::console::page::{self, Frame, Place};
use crate::console::visit::Visit;
use crate::console::visit::form::Form;

#[derive(Template)]
#[template(path = "console/queries/editor.html")]
struct EditorPage<'a> {
    frame: Frame,
    program: &'a str,
    draft: Draft,
    formats: Vec<&'static str>,
    faults: Vec<Marked>,
    more_faults: usize,
    /// What the text means.
    sentences: Vec<String>,
    shown: Shown,
    fault: Option<String>,
    own: Vec<Saved>,
    documented: Vec<Saved>,
    /// The saved query of this text, which a schedule can use.
    same: Option<String>,
}

/// What was typed.
#[derive(Debug, Clone, Default)]
struct Draft {
    text: String,
    name: String,
    description: String,
    format: String,
}

/// What the last step found.
#[derive(Default)]
struct Shown {
    table: Option<Rows>,
    message: Option<String>,
    notes: Vec<String>,
    explanation: Vec<String>,
}

impl Draft {
    fn typed(form: &Form) -> Draft {
        let text = |name: &str| form.raw(name).to_owned();
        let format = if form.raw("format").is_empty() { Format::Xlsx.name().to_owned() } else { text("format") };
        Draft { text: text_of(form), name: text("name"), description: text("description"), format }
    }
}

impl Shown {
    fn has_chart(&self) -> bool {
        self.table.as_ref().is_some_and(|table| table.has_chart)
    }

    fn is_cut(&self) -> bool {
        self.table.as_ref().is_some_and(|table| table.rows.len() >= PREVIEW_ROWS)
    }
}

/// The text of a form. Browsers send the ends of lines as two characters each, which would shift every place that is told.
pub(super) fn text_of(form: &Form) -> String {
    form.raw("text").replace("\r\n", "\n")
}

/// The editor with a saved query, with the text of a link, or empty.
pub(super) async fn open(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let mut draft = Draft::typed(visit.form());
    if let Some(id) = visit.form().text("query") {
        let query = found(&visit, &caller, &id).await?;
        query.text().clone_into(&mut draft.text);
        query.name().clone_into(&mut draft.name);
    }
    // An empty text is no mistake before somebody has written one.
    let checked = match draft.text.trim() {
        "" => CheckedQuery::default(),
        _ => check_query(visit.context(), &caller, &draft.text),
    };
    show(&visit, (&caller, program), draft, (checked, Shown::default()), None).await
}

/// What a button of the editor asks for. Without one, the first rows are shown.
pub(super) async fn act(visit: Visit) -> Given {
    let program = visit.program()?;
    let caller = visit.caller(program).await?;
    let draft = Draft::typed(visit.form());
    let checked = check_query(visit.context(), &caller, &draft.text);
    if !checked.diagnostics.is_empty() {
        let told = match draft.text.trim() {
            "" => "Write a query first, or begin with a documented one.",
            _ => "The query cannot run yet: its text has to be mended first.",
        };
        let failure = Failure::Invalid(told.to_owned());
        return show(&visit, (&caller, program), draft, (checked, Shown::default()), Some(&failure)).await;
    }
    let done = match visit.form().raw("step") {
        "save" => return save(&visit, (&caller, program), draft, checked).await,
        "download" => return order(&visit, (&caller, program), draft, checked).await,
        "explain" => explain(&visit, &caller, &draft.text).await,
        _ => preview(&visit, &caller, &draft.text).await,
    };
    match done {
        Ok(shown) => show(&visit, (&caller, program), draft, (checked, shown), None).await,
        Err(failure) => show(&visit, (&caller, program), draft, (checked, Shown::default()), Some(&failure)).await,
    }
}

async fn preview(visit: &Visit, caller: &Caller, text: &str) -> Result<Shown, Failure> {
    let tried = visit.preview(caller, text).await?;
    let table = Some(Rows::of(&tried));
    Ok(Shown { table, message: tried.message, notes: tried.notes, explanation: Vec::new() })
}

async fn explain(visit: &Visit, caller: &Caller, text: &str) -> Result<Shown, Failure> {
    let explained = visit.explain(caller, text).await?;
    Ok(Shown { explanation: explained.sentences, notes: explained.notes, ..Shown::default() })
}

async fn save(visit: &Visit, whose: (&Caller, Program), draft: Draft, checked: CheckedQuery) -> Given {
    let (form, program) = (visit.form(), whose.1.name());
    let input = QueryInput { name: form.text("name"), description: form.text("description"), query: Some(draft.text.clone()) };
    let saved = match form.text("name") {
        None => Err(Failure::Invalid("Give the query a name, under which you find it again.".to_owned())),
        Some(_) => create_query(visit.context(), whose.0, input).await,
    };
    match saved {
        Ok(query) => Ok(page::go_to(&format!("/console/{program}/queries?query={}&done=saved", query.id))),
        Err(failure) => show(visit, whose, draft, (checked, Shown::default()), Some(&failure)).await,
    }
}

async fn order(visit: &Visit, whose: (&Caller, Program), draft: Draft, checked: CheckedQuery) -> Given {
    let (form, program) = (visit.form(), whose.1.name());
    let input = DownloadInput { text: draft.text.clone(), name: form.text("name"), format: Some(draft.format.clone()) };
    match download(visit.context(), whose.0, input).await {
        Ok(report) => Ok(page::go_to(&format!("/console/{program}/reports/{}?done=created", report.id))),
        Err(failure) => show(visit, whose, draft, (checked, Shown::default()), Some(&failure)).await,
    }
}

async fn show(
    visit: &Visit,
    (caller, program): (&Caller, Program),
    draft: Draft,
    (checked, shown): (CheckedQuery, Shown),
    failure: Option<&Failure>,
) -> Given {
    let (own, documented) = known(visit, caller).await?;
    let is_same = |saved: &&Saved| saved.text.trim() == draft.text.trim() && !draft.text.trim().is_empty();
    let same = own.iter().chain(&documented).find(is_same).map(|saved| encoded(&saved.id));
    let page = EditorPage {
        frame: Frame::new(visit, Place::Queries(program), "Queries")
            .telling(visit, &[("saved", "The query was saved."), ("removed", "The query was removed.")]),
        program: program.name(),
        formats: Format::ALL.iter().map(|format| format.name()).collect(),
        faults: checked.diagnostics.iter().map(|diagnostic| marked(&draft.text, diagnostic)).collect(),
        more_faults: checked.diagnostics.more(),
        sentences: checked.sentences.into_iter().chain(checked.notes).collect(),
        draft,
        shown,
        fault: failure.map(|failure| page::told(visit, failure)),
        own,
        documented,
        same,
    };
    Ok(page::show(visit, failure, &page))
}
