//! The data folder: database, data, definitions, files and keys. One server at a time works on it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_engine::DataRoot;
use insightgate_engine::storage::unfinished_file;
use insightgate_operations::keys::vault::{Vault, VaultFault};
use insightgate_operations::random::Random;
use insightgate_store::{Sealed, sqlite_url};

use crate::command_error::CommandError;
use crate::env_vars::{self, EnvVar};
use crate::files::{fault, others_may_read, write_private};

/// Holds 32 bytes; keys and link secrets in the database are encrypted with it.
const ENCRYPTION_KEY: &str = "encryption.key";
/// Where an operator moves it aside to have it replaced at the next start.
const OLD_ENCRYPTION_KEY: &str = "encryption.key.old";

#[derive(Debug, Clone)]
pub struct DataFolder(PathBuf);

/// The encryption keys that are there.
struct Keys {
    given: Option<Vec<u8>>,
    /// The folder's own.
    own: Option<Vec<u8>>,
    /// Previous ones, which only decrypt.
    old: Vec<Vec<u8>>,
}

/// Kept for as long as the process works on the folder.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl DataFolder {
    /// Opens the folder, and makes it if it is missing. Only its owner may read it.
    pub fn open(path: &Path) -> Result<DataFolder, CommandError> {
        make_private_folder(path)?;
        let absolute = std::path::absolute(path).map_err(|error| fault(path, &error))?;
        Ok(DataFolder(absolute))
    }

    /// The folder as it is, whether or not it is there: where its files may be elsewhere.
    pub fn at(path: &Path) -> Result<DataFolder, CommandError> {
        std::path::absolute(path).map(DataFolder).map_err(|error| fault(path, &error))
    }

    /// Whether there are files of reports and no database that could know them: it was lost, or moved away.
    pub fn has_lost_its_database(&self) -> bool {
        let is_empty = std::fs::metadata(self.database()).map_or(true, |found| found.len() == 0);
        let mut files = 0;
        let walked = walk(&self.artifacts(), &mut |path| {
            files += usize::from(!is_staged(path));
            Ok(())
        });
        is_empty && walked.is_ok() && files > 0
    }

    /// Opens an existing data folder. Another kind of folder is left as it is.
    pub fn existing(path: &Path) -> Result<DataFolder, CommandError> {
        let marks = ["insightgate.db", "datasets", ENCRYPTION_KEY];
        let missing = if !path.is_dir() {
            format!("there is no data folder at {}", path.display())
        } else if !marks.iter().any(|mark| path.join(mark).exists()) {
            format!("{} is not a data folder: it has none of {}", path.display(), marks.join(", "))
        } else {
            return DataFolder::open(path);
        };
        let hint = "insightgate demo and insightgate init make one; --data-dir names another";
        Err(CommandError::not_found(missing).hint(hint))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database_url(&self) -> String {
        sqlite_url(&self.database())
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("insightgate.db")
    }

    /// Rows: `data/<program>/<Dataset>/…`.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// The place of the rows: the folder, or what a setting or flag says.
    pub fn data_root(&self, named: Option<&str>) -> Result<DataRoot, CommandError> {
        root(named, self.data())
    }

    /// The place of the files of reports, in the same way.
    pub fn artifact_root(&self, named: Option<&str>) -> Result<DataRoot, CommandError> {
        root(named, self.artifacts())
    }

    /// Definitions: `datasets/<program>/<Dataset>.toml`.
    pub fn definitions(&self) -> PathBuf {
        self.0.join("datasets")
    }

    pub fn artifacts(&self) -> PathBuf {
        self.0.join("artifacts")
    }

    /// Intermediate results of large queries.
    pub fn spill(&self) -> PathBuf {
        self.0.join("spill")
    }

    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// Locks the folder. Fails if another server works on it.
    pub fn lock(&self) -> Result<FolderLock, CommandError> {
        let path = self.0.join("lock");
        let file = OpenOptions::new().create(true).write(true).truncate(false).open(&path).map_err(|error| fault(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(FolderLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another server works on the data folder {}", self.0.display());
                Err(CommandError::failed(message).hint("stop it, or name another data folder"))
            }
            Err(TryLockError::Error(error)) => Err(fault(&path, &error)),
        }
    }

    /// Makes the parts that a server writes accessible to their owner only, whatever the folder itself allows.
    pub fn make_private(&self, _: &FolderLock) -> Result<(), CommandError> {
        for folder in [self.data(), self.definitions()] {
            make_private_folder(&folder)?;
        }
        for folder in [self.artifacts(), self.spill(), self.tls()] {
            make_private_folder(&folder)?;
            allow_owner_only(&folder, 0o700)?;
        }
        let database = self.database();
        // What the database writes beside it takes its mode.
        let made = OpenOptions::new().create(true).append(true).open(&database);
        made.map_err(|error| fault(&database, &error))?;
        allow_owner_only(&database, 0o600)
    }

    /// The unfinished files that a killed server left, and that [`DataFolder::sweep`] removes. Only under the lock.
    pub fn unfinished(&self, _: &FolderLock) -> Result<Vec<PathBuf>, CommandError> {
        let mut found = Vec::new();
        walk(&self.spill(), &mut |path| {
            found.push(path.to_owned());
            Ok(())
        })?;
        found.extend(unfinished_file::leftovers(&self.0));
        found.extend(self.half_copies());
        walk(&self.artifacts(), &mut |path| {
            found.extend(is_staged(path).then(|| path.to_owned()));
            Ok(())
        })?;
        Ok(found)
    }

    /// Removes unfinished files that a killed server left: files that were never published, and intermediate results; and what a killed backup left. Only
    /// under the lock.
    pub fn sweep(&self, _: &FolderLock) -> Result<(), CommandError> {
        let spill = self.spill();
        match std::fs::remove_dir_all(&spill) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(fault(&spill, &error)),
            _ => {}
        }
        unfinished_file::remove_leftovers(&self.0);
        for path in self.half_copies() {
            std::fs::remove_file(&path).map_err(|error| fault(&path, &error))?;
        }
        walk(&self.artifacts(), &mut |path| {
            if is_staged(path) { std::fs::remove_file(path).map_err(|error| fault(path, &error)) } else { Ok(()) }
        })
    }

    /// What a killed backup of an earlier version left: a copy of the database beside it.
    fn half_copies(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).into_iter().flatten().flatten();
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(".backup-") && name.ends_with(".unfinished")
        };
        entries.map(|entry| entry.path()).filter(named).collect()
    }

    /// The vault with the key from `INSIGHTGATE_ENCRYPTION_KEY` (64 hexadecimal digits), or else from the folder's own file, which the first start
    /// makes. It also decrypts with previous keys: those of `INSIGHTGATE_OLD_ENCRYPTION_KEYS` (separated by commas), the one in `encryption.key.old`,
    /// and the folder's own if the environment has another.
    ///
    /// `sealed`: a secret in the database. If no key decrypts it, nothing is made or written, since a new key would lock its owner out.
    ///
    /// # Errors
    /// In that case, and if a key cannot be read. `database_url` is for the advice on how to begin again without the key.
    pub fn vault(&self, random: &Random, sealed: &[Sealed], database_url: &str) -> Result<Vault, CommandError> {
        self.vault_with(random, sealed, database_url, env_vars::read)
    }

    fn vault_with(
        &self,
        random: &Random,
        sealed: &[Sealed],
        database_url: &str,
        environment: impl Fn(&EnvVar) -> Option<String>,
    ) -> Result<Vault, CommandError> {
        let Keys { given, own, mut old } = self.read_keys(environment)?;
        let (key, is_new) = match (given, own) {
            (Some(key), own) => {
                old.extend(own);
                (key, false)
            }
            (None, Some(key)) => (key, false),
            (None, None) => {
                let key: [u8; 32] = random.bytes().map_err(|error| CommandError::failed(error.to_string()))?;
                (key.to_vec(), true)
            }
        };
        let vault = Vault::new(&key).and_then(|vault| old.iter().try_fold(vault, |vault, old| vault.with_old(old)));
        let vault = vault.map_err(|error| self.bad_key(&error))?;
        if sealed.iter().any(|sealed| vault.open(&sealed.purpose, &sealed.text).is_err()) {
            return Err(self.locked(is_new && old.is_empty(), database_url));
        }
        if is_new {
            write_private(&self.0.join(ENCRYPTION_KEY), &key)?;
        }
        Ok(vault)
    }

    /// The vault with the keys that are there; `None` if there is none. Nothing is made.
    ///
    /// # Errors
    /// If a key cannot be read.
    pub fn existing_vault(&self) -> Result<Option<Vault>, CommandError> {
        let Keys { given, own, old } = self.read_keys(env_vars::read)?;
        let mut keys = given.into_iter().chain(own).chain(old);
        let Some(key) = keys.next() else { return Ok(None) };
        let vault = Vault::new(&key).and_then(|vault| keys.try_fold(vault, |vault, old| vault.with_old(&old)));
        vault.map(Some).map_err(|error| self.bad_key(&error))
    }

    fn bad_key(&self, error: &VaultFault) -> CommandError {
        CommandError::failed(format!("{}: {error}", self.0.join(ENCRYPTION_KEY).display()))
            .hint("put the file back from a backup: it holds 32 bytes, and nothing else")
    }

    /// The files of keys that others than their owner may read.
    pub fn readable_keys(&self) -> Vec<PathBuf> {
        let keys = [ENCRYPTION_KEY, OLD_ENCRYPTION_KEY].map(|name| self.0.join(name));
        let keys = keys.into_iter().chain([self.tls().join("authority.pem")]);
        keys.filter(|path| std::fs::metadata(path).is_ok_and(|found| others_may_read(&found))).collect()
    }

    fn read_keys(&self, environment: impl Fn(&EnvVar) -> Option<String>) -> Result<Keys, CommandError> {
        let named = |EnvVar { name, .. }: &EnvVar, text: &str| {
            let malformed = || {
                CommandError::failed(format!("{name} does not hold 64 hexadecimal digits")).hint("make a key with: openssl rand -hex 32")
            };
            read_key_digits(text.trim()).ok_or_else(malformed)
        };
        let given = environment(&env_vars::ENCRYPTION_KEY).map(|text| named(&env_vars::ENCRYPTION_KEY, &text)).transpose()?;
        let own = self.read_key(ENCRYPTION_KEY)?;
        let mut old: Vec<Vec<u8>> = self.read_key(OLD_ENCRYPTION_KEY)?.into_iter().collect();
        let listed = environment(&env_vars::OLD_ENCRYPTION_KEYS).unwrap_or_default();
        for text in listed.split(',').filter(|text| !text.trim().is_empty()) {
            old.push(named(&env_vars::OLD_ENCRYPTION_KEYS, text)?);
        }
        Ok(Keys { given, own, old })
    }

    /// The database's secrets are sealed with a key that is not here.
    pub fn locked(&self, none: bool, database_url: &str) -> CommandError {
        let (variable, file) = (env_vars::ENCRYPTION_KEY.name, self.0.join(ENCRYPTION_KEY));
        let what = if none {
            format!(
                "the encryption key is missing: the database holds keys that were encrypted, and there is neither {variable} nor the file {}",
                file.display()
            )
        } else {
            format!(
                "the encryption key is another one than the database's keys were encrypted with; it was looked for in {variable}, {}, {} and {}",
                file.display(),
                env_vars::OLD_ENCRYPTION_KEYS.name,
                self.0.join(OLD_ENCRYPTION_KEY).display()
            )
        };
        let anew = if database_url == self.database_url() {
            format!("move {} away, or name another database in data.database_url", self.database().display())
        } else {
            "name another one in data.database_url".to_owned()
        };
        CommandError::failed(what).hint(format!(
            "either give the key that was used before, in {variable} or as the file (backups of the folder hold it); or start anew with an empty database: \
             {anew}. Nothing was written"
        ))
    }

    /// Removes `encryption.key.old`. Call it only once everything is sealed with the current key.
    pub fn forget_old_key(&self) -> Result<(), CommandError> {
        let path = self.0.join(OLD_ENCRYPTION_KEY);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(fault(&path, &error)),
            _ => Ok(()),
        }
    }

    fn read_key(&self, name: &str) -> Result<Option<Vec<u8>>, CommandError> {
        let path = self.0.join(name);
        match std::fs::read(&path) {
            Ok(key) => Ok(Some(key)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault(&path, &error)),
        }
    }
}

fn root(named: Option<&str>, own: PathBuf) -> Result<DataRoot, CommandError> {
    match named {
        None => Ok(own.into()),
        Some(text) => DataRoot::parse(text, env_vars::of_stores()).map_err(|error| CommandError::usage(error.to_string())),
    }
}

/// The object store stages a file beside its place, under a name with `#`, which no finished file has.
fn is_staged(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains('#'))
}

/// Calls `visit` with each file below the folder, if there is one. What a link leads to is somebody else's, and so is a folder that may not be read, such
/// as a disk's `lost+found`.
fn walk(folder: &Path, visit: &mut dyn FnMut(&Path) -> Result<(), CommandError>) -> Result<(), CommandError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(folder, &error)),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            visit(&path)?;
        } else if !std::fs::read_dir(&path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            walk(&path, visit)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn allow_owner_only(path: &Path, mode: u32) -> Result<(), CommandError> {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(|error| fault(path, &error))
}

#[cfg(not(unix))]
fn allow_owner_only(_: &Path, _: u32) -> Result<(), CommandError> {
    Ok(())
}

fn make_private_folder(path: &Path) -> Result<(), CommandError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| fault(path, &error))
}

fn read_key_digits(text: &str) -> Option<Vec<u8>> {
    hex::decode(text).ok().filter(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_serves_one_process_and_keeps_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let lock = data.lock().unwrap();
        assert!(data.lock().unwrap_err().message.contains("another server"));
        drop(lock);
        data.lock().unwrap();
        let sealed = data.vault(&Random::default(), &[], "").unwrap().seal("p", b"text").unwrap();
        assert_eq!(data.vault(&Random::default(), &[], "").unwrap().open("p", &sealed).unwrap(), b"text");
    }

    #[test]
    fn a_key_is_replaced_by_the_environment_or_by_moving_its_file_aside() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let random = Random::default();
        let of_file = data.vault_with(&random, &[], "", |_| None).unwrap().seal("p", b"text").unwrap();
        let given = |variable: &EnvVar| (variable.name == env_vars::ENCRYPTION_KEY.name).then(|| "ab".repeat(32));
        let vault = data.vault_with(&random, &[], "", given).unwrap();
        let of_environment = vault.reseal("p", &of_file).unwrap().unwrap();
        let listed = |variable: &EnvVar| {
            Some(if variable.name == env_vars::ENCRYPTION_KEY.name {
                "cd".repeat(32)
            } else {
                format!("{}, {}", "00".repeat(32), "ab".repeat(32))
            })
        };
        assert_eq!(data.vault_with(&random, &[], "", listed).unwrap().open("p", &of_environment).unwrap(), b"text");
        let wrong = |variable: &EnvVar| Some(if variable.name == env_vars::ENCRYPTION_KEY.name { "cd".repeat(32) } else { "short".into() });
        assert!(data.vault_with(&random, &[], "", wrong).err().unwrap().message.contains(env_vars::OLD_ENCRYPTION_KEYS.name));

        std::fs::rename(data.path().join(ENCRYPTION_KEY), data.path().join(OLD_ENCRYPTION_KEY)).unwrap();
        let vault = data.vault_with(&random, &[], "", |_| None).unwrap();
        let anew = vault.reseal("p", &of_file).unwrap().unwrap();
        data.forget_old_key().unwrap();
        let vault = data.vault_with(&random, &[], "", |_| None).unwrap();
        assert_eq!(vault.open("p", &anew).unwrap(), b"text");
        assert!(vault.open("p", &of_file).is_err(), "the old key is gone");
    }

    #[test]
    fn a_key_that_is_missing_or_wrong_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let random = Random::default();
        let text = Vault::new(&[7; 32]).unwrap().seal("link", b"text").unwrap();
        let sealed = [Sealed { place: insightgate_store::SealedPlace::Keys, id: "1".into(), purpose: "link".into(), text }];
        let given = |key: &'static str| move |variable: &EnvVar| (variable.name == env_vars::ENCRYPTION_KEY.name).then(|| key.repeat(32));
        let missing = data.vault_with(&random, &sealed, &data.database_url(), |_| None).err().unwrap();
        assert!(missing.message.contains("missing") && missing.message.contains("encryption.key"), "{missing}");
        let wrong = data.vault_with(&random, &sealed, &data.database_url(), given("08")).err().unwrap();
        for told in ["INSIGHTGATE_ENCRYPTION_KEY", "encryption.key.old", "INSIGHTGATE_OLD_ENCRYPTION_KEYS"] {
            assert!(wrong.message.contains(told), "{wrong}");
        }
        for error in [missing, wrong] {
            let hint = error.hint.unwrap();
            assert!(hint.contains("either give the key") && hint.contains("or start anew"), "{hint}");
        }
        let elsewhere =
            data.vault_with(&random, &sealed, "postgres://db.example.com/insightgate", given("08")).err().unwrap().hint.unwrap();
        assert!(elsewhere.contains("empty database: name another one in data.database_url"), "{elsewhere}");
        assert!(!elsewhere.contains("insightgate.db away"), "{elsewhere}");
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "nothing was made");
        data.vault_with(&random, &sealed, &data.database_url(), given("07")).unwrap();
        // One that was moved aside opens what it sealed, and a new one takes its place.
        std::fs::write(data.path().join(OLD_ENCRYPTION_KEY), [7; 32]).unwrap();
        data.vault_with(&random, &sealed, &data.database_url(), |_| None).unwrap();
        assert!(data.path().join(ENCRYPTION_KEY).exists());
    }

    #[test]
    fn what_was_left_half_written_goes_and_the_rest_stays() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let lock = data.lock().unwrap();
        data.sweep(&lock).unwrap();
        let (finished, staged) = (data.artifacts().join("t/r/e-1.csv"), data.artifacts().join("t/r/e-1.csv#1"));
        let spilled = data.spill().join("datafusion-1/part");
        // A backup that is at work.
        let working = unfinished_file::make(data.path(), true).unwrap();
        let copies = [".insightgate-AbCdEf.unfinished", ".backup-7.unfinished"].map(|name| data.path().join(name));
        for path in [&finished, &staged, &spilled].into_iter().chain(&copies) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "text").unwrap();
        }
        assert_eq!(data.unfinished(&lock).unwrap().len(), 4);
        data.sweep(&lock).unwrap();
        assert!(finished.exists() && working.path().exists() && !staged.exists() && !spilled.exists());
        assert!(copies.iter().all(|path| !path.exists()));
    }

    #[test]
    fn a_database_that_was_lost_is_told_from_one_that_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        data.make_private(&data.lock().unwrap()).unwrap();
        assert!(!data.has_lost_its_database(), "a new folder");
        let file = data.artifacts().join("t/r/e-1.csv");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "text").unwrap();
        assert!(data.has_lost_its_database());
        std::fs::write(data.database(), "a database").unwrap();
        assert!(!data.has_lost_its_database());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_may_read_holds_nothing_that_they_may() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        data.make_private(&data.lock().unwrap()).unwrap();
        for path in [data.data(), data.definitions(), data.artifacts(), data.spill(), data.tls()] {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
        assert_eq!(mode(&data.database()), 0o600);
        assert_eq!(mode(folder.path()), 0o755, "the folder itself is the person's own");
    }

    #[cfg(unix)]
    #[test]
    fn secrets_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready.json");
        std::fs::write(&path, "old").unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn keys_in_the_environment_are_hexadecimal() {
        assert_eq!(read_key_digits(&"0f".repeat(32)), Some(vec![15; 32]));
        for bad in ["", "0f", "zz", &"0f".repeat(33), &"é".repeat(32), &"0".repeat(63)] {
            assert_eq!(read_key_digits(bad), None, "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_sweep_takes_nothing_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(&folder.path().join("data")).unwrap();
        let others = folder.path().join("others");
        std::fs::create_dir(&others).unwrap();
        std::fs::create_dir_all(data.artifacts()).unwrap();
        let (kept, staged) = (others.join("#notes#"), data.artifacts().join("file.csv#1"));
        for file in [&kept, &staged] {
            std::fs::write(file, "x").unwrap();
        }
        std::os::unix::fs::symlink(&others, data.artifacts().join("link")).unwrap();
        let lock = data.lock().unwrap();
        data.sweep(&lock).unwrap();
        assert_eq!((kept.exists(), staged.exists()), (true, false));
    }
}
