//! A request of a browser, before it is known who sends it.

use std::collections::HashMap;

use axum::RequestExt as _;
use axum::body::to_bytes;
use axum::extract::{Path, Request};
use axum::http::{HeaderMap, Method, Uri};
use insightgate_operations::console::caller::Caller;
use insightgate_operations::failure::Failure;

use super::form::Form;
use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::fields::null_in;
use crate::oauth::browser::Browser;
use crate::state::ApiState;

/// The most bytes of a form. The longest holds a query.
const FORM_LIMIT: usize = 256 << 10;

#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) state: ApiState,
    pub(crate) asked: Asked,
    pub(crate) address: ClientAddress,
    pub(crate) browser: Browser,
    pub(crate) uri: Uri,
    /// The form of a POST; for a GET, the fields of the address.
    pub(crate) form: Form,
    method: Method,
    headers: HeaderMap,
    path: HashMap<String, String>,
    /// Whether the form was too large, or did not arrive.
    cut: bool,
}

impl Arrival {
    pub(in crate::console) async fn read(state: ApiState, mut request: Request) -> Arrival {
        let Ok(asked) = request.extract_parts::<Asked>().await;
        let Ok(address) = request.extract_parts_with_state::<ClientAddress, _>(&state).await;
        let path = request.extract_parts::<Path<HashMap<String, String>>>().await.map(|Path(path)| path).unwrap_or_default();
        let (parts, body) = request.into_parts();
        let (form, cut) = match parts.method {
            Method::POST => match to_bytes(body, FORM_LIMIT).await {
                Ok(bytes) => (Form::parse(&bytes), false),
                Err(_) => (Form::default(), true),
            },
            _ => (Form::parse(parts.uri.query().unwrap_or_default().as_bytes()), false),
        };
        let browser = Browser::of(&state, &parts.headers);
        Arrival { state, asked, address, browser, uri: parts.uri, form, method: parts.method, headers: parts.headers, path, cut }
    }

    /// A variable part of the path, decoded; empty if it is not UTF-8, or has a character that no name has.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).filter(|part| !part.contains('\0')).unwrap_or_default()
    }

    pub(in crate::console) fn is_form(&self) -> bool {
        self.method == Method::POST
    }

    /// Whether a script asks for a part of a page.
    pub(crate) fn is_partial(&self) -> bool {
        self.headers.contains_key("hx-request")
    }

    /// The request, as the operations of a sign-in take it.
    pub(in crate::console) fn caller(&self) -> Caller<'_> {
        Caller { base_url: &self.state.base_url, address: self.address.0, correlation: &self.asked.correlation }
    }

    /// Refuses a field that no database need store.
    ///
    /// # Errors
    /// When a field has U+0000 in it.
    pub(in crate::console) fn check_fields(&self) -> Result<(), Failure> {
        match self.form.with_null() {
            Some(name) => Err(Failure::Invalid(null_in(name))),
            None => Ok(()),
        }
    }

    /// Whether a form comes from a page that was sent to this browser: the form's proof or the browser's own word may say that another site sent it.
    ///
    /// # Errors
    /// When the form did not arrive whole.
    pub(in crate::console) fn is_own(&self) -> Result<bool, Failure> {
        if !self.is_form() {
            return Ok(true);
        }
        if self.cut {
            return Err(Failure::Invalid(format!("The form is larger than {} KiB, or did not arrive.", FORM_LIMIT >> 10)));
        }
        let site = self.headers.get("sec-fetch-site").map(|value| value.as_bytes());
        let is_foreign = site.is_some_and(|site| site != b"same-origin" && site != b"none");
        let proof = self.headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).unwrap_or_else(|| self.form.raw("csrf"));
        Ok(!is_foreign && self.browser.owns(Some(proof)))
    }
}
