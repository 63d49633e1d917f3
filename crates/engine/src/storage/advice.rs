//! What an operator can do about a fault of a store: which setting is missing, which permission, which place.
//!
//! The texts name variables and permissions, and never a value.

use object_store::ObjectStoreScheme;

use crate::storage::store_fault::{FaultKind, StoreFault};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The settings are read; nothing is asked of the store.
    Open,
    List,
    Write,
    Read,
    /// A part of an object.
    ReadRange,
    Remove,
}

impl Step {
    /// The name that programs see.
    pub fn name(self) -> &'static str {
        match self {
            Step::Open => "open",
            Step::List => "list",
            Step::Write => "write",
            Step::Read => "read",
            Step::ReadRange => "readRange",
            Step::Remove => "remove",
        }
    }
}

/// Advice about a store of this kind; `container` is the bucket's or container's name.
pub(crate) fn advice(scheme: &ObjectStoreScheme, container: &str, step: Step, fault: &StoreFault) -> Option<String> {
    if fault.has_no_credentials() {
        return Some(format!("no credentials are set, and this machine has none of its own: {}", credentials(scheme)?));
    }
    let text = fault.to_string();
    if text.contains("URL scheme is not allowed") {
        return Some(format!("the address of the store is one without TLS: set {}=true to allow that", allow_http(scheme)?));
    }
    match (fault.kind(), fault.code()) {
        (FaultKind::Other, _) if step == Step::Open => settings(scheme, &text),
        (FaultKind::Missing, _) => Some(format!("make the {} '{container}', or name another one in the address", kind_of_place(scheme)?)),
        (FaultKind::Refused, Some("SignatureDoesNotMatch" | "AuthenticationFailed" | "InvalidAuthenticationInfo")) => {
            Some(format!("the key is not the store's, or this machine's clock is wrong: {}", credentials(scheme)?))
        }
        (FaultKind::Refused, Some("InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken")) => {
            Some(format!("the store does not know the key, or it has expired: {}", credentials(scheme)?))
        }
        (FaultKind::Refused, Some("AuthorizationFailure")) => {
            Some(format!("the key is not the account's, or its firewall does not let this machine in: {}", credentials(scheme)?))
        }
        (FaultKind::Refused, _) => Some(format!("the credentials lack a permission: {}", permission(scheme, step)?)),
        (FaultKind::Unreachable, Some("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")) => {
            Some("the bucket is in another region: set AWS_REGION".to_owned())
        }
        (FaultKind::Unreachable, _) => Some(format!("check the address, and that it can be reached from here: {}", endpoint(scheme)?)),
        (FaultKind::StorageFull | FaultKind::Unsupported | FaultKind::Other, _) => None,
    }
}

fn kind_of_place(scheme: &ObjectStoreScheme) -> Option<&'static str> {
    match scheme {
        ObjectStoreScheme::AmazonS3 | ObjectStoreScheme::GoogleCloudStorage => Some("bucket"),
        ObjectStoreScheme::MicrosoftAzure => Some("container"),
        _ => None,
    }
}

fn credentials(scheme: &ObjectStoreScheme) -> Option<&'static str> {
    match scheme {
        ObjectStoreScheme::AmazonS3 => Some("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN for a temporary key"),
        ObjectStoreScheme::MicrosoftAzure => Some(
            "set AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or AZURE_STORAGE_CLIENT_ID, AZURE_STORAGE_CLIENT_SECRET and \
             AZURE_STORAGE_TENANT_ID",
        ),
        ObjectStoreScheme::GoogleCloudStorage => Some("set GOOGLE_SERVICE_ACCOUNT to the file of a service account's key"),
        _ => None,
    }
}

fn allow_http(scheme: &ObjectStoreScheme) -> Option<&'static str> {
    match scheme {
        ObjectStoreScheme::AmazonS3 => Some("AWS_ALLOW_HTTP"),
        ObjectStoreScheme::MicrosoftAzure => Some("AZURE_ALLOW_HTTP"),
        ObjectStoreScheme::GoogleCloudStorage => Some("GOOGLE_ALLOW_HTTP"),
        _ => None,
    }
}

fn endpoint(scheme: &ObjectStoreScheme) -> Option<&'static str> {
    match scheme {
        ObjectStoreScheme::AmazonS3 => Some("AWS_REGION for Amazon's own, AWS_ENDPOINT_URL for any other store"),
        ObjectStoreScheme::MicrosoftAzure => Some("AZURE_STORAGE_ACCOUNT_NAME for Microsoft's own, AZURE_STORAGE_ENDPOINT for any other"),
        ObjectStoreScheme::GoogleCloudStorage => Some("GOOGLE_BASE_URL names another than Google's own"),
        _ => None,
    }
}

/// For settings with which no store can be opened.
fn settings(scheme: &ObjectStoreScheme, text: &str) -> Option<String> {
    let found = match scheme {
        ObjectStoreScheme::MicrosoftAzure if text.contains("Account must be specified") => {
            "set AZURE_STORAGE_ACCOUNT_NAME, or name the account in the address: abfss://container@account.dfs.core.windows.net/prefix"
        }
        ObjectStoreScheme::MicrosoftAzure if text.contains("decode") || text.contains("Base64") || text.contains("base64") => {
            "AZURE_STORAGE_ACCOUNT_KEY should be Base64, as the portal shows it under Access keys"
        }
        ObjectStoreScheme::MicrosoftAzure => "check the variables that begin with AZURE_",
        ObjectStoreScheme::AmazonS3 => "check the variables that begin with AWS_",
        ObjectStoreScheme::GoogleCloudStorage => {
            "GOOGLE_SERVICE_ACCOUNT should name a file of JSON, as Google makes it for a service account's key, which this user may read"
        }
        _ => return None,
    };
    Some(found.to_owned())
}

/// The permission that a step needs.
fn permission(scheme: &ObjectStoreScheme, step: Step) -> Option<&'static str> {
    Some(match (scheme, step) {
        (_, Step::Open) => return None,
        (ObjectStoreScheme::AmazonS3, Step::List) => "s3:ListBucket on the bucket",
        (ObjectStoreScheme::AmazonS3, Step::Write) => "s3:PutObject (and s3:AbortMultipartUpload) on the objects below the prefix",
        (ObjectStoreScheme::AmazonS3, Step::Read | Step::ReadRange) => "s3:GetObject on the objects below the prefix",
        (ObjectStoreScheme::AmazonS3, Step::Remove) => "s3:DeleteObject on the objects below the prefix",
        (ObjectStoreScheme::MicrosoftAzure, Step::List | Step::Read | Step::ReadRange) => {
            "the role Storage Blob Data Reader on the container, or list and read in the shared access signature"
        }
        (ObjectStoreScheme::MicrosoftAzure, Step::Write | Step::Remove) => {
            "the role Storage Blob Data Contributor on the container, or create, write and delete in the shared access signature"
        }
        (ObjectStoreScheme::GoogleCloudStorage, Step::List) => "storage.objects.list on the bucket (the role Storage Object Viewer)",
        (ObjectStoreScheme::GoogleCloudStorage, Step::Read | Step::ReadRange) => {
            "storage.objects.get on the bucket (the role Storage Object Viewer)"
        }
        (ObjectStoreScheme::GoogleCloudStorage, Step::Write) => "storage.objects.create on the bucket (the role Storage Object User)",
        (ObjectStoreScheme::GoogleCloudStorage, Step::Remove) => "storage.objects.delete on the bucket (the role Storage Object User)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [ObjectStoreScheme; 3] =
        [ObjectStoreScheme::AmazonS3, ObjectStoreScheme::MicrosoftAzure, ObjectStoreScheme::GoogleCloudStorage];

    /// As the library words an answer of a store.
    fn answered(status: &str, code: &str) -> StoreFault {
        let text = format!(
            "Error performing PUT https://store.example/b/o in 1ms - Server returned non-2xx status code: {status}: <Error><Code>{code}</Code></Error>"
        );
        StoreFault::of(&object_store::Error::Generic { store: "store", source: text.into() })
    }

    #[test]
    fn each_step_that_is_refused_names_its_permission() {
        for scheme in SCHEMES {
            let mut told = Vec::new();
            for step in [Step::List, Step::Write, Step::Read, Step::ReadRange, Step::Remove] {
                let advice = advice(&scheme, "b", step, &answered("403 Forbidden", "AccessDenied")).unwrap();
                assert!(advice.starts_with("the credentials lack a permission: "), "{advice}");
                told.push(advice);
            }
            // To write is never the permission to read.
            assert_ne!(told[1], told[2], "{scheme:?}");
        }
    }

    #[test]
    fn an_answer_of_the_store_leads_to_the_setting_or_the_place() {
        for (status, code, expected) in [
            ("403 Forbidden", "SignatureDoesNotMatch", "the key is not the store's"),
            ("403 Forbidden", "AuthenticationFailed", "the key is not the store's"),
            ("403 Forbidden", "AuthorizationFailure", "its firewall"),
            ("403 Forbidden", "InvalidAccessKeyId", "does not know the key"),
            ("404 Not Found", "NoSuchBucket", "'b'"),
            ("404 Not Found", "ContainerNotFound", "'b'"),
            ("301 Moved Permanently", "PermanentRedirect", "AWS_REGION"),
            ("500 Internal Server Error", "InternalError", "check the address"),
        ] {
            for scheme in SCHEMES {
                let advice = advice(&scheme, "b", Step::List, &answered(status, code)).unwrap();
                assert!(advice.contains(expected), "{code}: {advice}");
                assert!(!advice.contains("store.example"), "the text names settings, and no value: {advice}");
            }
        }
    }
}
