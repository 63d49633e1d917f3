//! What a token is asked for: `resource` in version 1, `scope` in version 2.

use insightgate_identity::application::Permission;
use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::token::{TokenVersion, same_resource};

use super::TokenRequest;
use crate::context::Context;

/// The scopes that ask for tokens and claims rather than for a resource.
const OPENID: &str = "openid";
const OFFLINE: &str = "offline_access";
const PLAIN: [&str; 4] = [OPENID, OFFLINE, "profile", "email"];
const DEFAULT: &str = ".default";

pub(super) struct Requested {
    /// As the client spells it, which is what the token's audience repeats.
    pub resource: String,
    pub refresh_token: bool,
    pub id_token: bool,
}

impl Requested {
    /// `granted`: the resource of the grant, for a request that names none.
    pub(super) fn read(request: &TokenRequest, granted: Option<&str>) -> Result<Requested, GrantRefusal> {
        let scopes: Vec<&str> = request.scope.as_deref().unwrap_or_default().split_whitespace().collect();
        let id_token = scopes.contains(&OPENID);
        match request.version {
            TokenVersion::V1 => {
                let resource = request.resource.as_deref().or(granted).ok_or_else(|| GrantRefusal::missing_field("resource"))?;
                Ok(Requested { resource: resource.to_owned(), refresh_token: true, id_token })
            }
            TokenVersion::V2 => {
                if request.resource.is_some() {
                    return Err(GrantRefusal::resource_on_v2());
                }
                let resource = match (scope_resource(&scopes)?, granted) {
                    (Some(resource), _) => resource,
                    (None, Some(granted)) => granted.to_owned(),
                    (None, None) if scopes.is_empty() => return Err(GrantRefusal::missing_field("scope")),
                    (None, None) => return Err(GrantRefusal::bad_scope(&scopes.join(" "))),
                };
                // A refresh token is replaced whatever the scope: its client would be left without one.
                Ok(Requested { resource, refresh_token: granted.is_some() || scopes.contains(&OFFLINE), id_token })
            }
        }
    }

    /// For an application alone: version 2 takes only `<resource>/.default`.
    pub(super) fn read_for_application(request: &TokenRequest) -> Result<Requested, GrantRefusal> {
        if request.version == TokenVersion::V2 && request.scope.as_deref().is_some_and(|scope| !scope.trim().ends_with(DEFAULT)) {
            return Err(GrantRefusal::scope_without_default());
        }
        let requested = Requested::read(request, None)?;
        Ok(Requested { refresh_token: false, id_token: false, ..requested })
    }

    pub(super) fn is_management(&self, context: &Context) -> bool {
        same_resource(&context.settings.management_resource, &self.resource)
    }

    /// What an application needs to ask for this on a user's behalf.
    pub(super) fn delegated_permission(&self, context: &Context) -> Option<Permission> {
        match (self.is_insights(context), self.is_management(context)) {
            (true, _) => Some(Permission::PartnerApi),
            (false, true) => Some(Permission::Management),
            (false, false) => None,
        }
    }

    pub(super) fn is_insights(&self, context: &Context) -> bool {
        context.settings.resources.iter().any(|resource| same_resource(resource, &self.resource))
    }
}

/// The part before the last slash of the one resource scope; more than one resource is refused.
fn scope_resource(scopes: &[&str]) -> Result<Option<String>, GrantRefusal> {
    let mut found: Option<&str> = None;
    for scope in scopes.iter().filter(|scope| !PLAIN.contains(scope)) {
        let (resource, _) = scope.rsplit_once('/').ok_or_else(|| GrantRefusal::bad_scope(scope))?;
        if found.is_some_and(|found| !same_resource(found, resource)) {
            return Err(GrantRefusal::bad_scope(&scopes.join(" ")));
        }
        found = Some(resource);
    }
    Ok(found.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: TokenVersion, resource: Option<&str>, scope: Option<&str>) -> Result<Requested, u32> {
        let request =
            TokenRequest { version, resource: resource.map(str::to_owned), scope: scope.map(str::to_owned), ..TokenRequest::default() };
        Requested::read(&request, None).map_err(|refusal| refusal.code)
    }

    #[test]
    fn version_2_reads_the_resource_from_the_scope() {
        let api = "https://api.partnercenter.microsoft.com";
        for scope in [format!("{api}/.default"), format!("{api}/user_impersonation openid"), format!("openid {api}//.default")] {
            let requested = read(TokenVersion::V2, None, Some(&scope)).unwrap_or_else(|code| panic!("{code}"));
            assert!(same_resource(&requested.resource, api), "{scope}");
            assert!(!requested.refresh_token);
        }
        let offline = read(TokenVersion::V2, None, Some(&format!("{api}/.default offline_access openid")));
        assert!(offline.is_ok_and(|requested| requested.refresh_token && requested.id_token));
        assert_eq!(read(TokenVersion::V2, Some(api), None).err(), Some(901002));
        assert_eq!(read(TokenVersion::V2, None, None).err(), Some(900144));
        assert_eq!(read(TokenVersion::V2, None, Some("openid")).err(), Some(70011));
        assert_eq!(read(TokenVersion::V2, None, Some("nonsense")).err(), Some(70011));
        assert_eq!(read(TokenVersion::V2, None, Some("https://a/.default https://b/.default")).err(), Some(70011));
        assert_eq!(read(TokenVersion::V1, None, Some("openid")).err(), Some(900144));
    }
}
