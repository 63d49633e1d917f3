//! A deployment as commands find it that work on it beside its server: the data folder, the database, and the places of rows and files.

use crate::command_error::CommandError;
use crate::config::{self, Configuration};
use crate::data_folder::DataFolder;
use crate::server::Roots;
use crate::upkeep_arguments::ServerPlace;

/// What a configuration says, or a data folder alone.
pub struct Deployed {
    pub folder: DataFolder,
    pub database_url: String,
    pub roots: Roots,
}

impl Deployed {
    /// Nothing is made. Without a database elsewhere the data folder has to be there.
    pub fn find(place: &ServerPlace) -> Result<Deployed, CommandError> {
        let configuration = match &place.config {
            Some(file) => config::load(file)?,
            None => Configuration { data_dir: place.data_dir.clone(), ..Configuration::default() },
        };
        let folder = match &configuration.database_url {
            None => DataFolder::existing(&configuration.data_dir)?,
            Some(_) => DataFolder::at(&configuration.data_dir)?,
        };
        let roots = Roots {
            rows: folder.data_root(configuration.data_root.as_deref())?,
            artifacts: folder.artifact_root(configuration.artifact_root.as_deref())?,
        };
        let database_url = configuration.database_url.unwrap_or_else(|| folder.database_url());
        Ok(Deployed { folder, database_url, roots })
    }
}
