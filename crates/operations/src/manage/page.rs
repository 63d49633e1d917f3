//! The parameters that lists share, as they were sent: whose, which ids and times, the size of a page, and where it begins.

use chrono::{DateTime, Utc};
use insightgate_report::instant;
pub use insightgate_store::{Page, PagePlace};
use insightgate_wire::limits::{LARGEST_PAGE, PAGE};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// The tenant whose list it is; `None` for the list of all tenants, for an operator who names none.
///
/// # Errors
/// When the caller may not look there, there is no such tenant, or the database does not answer.
pub(super) async fn tenant(context: &Context, administrator: &Administrator, named: Option<&str>) -> Result<Option<Uuid>, Failure> {
    match named {
        Some(tenant) => Ok(Some(administrator.tenant_for(context, tenant, Duty::Look).await?.id)),
        None => {
            administrator.may(context, Duty::Look).await?;
            Ok(administrator.own_tenant().map(|tenant| tenant.id))
        }
    }
}

pub(super) fn id(name: &str, sent: Option<&str>) -> Result<Option<Uuid>, Failure> {
    let wrong = |_| Failure::Invalid(format!("'{name}' should be a UUID."));
    sent.map(|text| Uuid::try_parse(text.trim()).map_err(wrong)).transpose()
}

pub(super) fn time(name: &str, sent: Option<&str>) -> Result<Option<DateTime<Utc>>, Failure> {
    let wrong = || Failure::Invalid(format!("'{name}' should be a time as {}.", instant::PATTERN));
    sent.map(|text| instant::parse(text).ok_or_else(wrong)).transpose()
}

/// How many items a page has at most.
pub(super) fn size(sent: Option<&str>) -> Result<u32, Failure> {
    match sent.map(str::parse) {
        None => Ok(PAGE),
        Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => Ok(size),
        Some(_) => Err(Failure::Invalid(format!("'pageSize' should be from 1 to {LARGEST_PAGE}."))),
    }
}

/// Where the page after this one begins, as text.
pub fn skip_token(place: &PagePlace) -> String {
    format!("{}.{}", place.at, place.id)
}

/// What [`skip_token`] wrote.
pub(crate) fn place(sent: Option<&str>) -> Result<Option<PagePlace>, Failure> {
    let read = |token: &str| {
        let (at, id) = token.trim().split_once('.')?;
        Some(PagePlace { at: at.parse().ok()?, id: Uuid::try_parse(id).ok()? })
    };
    let wrong = || Failure::Invalid("'skipToken' is not one of this server's.".to_owned());
    sent.map(|token| read(token).ok_or_else(wrong)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_nothing_else() {
        let there = PagePlace { at: -7, id: Uuid::from_u128(9) };
        assert_eq!(place(Some(&skip_token(&there))).unwrap(), Some(there));
        assert_eq!(place(None).unwrap(), None);
        for wrong in ["", "7", "7.", ".7", "x.00000000-0000-0000-0000-000000000009"] {
            assert!(matches!(place(Some(wrong)), Err(Failure::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn sizes_ids_and_times_name_their_parameter_when_they_are_wrong() {
        assert_eq!((size(None).unwrap(), size(Some("1")).unwrap()), (PAGE, 1));
        let told = |failure: Failure| match failure {
            Failure::Invalid(words) => words,
            other => panic!("{other:?}"),
        };
        for wrong in ["0", "-1", "x", "1000000"] {
            assert!(told(size(Some(wrong)).unwrap_err()).starts_with("'pageSize'"), "{wrong}");
        }
        assert!(told(id("owner", Some("x")).unwrap_err()).starts_with("'owner'"));
        assert!(told(time("from", Some("x")).unwrap_err()).starts_with("'from'"));
    }
}
