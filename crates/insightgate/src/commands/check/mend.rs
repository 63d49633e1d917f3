//! What mends each missing prerequisite: a command of a server of this program, or a page of Microsoft's service. Pure.

use super::evidence::Place;
use super::finding::Step;

const PROGRAM: &str = "insightgate";

/// For the shell: whatever may stand in a name, it is one word.
fn word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@+=,".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

impl Place {
    /// A command as the person types it who reads this: with the same profile.
    pub fn command(&self, words: &str) -> String {
        let profile = self.profile.as_deref().map(|profile| format!(" --profile {}", word(profile))).unwrap_or_default();
        format!("`{PROGRAM} {words}{profile}`")
    }

    /// The same about something of the organisation's, which an operator has to name.
    fn managing(&self, words: &str) -> String {
        self.command(&format!("{words} --tenant {}", word(&self.tenant)))
    }

    fn user(&self) -> String {
        self.username.as_deref().map_or_else(|| "USER".to_owned(), word)
    }
}

pub fn sign_in(place: &Place) -> String {
    format!("{} signs in with a browser, {} with one on another machine", place.command("login"), place.command("login --device"))
}

pub fn user(place: &Place) -> String {
    let login = place.command("login");
    format!("name the user in the profile (username, INSIGHTGATE_USERNAME) with a password, or sign in with {login}")
}

pub fn endpoint(place: &Place) -> String {
    let show = place.command("profile show");
    format!("check the profile's endpoint (INSIGHTGATE_ENDPOINT): https://host, without a path; {show} shows it")
}

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
    match step {
        Step::Enrollment => "check the profile's authority: it names the tenant, https://host/<tenant id or domain>".to_owned(),
        Step::Application if has(&[700_016, 700_011, 700_027]) && place.microsofts => {
            "check the client id and the tenant: Microsoft Entra admin center, App registrations".to_owned()
        }
        Step::Application if has(&[700_016, 700_011, 700_027]) => {
            format!("check the client id and the tenant: {} shows the applications with their ids", place.managing("app list"))
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
            permission(place)
        }
        Step::Permission => format!("{}, or consent in a browser with {}", consent(place), place.command("login")),
        Step::Role | Step::Token | Step::Call => credential(&has, place),
    }
}

fn credential(has: &dyn Fn(&[u32]) -> bool, place: &Place) -> String {
    let user = place.user();
    if has(&[50072, 50074, 50076, 50079, 50158]) {
        return format!("a password cannot give a second factor: {}", sign_in(place));
    }
    if has(&[50055, 50144]) {
        return format!("the password has to be changed: {} asks for another one in the browser", place.command("login"));
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
        (true, false) => format!("an administrator has to enable the user: {}", place.managing(&format!("user enable {user}"))),
        (false, true) => "check the user name and the password".to_owned(),
        (false, false) => {
            let another = place.managing(&format!("user set-password {user}"));
            format!("check the user name and the password; {another} gives another one")
        }
    }
}

/// A call that was refused for what this prerequisite lacks.
pub fn refused_call(step: Step, message: &str, place: &Place) -> String {
    let (program, user, lower) = (&place.program, place.user(), message.to_lowercase());
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
            Step::Token => return self::user(place),
        }
        .to_owned();
    }
    match step {
        Step::Enrollment if lower.contains("not enrolled") => {
            // The organisation's domain says it as well as its id, and a new one has nothing else.
            let domain =
                place.username.as_deref().and_then(|user| user.rsplit_once('@')).map_or(place.tenant.as_str(), |(_, domain)| domain);
            format!("an operator enrolls it: {}", place.command(&format!("tenant enroll {} --program {program}", word(domain))))
        }
        Step::Enrollment => {
            let step = |step: &str| place.command(&format!("tenant {step} {} --program {program}", word(&place.tenant)));
            let (show, code) = (place.command(&format!("tenant show {}", word(&place.tenant))), "verify --new-code");
            format!(
                "an operator sees in {show} where it stands: {}, {} and {} go on from there",
                step(code),
                step("activate"),
                step("reactivate")
            )
        }
        Step::Application => "an administrator of the tenant has to enable the application".to_owned(),
        Step::Permission if lower.contains("lacks") => permission(place),
        Step::Permission => consent(place),
        Step::Role | Step::Call if program == "cmp" => {
            let who = place.username.as_deref().unwrap_or(&place.client_id);
            format!("a Global admin or Account admin assigns it: {}", place.managing(&format!("role assign {} manager", word(who))))
        }
        Step::Role | Step::Call => {
            let assign = place.managing(&format!("role assign {user} executive_report_viewer"));
            format!("a Global admin or Account admin assigns it: {assign}")
        }
        Step::Token if lower.contains("disabled") => {
            format!("an administrator has to enable the user: {}", place.managing(&format!("user enable {user}")))
        }
        Step::Token => self::user(place),
    }
}

fn permission(place: &Place) -> String {
    let add = place.managing(&format!("app permission add {} user_impersonation", word(&place.client_id)));
    format!("{add}, then {}", consent(place))
}

fn consent(place: &Place) -> String {
    place.managing(&format!("app consent grant {} user_impersonation", word(&place.client_id)))
}

/// A token that the API does not take.
pub fn not_accepted(place: &Place) -> String {
    let (show, token) = (place.command("profile show"), place.command("token --json"));
    if place.microsofts {
        format!("check that the profile's authority and resource belong to its endpoint; {show} shows them")
    } else {
        format!(
            "check that the profile's authority, resource and endpoint are of one server; {show} shows them, and {token} shows what the token says"
        )
    }
}

pub fn new_secret(place: &Place) -> String {
    if place.microsofts {
        "Microsoft Entra admin center, App registrations, Certificates & secrets: add a secret, and use its value, not its id".to_owned()
    } else {
        let add = place.managing(&format!("app secret add {}", word(&place.client_id)));
        format!("{add} makes a new one; its value is needed, not its id")
    }
}

pub fn secrets(place: &Place) -> String {
    if place.microsofts {
        "Microsoft Entra admin center, App registrations, Certificates & secrets shows it".to_owned()
    } else {
        let list = place.managing(&format!("app secret list {}", word(&place.client_id)));
        format!("{list} shows it to an administrator")
    }
}
