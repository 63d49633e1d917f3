//! `docs/settings.md`: every setting in tables, made from the same table that reads them. A test compares it with the file.

use super::{LIVE, SETTINGS, Setting, issuers, variable};
use crate::env_vars;

const BEGINNING: &str = "# Settings

Every setting of `insightgate serve`. This page is made by `insightgate init --reference`, from the table that reads the settings; it is not written by hand.

A setting stands in the configuration file, or in a variable of the environment, which goes before the file. The example is what
`insightgate init --config -` prints ([insightgate.example.toml](../insightgate.example.toml)). A value in brackets is an example, where a setting has no default.
Unknown keys are refused, and all problems of a file are told together.

Settings that are marked with ↻ hold as soon as the server gets SIGHUP (`systemctl reload`); all others need a restart
([operating.md](operating.md#reading-the-configuration-again)).
";

/// The whole page.
pub fn page() -> String {
    let mut text = BEGINNING.to_owned();
    let mut section = "";
    for Setting { key, about, default, .. } in SETTINGS {
        let (own, name) = key.split_once('.').unwrap_or(("", key));
        if own != section {
            section = own;
            text += &format!("\n## [{section}]\n\n| key | default | what | variable |\n| --- | --- | --- | --- |\n");
        }
        let live = if LIVE.contains(key) { " ↻" } else { "" };
        text += &format!("| `{name}`{live} | {} | {} | `{}` |\n", shown(*default), cell(about), variable(key));
    }
    text += "\n## [[issuer]]\n\nExternal issuers whose tokens are trusted ([external-issuers.md](external-issuers.md)). It is a list, in the file alone. `url` and \
             `audiences` are needed.\n\n| key | example | what |\n| --- | --- | --- |\n";
    for (key, about, example) in issuers::described() {
        text += &format!("| `{key}` | `{}` | {} |\n", cell(example), cell(about));
    }
    text += "\n## Variables without a setting\n\nSecrets never stand in the file.\n\n| variable | what |\n| --- | --- |\n";
    for variable in env_vars::OF_SERVERS {
        text += &format!("| `{}` | {} |\n", variable.name, cell(variable.about));
    }
    text + "| `AWS_…`, `AZURE_…`, `GOOGLE_…` | object stores and their credentials: [object-stores.md](object-stores.md) |\n"
}

fn shown(default: Result<&str, &str>) -> String {
    match default {
        Ok(value) => format!("`{}`", cell(value)),
        Err(example) => format!("(`{}`)", cell(example)),
    }
}

/// A line would end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_the_file_in_the_repository() {
        let committed = include_str!("../../../../docs/settings.md");
        assert_eq!(committed, super::page(), "write it anew: cargo run -p insightgate -- init --reference > docs/settings.md");
    }
}
