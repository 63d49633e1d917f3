//! `insightgate tenant`: organisations, and their enrollments in programs.

mod legal_profile;
mod runs;

use clap::{Args, Subcommand};
use insightgate_client::manage::{Enrollment, EnrollmentMove, NewTenant, Tenant};
use insightgate_client::{ClientError, ManageRefusal};
use insightgate_identity::program::Program;
use serde_json::Value;

use crate::command_error::CommandError;
use crate::session::{Output, Session, show_list, show_one, text};
use crate::terminal::{confirm, is_interactive};
use legal_profile::LegalProfile;

#[derive(Debug, Args)]
pub struct TenantArguments {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: TenantCommand,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Takes an organisation in and enrolls it in a program; the code that its contact has to confirm goes there by mail, or is printed
    #[command(
        after_help = "Asks for what is missing on a terminal. An organisation that is there already is enrolled in a further program.\n\
        A server that sends mail (mail.server) sends the code to the primary contact, and shows it to nobody. Otherwise it is printed once, for you to pass on.\n\n\
        Examples:\n  insightgate tenant enroll contoso.example --profile-file contoso.toml\n  \
        insightgate tenant enroll contoso.example --company-legal-name 'Contoso Ltd' --address-line1 'Karl Johans gate 1' --city Oslo \\\n    \
        --postal-code 0154 --country-region Norway --primary-contact-first-name First --primary-contact-last-name Last \\\n    \
        --primary-contact-email analyst@contoso.example\n  \
        insightgate tenant enroll contoso.example --program cmp"
    )]
    Enroll(Box<EnrollArguments>),
    /// All organisations
    #[command(after_help = "Example:\n  insightgate tenant list")]
    List,
    /// One organisation: its enrollments and its legal profile
    #[command(after_help = "Example:\n  insightgate tenant show contoso.example --json")]
    Show {
        #[arg(value_name = "TENANT", help = TENANT)]
        tenant: String,
    },
    /// Confirms the contact's address by the code that the contact got, or makes a new one, which goes there by mail or is printed
    #[command(
        after_help = "Examples:\n  insightgate tenant verify contoso.example --code 48291357\n  insightgate tenant verify contoso.example --new-code"
    )]
    Verify {
        #[command(flatten)]
        place: Place,
        /// The code that the contact got
        #[arg(long, value_name = "CODE", conflicts_with = "new_code", required_unless_present = "new_code")]
        code: Option<String>,
        /// Make a new code instead, which is mailed to the contact, or printed if the server sends no mail: the earlier one ends
        #[arg(long)]
        new_code: bool,
    },
    /// Accepts an organisation that was reviewed: from now on it gets its data
    #[command(after_help = "Example:\n  insightgate tenant activate contoso.example")]
    Activate(Place),
    /// Refuses an organisation that was reviewed
    #[command(after_help = "Example:\n  insightgate tenant reject contoso.example --reason 'The address is not the registered one'")]
    Reject(Reasoned),
    /// Stops all use at once, of tokens that were issued too, and pauses the reports
    #[command(after_help = "Example:\n  insightgate tenant suspend contoso.example --reason 'Agreement ended'")]
    Suspend(Reasoned),
    /// Lifts a suspension
    #[command(after_help = "Example:\n  insightgate tenant reactivate contoso.example")]
    Reactivate(Place),
    /// How many executions of an organisation wait and run, and whether they are paused
    #[command(after_help = "Example:\n  insightgate tenant runs contoso.example")]
    Runs {
        #[arg(value_name = "TENANT", help = TENANT)]
        tenant: String,
    },
    /// Holds an organisation's executions back: what runs goes on, what falls due waits
    #[command(after_help = "Example:\n  insightgate tenant pause-runs contoso.example --reason 'The lake moves'")]
    PauseRuns {
        #[arg(value_name = "TENANT", help = TENANT)]
        tenant: String,
        /// Shown to the organisation, and kept in the audit trail
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lets an organisation's executions begin again
    #[command(after_help = "Example:\n  insightgate tenant resume-runs contoso.example")]
    ResumeRuns {
        #[arg(value_name = "TENANT", help = TENANT)]
        tenant: String,
    },
    /// How many queries and reports each owner of an organisation may have; with a number, gives the organisation its own
    #[command(
        after_help = "Examples:\n  insightgate tenant limits contoso.example\n  insightgate tenant limits contoso.example --active-reports 200\n  \
        insightgate tenant limits contoso.example --active-reports default"
    )]
    Limits(runs::LimitArguments),
    /// Removes an organisation with its users, applications and reports; not while an enrollment is active
    #[command(after_help = "Example:\n  insightgate tenant delete contoso.example --yes")]
    Delete {
        #[arg(value_name = "TENANT", help = TENANT)]
        tenant: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const TENANT: &str = "The organisation: its id or domain";

#[derive(Debug, Args)]
struct EnrollArguments {
    /// The organisation's domain
    domain: String,
    /// What it is called here; its legal name if not given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The partner global account, which has the locations
    #[arg(long, value_name = "ID")]
    global_account_id: Option<String>,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn", help = "mpn or cmp")]
    program: Program,
    #[command(flatten)]
    profile: LegalProfile,
}

/// One enrollment.
#[derive(Debug, Args)]
struct Place {
    #[arg(value_name = "TENANT", help = TENANT)]
    tenant: String,
    #[arg(long, value_name = "PROGRAM", default_value = "mpn", help = "mpn or cmp")]
    program: Program,
}

#[derive(Debug, Args)]
struct Reasoned {
    #[command(flatten)]
    place: Place,
    /// Shown to the organisation, and kept in the audit trail
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub async fn run(session: &Session, arguments: TenantArguments) -> Result<(), CommandError> {
    let TenantArguments { output, command } = arguments;
    match command {
        TenantCommand::Enroll(new) => enroll(session, output, *new).await,
        TenantCommand::List => {
            let tenants = session.client.tenants().await?;
            let row = |tenant: &Tenant| [tenant.domain.clone(), tenant.name.clone(), stages(&tenant.enrollments), tenant.id.clone()];
            show_list(output, &tenants, ["domain", "name", "enrollments", "id"], row)
        }
        TenantCommand::Show { tenant } => show(output, &session.client.tenant(&tenant).await?),
        TenantCommand::Verify { place, code, new_code: _ } => {
            let to = code.as_deref().map_or(EnrollmentMove::SendCode, |code| EnrollmentMove::Verify { code });
            go(session, output, &place, to).await
        }
        TenantCommand::Activate(place) => go(session, output, &place, EnrollmentMove::Activate).await,
        TenantCommand::Reject(Reasoned { place, reason }) => go(session, output, &place, EnrollmentMove::Reject { reason: &reason }).await,
        TenantCommand::Suspend(Reasoned { place, reason }) => {
            go(session, output, &place, EnrollmentMove::Suspend { reason: &reason }).await
        }
        TenantCommand::Reactivate(place) => go(session, output, &place, EnrollmentMove::Reactivate).await,
        TenantCommand::Runs { tenant } => runs::show(output, &session.client.runs(&tenant).await?),
        TenantCommand::PauseRuns { tenant, reason } => runs::show(output, &session.client.pause_runs(&tenant, &reason).await?),
        TenantCommand::ResumeRuns { tenant } => runs::show(output, &session.client.resume_runs(&tenant).await?),
        TenantCommand::Limits(arguments) => runs::limits(session, output, arguments).await,
        TenantCommand::Delete { tenant, yes } => {
            let known = session.client.tenant(&tenant).await?;
            confirm(&format!("Delete {} ({}), its users, applications and reports?", known.name, known.domain), yes)?;
            session.client.delete_tenant(&known.id).await?;
            eprintln!("deleted {}", known.domain);
            Ok(())
        }
    }
}

async fn enroll(session: &Session, output: Output, new: EnrollArguments) -> Result<(), CommandError> {
    let EnrollArguments { domain, name, global_account_id, program, profile } = new;
    match session.client.tenant(&domain).await {
        Ok(known) => {
            if name.is_some() || global_account_id.is_some() || profile.is_given() {
                let failed = CommandError::failed(format!("{domain} is there already, with a name and profile of its own"));
                return Err(failed.hint("leave these flags out to enroll it in a further program"));
            }
            let enrollment = session.client.enroll(&known.id, program.name()).await?;
            return show_enrollment(output, &domain, &enrollment);
        }
        Err(ClientError::Managed(refusal)) if matches!(*refusal, ManageRefusal { status: 404, ref code, .. } if !code.is_empty()) => {}
        Err(error) => return Err(error.into()),
    }
    let profile = profile.complete(is_interactive())?;
    let legal_name = profile.get("companyLegalName").and_then(|name| name.as_str()).unwrap_or_default();
    let name = name.unwrap_or_else(|| legal_name.to_owned());
    let program_name = Some(program.name().to_owned());
    let new = NewTenant { domain: Some(domain), name: Some(name), global_account_id, program: program_name, profile: Some(profile) };
    let tenant = session.client.enroll_tenant(&new).await?;
    show(output, &tenant)?;
    tell_of_code(tenant.verification_code.is_some(), tenant.verification_code_sent_to.as_deref(), &tenant.domain, program.name());
    Ok(())
}

async fn go(session: &Session, output: Output, place: &Place, to: EnrollmentMove<'_>) -> Result<(), CommandError> {
    let enrollment = session.client.move_enrollment(&place.tenant, place.program.name(), to).await?;
    show_enrollment(output, &place.tenant, &enrollment)
}

fn show(output: Output, tenant: &Tenant) -> Result<(), CommandError> {
    let mut shown = vec![
        ("id", tenant.id.clone()),
        ("domain", tenant.domain.clone()),
        ("name", tenant.name.clone()),
        ("global account", text(&tenant.global_account_id)),
    ];
    for enrollment in &tenant.enrollments {
        let Enrollment { program, stage, reason, .. } = enrollment;
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        shown.push(("enrollment", format!("{program} {stage}{reason}")));
    }
    if let Ok(Value::Object(profile)) = serde_json::to_value(&tenant.profile) {
        shown.extend(legal_profile::shown(&profile));
    }
    shown.extend(tenant.verification_code.as_ref().map(|code| ("verification code", code.0.clone())));
    show_one(output, tenant, &shown)
}

fn show_enrollment(output: Output, tenant: &str, enrollment: &Enrollment) -> Result<(), CommandError> {
    let code = enrollment.verification_code.as_ref().map(|code| code.0.clone());
    let shown = [
        ("program", enrollment.program.clone()),
        ("stage", enrollment.stage.clone()),
        ("status", text(&enrollment.status)),
        ("reason", text(&enrollment.reason)),
        ("verification code", code.clone().unwrap_or_default()),
    ];
    show_one(output, enrollment, &shown)?;
    tell_of_code(code.is_some(), enrollment.verification_code_sent_to.as_deref(), tenant, &enrollment.program);
    Ok(())
}

/// What to do with the code, which is shown or goes to an address.
fn tell_of_code(is_shown: bool, sent_to: Option<&str>, tenant: &str, program: &str) {
    let begins = match sent_to {
        Some(address) => format!("The code goes to {address} by mail."),
        None if is_shown => "Give the code to the primary contact.".to_owned(),
        None => return,
    };
    eprintln!("{begins} What the contact repeats: insightgate tenant verify {tenant} --program {program} --code CODE");
}

fn stages(enrollments: &[Enrollment]) -> String {
    let stages: Vec<String> = enrollments.iter().map(|enrollment| format!("{} {}", enrollment.program, enrollment.stage)).collect();
    stages.join(", ")
}
