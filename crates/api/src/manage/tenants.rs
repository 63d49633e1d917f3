//! Tenants.

pub(super) mod enrollments;
pub(super) mod locations;

use insightgate_identity::profile::{LegalProfile, RegistrationId};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::enrollment::enroll_tenant::{NewTenant, enroll_tenant};
use insightgate_operations::manage::enrollment::profile_input::ProfileInput;
use insightgate_operations::manage::tenants::{ShownTenant, TenantChange, change_tenant, delete_tenant, list_tenants, show_tenant};
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::endpoint::Given;
use super::object::Object;

pub(super) async fn list(call: Call) -> Given {
    let tenants = list_tenants(call.context(), &call.administrator).await?;
    Ok(Some(answer::list(tenants.iter().map(shown).collect())))
}

pub(super) async fn enroll(call: Call) -> Given {
    let body = &call.body;
    let new = NewTenant {
        domain: body.text("domain")?,
        name: body.text("name")?,
        global_account_id: body.text("globalAccountId")?,
        program: body.text("program")?,
        profile: body.object("profile")?.map(|profile| profile_input(&profile)).transpose()?.unwrap_or_default(),
    };
    let (tenant, code) = enroll_tenant(call.context(), &call.administrator, new).await?;
    let mut tenant = shown(&tenant);
    if let Value::Object(fields) = &mut tenant {
        fields.insert("verificationCode".to_owned(), Value::from(code));
    }
    Ok(Some(tenant))
}

pub(super) async fn show(call: Call) -> Given {
    let tenant = show_tenant(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(shown(&tenant)))
}

pub(super) async fn change(call: Call) -> Given {
    let body = &call.body;
    let change = TenantChange {
        name: body.text("name")?,
        global_account_id: body.change("globalAccountId")?,
        profile: body.object("profile")?.map(|profile| profile_input(&profile)).transpose()?,
    };
    let tenant = change_tenant(call.context(), &call.administrator, call.tenant(), change).await?;
    Ok(Some(shown(&tenant)))
}

pub(super) async fn delete(call: Call) -> Given {
    delete_tenant(call.context(), &call.administrator, call.tenant()).await?;
    Ok(None)
}

fn profile_input(sent: &Object) -> Result<ProfileInput, Failure> {
    let registration_id = match sent.object_change("registrationId")? {
        None => None,
        Some(None) => Some(None),
        Some(Some(id)) => {
            Some(Some(RegistrationId { kind: id.text("kind")?.unwrap_or_default(), number: id.text("number")?.unwrap_or_default() }))
        }
    };
    Ok(ProfileInput {
        company_legal_name: sent.change("companyLegalName")?,
        address_line1: sent.change("addressLine1")?,
        address_line2: sent.change("addressLine2")?,
        city: sent.change("city")?,
        state_or_province: sent.change("stateOrProvince")?,
        postal_code: sent.change("postalCode")?,
        country_region: sent.change("countryRegion")?,
        duns_number: sent.change("dunsNumber")?,
        registration_id,
        primary_contact_first_name: sent.change("primaryContactFirstName")?,
        primary_contact_last_name: sent.change("primaryContactLastName")?,
        primary_contact_email: sent.change("primaryContactEmail")?,
        primary_contact_phone: sent.change("primaryContactPhone")?,
        security_contact: sent.change("securityContact")?,
        business_model: sent.change("businessModel")?,
    })
}

fn shown(shown: &ShownTenant) -> Value {
    let ShownTenant { tenant, profile, enrollments } = shown;
    json!({
        "id": tenant.id,
        "domain": tenant.domain,
        "name": tenant.name,
        "globalAccountId": tenant.global_account,
        "profile": profile.as_ref().map(shown_profile),
        "enrollments": enrollments.iter().map(enrollments::shown).collect::<Vec<_>>(),
    })
}

/// The profile's stored form is its documented one.
fn shown_profile(profile: &LegalProfile) -> Value {
    json!(profile)
}
