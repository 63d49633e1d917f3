//! Management of organisations, their users, applications and rights. The caller is an [`administrator::Administrator`].
//!
//! Every change and every refusal leaves one audit event, which names the caller and never contains a secret. The event of a change is written in the
//! transaction of the change (`Administrator::recording`). Refusals that come too fast are counted. If changes come too fast, the administrators of the
//! tenant have to wait.

pub mod administrator;
pub mod applications;
pub mod audit_export;
pub mod audit_log;
pub mod callbacks;
pub mod datasets;
pub mod enrollment;
pub(crate) mod fields;
pub mod keys;
pub mod locations;
mod lookup;
pub mod page;
pub mod removal;
pub mod runs;
pub mod server;
pub mod tenant_page;
pub mod tenants;
pub mod users;

#[cfg(test)]
mod tests {
    /// Methods of the store that take the event as an argument.
    const GIVEN: [&str; 2] = ["context.store.move_enrollment(", "context.store.change_tenant("];

    #[test]
    fn every_change_takes_its_event_along() {
        let files = [
            include_str!("manage/applications.rs"),
            include_str!("manage/callbacks/secrets.rs"),
            include_str!("manage/callbacks.rs"),
            include_str!("manage/applications/consents.rs"),
            include_str!("manage/enrollment/enroll_tenant.rs"),
            include_str!("manage/enrollment/steps.rs"),
            include_str!("manage/users/external_identities.rs"),
            include_str!("manage/keys.rs"),
            include_str!("manage/locations.rs"),
            include_str!("manage/applications/permissions.rs"),
            include_str!("manage/users/roles.rs"),
            include_str!("manage/users/second_factors.rs"),
            include_str!("manage/applications/secrets.rs"),
            include_str!("manage/removal.rs"),
            include_str!("manage/runs.rs"),
            include_str!("manage/runs/executions.rs"),
            include_str!("manage/runs/limits.rs"),
            include_str!("manage/tenants.rs"),
            include_str!("manage/users.rs"),
        ];
        let changes = ["add_", "put_", "set_", "grant_", "revoke_", "remove_", "delete_", "change_", "replay_", "enroll_"];
        for text in files {
            for change in changes {
                for (place, found) in text.match_indices(&format!("context.store.{change}")) {
                    let given = GIVEN.iter().any(|given| text[place..].starts_with(given));
                    assert!(given, "a change whose event is not in its transaction: {found}");
                }
            }
        }
        let recording = files.iter().map(|text| text.matches("recording(").count()).sum::<usize>();
        assert!(recording >= 22, "{recording}");
    }
}
