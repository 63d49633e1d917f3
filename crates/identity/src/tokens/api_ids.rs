//! The ids that the API's application registrations have on the platform. A client may request a token for them instead of the API's address, and an
//! administrator may use them to add a permission.
//!
//! The other resources that a token may be requested for are a setting, which is not known here.

/// The Partner API, which its registration calls Microsoft Dev Center.
pub const PARTNER_API: &str = "4990cffe-04e8-4e8b-808a-1175604b879f";

/// Microsoft Partner Center.
pub const PARTNER_CENTER: &str = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd";

pub const ALL: [&str; 2] = [PARTNER_API, PARTNER_CENTER];

/// Whether the text is an id of the API, in any letter case.
pub fn is_one(text: &str) -> bool {
    ALL.iter().any(|id| id.eq_ignore_ascii_case(text))
}
