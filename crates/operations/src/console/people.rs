//! The people of an organisation, as a page shows them: found by a part of a name, a page at a time, with their roles. And passwords that nobody chose.
//!
//! A password that is made here can only be used to set another one: whoever adds somebody never knows what that person signs in with later.

use insightgate_identity::role::RoleAssignment;
use insightgate_identity::user::{User, check_password};
use insightgate_wire::Secret;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::users::{NewUser, add_user, set_password, show_user};
use crate::random::Random;

/// How many users a page shows.
const PAGE: u32 = 50;
/// The letters and digits of a password that is made: 32 that are not taken for one another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How often a password is made anew, if it holds the user's name by chance.
const ATTEMPTS: usize = 8;

/// A user with the roles held.
#[derive(Debug, Clone)]
pub struct Person {
    pub user: User,
    pub roles: Vec<RoleAssignment>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct People {
    pub people: Vec<Person>,
    /// After whom the next page begins, if there is one: a sign-in name.
    pub next: Option<String>,
}

/// The users whose names contain `search`, ordered by sign-in name, from the one after `after` on. Both may be empty.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn find_people(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    search: &str,
    after: &str,
) -> Result<People, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    administrator.may(context, Duty::LookAtRoles).await?;
    let mut users = context.store.users_page(tenant.id, search, after, PAGE + 1).await?;
    let has_more = users.len() > PAGE as usize;
    users.truncate(PAGE as usize);
    let next = users.last().filter(|_| has_more).map(|last| last.username.clone());
    let ids: Vec<_> = users.iter().map(|user| user.id).collect();
    let assigned = context.store.role_assignments_of(tenant.id, &ids).await?;
    let people = users.into_iter().map(|user| {
        let roles = assigned.iter().filter(|(holder, _)| *holder == user.id).map(|(_, assignment)| assignment.clone()).collect();
        Person { user, roles }
    });
    Ok(People { people: people.collect(), next })
}

/// A user by id or sign-in name.
///
/// # Errors
/// When the caller may not do this, there is no such user, or the database does not answer.
pub async fn show_person(context: &Context, administrator: &Administrator, tenant: &str, user: &str) -> Result<Person, Failure> {
    let user = show_user(context, administrator, tenant, user).await?;
    administrator.may(context, Duty::LookAtRoles).await?;
    let roles = context.store.role_assignments_of(user.tenant, &[user.id]).await?;
    Ok(Person { user, roles: roles.into_iter().map(|(_, assignment)| assignment).collect() })
}

/// Adds a user with a password for the first sign-in, which asks for another one. Returns the password too.
///
/// # Errors
/// As [`add_user`] has them.
pub async fn invite(context: &Context, administrator: &Administrator, tenant: &str, new: NewUser) -> Result<(User, String), Failure> {
    let password = made(&context.random, new.username.as_deref().unwrap_or_default())?;
    let new = NewUser { password: Some(Secret(password.clone())), must_change_password: true, ..new };
    Ok((add_user(context, administrator, tenant, new).await?, password))
}

/// Gives the user a password for the next sign-in, which asks for another one. Returns the user and the password. Ends the user's sign-ins.
///
/// # Errors
/// When the caller may not do this, there is no such user, or the database does not answer.
pub async fn renew_password(context: &Context, administrator: &Administrator, tenant: &str, user: &str) -> Result<(User, String), Failure> {
    administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = show_user(context, administrator, tenant, user).await?;
    let password = made(&context.random, &user.username)?;
    set_password(context, administrator, tenant, &user.id.to_string(), Some(&password), true).await?;
    Ok((user, password))
}

/// 80 bits in four groups, which can be read aloud and typed.
fn made(random: &Random, username: &str) -> Result<String, Failure> {
    let mut password = String::new();
    for _ in 0..ATTEMPTS {
        let letters = random.bytes::<16>()?;
        let groups = letters.chunks(4).map(|group| group.iter().map(|byte| letter(*byte)).collect::<String>());
        password = groups.collect::<Vec<_>>().join("-");
        if check_password(&password, username).is_ok() {
            break;
        }
    }
    Ok(password)
}

fn letter(byte: u8) -> char {
    LETTERS.get(usize::from(byte) % LETTERS.len()).copied().map_or('a', char::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_password_can_be_typed_and_is_not_made_twice() {
        let random = Random::default();
        let passwords: Vec<String> = (0..100).map(|_| made(&random, "ana@contoso.example").unwrap()).collect();
        for password in &passwords {
            assert_eq!((password.len(), password.matches('-').count()), (19, 3), "{password}");
            assert!(password.bytes().all(|byte| byte == b'-' || LETTERS.contains(&byte)), "{password}");
        }
        let mut distinct = passwords.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), passwords.len());
        assert!(!LETTERS.iter().any(|letter| b"l1o0".contains(letter)));
    }
}
