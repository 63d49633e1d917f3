//! `insightgate location`: the partner locations of an organisation.

use clap::{Args, Subcommand};
use insightgate_client::manage::{Location, NewLocation};

use crate::command_error::CommandError;
use crate::session::{InTenant, Output, Session, show_list, show_one};
use crate::terminal::confirm;

#[derive(Debug, Args)]
pub struct LocationArguments {
    #[command(flatten)]
    tenant: InTenant,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: LocationCommand,
}

#[derive(Debug, Subcommand)]
enum LocationCommand {
    /// Adds a location
    #[command(after_help = "Example:\n  insightgate location add 6096123 --name 'Contoso GmbH' --country Germany --tenant contoso.example")]
    Add {
        /// The location's MPN id
        #[arg(value_name = "MPNID")]
        mpn_id: String,
        #[arg(long, value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "COUNTRY")]
        country: String,
    },
    /// Removes a location that no role names
    #[command(after_help = "Example:\n  insightgate location delete 6096123 --tenant contoso.example")]
    Delete {
        /// The location's MPN id
        #[arg(value_name = "MPNID")]
        mpn_id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// All locations
    #[command(after_help = "Example:\n  insightgate location list --tenant contoso.example")]
    List,
}

pub async fn run(session: &Session, arguments: LocationArguments) -> Result<(), CommandError> {
    let tenant = session.tenant(&arguments.tenant)?;
    match arguments.command {
        LocationCommand::Add { mpn_id, name, country } => {
            let location = session
                .client
                .add_location(&tenant, &NewLocation { mpn_id: Some(mpn_id), name: Some(name), country: Some(country) })
                .await?;
            let Location { mpn_id, name, country, .. } = location.clone();
            show_one(arguments.output, &location, &[("MPN id", mpn_id), ("name", name), ("country", country)])
        }
        LocationCommand::Delete { mpn_id, yes } => {
            confirm(&format!("Delete the location {mpn_id}?"), yes)?;
            session.client.delete_location(&tenant, &mpn_id).await?;
            eprintln!("deleted {mpn_id}");
            Ok(())
        }
        LocationCommand::List => {
            let locations = session.client.locations(&tenant).await?;
            let row = |location: &Location| [location.mpn_id.clone(), location.name.clone(), location.country.clone()];
            show_list(arguments.output, &locations, ["MPN id", "name", "country"], row)
        }
    }
}
