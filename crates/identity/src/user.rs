//! Users: people who sign in.

use chrono::{DateTime, Utc};
use strum::{IntoStaticStr, VariantArray};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Uuid,
    pub tenant: Uuid,
    /// The sign-in name, `name@domain`, in lower case.
    pub username: String,
    /// The name for people; may be empty.
    pub display_name: String,
    pub enabled: bool,
    /// Until when sign-ins are refused from addresses where the user is not known, after too many wrong passwords.
    pub locked_until: Option<DateTime<Utc>>,
    pub password: PasswordState,
    /// Whether a second factor (TOTP) is set up.
    pub totp: bool,
}

impl User {
    /// A user with a password and nothing else.
    pub fn new(id: Uuid, tenant: Uuid, username: String) -> User {
        let (display_name, password) = (String::new(), PasswordState::Set);
        User { id, tenant, username, display_name, enabled: true, locked_until: None, password, totp: false }
    }
}

/// The state of a user's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, VariantArray)]
pub enum PasswordState {
    #[default]
    Set,
    /// It can only be used to set a new one.
    MustChange,
    Absent,
}

impl PasswordState {
    pub const ALL: &'static [PasswordState] = PasswordState::VARIANTS;

    /// As it is shown.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Why a password or a sign-in name is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserFault {
    #[error("The sign-in name '{0}' should be name@domain, in the tenant's domain.")]
    Username(String),
    #[error("A password needs {MINIMUM_PASSWORD} to {MAXIMUM_PASSWORD} characters.")]
    PasswordLength,
    #[error("A password must not be the sign-in name, nor hold it.")]
    PasswordHoldsName,
}

/// The least and the most characters of a password. There are no composition rules, since only length helps (NIST SP 800-63B).
pub const MINIMUM_PASSWORD: usize = 8;
pub const MAXIMUM_PASSWORD: usize = 256;

/// The sign-in name in lower case, if it is a name in this domain.
///
/// # Errors
///
/// [`UserFault::Username`] when it is in another domain, empty or too long, or contains a character that names do not have.
pub fn check_username(username: &str, domain: &str) -> Result<String, UserFault> {
    let lower = username.trim().to_lowercase();
    let name = lower.strip_suffix(domain).and_then(|rest| rest.strip_suffix('@')).unwrap_or_default();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '\'' | '!' | '#' | '^' | '~');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        return Err(UserFault::Username(username.chars().take(120).collect()));
    }
    Ok(lower)
}

/// Checks whether a user with this name may have the password.
///
/// # Errors
///
/// [`UserFault`] when it is too short or too long, or contains the user's name.
pub fn check_password(password: &str, username: &str) -> Result<(), UserFault> {
    if !(MINIMUM_PASSWORD..=MAXIMUM_PASSWORD).contains(&password.chars().count()) {
        return Err(UserFault::PasswordLength);
    }
    let name = username.split('@').next().unwrap_or_default().to_lowercase();
    if name.len() > 3 && password.to_lowercase().contains(&name) { Err(UserFault::PasswordHoldsName) } else { Ok(()) }
}

/// The domain of a sign-in name.
pub fn domain_of(username: &str) -> Option<&str> {
    username.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_names_are_of_the_tenants_domain() {
        assert_eq!(check_username(" Ana.B@Contoso.example ", "contoso.example").as_deref(), Ok("ana.b@contoso.example"));
        for wrong in
            ["ana", "@contoso.example", "ana@fabrikam.example", "ana@x.contoso.example", "a b@contoso.example", "a@b@contoso.example"]
        {
            assert!(check_username(wrong, "contoso.example").is_err(), "{wrong}");
        }
    }

    #[test]
    fn passwords_are_long_and_not_the_name() {
        for (password, taken) in [
            ("1234567", false),
            ("12345678", true),
            ("ünïcödé!", true),
            ("my-ANALYST-pass", false),
            (&"x".repeat(256), true),
            (&"x".repeat(257), false),
        ] {
            assert_eq!(check_password(password, "analyst@contoso.example").is_ok(), taken, "{password}");
        }
        assert!(check_password("anagrams", "ana@contoso.example").is_ok(), "a name of three letters is in too many words");
    }
}
