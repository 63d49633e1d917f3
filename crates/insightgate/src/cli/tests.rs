use clap::CommandFactory;

use super::*;

#[test]
fn the_flags_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn a_tenant_of_a_folder_has_an_id_or_a_domain() {
    for command in ["run q", "dataset add a.csv --name A", "dataset import a.csv --name A"] {
        let given = |tenant: &str| Cli::try_parse_from(format!("insightgate {command} --tenant {tenant}").split(' '));
        assert!(given("contoso.example").is_ok() && given("3f1c0000-0000-4000-8000-000000000000").is_ok());
        assert!(given("contoso").unwrap_err().to_string().contains("id or its domain"));
    }
}

#[test]
fn a_tenant_is_shown_where_reports_of_others_are() {
    let given = |line: &str| Cli::try_parse_from(format!("insightgate report {line}").split(' '));
    let knows_it = |command: &str| given(&format!("{command} --help")).unwrap_err().to_string().contains("--tenant");
    assert_eq!(["create", "delete", "list", "show"].map(knows_it), [false, false, true, true]);
    for line in ["list --tenant a.example", "--tenant a.example list", "show Weekly --tenant a.example"] {
        assert!(given(line).is_ok(), "{line}");
    }
}

/// Splits a line into words as a shell would; what follows a pipe, a redirection or `&&` belongs to another command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (character, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('|' | '>' | '&' | '#', None) => break,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Every command that the text shows; lines that end in a backslash are joined.
fn shown_commands(text: &str) -> Vec<Vec<String>> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.trim().trim_start_matches("$ "));
    let own = lines.filter_map(|line| {
        line.find("insightgate ").filter(|start| *start == 0 || line[..*start].ends_with("| ")).map(|start| &line[start..])
    });
    own.map(words).collect()
}

fn must_parse(command: Vec<String>) {
    let shown = command.join(" ");
    // Examples abbreviate ids.
    let whole = command.into_iter().map(|word| word.replace("3f1c…", "3f1c0000-0000-4000-8000-000000000000"));
    if let Err(error) = Cli::try_parse_from(whole) {
        panic!("{shown}: {error}");
    }
}

#[test]
fn every_example_is_a_command() {
    fn walk(command: &clap::Command, seen: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let leaf = command.get_subcommands().next().is_none();
        assert!(!leaf || help.contains("Example"), "{} has no example", command.get_name());
        for example in shown_commands(&help) {
            *seen += 1;
            must_parse(example);
        }
        command.get_subcommands().for_each(|below| walk(below, seen));
    }
    let mut seen = 0;
    walk(&Cli::command(), &mut seen);
    assert!(seen > 40, "{seen}");
}

/// Where a code goes depends on the server.
#[test]
fn commands_that_make_a_code_say_that_it_is_mailed_or_printed() {
    for command in ["enroll", "verify"] {
        let help = Cli::try_parse_from(["insightgate", "tenant", command, "--help"]).unwrap_err().to_string();
        assert!(help.contains("mail") && help.contains("printed"), "{help}");
        let short = Cli::try_parse_from(["insightgate", "tenant", "--help"]).unwrap_err().to_string();
        let line = short.lines().find(|line| line.trim().starts_with(command)).unwrap().to_owned();
        assert!(line.contains("by mail"), "{line}");
    }
}

#[test]
fn the_page_of_the_command_line_shows_commands_that_exist() {
    let page = include_str!("../../../../docs/command-line.md");
    let fences: Vec<&str> = page.split("```").skip(1).step_by(2).filter_map(|fence| fence.strip_prefix("sh\n")).collect();
    let commands: Vec<_> = fences.into_iter().flat_map(shown_commands).collect();
    assert!(commands.len() > 8, "{}", commands.len());
    commands.into_iter().for_each(must_parse);
}

#[test]
fn the_page_of_runs_shows_commands_that_exist() {
    let page = include_str!("../../../../docs/runs.md");
    let fences: Vec<&str> = page.split("```").skip(1).step_by(2).filter_map(|fence| fence.strip_prefix("sh\n")).collect();
    let commands: Vec<_> = fences.into_iter().flat_map(shown_commands).collect();
    assert!(commands.len() > 20, "{}", commands.len());
    commands.into_iter().for_each(must_parse);
}

#[test]
fn the_operators_guide_shows_commands_that_exist() {
    let guide = include_str!("../../../../docs/operating.md");
    let fences: Vec<&str> = guide.split("```").skip(1).step_by(2).filter_map(|fence| fence.strip_prefix("sh\n")).collect();
    let commands: Vec<_> = fences.into_iter().flat_map(shown_commands).collect();
    assert!(commands.len() > 25, "{}", commands.len());
    commands.into_iter().for_each(must_parse);
    for name in [
        "authority",
        "tenant_id",
        "endpoint",
        "program",
        "resource",
        "client_id",
        "client_secret",
        "username",
        "password",
        "ca_certificate",
    ] {
        let variable = format!("INSIGHTGATE_{}", name.to_ascii_uppercase());
        assert!(guide.contains(&format!("| `{name}` | `{variable}` |")) && crate::env_vars::help().contains(&variable), "{name}");
    }
}

/// Every command at the end of a page of the console.
fn helps(folder: &std::path::Path, found: &mut Vec<Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            helps(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for help in text.split("call parts::api(\"").skip(1) {
            let commands = help.split("\", \"").nth(1).unwrap().split("\") %}").next().unwrap().replace("\\\"", "\"");
            found.extend(commands.split("; ").map(words));
        }
    }
}

#[test]
fn the_pages_of_the_console_show_commands_that_exist() {
    let mut found = Vec::new();
    helps(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/templates/console"), &mut found);
    assert!(found.len() > 20, "{}", found.len());
    found.into_iter().for_each(must_parse);
}

/// Every text of a source between backticks that begins with the program's name, without those of tests.
fn hints(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "target" {
            hints(&path, found);
        } else if name.ends_with(".rs") && !name.contains("tests") {
            let text = std::fs::read_to_string(&path).unwrap();
            for quoted in text.split("`insightgate ").skip(1) {
                let hint = quoted.split('`').next().unwrap_or_default().replace("\\\n", " ");
                found.push((path.display().to_string(), hint));
            }
        }
    }
}

#[test]
fn every_hint_names_a_command_that_exists() {
    let mut found = Vec::new();
    hints(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut found);
    assert!(found.len() > 60, "{}", found.len());
    for (file, hint) in found {
        let mut command = Cli::command();
        let global: Vec<String> = command.get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
        for word in hint.split_whitespace().take_while(|word| *word != "|") {
            if let Some(flag) = word.strip_prefix("--") {
                let flag = flag.split(['=', '|']).next().unwrap_or_default();
                let own = command.get_arguments().any(|known| known.get_long() == Some(flag));
                assert!(
                    own || global.iter().any(|known| known == flag) || ["help", "json", "tenant"].contains(&flag),
                    "{file}: {hint}: --{flag}"
                );
            } else if command.has_subcommands() {
                let Some(below) = command.find_subcommand(word).cloned() else { panic!("{file}: {hint}: no command {word}") };
                command = below;
            }
        }
    }
}

#[test]
fn no_flag_takes_a_secret() {
    fn walk(command: &clap::Command) {
        for flag in command.get_arguments().filter_map(clap::Arg::get_long) {
            let secret = flag.contains("password") || flag.contains("secret");
            let harmless = [
                "password-stdin",
                "password-file",
                "no-password",
                "must-change-password",
                "new-operator-secret",
                "client-secret-stdin",
                "client-secret-file",
            ]
            .contains(&flag);
            assert!(!secret || harmless, "{} --{flag}", command.get_name());
        }
        command.get_subcommands().filter(|below| below.get_name() != "demo").for_each(walk);
    }
    walk(&Cli::command());
}

#[test]
fn a_password_has_one_source() {
    let parse = |more: &[&str]| Cli::try_parse_from([["insightgate", "user", "add", "analyst@contoso.example"].as_slice(), more].concat());
    assert!(parse(&["--generate", "--must-change-password", "--tenant", "contoso.example", "--json"]).is_ok());
    for more in [["--generate", "--password-stdin"], ["--no-password", "--generate"], ["--password", "p4ss"]] {
        assert!(parse(&more).is_err(), "{more:?}");
    }
    assert!(Cli::try_parse_from(["insightgate", "tenant", "verify", "contoso.example"]).is_err(), "neither a code nor --new-code");
}
