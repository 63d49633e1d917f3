//! The resource that a token is requested for: `resource` in version 1, `scope` in version 2.

use insightgate_identity::application::Permission;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::{TokenVersion, same_resource};

use super::TokenRequest;
use crate::context::Context;

/// The scopes that request tokens and claims rather than a resource.
const OPENID: &str = "openid";
const OFFLINE: &str = "offline_access";
const PLAIN: [&str; 4] = [OPENID, OFFLINE, "profile", "email"];
const DEFAULT: &str = ".default";

pub(crate) struct Requested {
    /// As the client spells it; the token's audience repeats that spelling.
    pub resource: String,
    pub refresh_token: bool,
    pub id_token: bool,
    /// The names of the permissions, as the scope lists them.
    permissions: Vec<String>,
    /// The scopes of version 2 as they were sent, without `offline_access`.
    scopes: Vec<String>,
}

/// What an earlier step of the same sign-in was granted, for a request that does not repeat it.
pub(crate) struct Granted {
    pub resource: String,
    pub openid: bool,
    pub offline: bool,
}

impl Requested {
    pub(crate) fn read(
        version: TokenVersion,
        resource: Option<&str>,
        scope: Option<&str>,
        granted: Option<&Granted>,
    ) -> Result<Requested, GrantRefusal> {
        let scopes: Vec<&str> = scope.unwrap_or_default().split_whitespace().collect();
        let id_token = scopes.contains(&OPENID) || granted.is_some_and(|granted| granted.openid);
        let before = granted.map(|granted| granted.resource.as_str());
        match version {
            TokenVersion::V1 => {
                let resource = resource.or(before).ok_or_else(|| GrantRefusal::missing_field("resource"))?;
                Ok(Requested { resource: resource.to_owned(), refresh_token: true, id_token, permissions: Vec::new(), scopes: Vec::new() })
            }
            TokenVersion::V2 => {
                if resource.is_some() {
                    return Err(GrantRefusal::resource_on_v2());
                }
                let (found, permissions) = scope_resource(&scopes)?;
                let resource = match (found, before) {
                    (Some(resource), _) => resource,
                    (None, Some(before)) => before.to_owned(),
                    (None, None) if scopes.is_empty() => return Err(GrantRefusal::missing_field("scope")),
                    (None, None) => return Err(GrantRefusal::bad_scope(&scopes.join(" "))),
                };
                let refresh_token = scopes.contains(&OFFLINE) || granted.is_some_and(|granted| granted.offline);
                let scopes = scopes.iter().filter(|scope| **scope != OFFLINE).map(|scope| (*scope).to_owned()).collect();
                Ok(Requested { resource, refresh_token, id_token, permissions, scopes })
            }
        }
    }

    /// Reads the request of an application alone. Version 2 accepts only `<resource>/.default`.
    pub(super) fn read_for_application(request: &TokenRequest) -> Result<Requested, GrantRefusal> {
        let scope = request.scope.as_deref();
        if request.version == TokenVersion::V2 && scope.is_some_and(|scope| !scope.trim().ends_with(DEFAULT)) {
            return Err(GrantRefusal::scope_without_default());
        }
        let requested = Requested::read(request.version, request.resource.as_deref(), scope, None)?;
        Ok(Requested { refresh_token: false, id_token: false, ..requested })
    }

    /// The granted permission and the requested scopes, since clients look up their tokens by the scopes that they requested.
    pub(super) fn answered_scope(&self, permission: &str) -> String {
        let mut scopes = vec![format!("{}/{permission}", self.resource.trim_end_matches('/'))];
        scopes.extend(self.scopes.iter().filter(|scope| !scopes.contains(scope)).cloned().collect::<Vec<_>>());
        scopes.join(" ")
    }

    /// The refusal for a permission that the application does not have. It does not confirm the address of the management API to such an application.
    pub(crate) fn not_permitted(&self, permission: Permission) -> GrantRefusal {
        if permission == Permission::PartnerApi {
            GrantRefusal::resource_not_permitted()
        } else {
            GrantRefusal::unknown_resource(&self.resource)
        }
    }

    pub(super) fn is_insights(&self, context: &Context) -> bool {
        context.settings.resources.iter().any(|resource| same_resource(resource, &self.resource))
    }

    pub(super) fn is_management(&self, context: &Context) -> bool {
        same_resource(&self.resource, &context.settings.management_resource)
    }

    /// The permission that an application needs to act for a user on this resource. A scope that names another one is refused.
    pub(crate) fn permission(&self, context: &Context) -> Result<Permission, GrantRefusal> {
        let permission = if self.is_insights(context) {
            Permission::PartnerApi
        } else if self.is_management(context) {
            Permission::Management
        } else {
            return Err(GrantRefusal::unknown_resource(&self.resource));
        };
        let other = self.permissions.iter().find(|name| *name != DEFAULT && !name.eq_ignore_ascii_case(permission.name()));
        other.map_or(Ok(permission), |name| Err(GrantRefusal::bad_scope(&format!("{}/{name}", self.resource.trim_end_matches('/')))))
    }
}

/// The resource of the scopes, which is the part before the last slash, and the names after it. Scopes of more than one resource are refused.
fn scope_resource(scopes: &[&str]) -> Result<(Option<String>, Vec<String>), GrantRefusal> {
    let mut found: Option<&str> = None;
    let mut names = Vec::new();
    for scope in scopes.iter().filter(|scope| !PLAIN.contains(scope)) {
        let (resource, name) = scope.rsplit_once('/').ok_or_else(|| GrantRefusal::bad_scope(scope))?;
        if found.is_some_and(|found| !same_resource(found, resource)) {
            return Err(GrantRefusal::bad_scope(&scopes.join(" ")));
        }
        found = Some(resource);
        names.push(name.to_owned());
    }
    Ok((found.map(str::to_owned), names))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: TokenVersion, resource: Option<&str>, scope: Option<&str>) -> Result<Requested, u32> {
        Requested::read(version, resource, scope, None).map_err(|refusal| refusal.code)
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
