//! The files of a table's log, and which of them say what the newest version holds: the last checkpoint that is whole, and the commits after it.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Deserialize;
use uuid::Uuid;

use crate::error::{DeltaFault, EngineError};

/// The files that one list of a log may name, and the commits that are read after a checkpoint. Writers make a checkpoint every 10 or 100 commits.
const MOST_LISTED: usize = 200_000;
const MOST_COMMITS: usize = 10_000;
/// The bytes of a checkpoint and the commits after it, and of the hint.
pub(super) const MOST_BYTES: u64 = 128 << 20;
const MOST_OF_HINT: u64 = 1 << 20;

/// Where a writer says which checkpoint it made last. It may be old, wrong or missing.
const HINT: &str = "_last_checkpoint";

/// The part of a log that says what the newest version holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) version: u64,
    /// The parts of the checkpoint; empty without one.
    pub(super) checkpoint: Vec<ObjectMeta>,
    /// The commits after it, the oldest first.
    pub(super) commits: Vec<ObjectMeta>,
}

impl Segment {
    fn bytes(&self) -> u64 {
        self.checkpoint.iter().chain(&self.commits).map(|meta| meta.size).fold(0, u64::saturating_add)
    }
}

/// The newest version; `None` if there is no log.
pub(super) async fn newest(store: &dyn ObjectStore, log: &Path) -> Result<Option<Segment>, Stopped> {
    let hint = hint(store, log).await?;
    let listed = Listed::of(store, log, hint).await?;
    let is_enough = hint.is_none() || listed.has_checkpoint();
    let segment = match listed.segment() {
        Ok(found) if is_enough => found,
        // What a writer adds or cleans up during a list may leave a gap in it.
        _ => Listed::of(store, log, None).await?.segment()?,
    };
    let Some(segment) = segment else { return Ok(None) };
    let (commits, bytes) = (segment.commits.len(), segment.bytes());
    if commits > MOST_COMMITS {
        return Err(Stopped::Fault(too_large(format!(
            "its log has {commits} commits since its last checkpoint, and at most {MOST_COMMITS} are read"
        ))));
    }
    if bytes > MOST_BYTES {
        return Err(Stopped::Fault(too_many_bytes(bytes)));
    }
    Ok(Some(segment))
}

/// What keeps the log from being read: its own fault, or the store's.
pub(super) enum Stopped {
    Fault(DeltaFault),
    Other(EngineError),
}

impl From<object_store::Error> for Stopped {
    /// A file that vanished after the list was cleaned up by the table's writer.
    fn from(error: object_store::Error) -> Self {
        Stopped::Other(EngineError::from_query(error.into(), 0))
    }
}

impl From<DeltaFault> for Stopped {
    fn from(fault: DeltaFault) -> Self {
        Stopped::Fault(fault)
    }
}

pub(super) fn too_large(what: String) -> DeltaFault {
    DeltaFault::TooLarge(what)
}

pub(super) fn too_many_bytes(bytes: u64) -> DeltaFault {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    too_large(format!(
        "its last checkpoint and the commits after it have {} MiB, and at most {} are read",
        mebibytes(bytes),
        mebibytes(MOST_BYTES)
    ))
}

/// The bytes of a file of the log, which must be as many as were listed.
pub(super) async fn read(store: &dyn ObjectStore, meta: &ObjectMeta) -> Result<Bytes, Stopped> {
    let changed = || Stopped::Other(EngineError::FilesChanged { file: meta.location.to_string() });
    let found = store.get(&meta.location).await?;
    if found.meta.size != meta.size {
        return Err(changed());
    }
    let bytes = found.bytes().await?;
    if bytes.len() as u64 == meta.size { Ok(bytes) } else { Err(changed()) }
}

#[derive(Deserialize)]
struct Hint {
    version: u64,
}

async fn hint(store: &dyn ObjectStore, log: &Path) -> Result<Option<u64>, Stopped> {
    let found = match store.get(&log.clone().join(HINT)).await {
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        found => found?,
    };
    if found.meta.size > MOST_OF_HINT {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&found.bytes().await?).ok().map(|hint: Hint| hint.version))
}

/// What a list of a log shows, by version.
#[derive(Default)]
struct Listed {
    commits: BTreeMap<u64, ObjectMeta>,
    checkpoints: BTreeMap<u64, Checkpoint>,
}

/// The files of a version's checkpoints. Any that is whole says the same.
#[derive(Default)]
struct Checkpoint {
    /// In a file of its own, or one that lists further files.
    single: Option<ObjectMeta>,
    /// By the number of parts, and of each part.
    parts: BTreeMap<u32, BTreeMap<u32, ObjectMeta>>,
}

impl Checkpoint {
    fn whole(&self) -> Option<Vec<ObjectMeta>> {
        if let Some(single) = &self.single {
            return Some(vec![single.clone()]);
        }
        let whole = |(count, parts): &(&u32, &BTreeMap<u32, ObjectMeta>)| {
            parts.len() as u64 == u64::from(**count) && parts.keys().next() == Some(&1) && parts.keys().next_back() == Some(*count)
        };
        self.parts.iter().find(whole).map(|(_, parts)| parts.values().cloned().collect())
    }
}

impl Listed {
    /// From a version on, or the whole log.
    async fn of(store: &dyn ObjectStore, log: &Path, from: Option<u64>) -> Result<Listed, Stopped> {
        let mut found = match from {
            Some(version) => store.list_with_offset(Some(log), &log.clone().join(digits(version))),
            None => store.list(Some(log)),
        };
        let (mut listed, mut count) = (Listed::default(), 0_usize);
        while let Some(meta) = found.try_next().await? {
            count += 1;
            if count > MOST_LISTED {
                return Err(Stopped::Fault(too_large(format!("its log has more than {MOST_LISTED} files"))));
            }
            listed.take(log, meta);
        }
        Ok(listed)
    }

    fn take(&mut self, log: &Path, meta: ObjectMeta) {
        let kind = meta.location.prefix_match(log).and_then(|mut below| match (below.next(), below.next()) {
            (Some(name), None) => named(name.as_ref()),
            _ => None,
        });
        match kind {
            Some((version, Kind::Commit)) => drop(self.commits.insert(version, meta)),
            Some((version, Kind::Single)) => self.checkpoints.entry(version).or_default().single = Some(meta),
            // One of the usual name is taken rather than one of several with names of their own.
            Some((version, Kind::Unique)) => {
                self.checkpoints.entry(version).or_default().single.get_or_insert(meta);
            }
            Some((version, Kind::Part { number, count })) => {
                drop(self.checkpoints.entry(version).or_default().parts.entry(count).or_default().insert(number, meta));
            }
            None => {}
        }
    }

    fn has_checkpoint(&self) -> bool {
        self.checkpoints.values().any(|checkpoint| checkpoint.whole().is_some())
    }

    /// `None` if there is neither a commit nor a checkpoint.
    fn segment(self) -> Result<Option<Segment>, DeltaFault> {
        let newest = self.commits.keys().chain(self.checkpoints.keys()).max().copied();
        let Some(version) = newest else { return Ok(None) };
        let checkpoint = self.checkpoints.iter().rev().find_map(|(version, checkpoint)| Some((*version, checkpoint.whole()?)));
        let (after, checkpoint) = checkpoint.map_or((Bound::Unbounded, Vec::new()), |(version, parts)| (Bound::Excluded(version), parts));
        let mut next = match after {
            Bound::Excluded(version) => version + 1,
            _ => 0,
        };
        let mut commits = Vec::new();
        for (version, meta) in self.commits.range((after, Bound::Unbounded)) {
            if *version != next {
                return Err(gap(next));
            }
            commits.push(meta.clone());
            next += 1;
        }
        // A checkpoint that is not whole shows that there was this version.
        if next != version + 1 { Err(gap(next)) } else { Ok(Some(Segment { version, checkpoint, commits })) }
    }
}

fn gap(version: u64) -> DeltaFault {
    DeltaFault::Gap { file: format!("{}.json", digits(version)) }
}

fn digits(version: u64) -> String {
    format!("{version:020}")
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Commit,
    Single,
    /// With a name that no other checkpoint has.
    Unique,
    Part {
        number: u32,
        count: u32,
    },
}

/// What a file of this name is, and of which version. Other files, such as checksums and compacted commits, say nothing that these do not.
fn named(name: &str) -> Option<(u64, Kind)> {
    let mut words = name.split('.');
    // Versions are signed integers of 64 bits.
    let version = number(words.next()?, 20).filter(|version| i64::try_from(*version).is_ok_and(|version| version < i64::MAX))?;
    let rest: Vec<&str> = words.collect();
    let kind = match rest.as_slice() {
        ["json"] => Kind::Commit,
        ["checkpoint", "parquet"] => Kind::Single,
        ["checkpoint", part, count, "parquet"] => {
            let number = |text: &str| number(text, 10).and_then(|number| u32::try_from(number).ok());
            Kind::Part { number: number(part)?, count: number(count)? }
        }
        ["checkpoint", id, "parquet" | "json"] if Uuid::try_parse(id).is_ok() => Kind::Unique,
        _ => return None,
    };
    Some((version, kind))
}

fn number(text: &str, digits: usize) -> Option<u64> {
    (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::DateTime;

    use super::*;

    const LOG: &str = "mpn/Sales/_delta_log";

    /// The version, and the names of the parts of its checkpoint and of the commits after it.
    type Names = (u64, Vec<String>, Vec<String>);

    fn segment(names: &[&str]) -> Result<Option<Names>, DeltaFault> {
        let mut listed = Listed::default();
        for name in names {
            let location = Path::from(format!("{LOG}/{name}"));
            listed
                .take(&Path::from(LOG), ObjectMeta { location, last_modified: DateTime::UNIX_EPOCH, size: 1, e_tag: None, version: None });
        }
        let names = |metas: Vec<ObjectMeta>| metas.into_iter().map(|meta| meta.location.filename().unwrap().to_owned()).collect();
        Ok(listed.segment()?.map(|found| (found.version, names(found.checkpoint), names(found.commits))))
    }

    fn commit(version: u64) -> String {
        format!("{version:020}.json")
    }

    #[test]
    fn the_newest_version_is_found() {
        let [zero, one, two, three] = [0, 1, 2, 3].map(commit);
        let (zero, one, two, three) = (zero.as_str(), one.as_str(), two.as_str(), three.as_str());
        let at_two = format!("{:020}.checkpoint", 2);
        let single = format!("{at_two}.parquet");
        let parts = [1, 2].map(|part| format!("{at_two}.{part:010}.{:010}.parquet", 2));
        let unique = format!("{at_two}.80a083e8-7026-4e79-81be-64bd76c43a11.json");
        let (single, first, second, unique) = (single.as_str(), parts[0].as_str(), parts[1].as_str(), unique.as_str());
        for (names, expected) in [
            (vec![], None),
            (vec!["_last_checkpoint", "x.json", "1.json", "_sidecars/00000000000000000001.json"], None),
            (vec![zero], Some((0, vec![], vec![zero]))),
            (vec![one, zero], Some((1, vec![], vec![zero, one]))),
            (vec![zero, one, two, single, three], Some((3, vec![single], vec![three]))),
            (vec![single], Some((2, vec![single], vec![]))),
            (vec![single, unique], Some((2, vec![single], vec![]))),
            (vec![unique, three], Some((3, vec![unique], vec![three]))),
            (vec![first, second, three], Some((3, vec![first, second], vec![three]))),
            // A checkpoint of which a part is missing is none.
            (vec![zero, one, two, first], Some((2, vec![], vec![zero, one, two]))),
            (
                vec![zero, "00000000000000000000.crc", "00000000000000000000.00000000000000000004.compacted.json"],
                Some((0, vec![], vec![zero])),
            ),
            (vec![zero, "99999999999999999999.json", "0000000000000000000x.json"], Some((0, vec![], vec![zero]))),
        ] {
            let texts = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
            let expected = expected.map(|(version, checkpoint, commits)| (version, texts(checkpoint), texts(commits)));
            assert_eq!(segment(&names), Ok(expected), "{names:?}");
        }
    }

    #[test]
    fn a_gap_is_named() {
        let checkpoint = format!("{:020}.checkpoint.parquet", 2);
        let part = format!("{:020}.checkpoint.{:010}.{:010}.parquet", 4, 1, 2);
        for (names, missing) in [
            (vec![commit(1)], 0),
            (vec![commit(0), commit(2)], 1),
            (vec![commit(0), commit(1), commit(9_223_372_036_854_775_806)], 2),
            (vec![checkpoint.clone(), commit(4)], 3),
            (vec![commit(0), checkpoint, commit(3), part.clone()], 4),
            (vec![part], 0),
        ] {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(segment(&names), Err(DeltaFault::Gap { file: commit(missing) }), "{names:?}");
        }
    }
}
