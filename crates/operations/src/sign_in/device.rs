//! Sign-in for a device without a browser (RFC 8628): the device shows a code, which its user types into a browser elsewhere.

use std::net::IpAddr;

use chrono::TimeDelta;
use insightgate_identity::tokens::device::{INTERVAL_SECONDS, LIFETIME_SECONDS};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_store::{AddedDeviceCode, DeviceCode, DeviceState};
use uuid::Uuid;

use super::authorization::Prompt;
use super::session::Current;
use super::{Goal, Next, Subject, Visit, count_refusal};
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::issue_token::client::{find_application, reference, tenant_of};
use crate::issue_token::resource::Requested;
use crate::token_failure::TokenFailure;

/// Consonants that are not mistaken for one another or for digits, and that spell no words.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LENGTH: usize = 9;
/// A new code equals a given pending one once in some hundred billion.
const ATTEMPTS: usize = 4;

/// The fields of the form. Absent and empty ones are `None`.
#[derive(Clone, Default)]
pub struct DeviceRequest {
    /// The tenant segment of the path.
    pub tenant: String,
    pub version: TokenVersion,
    pub client_id: Option<String>,
    pub resource: Option<String>,
    pub scope: Option<String>,
    /// The client's address, if it is known.
    pub address: Option<IpAddr>,
}

pub struct DeviceAnswer {
    pub device_code: String,
    pub user_code: String,
    /// In seconds.
    pub expires_in: i64,
    /// In seconds.
    pub interval: u32,
}

/// # Errors
/// When the request is refused, or the database does not answer.
pub async fn start_device_sign_in(context: &Context, request: &DeviceRequest, correlation: &str) -> Result<DeviceAnswer, TokenFailure> {
    let mut tenant = None;
    let started = start(context, request, &mut tenant).await;
    if let Err(TokenFailure::Refused(refusal)) = &started {
        count_refusal(context, tenant, request.client_id.as_deref(), refusal, request.address, correlation);
    }
    started
}

/// Starts the sign-in. `known` is set to the tenant as soon as it is found.
async fn start(context: &Context, request: &DeviceRequest, known: &mut Option<Uuid>) -> Result<DeviceAnswer, TokenFailure> {
    let client = request.client_id.as_deref();
    let directory = &context.directory.view();
    let tenant = tenant_of(context, directory, reference(&request.tenant)?, client).await?;
    *known = Some(tenant.id);
    let application = find_application(directory, &tenant, client).await?;
    let requested = Requested::read(request.version, request.resource.as_deref(), request.scope.as_deref(), None)?;
    requested.permission(context)?;
    let now = context.clock.now();
    let device_code = context.random.secret().map_err(TokenFailure::internal)?;
    let mut record = DeviceCode {
        digest: secret_digest(&device_code),
        user_code: String::new(),
        tenant: tenant.id,
        application: application.id,
        resource: requested.resource,
        openid: requested.id_token,
        offline: requested.refresh_token,
        expires: now + TimeDelta::seconds(LIFETIME_SECONDS),
        state: DeviceState::Pending,
        network: request.address.map(|address| context.guess_key.network(address)).unwrap_or_default(),
    };
    for _ in 0..ATTEMPTS {
        record.user_code = user_code(context)?;
        match context.store.add_device_code(&record, now).await? {
            AddedDeviceCode::Added => {
                let user_code = record.user_code;
                return Ok(DeviceAnswer { device_code, user_code, expires_in: LIFETIME_SECONDS, interval: INTERVAL_SECONDS });
            }
            AddedDeviceCode::Taken => {}
            AddedDeviceCode::Full(until) => return Err(GrantRefusal::too_many_device_codes().after(until - now).into()),
        }
    }
    Err(GrantRefusal::transient().into())
}

fn user_code(context: &Context) -> Result<String, TokenFailure> {
    let mut code = String::new();
    while code.len() < CODE_LENGTH {
        let bytes: [u8; CODE_LENGTH] = context.random.bytes().map_err(TokenFailure::internal)?;
        // 240 is a multiple of 20: below it, each letter is as likely as any other.
        let letters = bytes.into_iter().filter(|byte| *byte < 240).filter_map(|byte| LETTERS.get(usize::from(byte % 20)));
        code.extend(letters.take(CODE_LENGTH - code.len()).map(|letter| char::from(*letter)));
    }
    Ok(code)
}

/// Finds what the device requested, by the code that was typed. A code that is not pending is counted as a guess.
pub(super) async fn find(context: &Context, visit: &Visit, typed: &str) -> Result<Subject, TokenFailure> {
    let now = context.clock.now();
    if let Some(until) = context.addresses.shut_until(visit.address, now) {
        return Err(GrantRefusal::too_many_failures().after(until - now).into());
    }
    let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
    if typed.len() != CODE_LENGTH || !typed.bytes().all(|byte| LETTERS.contains(&byte)) {
        return Err(GrantRefusal::malformed_user_code().into());
    }
    let found = context.store.device_code_by_user_code(&typed).await?;
    let pending = found.filter(|code| code.state == DeviceState::Pending && now < code.expires);
    let Some(code) = pending else {
        context.addresses.failed(visit.address, None, now);
        return Err(GrantRefusal::unknown_user_code().into());
    };
    let tenant = context.store.tenant(code.tenant).await?.ok_or_else(GrantRefusal::unknown_tenant)?;
    let application = find_application(&context.directory.view(), &tenant, Some(&code.application.to_string())).await?;
    let requested = Requested::read(TokenVersion::V1, Some(&code.resource), None, None)?;
    let permission = requested.permission(context)?;
    Ok(Subject { tenant, application, permission, requested, login_hint: None, prompt: Prompt::default(), goal: Goal::Device(code) })
}

/// Stores the decision together with its audit event. `approved` is the session of the user who approved, or `None` if the user declined.
pub(super) async fn decide(
    context: &Context,
    subject: &Subject,
    code: &DeviceCode,
    approved: Option<&Current>,
    decided: Happening<'_>,
) -> Result<Next, TokenFailure> {
    let by = approved.map(|current| &current.record);
    let store = audit::recording(context, decided).map_err(TokenFailure::internal)?;
    if !store.decide_device_code(&code.digest, by).await? {
        return Err(GrantRefusal::unknown_user_code().into());
    }
    Ok(Next::DeviceDecided { approved: approved.is_some(), application: subject.application.name.clone() })
}
