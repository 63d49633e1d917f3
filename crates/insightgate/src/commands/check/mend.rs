//! What mends each missing prerequisite: a command of a server of this program, or a page of Microsoft's service. Pure.

use super::evidence::Place;
use super::finding::Step;

pub const SIGN_IN: &str = "`insightgate login` signs in with a browser, `insightgate login --device` with one on another machine";
pub const USER: &str = "name the user in the profile (username, INSIGHTGATE_USERNAME) with a password, or sign in with `insightgate login`";
pub const ENDPOINT: &str =
    "check the profile's endpoint (INSIGHTGATE_ENDPOINT): https://host, without a path; `insightgate profile show` shows it";

/// The prerequisite that an AADSTS number is about; None for one about the sign-in itself or unknown.
pub fn step_of(code: u32) -> Option<Step> {
    Some(match code {
        90002 | 900_023 | 90019 | 50059 | 50128 => Step::Enrollment,
        700_016 | 700_011 | 7_000_112 | 70001 | 7_000_215 | 7_000_222 | 7_000_218 | 70002 | 700_025 | 700_027 | 50011 => Step::Application,
        65001 | 65004 | 90094 | 650_057 | 650_052 | 500_011 | 50001 => Step::Permission,
        _ => return None,
    })
}

/// The prerequisite that the text of a 403 names; None if it names none that is known.
pub fn step_of_refusal(message: &str) -> Option<Step> {
    let message = message.to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if names(&["enroll"]) {
        Some(Step::Enrollment)
    } else if names(&["application is disabled"]) {
        Some(Step::Application)
    } else if names(&["account is disabled", "application alone", "application and user"]) {
        Some(Step::Token)
    } else if names(&["partner api", "consent"]) {
        Some(Step::Permission)
    } else if names(&["role", "no permission", "viewer"]) {
        Some(Step::Role)
    } else {
        None
    }
}

/// A grant that was refused with these numbers.
pub fn refused_grant(codes: &[u32], step: Step, place: &Place) -> String {
    let has = |known: &[u32]| codes.iter().any(|code| known.contains(code));
    let app = &place.client_id;
    match step {
        Step::Enrollment => "check the profile's authority: it names the tenant, https://host/<tenant id or domain>".to_owned(),
        Step::Application if has(&[700_016, 700_011, 700_027]) && place.microsofts => {
            "check the client id and the tenant: Microsoft Entra admin center, App registrations".to_owned()
        }
        Step::Application if has(&[700_016, 700_011, 700_027]) => {
            "check the client id and the tenant: `insightgate app list` shows the applications, `insightgate app register` adds one".to_owned()
        }
        Step::Application if has(&[7_000_112, 70001]) => "an administrator of the tenant has to enable the application".to_owned(),
        Step::Application if has(&[7_000_218, 70002]) => {
            format!("set the profile's client_secret (INSIGHTGATE_CLIENT_SECRET): {}", new_secret(place))
        }
        Step::Application if has(&[700_025]) => "the application is public: remove client_secret from the profile".to_owned(),
        Step::Application => new_secret(place),
        Step::Permission if has(&[500_011, 50001]) => {
            "check the profile's resource (INSIGHTGATE_RESOURCE): https://api.partnercenter.microsoft.com if it is not set".to_owned()
        }
        Step::Permission if place.microsofts => {
            "Microsoft Entra admin center, App registrations, API permissions: add the Microsoft Partner API (user_impersonation) and grant admin consent"
                .to_owned()
        }
        Step::Permission if has(&[650_057, 650_052]) => {
            format!("`insightgate app permission add {app} user_impersonation`, then `insightgate app consent grant {app} user_impersonation`")
        }
        Step::Permission => format!("`insightgate app consent grant {app} user_impersonation`, or consent in a browser with `insightgate login`"),
        Step::Role | Step::Token | Step::Call => credential(&has, place),
    }
}

fn credential(has: &dyn Fn(&[u32]) -> bool, place: &Place) -> String {
    let user = place.username.as_deref().unwrap_or("USER");
    if has(&[50072, 50074, 50076, 50079, 50158]) {
        return format!("a password cannot give a second factor: {SIGN_IN}");
    }
    if has(&[50055, 50144]) {
        return "the password has to be changed: `insightgate login` asks for another one in the browser".to_owned();
    }
    if has(&[50053]) {
        return "wait until the lock ends; then check the password".to_owned();
    }
    if has(&[53003]) {
        return "a policy of the tenant (Conditional Access) refuses this sign-in: ask its administrator".to_owned();
    }
    if has(&[9_001_023]) {
        return "name the tenant in the profile's authority in place of common".to_owned();
    }
    match (has(&[50057]), place.microsofts) {
        (true, true) => "an administrator has to enable the user: Microsoft Entra admin center, Users".to_owned(),
        (true, false) => format!("an administrator has to enable the user: `insightgate user enable {user}`"),
        (false, true) => "check the user name and the password".to_owned(),
        (false, false) => format!("check the user name and the password; `insightgate user set-password {user}` gives another one"),
    }
}

/// A call that was refused for what this prerequisite lacks.
pub fn refused_call(step: Step, message: &str, place: &Place) -> String {
    let (program, user) = (&place.program, place.username.as_deref().unwrap_or("USER"));
    let (app, lower) = (&place.client_id, message.to_lowercase());
    if place.microsofts {
        return match step {
            Step::Enrollment => {
                "Partner Center, Account settings, Legal info: the organisation has to be enrolled, and its status Authorized"
            }
            Step::Application => "Microsoft Entra admin center, Enterprise applications: enable the application",
            Step::Permission => {
                "Microsoft Entra admin center, App registrations, API permissions: Microsoft Partner API, with admin consent"
            }
            Step::Role | Step::Call => "Partner Center, Account settings, User management: the user needs the role Executive report viewer",
            Step::Token => USER,
        }
        .to_owned();
    }
    match step {
        Step::Enrollment if lower.contains("not enrolled") => format!("an operator enrolls it: `insightgate tenant enroll DOMAIN --program {program}`"),
        Step::Enrollment => "an operator sees in `insightgate tenant show DOMAIN` where it stands: `insightgate tenant verify`, `insightgate tenant activate` and \
            `insightgate tenant reactivate` go on from there"
            .to_owned(),
        Step::Application => "an administrator of the tenant has to enable the application".to_owned(),
        Step::Permission if lower.contains("lacks") => {
            format!("`insightgate app permission add {app} user_impersonation`, then `insightgate app consent grant {app} user_impersonation`")
        }
        Step::Permission => format!("`insightgate app consent grant {app} user_impersonation`"),
        Step::Role | Step::Call if program == "cmp" => {
            format!("a Global admin or Account admin assigns it: `insightgate role assign {} manager`", place.username.as_deref().unwrap_or(app))
        }
        Step::Role | Step::Call => {
            format!("a Global admin or Account admin assigns it: `insightgate role assign {user} executive_report_viewer`")
        }
        Step::Token if lower.contains("disabled") => format!("an administrator has to enable the user: `insightgate user enable {user}`"),
        Step::Token => USER.to_owned(),
    }
}

/// A token that the API does not take.
pub fn not_accepted(place: &Place) -> String {
    if place.microsofts {
        "check that the profile's authority and resource belong to its endpoint; `insightgate profile show` shows them".to_owned()
    } else {
        "check that the profile's authority, resource and endpoint are of one server; `insightgate profile show` shows them, and \
         `insightgate token --json` shows what the token says"
            .to_owned()
    }
}

pub fn new_secret(place: &Place) -> String {
    if place.microsofts {
        "Microsoft Entra admin center, App registrations, Certificates & secrets: add a secret, and use its value, not its id".to_owned()
    } else {
        format!("`insightgate app secret add {}` makes a new one; its value is needed, not its id", place.client_id)
    }
}

pub fn secrets(place: &Place) -> String {
    if place.microsofts {
        "Microsoft Entra admin center, App registrations, Certificates & secrets shows it".to_owned()
    } else {
        format!("`insightgate app secret list {}` shows it to an administrator", place.client_id)
    }
}
