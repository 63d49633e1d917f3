//! A browser without JavaScript: it keeps cookies, and sends the forms of the pages that it was shown.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::tests::harness::*;

pub(crate) struct Browser<'a> {
    deployment: &'a Deployment,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Where it calls from; `None` is within the process.
    pub(crate) address: Option<IpAddr>,
}

/// A page, or a redirection.
pub(crate) struct Shown {
    pub(crate) answer: Answer,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(deployment: &'a Deployment) -> Browser<'a> {
        Browser { deployment, cookies: BTreeMap::new(), address: None }
    }

    pub(crate) async fn open(&mut self, uri: &str) -> Shown {
        self.send(Request::get(uri), Body::empty()).await
    }

    /// Sends the form of the page that has the button of that step, with the values that a person types.
    pub(crate) async fn submit(&mut self, page: &Shown, step: &str, typed: &[(&str, &str)]) -> Shown {
        let text = page.answer.text();
        let form = text.split("<form ").skip(1).find(|form| step.is_empty() || form.contains(&format!("value=\"{step}\"")));
        let form = form.unwrap_or_else(|| panic!("no form has the step {step}: {text}")).split("</form>").next().unwrap().to_owned();
        let action = attribute(&form, "action").unwrap();
        let mut fields = Serializer::new(String::new());
        for input in form.split("<input ").skip(1).map(|input| input.split('>').next().unwrap()) {
            let name = attribute(input, "name").unwrap();
            match typed.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => fields.append_pair(&name, value),
                None => fields.append_pair(&name, &attribute(input, "value").unwrap_or_default()),
            };
        }
        if !step.is_empty() {
            fields.append_pair("step", step);
        }
        let request = Request::post(action).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(fields.finish())).await
    }

    pub(crate) async fn send(&mut self, request: axum::http::request::Builder, body: Body) -> Shown {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = request.header(header::COOKIE, cookies.join("; ")).body(body).unwrap();
        if let Some(address) = self.address {
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 1))));
        }
        let answer = self.deployment.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let flags: Vec<&str> = parts.collect();
            for flag in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
                assert!(flags.contains(&flag), "{cookie}");
            }
            assert!(name.starts_with("__Host-"), "{cookie}");
            if flags.contains(&"Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Shown { answer }
    }

    /// Sends the form of the page whose action ends so, with the values that a person types.
    pub(crate) async fn submit_to(&mut self, page: &Shown, action: &str, typed: &[(&str, &str)]) -> Shown {
        let text = page.answer.text();
        let is_it = |form: &&str| form.contains("name=\"csrf\"") && attribute(form, "action").is_some_and(|known| known.ends_with(action));
        let form = text.split("<form ").skip(1).find(is_it);
        let form = form.unwrap_or_else(|| panic!("no form has the action {action}: {text}")).split("</form>").next().unwrap();
        let mut fields = Serializer::new(String::new());
        let hidden = form.split("<input ").skip(1).map(|input| input.split('>').next().unwrap()).filter(|input| input.contains("hidden"));
        for input in hidden {
            let name = attribute(input, "name").unwrap();
            if !typed.iter().any(|(known, _)| *known == name) {
                fields.append_pair(&name, &attribute(input, "value").unwrap_or_default());
            }
        }
        fields.extend_pairs(typed);
        let request = Request::post(attribute(form, "action").unwrap()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request, Body::from(fields.finish())).await
    }

    /// The proof of the console's forms for this browser.
    pub(crate) async fn proof(&mut self) -> String {
        let start = self.open("/").await;
        attribute(start.answer.text().split("name=\"csrf\" ").nth(1).unwrap(), "value").unwrap()
    }

    /// Signs in as a person who knows the password and has no second factor.
    pub(crate) async fn sign_in(&mut self, page: &Shown, username: &str, password: &str) -> Shown {
        self.submit(page, "password", &[("username", username), ("password", password)]).await
    }
}

impl Shown {
    pub(crate) fn title(&self) -> String {
        let text = self.answer.text();
        let heading = text.split("<h1>").nth(1).unwrap_or_else(|| panic!("no heading: {} {text}", self.answer.status));
        plain(heading.split("</h1>").next().unwrap())
    }

    pub(crate) fn fault(&self) -> String {
        let text = self.answer.text();
        let fault = text.split("class=\"fault\"").nth(1).unwrap_or_else(|| panic!("no fault: {text}"));
        plain(fault.split_once('>').unwrap().1.split("</p>").next().unwrap())
    }

    /// The parameters with which the browser is sent back, in the query or the fragment.
    pub(crate) fn returned(&self) -> Returned {
        assert_eq!(self.answer.status, 303, "{}", self.answer.text());
        let location = Url::parse(self.answer.header("location")).unwrap();
        let fields = location.query().or(location.fragment()).unwrap_or_default().to_owned();
        let to = self.answer.header("location").split(['?', '#']).next().unwrap().to_owned();
        Returned { to, fields: url::form_urlencoded::parse(fields.as_bytes()).into_owned().collect() }
    }
}

pub(crate) struct Returned {
    pub(crate) to: String,
    pub(crate) fields: BTreeMap<String, String>,
}

impl Returned {
    pub(crate) fn code(&self) -> &str {
        self.fields.get("code").unwrap_or_else(|| panic!("{:?}", self.fields))
    }

    /// The error and its number.
    pub(crate) fn refused(&self) -> (&str, u64) {
        assert!(!self.fields.contains_key("code"), "{:?}", self.fields);
        let description = &self.fields["error_description"];
        let number = description.strip_prefix("AADSTS").unwrap().split(':').next().unwrap().parse().unwrap();
        (&self.fields["error"], number)
    }
}

pub(crate) fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    Some(plain(tag[start..].split('"').next().unwrap()))
}

pub(crate) fn plain(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
        text = text.replace(entity, character);
    }
    text
}
