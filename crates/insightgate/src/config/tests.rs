use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn the_example_is_the_defaults_and_is_the_file_in_the_repository() {
    assert_eq!(read(&example(), nothing), read("", nothing));
    let committed = include_str!("../../../../insightgate.example.toml");
    assert_eq!(committed, example(), "write it anew: cargo run -p insightgate -- init --config - > insightgate.example.toml");
}

#[test]
fn every_example_value_reads() {
    let uncommented: String =
        example().lines().map(|line| format!("{}\n", line.strip_prefix("# ").filter(|l| l.contains(" = ")).unwrap_or(line))).collect();
    let configuration = read(&uncommented, nothing).unwrap();
    assert_eq!(configuration.threads, Some(8));
    assert_eq!(configuration.public_url.as_deref(), Some("https://insights.example.com"));
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "
        extra = 1
        [server]
        http = 7080
        htps = \"127.0.0.1:1\"
        public_url = \"insights.example.com\"
        certificate = \"a.pem\"
        tls_names = [\"not a name\"]
        [reports]
        quotas = \"yes\"
        link_hours = 0
        [log]
        level = \"insightgate=loud\"
    ";
    let problems = read(text, nothing).unwrap_err();
    let places: Vec<&str> = problems.iter().map(|problem| problem.split(':').next().unwrap()).collect();
    assert_eq!(
        places,
        [
            "extra",
            "server.htps",
            "server.http",
            "server.public_url",
            "server.tls_names",
            "reports.quotas",
            "reports.link_hours",
            "log.level",
            "server.certificate and server.certificate_key"
        ]
    );
    assert!(problems[1].contains("https"), "names what there is: {}", problems[1]);
}

#[test]
fn the_environment_goes_before_the_file() {
    let environment = |name: &str| match name {
        "INSIGHTGATE_SERVER_HTTP" => Some("0.0.0.0:80".to_owned()),
        "INSIGHTGATE_REPORTS_QUOTAS" => Some("false".to_owned()),
        "INSIGHTGATE_AUTHORITY_RESOURCES" => Some("https://a, https://b".to_owned()),
        _ => None,
    };
    let configuration = read("[server]\nhttp = \"127.0.0.1:1\"", environment).unwrap();
    assert_eq!(configuration.http, Some("0.0.0.0:80".parse().unwrap()));
    assert!(!configuration.quotas);
    assert_eq!(configuration.resources, ["https://a", "https://b"]);
    let wrong = read("", |name| (name == "INSIGHTGATE_ENGINE_MEMORY_MIB").then(|| "lots".to_owned())).unwrap_err();
    assert!(wrong[0].starts_with("INSIGHTGATE_ENGINE_MEMORY_MIB: "), "{wrong:?}");
}

#[test]
fn what_is_no_toml_says_where() {
    assert!(read("[server", nothing).unwrap_err()[0].contains("line 1"));
}
