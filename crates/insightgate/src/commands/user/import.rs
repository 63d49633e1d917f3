//! `insightgate user import`: many users from a CSV file. Each row is answered, and a row that is done already changes nothing, so that a file can be
//! given again after its errors are corrected.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use csv::{ReaderBuilder, StringRecord, Trim};
use insightgate_client::manage::{NewRoleAssignment, NewUser, Secret};
use insightgate_identity::role::Role;
use insightgate_identity::user::{check_password, check_username};
use insightgate_operations::random::Random;
use serde_json::{Value, json};

use crate::command_error::CommandError;
use crate::files::{fault, no_named_pipe, read_private};
use crate::session::{Output, Session};
use crate::terminal::table::Table;
use crate::terminal::words::counted;
use crate::terminal::{print, print_json};

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// A CSV file in UTF-8 with a line of names: username, and if needed displayName, password, mustChangePassword, role, locations (separated by ;)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Make a password for each new user without one, and print it once; without this they have none, and sign in elsewhere
    #[arg(long)]
    generate: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Bytes of a file: far more than a tenant has users.
const LARGEST: u64 = 16 << 20;

const COLUMNS: [&str; 6] = ["username", "displayName", "password", "mustChangePassword", "role", "locations"];

/// A line of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Line {
    number: u64,
    username: String,
    display_name: Option<String>,
    password: Option<String>,
    must_change: bool,
    role: Option<(Role, Option<Vec<String>>)>,
}

impl Line {
    /// Those that its role is limited to.
    fn locations(&self) -> &[String] {
        self.role.as_ref().and_then(|(_, locations)| locations.as_deref()).unwrap_or_default()
    }
}

/// What became of a line.
struct Answer {
    line: u64,
    username: String,
    outcome: &'static str,
    detail: String,
    /// The one that was made.
    password: Option<String>,
}

/// A pipe or a device says no size, so that the bytes are counted as they are read.
fn text_of(file: &Path) -> Result<String, CommandError> {
    no_named_pipe(file)?;
    let mut text = String::new();
    let read = File::open(file).and_then(|opened| opened.take(LARGEST + 1).read_to_string(&mut text));
    if read.map_err(|error| fault(file, &error))? as u64 > LARGEST {
        return Err(CommandError::usage(format!("{} is larger than {} MiB", file.display(), LARGEST >> 20)));
    }
    Ok(text)
}

pub async fn run(session: &Session, output: Output, tenant: &str, arguments: ImportArguments) -> Result<(), CommandError> {
    let ImportArguments { file, generate, dry_run } = arguments;
    let text = text_of(&file)?;
    let domain = session.client.tenant(tenant).await?.domain;
    let lines = read(&text, &domain).map_err(CommandError::usage)?;
    if lines.iter().any(|line| line.as_ref().is_ok_and(|line| line.password.is_some())) {
        // Refuses a file with passwords that others may read.
        read_private(&file)?;
    }
    let (users, roles) = (session.client.users(tenant).await?.value, session.client.role_assignments(tenant).await?.value);
    let users: HashMap<String, String> = users.into_iter().map(|user| (user.username.to_lowercase(), user.id)).collect();
    let roles: HashSet<(String, String, Option<Vec<String>>)> =
        roles.into_iter().map(|held| (held.assignee, held.role, held.locations.map(sorted))).collect();
    let named = lines.iter().flatten().any(|line| !line.locations().is_empty());
    let locations = if named { session.client.locations(tenant).await?.value } else { Vec::new() };
    let locations: HashSet<&str> = locations.iter().map(|location| location.mpn_id.as_str()).collect();
    let mut answers = Vec::with_capacity(lines.len());
    for line in lines {
        let line = match line {
            Ok(line) => line,
            Err((number, username, detail)) => {
                answers.push(Answer { line: number, username, outcome: "refused", detail, password: None });
                continue;
            }
        };
        // Before anything is done, so that a try without changes says the same.
        if let Some(unknown) = line.locations().iter().find(|id| !locations.contains(id.as_str())) {
            answers.push(answer(&line, "refused", &format!("the organisation has no location '{unknown}'")));
            continue;
        }
        let known = users.get(&line.username);
        let held = |id: &String| match &line.role {
            None => true,
            Some((role, locations)) => roles.contains(&(id.clone(), role.id().to_owned(), locations.clone().map(sorted))),
        };
        let needs = (known.is_none(), !known.is_some_and(held) && line.role.is_some());
        answers.push(match needs {
            (false, false) => answer(&line, "unchanged", ""),
            (true, _) if dry_run => answer(&line, "would be added", ""),
            (false, true) if dry_run => answer(&line, "would get the role", ""),
            needs => carry_out(session, tenant, &line, needs, generate).await,
        });
    }
    show(output, &answers)
}

fn answer(line: &Line, outcome: &'static str, detail: &str) -> Answer {
    Answer { line: line.number, username: line.username.clone(), outcome, detail: detail.to_owned(), password: None }
}

/// Adds the user, and the role.
async fn carry_out(session: &Session, tenant: &str, line: &Line, (user, role): (bool, bool), generate: bool) -> Answer {
    let mut made = None;
    if user {
        let mut password = line.password.clone();
        if password.is_none() && generate {
            made = Random::default().secret().ok();
            password.clone_from(&made);
        }
        let new = NewUser {
            username: Some(line.username.clone()),
            display_name: line.display_name.clone(),
            must_change_password: password.is_some() && (line.must_change || made.is_some()),
            password: password.map(Secret),
            id: None,
        };
        if let Err(error) = session.client.add_user(tenant, &new).await {
            return answer(line, "refused", &error.to_string());
        }
    }
    let outcome = if user { "added" } else { "got the role" };
    if let (true, Some((role, locations))) = (role, &line.role) {
        let new =
            NewRoleAssignment { assignee: Some(line.username.clone()), role: Some(role.id().to_owned()), locations: locations.clone() };
        if let Err(error) = session.client.assign_role(tenant, &new).await {
            let told = if user { format!("the user was added, the role was not: {error}") } else { error.to_string() };
            return Answer { password: made, ..answer(line, "refused", &told) };
        }
    }
    Answer { password: made, ..answer(line, outcome, "") }
}

fn show(output: Output, answers: &[Answer]) -> Result<(), CommandError> {
    let refused = answers.iter().filter(|answer| answer.outcome == "refused").count();
    if output.json {
        let shown: Vec<Value> = answers
            .iter()
            .map(|Answer { line, username, outcome, detail, password }| {
                let mut shown = json!({"line": line, "username": username, "outcome": outcome, "detail": detail});
                if let (Value::Object(fields), Some(password)) = (&mut shown, password) {
                    fields.insert("generatedPassword".to_owned(), json!(password));
                }
                shown
            })
            .collect();
        print_json(&json!({"value": shown, "refused": refused}))?;
    } else {
        let mut table = Table::new(&["line", "username", "outcome", "password", "detail"]);
        for Answer { line, username, outcome, detail, password } in answers {
            table.row([&line.to_string(), username, *outcome, password.as_deref().unwrap_or_default(), detail]);
        }
        print(&table.text())?;
    }
    match refused {
        0 => Ok(()),
        refused => Err(CommandError::failed(format!("{} refused", counted(refused as u64, "row")))
            .hint("correct them and give the file again: what is done stays as it is")),
    }
}

fn sorted(mut locations: Vec<String>) -> Vec<String> {
    locations.sort_unstable();
    locations
}

type Refused = (u64, String, String);

/// Each line, or its number, name and fault. An error is about the whole file.
fn read(text: &str, domain: &str) -> Result<Vec<Result<Line, Refused>>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| format!("the line of names cannot be read: {error}"))?.clone();
    let mut places: HashMap<&'static str, usize> = HashMap::new();
    for (place, name) in names.iter().enumerate() {
        let known = COLUMNS.iter().find(|known| known.eq_ignore_ascii_case(name));
        let known = known.ok_or_else(|| format!("line 1: there is no column '{name}'; it should be one of {}", COLUMNS.join(", ")))?;
        if places.insert(known, place).is_some() {
            return Err(format!("line 1: the column {known} is there twice"));
        }
    }
    if !places.contains_key("username") {
        return Err("line 1: the column username is missing".to_owned());
    }
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!("it is no CSV: {error}"))?;
        let number = record.position().map_or(0, csv::Position::line);
        let field = |name: &str| places.get(name).and_then(|place| record.get(*place)).filter(|text| !text.is_empty());
        let named = field("username").unwrap_or_default().to_owned();
        let checked = line(number, &record, names.len(), field, domain);
        let checked = checked.and_then(|line| match seen.insert(line.username.clone()) {
            true => Ok(line),
            false => Err("the user is in the file before".to_owned()),
        });
        lines.push(checked.map_err(|fault| (number, named, fault)));
    }
    Ok(lines)
}

fn line<'r>(
    number: u64,
    record: &StringRecord,
    width: usize,
    field: impl Fn(&str) -> Option<&'r str>,
    domain: &str,
) -> Result<Line, String> {
    if record.len() != width {
        return Err(format!("it has {} instead of {width}", counted(record.len() as u64, "field")));
    }
    let username = check_username(field("username").unwrap_or_default(), domain).map_err(|fault| fault.to_string())?;
    let password = field("password").map(str::to_owned);
    if let Some(password) = &password {
        check_password(password, &username).map_err(|fault| fault.to_string())?;
    }
    let must_change = match field("mustChangePassword").map(str::to_ascii_lowercase).as_deref() {
        None | Some("false" | "no" | "0") => false,
        Some("true" | "yes" | "1") => true,
        Some(other) => return Err(format!("mustChangePassword should be true or false, but is '{other}'")),
    };
    let locations: Option<Vec<String>> =
        field("locations").map(|text| text.split(';').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect());
    let role = match (field("role"), locations) {
        (None, None) => None,
        (None, Some(_)) => return Err("locations belong to a role, and there is none".to_owned()),
        (Some(role), locations) => {
            let known = || Role::ALL.iter().map(|role| role.id()).collect::<Vec<_>>().join(", ");
            let role =
                Role::from_id(&role.to_lowercase()).ok_or_else(|| format!("'{role}' is no role; it should be one of {}", known()))?;
            Some((role, locations))
        }
    };
    Ok(Line { number, username, display_name: field("displayName").map(str::to_owned), password, must_change, role })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOMAIN: &str = "contoso.example";

    #[test]
    fn each_line_is_read_or_refused_with_its_number() {
        let text = "\u{feff}Username,displayname,role,Locations,password\n\
            ADA@contoso.example, Ada Lovelace ,report_viewer,6096123; 6096124,\n\
            bob@fabrikam.example,,,,\n\
            \"cid@contoso.example\",\"Cid,\nof two lines\",executive_report_viewer,,\n\
            ada@contoso.example,,,,\n\
            dan@contoso.example,,king,,\n\
            eve@contoso.example,,,6096123,\n\
            fay@contoso.example,,,,short\n\
            gil@contoso.example\n";
        let lines = read(text, DOMAIN).unwrap();
        let ada = Line {
            number: 2,
            username: "ada@contoso.example".into(),
            display_name: Some("Ada Lovelace".into()),
            role: Some((Role::ReportViewer, Some(vec!["6096123".into(), "6096124".into()]))),
            ..Line::default()
        };
        assert_eq!(lines[0], Ok(ada));
        assert_eq!(lines[2].as_ref().unwrap().role, Some((Role::ExecutiveReportViewer, None)));
        let refused: Vec<_> = lines.iter().filter_map(|line| line.as_ref().err()).collect();
        assert_eq!(refused.iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [3, 6, 7, 8, 9, 10]);
        let words = ["tenant's domain", "before", "king", "belong to a role", "password", "1 field instead of 5"];
        for ((_, _, fault), word) in refused.iter().zip(words) {
            assert!(fault.to_lowercase().contains(word), "{fault}");
        }
    }

    #[test]
    fn a_wrong_line_of_names_is_about_the_whole_file() {
        for (text, told) in [
            ("name\n", "line 1: there is no column 'name'"),
            ("username,USERNAME\n", "line 1: the column username is there twice"),
            ("role\n", "line 1: the column username is missing"),
        ] {
            assert!(read(text, DOMAIN).unwrap_err().starts_with(told), "{text}");
        }
        assert_eq!(read("username\n", DOMAIN).unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_without_an_end_is_refused() {
        let told = text_of(Path::new("/dev/zero")).unwrap_err().message;
        assert!(told.contains("larger than 16 MiB"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("people.csv");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(text_of(&pipe).unwrap_err().message.contains("is a named pipe"), "nobody ever opens its other end");
    }
}
