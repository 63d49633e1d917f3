use insightgate_client::TokenRefusal;

use super::super::evidence::{Place, Trouble};
use super::*;

const NOW: i64 = 1_800_000_000;

fn evidence(grant: Grant, call: Call) -> Evidence {
    let place = Place {
        authority: "https://login.example/t".into(),
        endpoint: "https://api.example/insights/v1/mpn".into(),
        program: "mpn".into(),
        client_id: "app".into(),
        username: Some("ada@contoso.com".into()),
        tenant: "t".into(),
        profile: Some("mine".into()),
        has_secret: true,
        microsofts: false,
    };
    Evidence { place, now: NOW, grant, call, clock_ahead: None, secret_ends: Some(NOW + 400 * DAY) }
}

fn token(second_factor: Option<bool>) -> Grant {
    Grant::Token(Granted { expires_at: NOW + 3599, second_factor, alone: false })
}

fn refusal(code: u32) -> Grant {
    Grant::Refused(TokenRefusal {
        status: 400,
        error: "invalid_grant".into(),
        description: format!("AADSTS{code}: no."),
        codes: vec![code],
    })
}

fn answer(status: u16, message: &str) -> Call {
    Call::Answer(Answered { status, message: Some(message.into()), datasets: 9, ..Answered::default() })
}

/// One letter for each step: met, not met, unknown.
fn letters(findings: &Findings) -> String {
    let letter = |found: &Finding| match found.state {
        State::Met => 'm',
        State::NotMet => 'n',
        State::Unknown => 'u',
    };
    findings.all.iter().map(letter).collect()
}

fn found(findings: &Findings, step: Step) -> &Finding {
    findings.all.iter().find(|found| found.step == step).unwrap()
}

#[test]
fn with_everything_there_all_are_met() {
    let findings = judge(&evidence(token(Some(true)), answer(200, "")));
    assert_eq!((letters(&findings).as_str(), findings.notes.len()), ("mmmmmm", 0));
    assert!(found(&findings, Step::Token).reason.starts_with("with a second factor; it lives 59 minutes, until 2027-"));
    assert!(found(&findings, Step::Application).reason.ends_with("which ends on 2028-02-19"));
    assert_eq!(found(&findings, Step::Call).reason, "9 datasets");
}

#[test]
fn a_refused_grant_names_its_prerequisite_and_leaves_what_comes_after_unknown() {
    for (code, expected, mended) in [
        (90002, "nuuuuu", "authority"),
        (700_016, "unuuuu", "`insightgate app list --tenant t --profile mine`"),
        (7_000_112, "unuuuu", "enable the application"),
        (7_000_215, "unuuuu", "`insightgate app secret add app --tenant t --profile mine`"),
        (7_000_222, "unuuuu", "`insightgate app secret add app --tenant t --profile mine`"),
        (7_000_218, "unuuuu", "INSIGHTGATE_CLIENT_SECRET"),
        (700_025, "unuuuu", "remove client_secret"),
        (650_057, "umnuuu", "`insightgate app permission add app user_impersonation --tenant t --profile mine`"),
        (65001, "umnuuu", "`insightgate app consent grant app user_impersonation --tenant t --profile mine`"),
        (50126, "umuunu", "`insightgate user set-password ada@contoso.com --tenant t --profile mine`"),
        (50053, "umuunu", "wait"),
        (50055, "umuunu", "`insightgate login --profile mine`"),
        (50057, "umuunu", "`insightgate user enable ada@contoso.com --tenant t --profile mine`"),
        (50076, "umuunu", "`insightgate login --profile mine`"),
        (50079, "umuunu", "`insightgate login --device --profile mine`"),
        (999_999, "umuunu", "check"),
    ] {
        let findings = judge(&evidence(refusal(code), Call::NotMade));
        assert_eq!(letters(&findings), expected, "{code}");
        let missing = findings.all.iter().find(|found| found.state == State::NotMet).unwrap();
        assert_eq!(missing.reason, format!("AADSTS{code}: no."));
        assert!(missing.mend.as_ref().unwrap().contains(mended), "{code}: {missing:?}");
    }
}

#[test]
fn a_refused_call_says_what_was_asked_for_before_it() {
    for (message, expected, mended) in [
        (
            "The organisation is not enrolled in the partner program 'mpn'.",
            "nmmumu",
            "`insightgate tenant enroll contoso.com --program mpn --profile mine`",
        ),
        (
            "The organisation's enrollment in the partner program 'mpn' is Pending, not Accepted.",
            "nmmumu",
            "`insightgate tenant show t --profile mine`",
        ),
        ("The application is disabled.", "mnmumu", "enable the application"),
        ("The user account is disabled.", "mmmunu", "`insightgate user enable ada@contoso.com --tenant t --profile mine`"),
        (
            "The application lacks the permission to the Microsoft Partner API (user_impersonation).",
            "mmnumu",
            "`insightgate app permission add",
        ),
        ("The organisation has not consented to the application's permission.", "mmnumu", "`insightgate app consent grant"),
        (
            "The user lacks the role Executive report viewer.",
            "mmmnmu",
            "`insightgate role assign ada@contoso.com executive_report_viewer --tenant t --profile mine`",
        ),
        ("The user was given No permission: the role is needed.", "mmmnmu", "`insightgate role assign"),
        ("Forbidden", "ummnmu", "`insightgate role assign"),
    ] {
        let findings = judge(&evidence(token(Some(true)), answer(403, message)));
        assert_eq!(letters(&findings), expected, "{message}");
        let missing = findings.all.iter().find(|found| found.state == State::NotMet).unwrap();
        assert_eq!(missing.reason, message);
        assert!(missing.mend.as_ref().unwrap().contains(mended), "{missing:?}");
    }
}

#[test]
fn a_password_alone_is_a_note_here_and_missing_at_the_real_service() {
    let here = judge(&evidence(token(Some(false)), answer(200, "")));
    assert_eq!(letters(&here), "mmmmmm");
    assert!(here.notes[0].contains("1 April 2026") && here.notes[0].contains("`insightgate login --profile mine`"));
    let mut there = evidence(token(Some(false)), answer(200, ""));
    there.place.microsofts = true;
    assert_eq!(letters(&judge(&there)), "mmmmnm");
    let call = Call::Answer(Answered { status: 401, code: Some(900_421), mfa: Some(false), ..Answered::default() });
    let refused = judge(&evidence(token(Some(false)), call));
    assert_eq!(letters(&refused), "ummunu");
    assert!(
        found(&refused, Step::Token).reason.ends_with("(900421)")
            && found(&refused, Step::Token).mend.as_ref().unwrap().starts_with("`insightgate login --profile mine` signs in")
    );
}

#[test]
fn an_application_alone_needs_a_user_in_mpn_and_none_in_cmp() {
    let alone = Grant::Token(Granted { expires_at: NOW + 3599, second_factor: None, alone: true });
    let message = "The token is for an application alone; this program needs a token for application and user.";
    let findings = judge(&evidence(alone.clone(), answer(403, message)));
    assert_eq!(letters(&findings), "mmmunu");
    assert!(found(&findings, Step::Token).mend.as_ref().unwrap().contains("INSIGHTGATE_USERNAME"));
    let mut market = evidence(alone, answer(200, ""));
    market.place.program = "cmp".into();
    assert_eq!(letters(&judge(&market)), "mmmmmm");
}

#[test]
fn a_token_of_another_server_is_told_by_the_challenge() {
    let call = Call::Answer(Answered { status: 401, challenge: Some("signed with an unknown key".into()), ..Answered::default() });
    let findings = judge(&evidence(token(Some(true)), call));
    assert_eq!(letters(&findings), "ummunu");
    assert_eq!(found(&findings, Step::Token).reason, "the API does not accept it: signed with an unknown key");
}

#[test]
fn what_is_not_reached_is_unknown_and_says_why() {
    let trouble = Trouble { reason: "cannot reach https://login.example: refused".into(), hint: Some("h".into()) };
    let findings = judge(&evidence(Grant::Failed(trouble.clone()), Call::Failed(trouble.clone())));
    assert_eq!(
        (letters(&findings).as_str(), findings.unreachable.clone()),
        ("uuuuuu", Some((trouble.reason.clone(), trouble.hint.clone())))
    );
    let busy = Grant::Refused(TokenRefusal { status: 503, error: "e".into(), description: "AADSTS90033: busy".into(), codes: vec![90033] });
    let findings = judge(&evidence(busy, Call::NotMade));
    assert!(letters(&findings) == "uuuuuu" && findings.unreachable.is_some());
    let findings = judge(&evidence(token(Some(true)), Call::Failed(trouble)));
    assert_eq!(letters(&findings), "ummumu");
    let findings = judge(&evidence(token(Some(true)), answer(404, "")));
    assert!(letters(&findings) == "ummumn" && findings.unreachable.is_none());
}

#[test]
fn nobody_who_is_signed_in_is_told_to_sign_in() {
    let findings = judge(&evidence(Grant::SignInNeeded(None), Call::NotMade));
    assert_eq!(letters(&findings), "uuuunu");
    assert!(found(&findings, Step::Token).mend.as_ref().unwrap().starts_with("`insightgate login --profile mine` signs in"));
}

#[test]
fn the_clock_and_the_end_of_the_secret_are_notes() {
    let with = |clock_ahead: Option<i64>, days: Option<i64>| {
        let secret_ends = days.map(|days| NOW + days * DAY);
        judge(&Evidence { clock_ahead, secret_ends, ..evidence(token(Some(true)), answer(200, "")) }).notes
    };
    assert_eq!(with(Some(60), Some(30)).len(), 0);
    assert!(with(Some(3600), Some(400))[0].starts_with("this machine's clock is 1 hour ahead of the server's"));
    assert!(with(Some(-90), Some(400))[0].starts_with("this machine's clock is 90 seconds behind the server's"));
    assert!(with(None, Some(29))[0].starts_with("the secret ends in 29 days, on 2027-"));
    assert!(
        with(None, Some(1))[0].starts_with("the secret ends in 1 day, on ")
            && with(None, Some(0))[0].starts_with("the secret ends today, on ")
    );
    assert!(with(None, None)[0].starts_with("when the secret ends is not knowable from here"));
}

#[test]
fn a_command_can_be_typed_as_it_stands() {
    let mut place = evidence(token(None), Call::NotMade).place;
    assert_eq!(place.command("login"), "`insightgate login --profile mine`");
    place.profile = Some("my own/ready.json".into());
    assert_eq!(place.command("login"), "`insightgate login --profile 'my own/ready.json'`");
    place.profile = None;
    place.username = Some("o'neill@contoso.com".into());
    let mended = mend::refused_call(Step::Role, "", &place);
    assert!(mended.ends_with("`insightgate role assign 'o'\\''neill@contoso.com' executive_report_viewer --tenant t`"), "{mended}");
}

/// The commands between backticks.
fn commands(mend: &str) -> Vec<&str> {
    mend.split('`').skip(1).step_by(2).filter(|text| text.starts_with("insightgate ")).collect()
}

#[test]
fn every_command_that_mends_something_is_one_and_is_whole() {
    use crate::cli::Cli;
    use clap::Parser as _;
    let codes = [
        90002, 700_016, 7_000_112, 7_000_215, 7_000_218, 700_025, 650_057, 65001, 500_011, 50126, 50053, 50055, 50057, 50076, 53003,
        9_001_023,
    ];
    let messages = [
        "The organisation is not enrolled in the partner program 'mpn'.",
        "The organisation's enrollment in the partner program 'mpn' is Pending, not Accepted.",
        "The user account is disabled.",
        "The application lacks the permission to the Microsoft Partner API (user_impersonation).",
        "The organisation has not consented to the application's permission.",
        "The user lacks the role Executive report viewer.",
        "The token is for an application alone; this program needs a token for application and user.",
    ];
    let mut seen = 0;
    for program in ["mpn", "cmp"] {
        let refused = codes.iter().map(|code| evidence(refusal(*code), Call::NotMade));
        let called = messages.iter().map(|message| evidence(token(Some(false)), answer(403, message)));
        let others = [
            evidence(Grant::SignInNeeded(None), Call::NotMade),
            evidence(token(Some(true)), answer(401, "")),
            evidence(token(Some(true)), answer(404, "")),
        ];
        for mut evidence in refused.chain(called).chain(others) {
            evidence.place.program = program.into();
            evidence.secret_ends = None;
            let findings = judge(&evidence);
            for text in findings.all.iter().filter_map(|found| found.mend.as_deref()).chain(findings.notes.iter().map(String::as_str)) {
                for command in commands(text) {
                    seen += 1;
                    assert!(command.ends_with(" --profile mine"), "{command}");
                    if let Err(error) = Cli::try_parse_from(command.split(' ')) {
                        panic!("{command}: {error}");
                    }
                }
            }
        }
    }
    assert!(seen > 40, "{seen}");
}
