//! Names where an id is asked for: by the id, or else by the one thing of that name. Both ignore case, as the API does.

use insightgate_client::{Answer, Client, ClientError, Query, QueryFilter, Report, ReportFilter};

use crate::command_error::CommandError;

/// What is looked for: its word, its plural, the command that lists it, and its id and name.
pub struct Kind<T> {
    pub word: &'static str,
    pub plural: &'static str,
    pub list: &'static str,
    pub id: fn(&T) -> &str,
    pub name: fn(&T) -> &str,
}

const QUERIES: Kind<Query> = Kind {
    word: "query",
    plural: "queries",
    list: "insightgate query list",
    id: |query| query.query_id.as_str(),
    name: |query| query.name.as_str(),
};

const REPORTS: Kind<Report> = Kind {
    word: "report",
    plural: "reports",
    list: "insightgate report list",
    id: |report| report.report_id.as_str(),
    name: |report| report.report_name.as_str(),
};

/// A saved query, the caller's own or the system's.
pub async fn query(client: &Client, named: &str) -> Result<Query, CommandError> {
    let all = or_none(client.queries(&QueryFilter::default()).await)?;
    one(&QUERIES, &all, named).cloned()
}

pub async fn report(client: &Client, named: &str) -> Result<Report, CommandError> {
    let all = or_none(client.reports(&ReportFilter::default()).await)?;
    one(&REPORTS, &all, named).cloned()
}

/// The items of a list, which the API refuses with 404 where there are none.
pub fn or_none<T>(listed: Result<Answer<T>, ClientError>) -> Result<Vec<T>, ClientError> {
    match listed {
        Ok(answer) => Ok(answer.envelope.value),
        Err(ClientError::Refused(refusal)) if refusal.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub fn one<'a, T>(kind: &Kind<T>, all: &'a [T], named: &str) -> Result<&'a T, CommandError> {
    let same = |text: &str| text.to_lowercase() == named.trim().to_lowercase();
    if let Some(found) = all.iter().find(|item| same((kind.id)(item))) {
        return Ok(found);
    }
    let Kind { word, plural, list, .. } = kind;
    let mut found = all.iter().filter(|item| same((kind.name)(item)));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            Err(CommandError::usage(format!("several {plural} are called '{named}'"))
                .hint(format!("name it by its id: `{list}` shows them")))
        }
        _ => Err(CommandError::not_found(format!("there is no {word} '{named}'")).hint(format!("`{list}` shows what there is"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: Kind<(&str, &str)> = Kind { word: "pair", plural: "pairs", list: "list", id: |pair| pair.0, name: |pair| pair.1 };

    #[test]
    fn an_id_goes_before_a_name_and_a_name_has_to_be_of_one() {
        let all = [("a1", "Seats"), ("b2", "Revenue"), ("c3", "revenue"), ("d4", "A1")];
        assert_eq!(one(&PAIRS, &all, " A1 ").unwrap(), &all[0]);
        assert_eq!(one(&PAIRS, &all, "seats").unwrap(), &all[0]);
        let several = one(&PAIRS, &all, "Revenue").unwrap_err();
        assert_eq!((several.code, several.message.as_str()), (2, "several pairs are called 'Revenue'"));
        let none = one(&PAIRS, &all, "Users").unwrap_err();
        assert_eq!((none.code, none.message.as_str()), (4, "there is no pair 'Users'"));
    }
}
