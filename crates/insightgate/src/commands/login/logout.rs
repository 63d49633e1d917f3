//! `insightgate logout`: forgets the tokens that are kept on this machine.

use clap::Args;
use insightgate_client::{Account, SignIn};

use crate::command_error::CommandError;
use crate::env_vars;
use crate::profiles::token_cache::TokenCache;
use crate::profiles::{self, Profile};

#[derive(Debug, Args)]
pub struct LogoutArguments {
    /// Forget the tokens of all profiles
    #[arg(long)]
    all: bool,
}

pub fn run(profile: Option<&str>, arguments: &LogoutArguments) -> Result<(), CommandError> {
    if arguments.all {
        let count = TokenCache::of(env_vars::read).map_or(Ok(0), |cache| cache.forget_all())?;
        eprintln!("forgot the tokens of {count} {}", if count == 1 { "account" } else { "accounts" });
        return Ok(());
    }
    let profile = profiles::load(profile, env_vars::read)?;
    match forget(&profile)? {
        true => eprintln!("signed out: this machine has no token of the profile any more. A browser may still be signed in"),
        false => eprintln!("nobody was signed in"),
    }
    Ok(())
}

/// Forgets what is kept for a profile, whoever signed in. Whether there was anything.
pub fn forget(profile: &Profile) -> Result<bool, CommandError> {
    let Some(cache) = &profile.tokens else { return Ok(false) };
    let mut forgot = false;
    for (token_url, client_id) in profile.applications()? {
        for sign_in in [SignIn::Application, SignIn::Before { username: profile.username.clone() }] {
            forgot |= cache.forget(&Account::new(&token_url, &client_id, &sign_in))?;
        }
    }
    Ok(forgot)
}
