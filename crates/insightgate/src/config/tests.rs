use insightgate_operations::external_issuers::{IssuerSettings, TenantSource};

use super::*;

fn nothing(_: &str) -> Option<String> {
    None
}

#[test]
fn the_example_is_the_defaults_and_is_the_file_in_the_repository() {
    assert_eq!(read(&example(), nothing), read("", nothing));
    assert_eq!(read("", nothing), Ok(Configuration::default()));
    let committed = include_str!("../../../../insightgate.example.toml");
    assert_eq!(committed, example(), "write it anew: cargo run -p insightgate -- init --config - > insightgate.example.toml");
}

/// The defaults that documents promise. Operators have to be told of any change here.
#[test]
fn the_defaults_are_the_documented_ones() {
    let configuration = read("", nothing).unwrap();
    let service = &configuration.service;
    assert_eq!(*service, Settings::default(), "the API's tests run on the defaults of the server");
    assert!(service.quotas && service.built_in_authority && !service.require_mfa && !service.strict_refresh && !service.store_links);
    assert_eq!(service.resources.first().map(String::as_str), Some("https://api.partnercenter.microsoft.com"));
    assert_eq!((service.link_lifetime.num_days(), service.signing_key_days, service.audit_days), (7, 90, 365));
    assert_eq!((service.artifact_days, service.history_days, service.artifact_bytes), (90, 90, None));
    assert_eq!((service.hold_poll.as_secs(), service.preview_timeout.as_secs(), service.run_limit.as_secs()), (2, 100, 3600));
    let listeners =
        [configuration.http, configuration.https].map(|address| address.map(|address| (address.ip().is_loopback(), address.port())));
    assert_eq!(listeners, [Some((true, 7080)), Some((true, 7443))], "no other machine may connect before somebody has chosen so");
    assert!(configuration.trusted_proxies.is_empty() && configuration.cors_origins.is_empty() && configuration.issuers.is_empty());
    assert!(configuration.allowed_networks.is_empty(), "callbacks go to public addresses alone");
}

#[test]
fn every_example_value_reads() {
    let uncommented: String = example()
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("# ").filter(|l| l.contains(" = ") || l.starts_with("[[")).unwrap_or(line)))
        .collect();
    let configuration = read(&uncommented, nothing).unwrap();
    assert_eq!(configuration.limits.partitions, 8);
    assert_eq!(configuration.service.public_url.as_deref(), Some("https://insights.example.com"));
}

#[test]
fn the_most_runs_are_named_by_intervals_that_there_are() {
    let most_runs = |text: &str| {
        read(&format!("[reports]\nmost_runs = {text}"), nothing).map(|configuration| configuration.service.report_rules.most_runs)
    };
    assert_eq!(most_runs("{}").unwrap(), [].into());
    assert_eq!(most_runs("{ 24 = 365, 4 = 1000 }").unwrap(), [(4, 1000), (24, 365)].into());
    for (wrong, words) in [
        ("5", "should be a table of intervals and numbers of executions"),
        ("{ 3 = 1 }", "should name intervals of 4 to 2160 hours, but names \"3\""),
        ("{ day = 1 }", "but names \"day\""),
        ("{ 4 = 0 }", "reports.most_runs"),
    ] {
        let problems = most_runs(wrong).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(words), "{problems:?}");
    }
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
        "INSIGHTGATE_SERVER_PUBLIC_URL" => Some("https://Insights.example:443/".to_owned()),
        "INSIGHTGATE_REPORTS_QUOTAS" => Some("false".to_owned()),
        "INSIGHTGATE_AUTHORITY_RESOURCES" => Some("https://a, https://b".to_owned()),
        _ => None,
    };
    let configuration = read("[server]\nhttp = \"127.0.0.1:1\"", environment).unwrap();
    assert_eq!(configuration.http, Some("0.0.0.0:80".parse().unwrap()));
    assert_eq!(configuration.service.public_url.as_deref(), Some("https://insights.example"));
    assert!(!configuration.service.quotas);
    assert_eq!(configuration.service.resources, Settings::with_api_ids(["https://a", "https://b"].map(str::to_owned).to_vec()));
    let wrong = read("", |name| (name == "INSIGHTGATE_ENGINE_MEMORY_MIB").then(|| "lots".to_owned())).unwrap_err();
    assert!(wrong[0].starts_with("INSIGHTGATE_ENGINE_MEMORY_MIB: "), "{wrong:?}");
}

/// Links and issuers would contain an address that no client can reach.
#[test]
fn listening_at_every_address_needs_one_that_clients_use() {
    for address in ["0.0.0.0:7080", "[::]:7080", "[::ffff:0.0.0.0]:7080"] {
        for key in ["http", "https"] {
            let problems = read(&format!("[server]\n{key} = \"{address}\""), nothing).unwrap_err();
            assert!(problems.len() == 1 && problems[0].starts_with(&format!("server.{key}: ")), "{problems:?}");
            assert!(problems[0].contains("server.public_url"), "{problems:?}");
            assert!(read(&format!("[server]\n{key} = \"{address}\"\npublic_url = \"https://a.example\""), nothing).is_ok());
        }
    }
    let problems = read("[server]\npublic_url = \"https://0.0.0.0:7443\"", nothing).unwrap_err();
    assert!(problems[0].starts_with("server.public_url: "), "{problems:?}");
}

#[test]
fn links_of_the_store_need_a_store() {
    let with = |lines: &str| read(&format!("[artifacts]\n{lines}"), nothing);
    let found = with("root = \"s3://bucket/files\"\nlinks = \"store\"").unwrap();
    assert_eq!((found.artifact_root.as_deref(), found.service.store_links), (Some("s3://bucket/files"), true));
    assert!(!with("root = \"s3://bucket/files\"").unwrap().service.store_links);
    for (lines, why) in [
        ("links = \"store\"", "a folder has no links of its own"),
        ("root = \"/srv/files\"\nlinks = \"store\"", "a folder has no links of its own"),
        ("root = \"azure://container/a b\"\nlinks = \"store\"", "Azure takes no links"),
        ("links = \"Store\"", "should be \"server\" or \"store\""),
        ("root = \"s3://id:secret@bucket\"", "may hold no password"),
    ] {
        let problems = with(lines).unwrap_err();
        assert!(problems.len() == 1 && problems[0].starts_with("artifacts.") && problems[0].contains(why), "{problems:?}");
        assert!(!problems[0].contains("secret@"), "{problems:?}");
    }
}

#[test]
fn what_is_no_toml_says_where() {
    assert!(read("[server", nothing).unwrap_err()[0].contains("line 1"));
}

#[test]
fn no_problem_shows_the_databases_password() {
    for value in ["postgres://u:hidden@h/d", "[\"postgres://u:hidden@h/d\"]", "\"mysql://u:hidden@h/d\"", "{ url = \"hidden\" }"] {
        let problems = read(&format!("[data]\n\ndatabase_url = {value}\n"), nothing).unwrap_err();
        assert!(problems[0].starts_with("data.database_url: should be like") || problems[0].starts_with("line 3: "), "{problems:?}");
        assert!(!problems[0].contains("hidden"), "{problems:?}");
    }
    let configuration = read("[data]\ndatabase_url = \"postgres://u:hidden@h/d\"", nothing).unwrap();
    assert_eq!(configuration.database_url.as_deref(), Some("postgres://u:hidden@h/d"));
}

#[test]
fn issuers_are_read_with_their_defaults() {
    let text = "
        [authority]
        built_in = false
        [outbound]
        allowed_networks = [\"10.0.0.0/8\", \"::1\"]
        [[issuer]]
        url = \"https://login.example/t/v2.0\"
        audiences = [\"api://insightgate\"]
        [[issuer]]
        url = \"http://127.0.0.1:8080/realms/one\"
        audiences = \"insightgate\"
        algorithms = [\"ES256\", \"PS256\"]
        user_claim = \"sub\"
        tenant = \"00000000-0000-0000-0000-0000000000c0\"
        cache_seconds = 60
        ca_certificate = \"ca.pem\"
    ";
    let configuration = read(text, nothing).unwrap();
    assert!(!configuration.service.built_in_authority);
    assert_eq!(configuration.allowed_networks, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    let expected = IssuerSettings::new("https://login.example/t/v2.0", vec!["api://insightgate".to_owned()]);
    let [first, second] = configuration.issuers.as_slice() else { panic!("{:?}", configuration.issuers) };
    assert_eq!(first, &IssuerConfiguration { settings: expected, ca_certificate: None });
    assert_eq!(second.settings.algorithms, ["ES256", "PS256"]);
    assert_eq!(second.settings.tenant, TenantSource::Fixed(uuid::Uuid::from_u128(0xc0)));
    assert_eq!(second.settings.cache, chrono::TimeDelta::seconds(60));
    assert_eq!(second.ca_certificate, Some("ca.pem".into()));
}

#[test]
fn mistakes_in_issuers_are_reported_at_once() {
    let text = "
        [server]
        public_url = \"https://insights.example\"
        [outbound]
        allowed_networks = [\"10.0.0.0/33\"]
        [[issuer]]
        url = \"http://login.example\"
        audience = \"a\"
        algorithms = [\"RS256\", \"HS256\"]
        user_claim = \"email\"
        [[issuer]]
        audiences = []
        tenant = \"contoso\"
        timeout_seconds = 0
        [[issuer]]
        url = \"https://Insights.example:443/c0/v2.0\"
        audiences = [\"a\"]
        management_audiences = [\"a\"]
        tenant = \"00000000-0000-0000-0000-0000000000c0\"
        tenant_claim = \"tid\"
    ";
    let problems = read(text, nothing).unwrap_err();
    let expected = [
        "outbound.allowed_networks: should hold networks",
        "issuer \"http://login.example\": audience is unknown; [[issuer]] has url, audiences",
        "issuer \"http://login.example\": url should be an https address",
        "issuer \"http://login.example\": algorithms should hold some of RS256",
        "issuer \"http://login.example\": user_claim should be a claim that never changes",
        "issuer \"http://login.example\": audiences is missing",
        "issuer 2: audiences should name at least one",
        "issuer 2: timeout_seconds should be a whole number from 1 to 30",
        "issuer 2: tenant should be a tenant's id",
        "issuer 2: url is missing",
        "issuer \"https://Insights.example:443/c0/v2.0\": give tenant or tenant_claim",
        "issuer \"https://Insights.example:443/c0/v2.0\": audiences and management_audiences must not share",
        "issuer \"https://Insights.example:443/c0/v2.0\": is this server itself",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem} should begin with: {expected}");
    }
    let twice = "[[issuer]]\nurl = \"https://a\"\naudiences = [\"a\"]\n".repeat(2);
    assert_eq!(read(&twice, nothing).unwrap_err(), ["issuer \"https://a\": is listed twice"]);
    assert!(read("[authority]\nbuilt_in = false", nothing).unwrap_err()[0].starts_with("authority.built_in: "));
    assert!(read("[issuer]\nurl = \"https://a\"", nothing).unwrap_err()[0].starts_with("issuer: should be a list"));
}

#[test]
fn origins_of_browser_applications_are_named_one_by_one() {
    let configured = |text: &str| read(&format!("[server]\ncors_origins = {text}"), nothing);
    let configuration = configured(r#"["https://App.example.com:443/", "http://localhost:3000"]"#).unwrap();
    assert_eq!(configuration.cors_origins, ["https://app.example.com", "http://localhost:3000"]);
    assert!(configured("[]").unwrap().cors_origins.is_empty());
    for wrong in ["*", "null", "app.example.com", "https://app.example.com/path", "https://*.example.com", "file://"] {
        let problems = configured(&format!("[{wrong:?}]")).unwrap_err();
        assert!(problems[0].starts_with("server.cors_origins: should hold origins such as"), "{wrong}: {problems:?}");
    }
}

#[test]
fn what_was_given_is_compared_by_its_keys() {
    let of = |text: &str, variable: Option<&str>| {
        Given::of(text, |name| variable.filter(|_| name == "INSIGHTGATE_LOG_LEVEL").map(str::to_owned))
    };
    let before = of("[log]\nlevel = \"info\"\n[server]\nconnections = 10\n", None);
    let after = of("[log]\nlevel = \"debug\"\n[server]\ncors_origins = []\n[[issuer]]\nname = \"x\"\n", None);
    assert_eq!(before.differences(&after), ["issuer", "log.level", "server.connections", "server.cors_origins"]);
    assert_eq!(before.differences(&before), [] as [String; 0]);
    let mut taken = before.clone();
    for key in before.differences(&after) {
        taken.take(&key, &after);
    }
    assert_eq!(taken, after);
    // The environment goes before the file.
    assert_eq!(of("[log]\nlevel = \"info\"\n", Some("warn")), of("", Some("warn")));
}

#[test]
fn settings_that_can_change_while_a_server_runs_are_settings() {
    for key in LIVE {
        assert!(SETTINGS.iter().any(|setting| setting.key == key), "{key}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_configuration_file_is_not_read_for_long() {
    // Without an end, and without content, which would put every setting back to its default.
    let endless = load(Path::new("/dev/zero")).unwrap_err().message;
    assert!(endless.contains("larger than 1 MiB"), "{endless}");
    for device in ["/dev/zero", "/dev/null"] {
        let told = load_again(Path::new(device)).unwrap_err().message;
        assert!(told.contains("is no plain file"), "{told}");
    }
    let (_, given) = load_with_given(Path::new("/dev/null")).unwrap();
    assert_eq!(given, Given::of("", |name| std::env::var(name).ok()));
}
