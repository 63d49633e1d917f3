//! Interactive sign-in: which page comes next, until the browser returns to the application or the device has its answer.
//!
//! Nothing about a request is stored between two pages. Each page sends the whole request again, and it is checked from the start each time. Only the
//! browser's session is stored. The caller has already checked that a form came from one of our own pages.

mod authorization;
mod device;
mod end_session;
pub(crate) mod forget;
mod session;
mod steps;

use std::net::IpAddr;

use insightgate_identity::application::{Application, Permission};
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::TokenVersion;
use insightgate_identity::user::User;
use insightgate_store::{DeviceCode, MissingStep};
use uuid::Uuid;

pub use authorization::{AuthorizationAnswer, AuthorizationRequest, Outcome, ResponseMode};
pub use device::{DeviceAnswer, DeviceRequest, start_device_sign_in};
pub use end_session::{EndedSession, LogoutRequest, end_session};

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::second_factor;
use crate::issue_token::is_multi_factor;
use crate::issue_token::resource::Requested;
use crate::token_failure::TokenFailure;
use authorization::{CheckFault, CodeGoal, Prompt};
use session::Current;
use steps::Stepped;

/// One request of a browser.
#[derive(Clone, Default)]
pub struct Visit {
    /// The value of its session cookie.
    pub session: Option<String>,
    pub address: Option<IpAddr>,
    pub correlation: String,
}

/// The purpose of a sign-in.
#[derive(Clone)]
pub enum Purpose {
    Authorization(Box<AuthorizationRequest>),
    /// The code that a device shows, as typed.
    Device(String),
}

/// The step that a page sent.
#[derive(Clone)]
pub enum Step {
    Begin,
    Password { username: String, password: String },
    NewPassword { password: String, again: String },
    Code(String),
    Enrol(String),
    KeepAccount,
    OtherAccount,
    Decide(bool),
}

/// The answer to the browser.
pub struct Reply {
    pub next: Next,
    pub session: SessionChange,
}

/// The change of the session cookie. Its value is a secret, so there is no Debug.
#[derive(Clone, PartialEq, Eq)]
pub enum SessionChange {
    Keep,
    Set(String),
    End,
}

pub enum Next {
    Ask(Ask, Party),
    Answer(AuthorizationAnswer),
    DeviceDecided { approved: bool, application: String },
}

/// The parties that the page names.
#[derive(Debug, Clone, Default)]
pub struct Party {
    pub application: String,
    pub tenant: String,
    /// Where the browser goes at the end; `None` for a device.
    pub redirect_uri: Option<String>,
}

/// A page. `fault` is the reason why it is shown again.
pub enum Ask {
    DeviceCode {
        fault: Option<String>,
    },
    Password {
        username: Option<String>,
        fault: Option<String>,
    },
    NewPassword {
        username: String,
        fault: Option<String>,
    },
    Code {
        username: String,
        fault: Option<String>,
    },
    Enrol {
        username: String,
        secret: String,
        uri: String,
        fault: Option<String>,
    },
    Account {
        username: String,
    },
    /// `permission` is `None` if consent was already given and only a device has to be confirmed.
    Consent {
        username: String,
        permission: Option<Permission>,
        device: bool,
    },
}

/// A checked request.
struct Subject {
    tenant: Tenant,
    application: Application,
    permission: Permission,
    requested: Requested,
    login_hint: Option<String>,
    prompt: Prompt,
    goal: Goal,
}

enum Goal {
    Code(CodeGoal),
    Device(DeviceCode),
}

/// Takes the step, and returns what comes next. A refusal is shown on a page if the request has no address that an answer may be sent to.
///
/// # Errors
/// When the sign-in is refused on a page, or the database does not answer.
pub async fn proceed(context: &Context, visit: &Visit, purpose: &Purpose, step: Step) -> Result<Reply, TokenFailure> {
    let subject = match purpose {
        Purpose::Authorization(request) => {
            let mut tenant = None;
            let checked = authorization::check(context, request, &mut tenant).await;
            if let Err(CheckFault::Page(TokenFailure::Refused(refusal)) | CheckFault::Back(_, refusal)) = &checked {
                count_refusal(context, tenant, request.client_id.as_deref(), refusal, visit.address, &visit.correlation);
            }
            match checked {
                Ok(subject) => subject,
                Err(CheckFault::Page(failure)) => return Err(failure),
                Err(CheckFault::Back(back, refusal)) => return Ok(keep(Next::Answer(back.refused(refusal)))),
            }
        }
        Purpose::Device(user_code) => match device::find(context, visit, user_code).await {
            Ok(subject) => subject,
            Err(TokenFailure::Refused(refusal)) => {
                count_refusal(context, None, None, &refusal, visit.address, &visit.correlation);
                let fault = Some(refusal.to_string());
                return Ok(keep(Next::Ask(Ask::DeviceCode { fault }, Party::default())));
            }
            Err(failure) => return Err(failure),
        },
    };
    let begins = matches!(step, Step::Begin);
    let decision = if let Step::Decide(yes) = step { Some(yes) } else { None };
    let current = session::load(context, visit).await?.filter(|current| current.user.tenant == subject.tenant.id);
    let (current, change) = match steps::take(context, visit, &subject, current, step).await? {
        Stepped::Done(current, change) => (current, change),
        Stepped::Again(ask, change) => return Ok(Reply { next: Next::Ask(ask, subject.party()), session: change }),
    };
    let Some(current) = current else {
        return Ok(Reply { next: subject.sign_in(None), session: change });
    };
    if begins && let Some(reply) = subject.begins(context, &current).await? {
        return Ok(reply);
    }
    if let Some((missing, current, changed)) = steps::still_missing(context, &current).await? {
        let silent = match missing {
            MissingStep::Code => GrantRefusal::second_factor(TokenVersion::V1),
            MissingStep::Enrolment => GrantRefusal::enrolment(TokenVersion::V1),
            MissingStep::Password => GrantRefusal::login_required(),
        };
        let ask = steps::ask_for(context, &current, missing, None)?;
        return Ok(Reply { next: subject.ask(ask, silent), session: changed.unwrap_or(change) });
    }
    let next = decide(context, visit, subject, &current, decision).await?;
    Ok(Reply { next, session: change })
}

/// Asks a signed-in user for consent, and then answers the application or the device.
async fn decide(
    context: &Context,
    visit: &Visit,
    subject: Subject,
    current: &Current,
    decision: Option<bool>,
) -> Result<Next, TokenFailure> {
    let user = &current.user;
    let principal = context.store.principal(subject.tenant.id, subject.application.id, Some(user.id)).await?;
    let principal = principal.ok_or_else(|| GrantRefusal::unknown_client(&subject.application.id.to_string()))?;
    if !principal.requested.contains(&subject.permission) {
        return subject.refuse(subject.requested.not_permitted(subject.permission));
    }
    let consented = principal.consented.contains(&subject.permission);
    let is_device = matches!(subject.goal, Goal::Device(_));
    let asks = !consented || is_device || subject.prompt.consent;
    match decision {
        None if asks => {
            let permission = (!consented || subject.prompt.consent).then_some(subject.permission);
            let ask = Ask::Consent { username: user.username.clone(), permission, device: is_device };
            return Ok(subject.ask(ask, GrantRefusal::consent_missing().silently("consent_required")));
        }
        Some(false) => {
            let declined = happening(visit, user, "consent.decline", &subject);
            return match &subject.goal {
                Goal::Code(_) => {
                    audit::record(context, declined).await;
                    subject.refuse(GrantRefusal::consent_declined())
                }
                Goal::Device(code) => device::decide(context, &subject, code, None, declined).await,
            };
        }
        Some(true) if !consented => {
            let granted = happening(visit, user, "consent.grant", &subject);
            let store = audit::recording(context, granted).map_err(TokenFailure::internal)?;
            store.grant_consent(subject.application.id, subject.permission, Some(user.id), context.clock.now()).await?;
        }
        _ => {}
    }
    match &subject.goal {
        Goal::Code(goal) => Ok(Next::Answer(authorization::issue(context, &subject, goal, current).await?)),
        Goal::Device(code) => {
            let approved = happening(visit, user, "device.approve", &subject);
            device::decide(context, &subject, code, Some(current), approved).await
        }
    }
}

impl Subject {
    fn party(&self) -> Party {
        let redirect_uri = match &self.goal {
            Goal::Code(goal) => Some(goal.back.redirect_uri.clone()),
            Goal::Device(_) => None,
        };
        Party { application: self.application.name.clone(), tenant: self.tenant.name.clone(), redirect_uri }
    }

    /// The page, or the refusal `silent` for a request that forbids pages (`prompt=none`).
    fn ask(&self, ask: Ask, silent: GrantRefusal) -> Next {
        match &self.goal {
            Goal::Code(goal) if self.prompt.none => Next::Answer(goal.back.refused(silent)),
            _ => Next::Ask(ask, self.party()),
        }
    }

    fn sign_in(&self, username: Option<String>) -> Next {
        let username = username.or_else(|| self.login_hint.clone());
        self.ask(Ask::Password { username, fault: None }, GrantRefusal::login_required())
    }

    /// Sends the refusal back to the application. A device learns of it only when it polls, so for a device the person is told on a page.
    fn refuse(&self, refusal: GrantRefusal) -> Result<Next, TokenFailure> {
        match &self.goal {
            Goal::Code(goal) => Ok(Next::Answer(goal.back.refused(refusal))),
            Goal::Device(_) => Err(refusal.into()),
        }
    }

    /// What a new request asks of a user who is signed in, or who still has steps to take.
    async fn begins(&self, context: &Context, current: &Current) -> Result<Option<Reply>, TokenFailure> {
        let username = &current.user.username;
        if self.prompt.login {
            // The session is ended, so that no page can be skipped.
            context.store.delete_sign_in_session(&current.record.digest).await?;
            return Ok(Some(Reply { next: self.sign_in(Some(username.clone())), session: SessionChange::End }));
        }
        if self.login_hint.as_ref().is_some_and(|hint| !hint.eq_ignore_ascii_case(username)) {
            return Ok(Some(keep(self.sign_in(None))));
        }
        if self.prompt.select_account && current.record.missing.is_none() {
            let ask = Ask::Account { username: username.clone() };
            return Ok(Some(keep(self.ask(ask, GrantRefusal::login_required()))));
        }
        Ok(None)
    }
}

fn keep(next: Next) -> Reply {
    Reply { next, session: SessionChange::Keep }
}

/// Counts a request that was refused before any page was shown.
fn count_refusal(
    context: &Context,
    tenant: Option<Uuid>,
    client: Option<&str>,
    refusal: &GrantRefusal,
    address: Option<IpAddr>,
    correlation: &str,
) {
    let client: String = client.unwrap_or_default().chars().take(200).collect();
    let happening = Happening {
        tenant,
        actor: client.clone(),
        action: "sign_in.refuse",
        subject: client,
        detail: refusal.to_string(),
        correlation: Some(correlation.to_owned()),
    };
    audit::count(context, happening, refusal.code.to_string(), address);
}

fn happening(visit: &Visit, user: &User, action: &'static str, subject: &Subject) -> Happening<'static> {
    Happening {
        tenant: Some(user.tenant),
        actor: user.username.clone(),
        action,
        subject: subject.application.id.to_string(),
        detail: subject.permission.name().to_owned(),
        correlation: Some(visit.correlation.clone()),
    }
}
