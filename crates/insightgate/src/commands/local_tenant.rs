//! A tenant as commands that work on a data folder, without a server, are told of it: by its id, or by its domain where the folder's database knows it.

use insightgate_store::Store;
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::data_folder::DataFolder;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalTenant {
    Id(Uuid),
    /// In lower case.
    Domain(String),
}

impl LocalTenant {
    /// What is no id is a domain, which has a dot.
    pub fn parse(text: &str) -> Result<LocalTenant, String> {
        match Uuid::try_parse(text) {
            Ok(id) => Ok(LocalTenant::Id(id)),
            Err(_) if text.contains('.') => Ok(LocalTenant::Domain(text.to_lowercase())),
            Err(_) => Err("write the tenant's id or its domain; `insightgate tenant list` shows both".to_owned()),
        }
    }

    /// # Errors
    /// When the folder has no database, or one that cannot be read or does not know the domain.
    pub async fn id(&self, folder: &DataFolder) -> Result<Uuid, CommandError> {
        let domain = match self {
            LocalTenant::Id(id) => return Ok(*id),
            LocalTenant::Domain(domain) => domain,
        };
        if !folder.database().exists() {
            return Err(CommandError::usage(format!("{} has no database that knows {domain}", folder.path().display()))
                .hint("give the tenant's id; `insightgate tenant show DOMAIN` asks a server for it"));
        }
        // The folder may be a server's of another version, whose tables are left as they are.
        let tenant = Store::tenant_before_opening(&folder.database_url(), domain).await?;
        let unknown = || {
            CommandError::not_found(format!("there is no tenant {domain} in {}", folder.path().display()))
                .hint("`insightgate tenant list` shows those that a server has")
        };
        tenant.ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_no_domain_and_a_word_is_neither() {
        let id = "3f1c0000-0000-4000-8000-000000000000";
        assert_eq!(LocalTenant::parse(id), Ok(LocalTenant::Id(Uuid::try_parse(id).unwrap())));
        assert_eq!(LocalTenant::parse("Contoso.Example"), Ok(LocalTenant::Domain("contoso.example".to_owned())));
        assert!(LocalTenant::parse("3f1c").is_err_and(|message| message.contains("id or its domain")));
    }
}
