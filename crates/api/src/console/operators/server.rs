//! The server itself, for operators: what it needs, its background loops, its signing keys, and the settings that are in force.

use askama::Template;
use chrono::{DateTime, Utc};
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::keys::rotate;
use insightgate_operations::manage::server::{KeyState, LoopState, ServerState, show_server};

use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page::grouped::Grouped;
use crate::console::page::lasted::Lasted;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;
use crate::state::SettingInForce;

const NEEDS: Needs = Needs::Duty(Duty::Operate);

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/console/server", NEEDS, show), Endpoint::post("/console/server/rotate-key", NEEDS, rotate_key)]
}

#[derive(Template)]
#[template(path = "console/server.html")]
struct ServerPage<'a> {
    frame: Frame,
    server: ServerState,
    version: &'static str,
    base_url: &'a str,
    key_days: u32,
    now: DateTime<Utc>,
    settings: &'a [SettingInForce],
}

impl ServerPage<'_> {
    fn is_ready(&self) -> bool {
        self.server.checks.iter().all(|check| check.ok)
    }

    fn since_success(&self, of: &LoopState) -> Option<Lasted> {
        of.since_success.map(Lasted)
    }

    fn age(&self, key: &KeyState) -> Lasted {
        Lasted((self.now - key.created).to_std().unwrap_or_default())
    }

    fn last_turn(&self, of: &LoopState) -> Lasted {
        Lasted(of.last_turn)
    }
}

async fn show(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let server = show_server(visit.context(), &administrator).await?;
    let state = &visit.arrival.state;
    let texts = [("rotated", "A new key was made. It signs in a few minutes; tokens of the one before stay good until they expire.")];
    let page = ServerPage {
        frame: Frame::new(&visit, Place::Server, "Server").telling(&visit, &texts),
        server,
        version: env!("CARGO_PKG_VERSION"),
        base_url: &state.base_url,
        now: state.context.clock.now(),
        key_days: state.context.settings.signing_key_days,
        settings: &state.settings,
    };
    Ok(page::show(&visit, None, &page))
}

async fn rotate_key(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    rotate(visit.context(), &administrator).await?;
    Ok(page::go_to("/console/server?done=rotated"))
}
