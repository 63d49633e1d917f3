//! Tokens between two commands: a file for each account, in a folder that its owner alone may open. A file that others may read is refused, since they
//! may have its tokens. Processes take turns by a lock beside the file, so that one of them asks for a new token and the others find it.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_client::{Account, HeldTokens, Kept, StoreFault, TokenStore};

use crate::command_error::CommandError;
use crate::env_vars::{self, EnvVar};
use crate::files::{fault, read_private, write_private};

/// The folder may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCache {
    folder: PathBuf,
}

/// The lock ends with the open file.
struct HeldFile {
    path: PathBuf,
    _lock: Option<File>,
}

impl TokenCache {
    /// `~/.cache/insightgate/tokens`; None if the environment names no folder of the person's.
    pub fn of(environment: impl Fn(&EnvVar) -> Option<String>) -> Option<TokenCache> {
        // A relative folder is to be ignored, as the directory specification says.
        let configured = environment(&env_vars::XDG_CACHE_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
        let own = || environment(&env_vars::HOME).map(|home| Path::new(&home).join(".cache"));
        Some(TokenCache { folder: configured.or_else(own)?.join("insightgate").join("tokens") })
    }

    /// Whether a person signed in and can go on without a password.
    pub fn has_sign_in(&self, account: &Account) -> bool {
        // Whatever else is there is told when it is used.
        self.read(account).map_or(true, |kept| kept.is_some_and(|kept| kept.refresh_token.is_some()))
    }

    /// Forgets all tokens of the account. Whether there were any.
    pub fn forget(&self, account: &Account) -> Result<bool, CommandError> {
        if !self.path(account).exists() && !self.lock_path(account).exists() {
            return Ok(false);
        }
        // Even where nothing is kept yet: another process may be getting the first token.
        self.hold(account).and_then(|held| held.forget()).map_err(refused)
    }

    /// Forgets the tokens of all accounts. How many had some.
    pub fn forget_all(&self) -> Result<usize, CommandError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(fault(&self.folder, &error)),
        };
        let mut files = BTreeSet::new();
        for entry in entries {
            let path = entry.map_err(|error| fault(&self.folder, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "json" || extension == "lock") {
                files.insert(path.with_extension("json"));
            }
        }
        let mut count = 0;
        for file in files {
            // Each in its turn, also where nothing is kept yet: a process that is getting a token writes it first, and then it is forgotten.
            if self.locked(file).and_then(|held| held.forget()).map_err(refused)? {
                count += 1;
            }
        }
        Ok(count)
    }

    /// Keeps what a person's sign-in left, in place of what was there.
    pub fn keep(&self, account: &Account, kept: &Kept) -> Result<(), CommandError> {
        self.hold(account).and_then(|held| held.write(kept)).map_err(refused)
    }

    fn path(&self, account: &Account) -> PathBuf {
        self.folder.join(format!("{}.json", account.id()))
    }

    fn lock_path(&self, account: &Account) -> PathBuf {
        self.path(account).with_extension("lock")
    }

    /// Waits for whoever holds this file, by the lock beside it.
    fn locked(&self, file: PathBuf) -> Result<Box<dyn HeldTokens>, StoreFault> {
        let path = file.with_extension("lock");
        let held = |lock| -> Box<dyn HeldTokens> { Box::new(HeldFile { path: file, _lock: lock }) };
        // Where no file can be made, the token is used without being kept: writing it fails, and that is told.
        if make_folder(&self.folder).is_err() {
            return Ok(held(None));
        }
        let Ok(lock) = private(OpenOptions::new().create(true).truncate(false).read(true).write(true)).open(&path) else {
            return Ok(held(None));
        };
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            eprintln!("note: waiting for another insightgate that is getting this token");
        }
        match lock.lock() {
            Ok(()) => Ok(held(Some(lock))),
            // A file system without locks.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(held(None)),
            Err(error) => Err(as_fault(fault(&path, &error))),
        }
    }

    /// Refuses a folder that others may open.
    fn checked(&self) -> Result<(), StoreFault> {
        match std::fs::metadata(&self.folder) {
            Ok(metadata) if others_may_enter(&metadata) => Err(StoreFault {
                message: format!("{} holds tokens, and others may open it", self.folder.display()),
                hint: Some(format!("chmod 700 {}", self.folder.display())),
            }),
            _ => Ok(()),
        }
    }
}

impl TokenStore for TokenCache {
    fn read(&self, account: &Account) -> Result<Option<Kept>, StoreFault> {
        self.checked()?;
        read(&self.path(account))
    }

    fn hold(&self, account: &Account) -> Result<Box<dyn HeldTokens>, StoreFault> {
        if make_folder(&self.folder).is_ok() {
            self.checked()?;
        }
        self.locked(self.path(account))
    }

    fn lost(&self, lost: &StoreFault) {
        eprintln!("note: the token is not kept for the next command: {}", lost.message);
    }
}

impl HeldTokens for HeldFile {
    fn read(&self) -> Result<Option<Kept>, StoreFault> {
        read(&self.path)
    }

    fn write(&self, kept: &Kept) -> Result<(), StoreFault> {
        let text = serde_json::to_vec(kept).map_err(|error| StoreFault { message: error.to_string(), hint: None })?;
        write_private(&self.path, &text).map_err(as_fault)
    }

    fn forget(&self) -> Result<bool, StoreFault> {
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(as_fault(fault(&self.path, &error))),
        }
    }
}

fn read(path: &Path) -> Result<Option<Kept>, StoreFault> {
    // Nothing is there either where the folder is none.
    if !path.exists() {
        return Ok(None);
    }
    let text = read_private(path).map_err(as_fault)?;
    // What another version wrote, or half of it, is worth nothing, and is written anew.
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

fn as_fault(error: CommandError) -> StoreFault {
    StoreFault { message: error.message, hint: error.hint }
}

fn refused(fault: StoreFault) -> CommandError {
    CommandError { hint: fault.hint, ..CommandError::not_allowed(fault.message) }
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if let Some(above) = folder.parent() {
        std::fs::create_dir_all(above)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn others_may_enter(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn others_may_enter(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs::TryLockError;

    use super::*;
    use insightgate_client::SignIn;

    fn account(username: &str) -> Account {
        let sign_in = SignIn::Before { username: Some(username.to_owned()) };
        Account::new("https://login.example/t/oauth2/token", "app", &sign_in)
    }

    fn cache() -> (tempfile::TempDir, TokenCache) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().display().to_string();
        let cache = TokenCache::of(|variable| (variable.name == "HOME").then(|| home.clone())).unwrap();
        assert!(cache.folder.ends_with(".cache/insightgate/tokens"));
        (folder, cache)
    }

    fn kept() -> Kept {
        Kept { refresh_token: Some("r3fresh".into()), ..Kept::default() }
    }

    fn read(cache: &TokenCache, username: &str) -> Option<Kept> {
        cache.read(&account(username)).unwrap_or_else(|fault| panic!("{}", fault.message))
    }

    #[test]
    fn what_is_kept_is_one_accounts_until_it_is_forgotten() {
        let (_folder, cache) = cache();
        assert!(!cache.has_sign_in(&account("ada")) && !cache.forget(&account("ada")).unwrap());
        cache.keep(&account("ada"), &kept()).unwrap();
        assert_eq!((read(&cache, "ada"), read(&cache, "bob")), (Some(kept()), None));
        assert!(cache.has_sign_in(&account("ada")) && !cache.has_sign_in(&account("bob")));
        std::fs::write(cache.path(&account("ada")), "{").unwrap();
        assert_eq!(read(&cache, "ada"), None, "half a file");
        cache.keep(&account("ada"), &kept()).unwrap();
        cache.keep(&account("bob"), &kept()).unwrap();
        assert!(cache.forget(&account("ada")).unwrap());
        assert_eq!((read(&cache, "ada"), cache.forget_all().unwrap(), cache.forget_all().unwrap()), (None, 1, 0));
    }

    #[cfg(unix)]
    #[test]
    fn others_may_neither_open_the_folder_nor_read_a_file() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, cache) = cache();
        cache.keep(&account("ada"), &kept()).unwrap();
        let file = cache.path(&account("ada"));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let open = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        assert_eq!((mode(&file), mode(&file.with_extension("lock")), mode(&cache.folder)), (0o600, 0o600, 0o700));
        open(&file, 0o640);
        let refused = cache.read(&account("ada")).unwrap_err();
        assert!(refused.message.contains("others may read it") && refused.hint.unwrap().starts_with("chmod 600 "));
        open(&file, 0o600);
        open(&cache.folder, 0o755);
        for refused in [cache.read(&account("ada")).unwrap_err(), cache.hold(&account("ada")).err().unwrap()] {
            assert!(refused.message.contains("others may open it") && refused.hint.unwrap().starts_with("chmod 700 "));
        }
    }

    #[test]
    fn one_process_at_a_time_holds_an_account() {
        let (_folder, cache) = cache();
        let held = cache.hold(&account("ada")).unwrap_or_else(|fault| panic!("{}", fault.message));
        let lock = || File::open(cache.folder.join(format!("{}.lock", account("ada").id()))).unwrap();
        assert!(matches!(lock().try_lock(), Err(TryLockError::WouldBlock)));
        let (told, heard) = std::sync::mpsc::channel();
        let other = cache.clone();
        let waiting = std::thread::spawn(move || {
            let held = other.hold(&account("ada")).unwrap_or_else(|fault| panic!("{}", fault.message));
            told.send(held.read().unwrap_or_else(|fault| panic!("{}", fault.message))).unwrap();
        });
        held.write(&kept()).unwrap_or_else(|fault| panic!("{}", fault.message));
        assert!(heard.try_recv().is_err(), "it waits");
        drop(held);
        assert_eq!(heard.recv().unwrap(), Some(kept()), "what the first one wrote");
        waiting.join().unwrap();
    }

    #[test]
    fn a_token_that_another_process_is_getting_is_forgotten_too() {
        let (_folder, cache) = cache();
        // The first token of ada, and another one of bob: nothing of ada is there yet.
        cache.keep(&account("bob"), &kept()).unwrap();
        for all in [true, false] {
            let held = cache.hold(&account("ada")).unwrap_or_else(|fault| panic!("{}", fault.message));
            let (told, heard) = std::sync::mpsc::channel();
            let other = cache.clone();
            let waiting = std::thread::spawn(move || {
                told.send(()).unwrap();
                if all { other.forget_all().unwrap() } else { usize::from(other.forget(&account("ada")).unwrap()) }
            });
            heard.recv().unwrap();
            held.write(&kept()).unwrap_or_else(|fault| panic!("{}", fault.message));
            drop(held);
            assert_eq!((waiting.join().unwrap(), read(&cache, "ada")), (if all { 2 } else { 1 }, None));
        }
        assert_eq!(read(&cache, "bob"), None);
    }

    #[test]
    fn where_nothing_can_be_written_the_token_is_used_all_the_same() {
        let folder = tempfile::NamedTempFile::new().unwrap();
        let cache = TokenCache { folder: folder.path().join("tokens") };
        let held = cache.hold(&account("ada")).unwrap_or_else(|fault| panic!("{}", fault.message));
        assert!(held.write(&kept()).is_err());
        assert_eq!(cache.keep(&account("ada"), &kept()).unwrap_err().code, 3);
    }
}
