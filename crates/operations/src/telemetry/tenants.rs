//! What is counted for each tenant, if the settings ask for it. A tenant is named by its id.
//!
//! Operators make tenants, so that their number is known; beyond [`MOST`] they are counted together all the same.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use uuid::Uuid;

use super::End;

/// The most tenants that have numbers of their own.
pub const MOST: usize = 1_000;
/// The name of all others.
pub const OTHERS: &str = "others";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    tenant: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    tenant: String,
    end: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Tenants {
    known: RwLock<HashSet<Uuid>>,
    requests: Family<Of, Counter>,
    executions: Family<Ended, Counter>,
    bytes: Family<Of, Counter>,
}

impl Tenants {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("tenant_requests", "Requests whose caller was accepted, by tenant", self.requests.clone());
        registry.register("tenant_executions", "Attempts at executions by tenant and by how they ended", self.executions.clone());
        let about = "Size of the files of completed executions, by tenant";
        registry.register_with_unit("tenant_execution", about, Unit::Bytes, self.bytes.clone());
    }

    pub(crate) fn request(&self, tenant: Uuid) {
        self.requests.get_or_create(&Of { tenant: self.name(tenant) }).inc();
    }

    pub(crate) fn execution(&self, tenant: Uuid, end: End) {
        let tenant = self.name(tenant);
        if let End::Completed { bytes, .. } = end {
            self.bytes.get_or_create(&Of { tenant: tenant.clone() }).inc_by(bytes);
        }
        self.executions.get_or_create(&Ended { tenant, end: end.name() }).inc();
    }

    fn name(&self, tenant: Uuid) -> String {
        if self.known.read().unwrap_or_else(PoisonError::into_inner).contains(&tenant) {
            return tenant.to_string();
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            return OTHERS.to_owned();
        }
        known.insert(tenant);
        tenant.to_string()
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;

    use super::*;

    #[test]
    fn tenants_beyond_the_bound_are_counted_together() {
        let (tenants, mut registry) = (Tenants::default(), Registry::default());
        tenants.register(&mut registry);
        for number in 0..MOST + 3 {
            tenants.request(Uuid::from_u128(number as u128));
        }
        tenants.execution(Uuid::from_u128(7), End::Completed { rows: 1, bytes: 5 });
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let requests = text.lines().filter(|line| line.starts_with("tenant_requests_total{")).count();
        assert_eq!(requests, MOST + 1);
        assert!(text.contains("tenant_requests_total{tenant=\"others\"} 3\n"), "{text}");
        let id = Uuid::from_u128(7);
        assert!(text.contains(&format!("tenant_executions_total{{tenant=\"{id}\",end=\"completed\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("tenant_execution_bytes_total{{tenant=\"{id}\"}} 5\n")), "{text}");
    }
}
