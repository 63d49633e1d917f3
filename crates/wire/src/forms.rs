//! The forms that fields have: lengths, patterns and names, each as a type that stands for it in a schema. Blanks around a text do not count.

use std::borrow::Cow;

use insightgate_identity::application::{LONGEST_REDIRECT_URI, Permission};
use insightgate_identity::enrollment::{EnrollmentStage, OverallStatus};
use insightgate_identity::external_identity::ExternalKind;
use insightgate_identity::profile::{BusinessModel, LONGEST_ADDRESS, LONGEST_FIELD, LONGEST_NUMBER};
use insightgate_identity::program::Program;
use insightgate_identity::role::Role;
use insightgate_identity::tokens::api_ids;
use insightgate_identity::user::{MAXIMUM_PASSWORD, MINIMUM_PASSWORD, PasswordState};
use insightgate_report::callback::{CallbackEvent, CallbackMethod, CallbackState};
use insightgate_report::execution::ExecutionStatus;
use insightgate_report::quotas::LARGEST_QUOTA;
use insightgate_report::scheduled_report::ReportStatus;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::error_code::ErrorCode;
use crate::limits::{ID_LIMIT, LARGEST_PAGE, LONGEST, LONGEST_MPN_ID, PAGE, SECRET_DAYS};

/// No control characters.
const PLAIN: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
/// Latin letters with their Western European accents, digits and punctuation.
const WESTERN: &str = r"^[ -~\u00A0-\u00FFŒœŠšŽžŸ’–]*$";
const MPN_ID: &str = "^[A-Za-z0-9-]*$";
const DOMAIN: &str = r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
const USERNAME: &str = r"^[\p{L}\p{N}._+'!#^~-]{1,64}@[^@\s]+$";
const REGISTRATION: &str = "^[A-Za-z0-9 ./-]*$";
/// UTC; a blank may stand instead of the T.
const INSTANT: &str = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?[Zz]$";

macro_rules! forms {
    ($($(#[$about:meta])* $form:ident = $schema:expr;)*) => {$(
        $(#[$about])*
        pub struct $form;

        impl JsonSchema for $form {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($form).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

forms! {
    Text = json_schema!({"type": "string"});
    /// Not empty.
    Filled = json_schema!({"type": "string", "minLength": 1});
    Id = json_schema!({"type": "string", "format": "uuid"});
    Time = json_schema!({"type": "string", "format": "date-time"});
    /// A time as it is asked for.
    Instant = json_schema!({"type": "string", "format": "date-time", "pattern": INSTANT});
    Flag = json_schema!({"type": "boolean"});
    Count = json_schema!({"type": "integer", "minimum": 0});
    /// A text of at most so many characters as can be shown.
    Short = json_schema!({"type": "string", "maxLength": LONGEST, "pattern": PLAIN});
    /// The same, and not empty.
    Name = json_schema!({"type": "string", "maxLength": LONGEST, "minLength": 1, "pattern": PLAIN});
    Domain = json_schema!({"type": "string", "maxLength": LONGEST, "minLength": 1, "pattern": DOMAIN});
    Username = json_schema!({"type": "string", "maxLength": LONGEST, "minLength": 1, "pattern": USERNAME});
    Password = json_schema!({"type": "string", "minLength": MINIMUM_PASSWORD, "maxLength": MAXIMUM_PASSWORD});
    MpnId = json_schema!({"type": "string", "maxLength": LONGEST_MPN_ID, "minLength": 1, "pattern": MPN_ID});
    /// Null or empty takes it away.
    MpnIdOrNothing = json_schema!({"type": "string", "maxLength": LONGEST_MPN_ID, "pattern": MPN_ID});
    /// Taken to the letter, without blanks around it.
    AsInToken = json_schema!({"type": "string", "minLength": 1, "maxLength": ID_LIMIT, "pattern": PLAIN});
    /// Of a legal business profile.
    Written = json_schema!({"type": "string", "maxLength": LONGEST_FIELD, "minLength": 1, "pattern": WESTERN});
    WrittenOrNothing = json_schema!({"type": "string", "maxLength": LONGEST_FIELD, "pattern": WESTERN});
    EmailAddress = json_schema!({"type": "string", "format": "email", "minLength": 1, "maxLength": LONGEST_ADDRESS});
    DunsNumber = json_schema!({"type": "string", "pattern": "^([0-9]{9})?$"});
    RegistrationNumber = json_schema!({"type": "string", "maxLength": LONGEST_NUMBER, "minLength": 1, "pattern": REGISTRATION});
    RedirectUri = json_schema!({"type": "string", "format": "uri", "maxLength": LONGEST_REDIRECT_URI});
    Days = json_schema!({"type": "integer", "minimum": 1, "maximum": SECRET_DAYS, "default": SECRET_DAYS});
    Percent = json_schema!({"type": "integer", "minimum": 0, "maximum": 100});
    QuotaNumber = json_schema!({"type": "integer", "minimum": 0, "maximum": LARGEST_QUOTA});
    PageSize = json_schema!({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE});
    ProgramName = one_of(Program::ALL.iter().map(|program| program.name()));
    BusinessModelName = one_of(BusinessModel::ALL.iter().map(|model| model.name()));
    RoleId = one_of(Role::ALL.iter().map(|role| role.id()));
    KindName = one_of(ExternalKind::ALL.iter().map(|kind| kind.name()));
    PermissionName = one_of(Permission::ALL.iter().map(|permission| permission.name()));
    /// A permission as it may be asked for: by an id of the API too.
    AskedPermission = {
        let of_api = api_ids::ALL.iter().flat_map(|id| [(*id).to_owned(), format!("{id}/{}", Permission::PartnerApi.name())]);
        one_of(Permission::ALL.iter().map(|permission| permission.name().to_owned()).chain(of_api))
    };
    StageName = one_of(EnrollmentStage::ALL.iter().map(|stage| stage.name()));
    StatusName = one_of(OverallStatus::ALL.iter().map(|status| status.name()));
    PasswordStateName = one_of(PasswordState::ALL.iter().map(|state| state.name()));
    CallbackEventName = one_of(CallbackEvent::ALL.iter().map(|event| event.name()));
    CallbackMethodName = one_of(CallbackMethod::ALL.iter().map(|method| method.name()));
    CallbackStateName = one_of(CallbackState::ALL.iter().map(|state| state.name()));
    FateName = one_of(["delete"]);
    ExecutionStatusName = one_of(ExecutionStatus::ALL.iter().map(|status| status.name()));
    ReportStatusName = one_of(ReportStatus::ALL.iter().map(|status| status.name()));
    ErrorCodeName = one_of(ErrorCode::ALL.iter().map(|code| code.name()));
}

fn one_of<Name: Into<String>>(names: impl IntoIterator<Item = Name>) -> Schema {
    let names: Vec<String> = names.into_iter().map(Into::into).collect();
    json_schema!({"type": "string", "enum": names})
}
