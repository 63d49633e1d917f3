//! Deletes one of the caller's queries. Reports that use it keep the text that they were created with.

use insightgate_report::report_query::ReportQuery;
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::queries::known::system_query;

/// # Errors
/// When it is a system query, the caller has no such query, or the database does not answer.
pub async fn delete_query(context: &Context, caller: &Caller, id: &str) -> Result<ReportQuery, Failure> {
    if system_query(caller.program, id).is_some() {
        return Err(Failure::Invalid("A system query cannot be deleted; only queries of type userDefined can.".to_owned()));
    }
    let id = Uuid::try_parse(id).map_err(|_| Failure::NotFound)?;
    let query = context.store.report_query(caller.owner(), caller.program, id).await?.ok_or(Failure::NotFound)?;
    if !context.store.delete_report_query(caller.owner(), caller.program, id).await? {
        return Err(Failure::NotFound);
    }
    Ok(query)
}
