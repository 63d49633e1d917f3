use std::collections::BTreeMap;

use super::*;

type Variables = BTreeMap<&'static str, String>;

fn looked_up(variables: &Variables) -> impl Fn(&EnvVar) -> Option<String> {
    |variable| variables.get(variable.name).cloned()
}

/// A configuration folder with this profile file, and the environment that points to it.
fn home(text: &str) -> (tempfile::TempDir, Variables) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("insightgate")).unwrap();
    crate::files::write_private(&folder.path().join("insightgate/profiles.toml"), text.as_bytes()).unwrap();
    let variables = Variables::from([("XDG_CONFIG_HOME", folder.path().display().to_string())]);
    (folder, variables)
}

const TWO: &str = "
    [default]
    authority = \"https://one.example/t1\"
    client_id = \"app\"
    client_secret = \"s3cret\"

    [admin]
    authority = \"https://two.example/\"
    tenant_id = \"contoso.example\"
    endpoint = \"https://api.two.example/\"
    client_id = \"console\"
    username = \"analyst@contoso.example\"
    password = \"p4ss\"
";

#[test]
fn a_section_is_named_or_the_default() {
    let (_folder, variables) = home(TWO);
    let operator = load(None, looked_up(&variables)).unwrap_or_else(|error| panic!("{error}"));
    let settings = operator.management().unwrap();
    assert_eq!(settings.authority_token_url, "https://one.example/t1/oauth2/token");
    assert_eq!((settings.api_base.as_str(), settings.resource.as_str()), ("https://one.example/manage/v1", "api://insightgate/manage"));
    assert!(settings.sign_in == SignIn::Application && operator.own_tenant().is_none());

    let admin = load(Some("admin"), looked_up(&variables)).unwrap_or_else(|error| panic!("{error}"));
    let settings = admin.management().unwrap();
    assert_eq!(settings.authority_token_url, "https://two.example/contoso.example/oauth2/token");
    assert_eq!(settings.api_base, "https://api.two.example/manage/v1");
    assert!(matches!(settings.sign_in, SignIn::User { ref username, .. } if username == "analyst@contoso.example"));
    assert_eq!((settings.client_secret, admin.own_tenant().as_deref()), (None, Some("contoso.example")));

    let roaming = Profile { authority: Some("https://two.example/organizations".into()), ..admin };
    assert_eq!(roaming.own_tenant().as_deref(), Some("contoso.example"));

    let unknown = load(Some("other"), looked_up(&variables)).err().unwrap();
    assert_eq!(unknown.code, 4);
    assert!(unknown.hint.unwrap().contains("admin, default"), "says what there is");
}

#[test]
fn the_environment_goes_before_the_profile() {
    let (_folder, mut variables) = home(TWO);
    variables.insert("INSIGHTGATE_CLIENT_SECRET", "0ther".into());
    variables.insert("INSIGHTGATE_ENDPOINT", "https://three.example".into());
    let settings = load(Some("default"), looked_up(&variables)).unwrap_or_else(|error| panic!("{error}")).management().unwrap();
    assert_eq!((settings.client_id.as_str(), settings.client_secret.as_deref()), ("app", Some("0ther")));
    assert_eq!(settings.api_base, "https://three.example/manage/v1");
}

#[test]
fn the_environment_alone_takes_nothing_from_a_profile_that_nobody_named() {
    let (_folder, mut variables) = home(TWO);
    variables.insert("INSIGHTGATE_AUTHORITY", "https://four.example/t4".into());
    let lacking = load(None, looked_up(&variables)).unwrap_or_else(|error| panic!("{error}")).management().unwrap_err();
    assert_eq!((lacking.code, lacking.message.as_str()), (2, "the profile lacks client_id"));
    assert!(lacking.hint.unwrap().contains("INSIGHTGATE_CLIENT_ID"));
    variables.insert("INSIGHTGATE_CLIENT_ID", "app".into());
    let lacking = load(None, looked_up(&variables)).unwrap_or_else(|error| panic!("{error}")).management().unwrap_err();
    assert_eq!(lacking.message, "the profile lacks client_secret");
    variables.insert("INSIGHTGATE_CLIENT_SECRET", "s".into());
    assert!(load(None, looked_up(&variables)).unwrap_or_else(|error| panic!("{error}")).management().is_ok());
}

#[test]
fn none_named_says_what_there_is() {
    let (_folder, variables) = home("[operator]\nauthority = \"https://h/t\"\n");
    let none = load(None, looked_up(&variables)).err().unwrap();
    assert_eq!(none.code, 2);
    assert!(none.hint.unwrap().contains("operator: choose with --profile"));
    let nowhere = load(None, looked_up(&Variables::from([("HOME", "/nonexistent".into())]))).err().unwrap();
    assert!(nowhere.hint.unwrap().contains("insightgate init"));
    assert_eq!(load(None, |_| None).err().unwrap().code, 2);
}

#[test]
fn the_file_is_where_the_directory_specification_says() {
    let place = |variables: &[(&'static str, &str)]| {
        let variables: Variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        default_file(looked_up(&variables)).unwrap()
    };
    assert_eq!(place(&[("HOME", "/h")]), Path::new("/h/.config/insightgate/profiles.toml"));
    assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]), Path::new("/x/insightgate/profiles.toml"));
    assert_eq!(place(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "relative")]), Path::new("/h/.config/insightgate/profiles.toml"));
}

#[test]
fn a_name_is_told_from_a_file() {
    assert_eq!(named("operator"), Named::Section("operator"));
    for file in ["./operator", "/a/b", "ready.json", "Mine.TOML"] {
        assert_eq!(named(file), Named::File(Path::new(file)));
    }
}

#[test]
fn a_ready_file_manages_as_its_operator() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    let ready = serde_json::json!({
        "http": "http://127.0.0.1:7080", "https": "https://127.0.0.1:7443", "ca_certificate": path, "authority": "https://127.0.0.1:7443/t",
        "token_url": "x", "api": "x", "resource": "r", "tenant_id": "t", "tenant_domain": "d", "client_id": "app", "client_secret": "s",
        "username": "analyst@d", "password": "p", "operator": {"client_id": "op", "client_secret": "os"}
    });
    crate::files::write_private(&path, ready.to_string().as_bytes()).unwrap();
    let file = path.to_str().unwrap();
    let profile = load(Some(file), |_| None).unwrap_or_else(|error| panic!("{error}"));
    let settings = profile.management().unwrap();
    assert_eq!((settings.client_id.as_str(), settings.client_secret.as_deref()), ("op", Some("os")));
    assert!(settings.sign_in == SignIn::Application && profile.own_tenant().is_none());
    assert_eq!(settings.api_base, "https://127.0.0.1:7443/manage/v1");
    assert!(settings.ca_certificate.is_some());
    // Data is still requested by the profile's user.
    let settings = profile.insights().unwrap();
    assert_eq!((settings.client_id.as_str(), settings.resource.as_str()), ("app", "r"));
    assert_eq!(settings.api_base, "https://127.0.0.1:7443/insights/v1/mpn");
    assert!(matches!(settings.sign_in, SignIn::User { ref username, .. } if username == "analyst@d"));
    // A caller who signs in as another user is not the operator.
    let user = Variables::from([("INSIGHTGATE_USERNAME", "eve@d".to_owned())]);
    let settings = load(Some(file), looked_up(&user)).unwrap_or_else(|error| panic!("{error}")).management().unwrap();
    assert_eq!(settings.client_id, "app");
    assert!(matches!(settings.sign_in, SignIn::User { ref username, .. } if username == "eve@d"));
}

#[test]
fn data_is_asked_for_in_a_program() {
    let (_folder, mut variables) = home(TWO);
    let profile = |variables: &Variables| load(Some("admin"), looked_up(variables)).unwrap_or_else(|error| panic!("{error}"));
    let settings = profile(&variables).insights().unwrap();
    assert_eq!(settings.api_base, "https://api.two.example/insights/v1/mpn");
    assert_eq!(settings.resource, "https://api.partnercenter.microsoft.com");
    variables.insert("INSIGHTGATE_PROGRAM", "CMP".into());
    variables.insert("INSIGHTGATE_RESOURCE", "https://graph.windows.net".into());
    let settings = profile(&variables).insights().unwrap();
    assert_eq!(
        (settings.api_base.as_str(), settings.resource.as_str()),
        ("https://api.two.example/insights/v1/cmp", "https://graph.windows.net")
    );
    variables.insert("INSIGHTGATE_PROGRAM", "csp".into());
    let refused = profile(&variables).insights().unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (2, "'csp' is not a program: use mpn or cmp"));
}

#[cfg(unix)]
#[test]
fn what_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, variables) = home(TWO);
    let file = folder.path().join("insightgate/profiles.toml");
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let refused = load(Some("admin"), looked_up(&variables)).err().unwrap();
        assert_eq!(refused.code, 3, "{mode:o}");
        assert_eq!(refused.hint.as_deref(), Some(format!("chmod 600 {}", file.display()).as_str()));
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).unwrap();
    assert!(load(Some("admin"), looked_up(&variables)).is_ok());
}

#[test]
fn what_is_wrong_in_a_file_is_said_without_its_secrets() {
    let broken = "[admin]\nclient_secret = \"s3cret\nusername = 1\n";
    let (_folder, variables) = home(broken);
    let error = load(Some("admin"), looked_up(&variables)).err().unwrap();
    assert_eq!(error.code, 2);
    assert!(error.message.contains("line 2") && !error.message.contains("s3cret"), "{error}");
    for (text, named) in
        [("[admin]\nsecret = \"s3cret\"\n", "secret"), ("[admin]\nclient_secret = 5\n", "string"), ("admin = 5\n", "profile admin")]
    {
        let (_folder, variables) = home(text);
        let error = load(Some("admin"), looked_up(&variables)).err().unwrap();
        assert!(error.code == 2 && error.message.contains(named) && !error.message.contains("s3cret"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ready.json");
    crate::files::write_private(&path, b"{\"client_secret\": [\"s3cret\"]}").unwrap();
    let error = load(path.to_str(), |_| None).err().unwrap();
    assert!(error.message.contains("line 1") && !error.message.contains("s3cret"), "{error}");
}

#[test]
fn an_authority_without_a_tenant_is_no_authority() {
    let variables = Variables::from([("INSIGHTGATE_AUTHORITY", "https://h".to_owned()), ("INSIGHTGATE_CLIENT_ID", "a".to_owned())]);
    let profile =
        load(None, looked_up(&Variables::from_iter([("INSIGHTGATE_CLIENT_SECRET", "s".to_owned())].into_iter().chain(variables))))
            .ok()
            .unwrap();
    assert!(profile.management().unwrap_err().hint.unwrap().contains("INSIGHTGATE_TENANT_ID"));
}

#[test]
fn a_ready_file_that_was_taken_into_the_profile_file_manages_as_its_operator_too() {
    let (folder, variables) = home("[first]\nauthority = \"https://one.example/t\"\n");
    let path = folder.path().join("ready.json");
    let ready = serde_json::json!({
        "https": "https://127.0.0.1:7443", "authority": "https://127.0.0.1:7443/t", "client_id": "app", "client_secret": "s",
        "username": "analyst@d", "password": "p", "operator": {"client_id": "op", "client_secret": "os"}
    });
    crate::files::write_private(&path, ready.to_string().as_bytes()).unwrap();
    let file = default_file(looked_up(&variables)).unwrap();
    for _ in 0..2 {
        write::to_section(&file, "demo", &from_file(&path).unwrap_or_else(|error| panic!("{error}"))).unwrap();
        let profile = load(Some("demo"), looked_up(&variables)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(profile.management().unwrap().client_id, "op");
        assert_eq!(profile.insights().unwrap().client_id, "app");
        assert_eq!(profile.applications().unwrap().len(), 2);
        assert_eq!(sections(&file).unwrap().len(), 2);
    }
    assert!(write::remove_section(&file, "demo").unwrap());
    assert!(!std::fs::read_to_string(&file).unwrap().contains("operator"));
}

#[test]
fn an_empty_text_says_nothing_and_what_is_missing_is_named() {
    let (_folder, variables) = home("[half]\nauthority = \"https://one.example\"\nclient_id = \" \"\nclient_secret = \"\"\n");
    let half = load(Some("half"), looked_up(&variables)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(half.lacks(), ["tenant_id", "client_id"]);
    assert_eq!(half.client_secret, None);
    let half = Profile { tenant_id: Some("t".into()), ..half };
    assert_eq!(half.insights().unwrap_err().message, "the profile lacks client_id");
    let nothing = Profile { authority: Some(String::new()), ..Profile::default() }.without_empty();
    assert_eq!(nothing.lacks(), ["authority", "client_id"]);
    assert_eq!(nothing.insights().unwrap_err().message, "the profile lacks authority and client_id");
}
