//! Texts to begin a program with: a token, and the first call. They hold the ids and addresses of the organisation and the application, and never a secret:
//! what is secret comes from variables of the environment, the names of which are those of the commands.

use askama::Template;
use insightgate_identity::application::Application;
use insightgate_identity::program::Program;

use crate::console::visit::Visit;

/// What the texts are filled in with.
#[derive(Debug, Clone)]
struct Facts {
    /// Where tokens are asked for.
    token_url: String,
    /// The base of the Insights API.
    api: String,
    client_id: String,
    scope: String,
    /// Whether the application has no secret.
    is_public: bool,
}

macro_rules! snippet {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path, escape = "none")]
        struct $name<'a> {
            facts: &'a Facts,
        }
    };
}

snippet!(Curl, "console/applications/snippets/curl.txt");
snippet!(Python, "console/applications/snippets/python.txt");
snippet!(PowerShell, "console/applications/snippets/powershell.txt");
snippet!(CSharp, "console/applications/snippets/csharp.txt");

pub(super) struct Snippet {
    /// The id of its element.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: String,
}

pub(super) struct Snippets {
    pub(super) all: Vec<Snippet>,
    pub(super) tenant_id: String,
    pub(super) base_url: String,
    pub(super) scope: String,
}

impl Snippets {
    pub(super) fn of(visit: &Visit, application: &Application) -> Snippets {
        let base_url = visit.arrival.state.base_url.to_string();
        let resource = visit.context().settings.resources.first().map(String::as_str).unwrap_or_default();
        let facts = Facts {
            token_url: format!("{base_url}/{}/oauth2/v2.0/token", application.tenant),
            api: format!("{base_url}/insights/v1/{}", program(visit, application)),
            client_id: application.id.to_string(),
            scope: format!("{resource}/.default"),
            is_public: application.public,
        };
        Snippets { all: texts(&facts), tenant_id: application.tenant.to_string(), base_url, scope: facts.scope }
    }
}

/// The program that the organisation is in; of several the partner network.
fn program(visit: &Visit, application: &Application) -> Program {
    let principal = visit.principal();
    let is_own = principal.tenant.id == application.tenant;
    principal.enrollments.iter().filter(|_| is_own).map(|enrollment| enrollment.program).min().unwrap_or(Program::Mpn)
}

fn texts(facts: &Facts) -> Vec<Snippet> {
    let written = |id, title, text: Result<String, askama::Error>| match text {
        Ok(text) => Some(Snippet { id, title, text }),
        Err(error) => {
            tracing::error!(%error, id, "a snippet could not be written");
            None
        }
    };
    [
        written("snippet-curl", "curl", Curl { facts }.render()),
        written("snippet-python", "Python", Python { facts }.render()),
        written("snippet-powershell", "PowerShell", PowerShell { facts }.render()),
        written("snippet-csharp", "C#", CSharp { facts }.render()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(is_public: bool) -> Facts {
        Facts {
            token_url: "https://insights.example/0000-tenant/oauth2/v2.0/token".to_owned(),
            api: "https://insights.example/insights/v1/mpn".to_owned(),
            client_id: "0000-client".to_owned(),
            scope: "https://api.partnercenter.microsoft.com/.default".to_owned(),
            is_public,
        }
    }

    #[test]
    fn every_text_has_the_ids_and_leaves_what_is_secret_to_the_environment() {
        for is_public in [false, true] {
            let facts = facts(is_public);
            let texts = texts(&facts);
            assert_eq!(texts.len(), 4);
            for Snippet { id, text, .. } in texts {
                // What docs/api.md says that the form and the call hold.
                for part in [&facts.token_url, &facts.client_id, &facts.scope] {
                    assert_eq!(text.matches(part.as_str()).count(), 1, "{id}: {part} in {text}");
                }
                for part in [facts.api.as_str(), "/ScheduledDataset", "grant_type", "password", "Bearer", "access_token", "datasetName"] {
                    assert!(text.contains(part) || (id == "snippet-curl" && part == "datasetName"), "{id}: {part} in {text}");
                }
                assert!(text.contains("INSIGHTGATE_USERNAME") && text.contains("INSIGHTGATE_PASSWORD"), "{id}: {text}");
                assert_eq!(text.contains("INSIGHTGATE_CLIENT_SECRET"), !is_public, "{id}: {text}");
                assert_eq!(text.contains("client_secret"), !is_public, "{id}: {text}");
                assert!(text.lines().all(|line| line.len() <= 130 && line.trim_end() == line), "{id}: {text}");
                assert!(!text.contains("\n\n\n"), "{id}: {text}");
            }
        }
    }
}
