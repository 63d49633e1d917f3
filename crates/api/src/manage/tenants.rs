//! Tenants.

pub(super) mod enrollments;
pub(super) mod locations;

use insightgate_identity::profile::{LegalProfile, RegistrationId};
use insightgate_operations::manage::enrollment::enroll_tenant::enroll_tenant;
use insightgate_operations::manage::tenants::{ShownTenant, change_tenant, delete_tenant, list_tenants, show_tenant};
use insightgate_wire::answers::Listed;
use insightgate_wire::bodies::{NewTenant, TenantChange};
use insightgate_wire::{Secret, answers};

use super::call::Call;
use super::given::{Created, Done, Given, Shown};

pub(super) async fn list(call: Call) -> Given<Listed<answers::Tenant>> {
    let tenants = list_tenants(call.context(), &call.administrator).await?;
    Ok(Listed::whole(tenants.iter().map(shown).collect()))
}

pub(super) async fn enroll(call: Call, new: NewTenant) -> Given<Created<answers::Tenant>> {
    let (tenant, stepped) = enroll_tenant(call.context(), &call.administrator, new).await?;
    let (verification_code, verification_code_sent_to) = (stepped.code.map(Secret), stepped.code_sent_to);
    Ok(Created(answers::Tenant { verification_code, verification_code_sent_to, ..shown(&tenant) }))
}

pub(super) async fn show(call: Call) -> Given<Shown<answers::Tenant>> {
    let tenant = show_tenant(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Shown(shown(&tenant)))
}

pub(super) async fn change(call: Call, change: TenantChange) -> Given<Shown<answers::Tenant>> {
    let tenant = change_tenant(call.context(), &call.administrator, call.tenant(), change).await?;
    Ok(Shown(shown(&tenant)))
}

pub(super) async fn delete(call: Call) -> Given<Done> {
    delete_tenant(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Done)
}

fn shown(shown: &ShownTenant) -> answers::Tenant {
    let ShownTenant { tenant, profile, enrollments } = shown;
    answers::Tenant {
        id: tenant.id.to_string(),
        domain: tenant.domain.clone(),
        name: tenant.name.clone(),
        global_account_id: tenant.global_account.clone(),
        profile: profile.clone().map(shown_profile),
        enrollments: enrollments.iter().map(enrollments::shown).collect(),
        verification_code: None,
        verification_code_sent_to: None,
        more: answers::More::new(),
    }
}

fn shown_profile(profile: LegalProfile) -> answers::Profile {
    answers::Profile {
        company_legal_name: profile.company_legal_name,
        address_line1: profile.address_line1,
        address_line2: profile.address_line2,
        city: profile.city,
        state_or_province: profile.state_or_province,
        postal_code: profile.postal_code,
        country_region: profile.country_region,
        duns_number: profile.duns_number,
        registration_id: profile.registration_id.map(|RegistrationId { kind, number }| answers::Registration { kind, number }),
        primary_contact_first_name: profile.primary_contact_first_name,
        primary_contact_last_name: profile.primary_contact_last_name,
        primary_contact_email: profile.primary_contact_email,
        primary_contact_phone: profile.primary_contact_phone,
        security_contact: profile.security_contact,
        business_model: profile.business_model.map(|model| model.name().to_owned()),
        more: answers::More::new(),
    }
}
