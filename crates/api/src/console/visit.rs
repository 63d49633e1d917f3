//! A request of somebody who is signed in: what every page and form starts from.

pub(crate) mod arrival;
pub(crate) mod form;

use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Role, may_assign};
use insightgate_operations::callers::caller::Caller;
use insightgate_operations::console::session::SignedIn;
use insightgate_operations::context::Context;
use insightgate_operations::failure::Failure;
use insightgate_operations::limits::Counted;
use insightgate_operations::limits::current::count;
use insightgate_operations::manage::administrator::{Administrator, Duty};
use insightgate_operations::queries::asked::AskedQuery;
use insightgate_operations::queries::explain::explain_query;
use insightgate_operations::queries::preview::{TriedQuery, try_query};
use insightgate_wire::explained::ExplainedQuery;

use self::arrival::Arrival;
use self::form::Form;

#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) arrival: Arrival,
    pub(crate) signed_in: SignedIn,
}

impl Visit {
    pub(crate) fn context(&self) -> &Context {
        &self.arrival.state.context
    }

    pub(crate) fn principal(&self) -> &Principal {
        &self.signed_in.principal
    }

    /// The tenant that the path names, as the operations of the management API take it. They check whether it is the visitor's own.
    pub(crate) fn tenant(&self) -> &str {
        self.path("tenant")
    }

    /// The program that the path names.
    ///
    /// # Errors
    /// When there is no such program.
    pub(crate) fn program(&self) -> Result<Program, Failure> {
        self.path("program").parse().map_err(|_| Failure::NotFound)
    }

    pub(crate) fn is_operator(&self) -> bool {
        let principal = self.principal();
        principal.user.is_none() && principal.application.operator
    }

    /// Whether the visitor's roles have the duty, so that a page offers what it allows. The operation checks it again.
    pub(crate) fn has(&self, duty: Duty) -> bool {
        self.is_operator() || duty.is_held_by(&self.principal().roles)
    }

    /// Whether the visitor may read data of the program, so that a page leads to it. The operation checks it again.
    pub(crate) fn reads(&self, program: Program) -> bool {
        self.principal().scope(program, &self.context().settings.access_rules).is_ok()
    }

    /// Whether the visitor may give or take the role, so that a page offers it. The operation checks it again.
    pub(crate) fn may_give(&self, role: Role) -> bool {
        self.is_operator() || may_assign(&self.principal().roles, role).is_ok()
    }

    pub(crate) fn form(&self) -> &Form {
        &self.arrival.form
    }

    /// A variable part of the path.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.arrival.path(name)
    }

    pub(crate) fn correlation(&self) -> &str {
        &self.arrival.asked.correlation
    }

    /// The visitor as a caller of the Insights API, for whom this is a call like any other.
    ///
    /// # Errors
    /// When a prerequisite is missing, a limit is used up, or the database does not answer.
    pub(crate) async fn caller(&self, program: Program) -> Result<Caller, Failure> {
        let origin = self.arrival.asked.origin(self.arrival.address.0);
        let caller = Caller::admit(self.context(), self.signed_in.principal.clone(), program, origin).await?;
        count(self.context(), &caller, &[Counted::Calls], &mut Vec::new())?;
        Ok(caller)
    }

    /// The first rows of a query, which count as a preview.
    ///
    /// # Errors
    /// When the limit of previews is used up, or the query cannot run.
    pub(crate) async fn preview(&self, caller: &Caller, text: &str) -> Result<TriedQuery, Failure> {
        count(self.context(), caller, &[Counted::Previews], &mut Vec::new())?;
        try_query(self.context(), caller, asked(text), self.correlation()).await
    }

    /// What a query would do, which counts as a preview.
    ///
    /// # Errors
    /// When the limit of previews is used up, or the query cannot run.
    pub(crate) async fn explain(&self, caller: &Caller, text: &str) -> Result<ExplainedQuery, Failure> {
        count(self.context(), caller, &[Counted::Previews], &mut Vec::new())?;
        explain_query(self.context(), caller, asked(text), self.correlation()).await
    }

    /// The visitor as a caller of the management API.
    ///
    /// # Errors
    /// When the visitor may manage nothing, or the database does not answer.
    pub(crate) async fn administrator(&self) -> Result<Administrator, Failure> {
        Administrator::admit(self.context(), self.signed_in.principal.clone(), self.correlation()).await
    }
}

fn asked(text: &str) -> AskedQuery {
    AskedQuery { text: Some(text.to_owned()), ..AskedQuery::default() }
}
