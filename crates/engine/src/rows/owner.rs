//! The filters on the tenant and on its locations that every scan has.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Expr, cast, in_list, lit};
use insightgate_identity::role::Locations;
use insightgate_identity::scope::{TenantScope, is_access_log};
use insightgate_query::datasets::catalog::{ColumnType, Dataset, Tenancy, TenantKey, same_name};

use crate::error::EngineError;
use crate::rows::columns::{TENANT_COLUMN, column, text};

/// The rows of the scope's tenant, in all locations; for an operator who reads the access log, those of any tenant.
pub(super) fn tenant_filter(scope: &TenantScope, dataset: &Dataset) -> Expr {
    let Tenancy::Column { name, holds } = &dataset.tenancy else {
        if scope.covers_every_tenant() && is_access_log(&dataset.name) {
            return column(TENANT_COLUMN).is_not_null();
        }
        return column(TENANT_COLUMN).eq(lit(scope.tenant().to_string()));
    };
    let owner = match holds {
        TenantKey::TenantId => Some(scope.tenant().to_string()),
        TenantKey::GlobalAccountId => scope.global_account().map(str::to_owned),
    };
    match owner {
        Some(owner) => exact_text(dataset, name).eq(text(&owner)),
        // A tenant without a global account owns no rows here.
        None => lit(false),
    }
}

/// The rows of the scope's locations; `None` if the scope covers all of them, and with them the rows that have no location.
pub(super) fn location_filter(scope: &TenantScope, dataset: &Dataset) -> Result<Option<Expr>, EngineError> {
    let Locations::Only(locations) = scope.locations() else { return Ok(None) };
    match of_locations(dataset, locations) {
        Some(filter) => Ok(Some(filter)),
        None => Err(EngineError::LocationScopeUnsupported { dataset: dataset.name.clone() }),
    }
}

/// The rows of these locations; `None` for a dataset whose rows have no location.
pub(super) fn of_locations(dataset: &Dataset, locations: &[String]) -> Option<Expr> {
    let location = dataset.location_column.and_then(|index| dataset.columns.get(index))?;
    if locations.is_empty() {
        return Some(lit(false));
    }
    Some(in_list(exact_text(dataset, &location.name), locations.iter().map(|id| text(id)).collect(), false))
}

/// The column as text, for case-sensitive comparisons.
fn exact_text(dataset: &Dataset, name: &str) -> Expr {
    match dataset.columns.iter().find(|known| same_name(&known.name, name)) {
        Some(known) if known.kind == ColumnType::String => column(&known.name),
        Some(known) => cast(column(&known.name), DataType::Utf8),
        None => column(name),
    }
}
