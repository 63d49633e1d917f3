//! What a check of a deployment finds, in words and in a form for programs.

use strum::IntoStaticStr;
use uuid::Uuid;

/// The kind of a finding. Its name is a promise to programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Kind {
    /// The database itself says that it is damaged.
    DatabaseDamaged,
    /// The tables are of an older version.
    TablesOld,
    /// There are sealed secrets, and no encryption key.
    KeyMissing,
    /// A secret in the database cannot be opened with the encryption keys that there are.
    SecretSealed,
    /// A secret can be opened, and is not what it should be.
    SecretUnusable,
    /// The file of a key can be read by others.
    KeyReadable,
    /// The file of a completed execution is not there.
    ArtifactLost,
    /// The file of a completed execution is not what was written.
    ArtifactDamaged,
    /// The file is what was written, but the checksums of its blocks, by which downloads are checked, are not there or are wrong.
    ChecksumsWrong,
    /// A file of an attempt that was never published.
    ArtifactOrphaned,
    /// Files of executions that this database does not know.
    ArtifactUnknown,
    /// A file that a killed process has not finished.
    FileUnfinished,
    /// A file whose name is no UTF-8, or has control characters.
    NameUnreadable,
}

impl Kind {
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether mending can settle it.
    pub fn can_be_mended(self) -> bool {
        matches!(self, Kind::ArtifactLost | Kind::ChecksumsWrong | Kind::ArtifactOrphaned | Kind::FileUnfinished)
    }

    /// Whether nothing is wrong with the deployment although there is something to say.
    pub fn is_remark(self) -> bool {
        matches!(self, Kind::ArtifactUnknown | Kind::TablesOld)
    }
}

/// One thing that is wrong, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    pub tenant: Option<Uuid>,
    pub execution: Option<Uuid>,
    /// The thing: a file, an execution, a secret's place.
    pub subject: String,
    pub detail: String,
    /// What the operator can do.
    pub advice: String,
    pub mended: bool,
}

impl Finding {
    /// Whether somebody still has to do something.
    pub fn is_open(&self) -> bool {
        !self.mended && !self.kind.is_remark()
    }
}
