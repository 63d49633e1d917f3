//! `insightgate login`, `logout` and `token`: a person signs in once, by a browser or with a device code, and the commands go on from there.

mod browser;
pub(crate) mod logout;
mod loopback;
pub(crate) mod token;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use insightgate_client::{Account, Authority, BroughtBack, ClientError, CodeRequest, DevicePoll, SignIn, SignedIn};
use insightgate_operations::random::{NoRandomness, Random};
use serde_json::json;

use crate::command_error::CommandError;
use crate::env_vars;
use crate::interrupt::unless_interrupted;
use crate::profiles::token_cache::TokenCache;
use crate::profiles::{self, Purpose};
use crate::session::clock;
use crate::terminal::print_json;
use crate::terminal::table::plain;
use crate::terminal::words::{duration, lasting};
use browser::Opened;
use loopback::{Brought, Loopback};

/// How long a person is waited for, if nothing else is said.
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub struct LoginArguments {
    /// Sign in with a browser of another machine: shows a code to type there
    #[arg(long)]
    device: bool,
    /// Print the address only, and open no browser
    #[arg(long, conflicts_with = "device")]
    no_browser: bool,
    /// Choose another account than the one that the browser is signed in with
    #[arg(long, conflicts_with = "device")]
    choose: bool,
    /// Where the browser returns to on this machine, as the application is registered with it; without a port a free one is used
    #[arg(long, value_name = "URL", default_value = "http://localhost", conflicts_with = "device")]
    redirect_uri: String,
    /// For the management commands alone, as an administrator whose application does not read data
    #[arg(long)]
    management: bool,
    /// How long to wait for the person, such as 90s or 15m; 10 minutes if not given
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Print who signed in as JSON; never a token
    #[arg(long)]
    json: bool,
}

/// Ends when somebody signed in, and says who.
pub async fn run(profile: Option<&str>, arguments: LoginArguments) -> Result<(), CommandError> {
    let profile = profiles::load(profile, env_vars::read)?;
    let settings = profile.person(if arguments.management { Purpose::Management } else { Purpose::Data })?;
    let cache = profile.tokens.as_ref().ok_or_else(no_place)?;
    let account = Account::of(&settings);
    let expected = match &settings.sign_in {
        SignIn::Before { username } => username.clone(),
        _ => None,
    };
    let authority = Authority::new(settings, clock())?;
    let limit = arguments.timeout.unwrap_or(LONGEST);
    let signing_in = async {
        // Nobody is sent to a page that does not come.
        authority.look().await?;
        if arguments.device {
            let signed_in = by_device(&authority).await?;
            keep(cache, &account, &signed_in, expected.as_deref()).await?;
            Ok(signed_in)
        } else {
            by_browser(&authority, &arguments, (cache, &account, expected.as_deref())).await
        }
    };
    let waited = async { Ok(tokio::time::timeout(limit, signing_in).await) };
    let Ok(outcome) = unless_interrupted(waited).await? else {
        let failed = CommandError { code: 5, ..CommandError::failed(format!("nobody signed in within {}", lasting(limit))) };
        return Err(
            failed.hint("--timeout gives more time; without a browser on this machine, `insightgate login --device` uses another's")
        );
    };
    let signed_in: SignedIn = outcome?;
    let who = signed_in.username.as_deref().map_or_else(|| "somebody whom the authority does not name".to_owned(), plain);
    eprintln!("signed in as {who}; `insightgate logout` ends it");
    if arguments.json {
        let expires = DateTime::from_timestamp(signed_in.token.expires_at, 0).map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        return print_json(&json!({
            "username": signed_in.username,
            "expiresAt": expires,
            "refreshes": signed_in.token.refresh_token.is_some(),
            "secondFactor": token::second_factor(&signed_in.token),
        }));
    }
    Ok(())
}

async fn by_browser(
    authority: &Authority,
    arguments: &LoginArguments,
    (cache, account, expected): (&TokenCache, &Account, Option<&str>),
) -> Result<SignedIn, CommandError> {
    let random = Random::default();
    let secret = || random.secret().map_err(|error: NoRandomness| CommandError::failed(error.to_string()));
    let loopback = Loopback::bind(&arguments.redirect_uri).await?;
    let request = CodeRequest { redirect_uri: loopback.redirect_uri.clone(), state: secret()?, nonce: secret()?, verifier: secret()? };
    let page = authority.sign_in_page(&request, arguments.choose);
    eprintln!("Sign in with a browser on this machine, at\n{page}");
    if !arguments.no_browser && browser::open(&page) == Opened::No {
        eprintln!("note: no browser could be opened: open the address by hand, or say --device to use another machine's");
    }
    let Brought { answer, shown } = loopback.answer(request.clone()).await?;
    let outcome = match answer {
        BroughtBack::Code(code) => match authority.redeem(&request, &code).await {
            Ok(signed_in) => keep(cache, account, &signed_in, expected).await.map(|()| signed_in),
            Err(error) => Err(error.into()),
        },
        BroughtBack::Refused(refusal) => Err(ClientError::Token(Box::new(refusal)).into()),
        BroughtBack::Foreign => Err(CommandError::failed("the browser brought back the answer to another request")),
    };
    let (title, text) = match &outcome {
        Ok(_) => ("You are signed in", "You may close this page, and go on in the terminal.".to_owned()),
        Err(error) => ("You are not signed in", format!("{error} You may close this page.")),
    };
    shown.show(title, &text).await;
    outcome
}

async fn by_device(authority: &Authority) -> Result<SignedIn, CommandError> {
    let mut code = authority.start_device().await?;
    eprintln!("{}", plain(&code.message));
    loop {
        if authority.now() >= code.expires_at {
            let failed = CommandError { code: 5, ..CommandError::failed("the code has expired, and nobody signed in with it") };
            return Err(failed.hint("`insightgate login --device` shows another one"));
        }
        match authority.poll_device(&mut code).await? {
            DevicePoll::Done(signed_in) => return Ok(*signed_in),
            DevicePoll::Wait(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
        }
    }
}

/// Keeps the tokens, if they are those of the person whom the profile names.
async fn keep(cache: &TokenCache, account: &Account, signed_in: &SignedIn, expected: Option<&str>) -> Result<(), CommandError> {
    if let (Some(expected), Some(actual)) = (expected, signed_in.username.as_deref())
        && expected.to_lowercase() != actual.to_lowercase()
    {
        let failed = CommandError::not_allowed(format!("{} signed in, and the profile is {expected}'s", plain(actual)));
        return Err(failed.hint("`insightgate login --choose` lets you choose the account; or name another profile with --profile"));
    }
    if signed_in.token.refresh_token.is_none() {
        eprintln!("note: the authority gave no refresh token, so this sign-in ends with its token");
    }
    let (cache, account, kept) = (cache.clone(), account.clone(), signed_in.kept());
    let written = tokio::task::spawn_blocking(move || cache.keep(&account, &kept)).await;
    written.unwrap_or_else(|error| Err(CommandError::failed(error.to_string())))
}

fn no_place() -> CommandError {
    CommandError::usage("there is no place for tokens: neither HOME nor XDG_CACHE_HOME is set")
}
