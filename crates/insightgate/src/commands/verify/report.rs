//! What `insightgate verify` has found, for people and for programs.

use std::collections::HashSet;

use insightgate_operations::repair::artifacts::Looked;
use insightgate_operations::repair::finding::Finding;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::terminal::table::plain;
use crate::terminal::words::counted;
use crate::terminal::{print, print_json};

/// The most findings that are kept and told one by one: a folder that is not mounted has no file at all.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct Report {
    /// The steps of the tables, and those that this version knows.
    pub database: Option<(i64, i64)>,
    /// `None`: they were not looked at.
    pub secrets: Option<usize>,
    pub files: Option<u64>,
    pub artifacts: Option<Looked>,
    findings: Vec<Finding>,
    /// Findings beyond those that are kept, and how many of them are open.
    left_out: u64,
    open_left_out: u64,
}

impl Report {
    pub fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST {
            self.findings.push(finding);
        } else {
            self.left_out += 1;
            self.open_left_out += u64::from(finding.is_open());
        }
    }

    /// These executions were ended, so that their findings are settled.
    pub fn mended(&mut self, executions: &[Uuid]) {
        let executions: HashSet<&Uuid> = executions.iter().collect();
        let mut kept = 0;
        for finding in self.findings.iter_mut().filter(|finding| finding.execution.as_ref().is_some_and(|id| executions.contains(id))) {
            finding.mended = true;
            kept += 1;
        }
        self.open_left_out = self.open_left_out.saturating_sub(executions.len() as u64 - kept);
    }

    fn open(&self) -> u64 {
        self.findings.iter().filter(|finding| finding.is_open()).count() as u64 + self.open_left_out
    }

    pub fn print(&self, as_json: bool) -> Result<(), CommandError> {
        if as_json { print_json(&self.described()) } else { print(&self.text()) }
    }

    fn described(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            let Finding { kind, tenant, execution, subject, detail, advice, mended } = finding;
            json!({
                "kind": kind.name(), "tenantId": tenant, "executionId": execution, "subject": subject, "detail": detail, "advice": advice,
                "fixed": mended, "open": finding.is_open(),
            })
        });
        json!({
            "ok": self.open() == 0,
            "database": self.database.map(|(version, known)| json!({"version": version, "known": known})),
            "secrets": self.secrets,
            "files": self.files,
            "artifacts": self.artifacts.map(|looked| json!({"checked": looked.artifacts, "bytesRead": looked.bytes, "lost": looked.lost})),
            "findings": findings.collect::<Vec<_>>(),
            "leftOut": self.left_out,
        })
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if let Some((version, _)) = self.database {
            text += &format!("database: its tables are at step {version}\n");
        }
        if let Some(secrets) = self.secrets {
            text += &format!("secrets: {secrets} looked at\n");
        }
        if let Some(files) = self.files {
            text += &format!("files: {files} in the store\n");
        }
        if let Some(looked) = self.artifacts {
            text += &format!("reports: {} with a file, {} read\n", counted(looked.artifacts, "execution"), counted(looked.bytes, "byte"));
        }
        for finding in &self.findings {
            let state = if finding.mended { " (mended)" } else { "" };
            text += &format!("\n{}{state}: {}\n  {}\n", finding.kind.name(), plain(&finding.subject), plain(&finding.detail));
            if !finding.mended {
                text += &format!("  {}\n", plain(&finding.advice));
            }
        }
        if self.left_out > 0 {
            text += &format!("\nand {} more\n", self.left_out);
        }
        text
    }

    /// Fails if something is left to do.
    pub fn verdict(&self, fixed: bool) -> Result<(), CommandError> {
        let open = self.open();
        if open == 0 {
            return Ok(());
        }
        let failed = CommandError::failed(format!("{} left to be looked after", counted(open, "finding")));
        let can_be_mended = self.findings.iter().any(|finding| finding.is_open() && finding.kind.can_be_mended());
        Err(if can_be_mended && !fixed { failed.hint("insightgate verify --fix does what can be done without a loss") } else { failed })
    }
}
