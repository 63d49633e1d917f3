//! Every environment variable that the program reads, and its meaning. Each setting of the server has one too, which follows from the table of
//! settings (`config.rs`).

/// A variable and its meaning.
#[derive(Debug)]
pub struct EnvVar {
    pub name: &'static str,
    pub about: &'static str,
}

pub const PROFILE: EnvVar = EnvVar { name: "INSIGHTGATE_PROFILE", about: "The profile to use, as --profile names it" };
pub const AUTHORITY: EnvVar =
    EnvVar { name: "INSIGHTGATE_AUTHORITY", about: "Who issues tokens: https://host/tenant, or https://host with the next" };
pub const TENANT_ID: EnvVar = EnvVar { name: "INSIGHTGATE_TENANT_ID", about: "The tenant that signs in: its id or domain" };
pub const ENDPOINT: EnvVar =
    EnvVar { name: "INSIGHTGATE_ENDPOINT", about: "Where the API is: https://host; the authority's own host if not set" };
pub const PROGRAM: EnvVar = EnvVar { name: "INSIGHTGATE_PROGRAM", about: "The partner program: mpn or cmp" };
pub const RESOURCE: EnvVar = EnvVar { name: "INSIGHTGATE_RESOURCE", about: "What tokens for data are for" };
pub const CLIENT_ID: EnvVar = EnvVar { name: "INSIGHTGATE_CLIENT_ID", about: "The application's id" };
pub const CLIENT_SECRET: EnvVar = EnvVar { name: "INSIGHTGATE_CLIENT_SECRET", about: "The application's secret" };
pub const USERNAME: EnvVar =
    EnvVar { name: "INSIGHTGATE_USERNAME", about: "The user's sign-in name; without one the application acts alone" };
pub const PASSWORD: EnvVar = EnvVar { name: "INSIGHTGATE_PASSWORD", about: "The user's password" };
pub const CA_CERTIFICATE: EnvVar =
    EnvVar { name: "INSIGHTGATE_CA_CERTIFICATE", about: "A PEM file of certificates to trust besides the system's" };
pub const TIMEOUT: EnvVar =
    EnvVar { name: "INSIGHTGATE_TIMEOUT", about: "How long to wait for an answer of a server, such as 30s; 2 minutes if not set" };
pub const RETRIES: EnvVar =
    EnvVar { name: "INSIGHTGATE_RETRIES", about: "How often to make a call again, as --retries says; 4 times if not set" };
pub const ENCRYPTION_KEY: EnvVar = EnvVar {
    name: "INSIGHTGATE_ENCRYPTION_KEY",
    about: "The key that secrets in the database are encrypted with, 64 hexadecimal digits; a file in the data folder if not set",
};
pub const OLD_ENCRYPTION_KEYS: EnvVar = EnvVar {
    name: "INSIGHTGATE_OLD_ENCRYPTION_KEYS",
    about: "Keys that were in its place before, separated by commas: what they encrypted is encrypted anew at the start",
};
pub const MAIL_PASSWORD: EnvVar = EnvVar {
    name: "INSIGHTGATE_MAIL_PASSWORD",
    about: "The password that the mail server knows this one by, in place of mail.password_file",
};
pub const SANDBOX_URL: EnvVar =
    EnvVar { name: "INSIGHTGATE_SANDBOX_URL", about: "Where the demo is that `insightgate sandbox` asks, such as http://127.0.0.1:7080" };
pub const LOG: EnvVar = EnvVar { name: "INSIGHTGATE_LOG", about: "What the log says: a level such as info, or a filter" };
pub const XDG_CONFIG_HOME: EnvVar =
    EnvVar { name: "XDG_CONFIG_HOME", about: "The folder of insightgate/profiles.toml; ~/.config if not set" };
pub const XDG_CACHE_HOME: EnvVar =
    EnvVar { name: "XDG_CACHE_HOME", about: "The folder of insightgate/tokens, where tokens are kept; ~/.cache if not set" };
pub const BROWSER: EnvVar =
    EnvVar { name: "BROWSER", about: "The program that opens the page of `insightgate login`; the system's if not set" };
pub const DISPLAY: EnvVar = EnvVar { name: "DISPLAY", about: "The screen that a browser can be opened on" };
pub const WAYLAND_DISPLAY: EnvVar = EnvVar { name: "WAYLAND_DISPLAY", about: "The same" };
pub const NO_COLOR: EnvVar = EnvVar { name: "NO_COLOR", about: "No colours in what goes to a terminal, whatever its value" };
pub const HOME: EnvVar = EnvVar { name: "HOME", about: "Your own folder" };

/// In the order of the help text.
const ALL: [&EnvVar; 23] = [
    &PROFILE,
    &AUTHORITY,
    &TENANT_ID,
    &ENDPOINT,
    &PROGRAM,
    &RESOURCE,
    &CLIENT_ID,
    &CLIENT_SECRET,
    &USERNAME,
    &PASSWORD,
    &CA_CERTIFICATE,
    &TIMEOUT,
    &RETRIES,
    &SANDBOX_URL,
    &ENCRYPTION_KEY,
    &OLD_ENCRYPTION_KEYS,
    &MAIL_PASSWORD,
    &LOG,
    &XDG_CONFIG_HOME,
    &XDG_CACHE_HOME,
    &BROWSER,
    &NO_COLOR,
    &HOME,
];

/// Those that a server reads beside its settings.
pub const OF_SERVERS: [&EnvVar; 4] = [&ENCRYPTION_KEY, &OLD_ENCRYPTION_KEYS, &MAIL_PASSWORD, &LOG];

/// How the names begin that `data.root` may need: those of each store's own documents.
const STORES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// An empty variable counts as not set.
pub fn read(variable: &EnvVar) -> Option<String> {
    std::env::var(variable.name).ok().filter(|value| !value.is_empty())
}

/// The variables for clients of object stores, under the stores' own names, including credentials. An empty one counts as not set.
pub fn of_stores() -> Vec<(String, String)> {
    let set = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    set.filter(|(name, value)| !value.is_empty() && STORES.iter().any(|prefix| name.starts_with(prefix))).collect()
}

const PREFIX: &str = "INSIGHTGATE_";
/// A name is close to another with one slip for so many characters behind the prefix, and never with more than so many.
const SLIP_OF: usize = 3;
const MOST_SLIPS: usize = 3;
/// What Kubernetes sets in every container beside a service that is named insightgate.
const OTHERS: [&str; 2] = ["INSIGHTGATE_PORT", "INSIGHTGATE_SERVICE_"];

/// A warning for each variable that looks like ours but is unknown. `settings`: the variables of the server's settings. It is not a refusal, since a
/// shell may have variables for another version.
pub fn unknown(settings: &[String]) -> Vec<String> {
    let set = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    unknown_of(set, settings)
}

fn unknown_of(set: impl Iterator<Item = String>, settings: &[String]) -> Vec<String> {
    let known: Vec<&str> = ALL.iter().map(|variable| variable.name).chain(settings.iter().map(String::as_str)).collect();
    let mut unknown: Vec<String> = set
        .filter(|name| name.to_ascii_uppercase().starts_with(PREFIX) && !known.contains(&name.as_str()))
        .filter(|name| !OTHERS.iter().any(|other| name.starts_with(other)))
        .collect();
    unknown.sort();
    let told = unknown.into_iter().map(|name| {
        let upper = name.to_ascii_uppercase();
        let own = upper.len().saturating_sub(PREFIX.len());
        let close = |distance: usize| distance <= MOST_SLIPS.min(own / SLIP_OF);
        let nearest = known.iter().map(|known| (distance(&upper, known), *known)).min().filter(|(distance, _)| close(*distance));
        match nearest {
            Some((_, nearest)) => format!("the variable {name} means nothing here; is {nearest} meant?"),
            None => format!("the variable {name} means nothing here; insightgate --help lists those that do"),
        }
    });
    told.collect()
}

/// Characters that are to be changed, added or removed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, from) in one.bytes().enumerate() {
        let mut before = place;
        let mut last = place + 1;
        for (slot, to) in row.iter_mut().skip(1).zip(other.bytes()) {
            let cost = (before + usize::from(from != to)).min(last + 1).min(*slot + 1);
            before = *slot;
            *slot = cost;
            last = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = place + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// For `insightgate --help`.
pub fn help() -> String {
    let width = ALL.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    let lines: Vec<String> = ALL.iter().map(|variable| format!("  {:width$}  {}", variable.name, variable.about)).collect();
    format!(
        "Start with: insightgate demo\n\nEnvironment:\n{}\n  Every setting of the server has one too: server.http is INSIGHTGATE_SERVER_HTTP\n  \
         Object stores are told by AWS_…, AZURE_… and GOOGLE_…: docs/object-stores.md",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_means_nothing_is_told_with_the_nearest() {
        let settings = ["INSIGHTGATE_SERVER_HTTP".to_owned(), "INSIGHTGATE_LOG_LEVEL".to_owned()];
        let told = |name: &str| unknown_of(std::iter::once(name.to_owned()), &settings).pop();
        for known in
            ["INSIGHTGATE_SERVER_HTTP", "INSIGHTGATE_PASSWORD", "HOME", "PATH", "INSIGHTGATE_SERVICE_HOST", "INSIGHTGATE_PORT_7080_TCP"]
        {
            assert_eq!(told(known), None, "{known}");
        }
        assert!(told("INSIGHTGATE_SERVER_HTPP").unwrap().ends_with("is INSIGHTGATE_SERVER_HTTP meant?"));
        assert!(told("INSIGHTGATE_LOGLEVEL").unwrap().ends_with("is INSIGHTGATE_LOG_LEVEL meant?"));
        assert!(told("insightgate_log").unwrap().ends_with("is INSIGHTGATE_LOG meant?"));
        for far in ["INSIGHTGATE_SOMETHING_ELSE_ALTOGETHER", "INSIGHTGATE_FOO", "INSIGHTGATE_X", "INSIGHTGATE_"] {
            assert!(told(far).unwrap().contains("--help"), "{far}");
        }
        assert_eq!((distance("", "abc"), distance("abc", "abc"), distance("kitten", "sitting")), (3, 0, 3));
    }
}
