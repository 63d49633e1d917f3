//! `insightgate mail test`: sends one mail, says what the mail server answered, and what helps where it did not take it.

use chrono::{DateTime, Utc};
use insightgate_operations::clock::Clock;
use insightgate_operations::random::Random;
use insightgate_outbound::{Letter, MailError, Mailer};
use serde_json::json;

use crate::command_error::CommandError;
use crate::config;
use crate::terminal::progress::Progress;
use crate::terminal::{print, print_json};
use crate::upkeep_arguments::MailTestArguments;

pub async fn test(arguments: &MailTestArguments) -> Result<(), CommandError> {
    let settings = config::load(&arguments.config)?.mail.settings()?;
    let Some(settings) = settings else {
        let off = format!("{} names no mail server, so that no mail is sent", arguments.config.display());
        return Err(CommandError::usage(off).hint("give mail.server and mail.from: docs/mail.md"));
    };
    let server = format!("{}:{}", settings.server, settings.port);
    let failed = |error: MailError| failed(&server, &error);
    let mailer = Mailer::new(&settings).map_err(failed)?;
    let random = Random::default();
    let id = random.uuid().map_err(|error| CommandError::failed(error.to_string()))?.to_string();
    let letter = letter(id, arguments.to.clone(), Clock::System.now());
    let doing = format!("sending a mail to {} by {server}", arguments.to);
    let answer = Progress::during(&doing, mailer.send(&letter)).await.map_err(failed)?;
    if arguments.json {
        return print_json(&json!({"server": server, "security": settings.security.name(), "to": arguments.to, "answer": answer}));
    }
    print(&format!("{server} took it: {answer}\n"))
}

fn letter(id: String, to: String, now: DateTime<Utc>) -> Letter {
    Letter {
        id,
        to,
        subject: "A test of insightgate's mail".to_owned(),
        text: "Mail from insightgate arrives here. It was asked for with: insightgate mail test\n".to_owned(),
        written: now.into(),
    }
}

/// A server that is away has the code of that; one that does not take the login, or the mail, the code of what is not allowed.
fn failed(server: &str, error: &MailError) -> CommandError {
    let code = match error {
        MailError::Unreachable(_) | MailError::TimedOut(_) | MailError::Later(_) | MailError::Strange(_) => 5,
        MailError::Login(_) | MailError::Refused(_) => 3,
        MailError::Address(_) | MailError::International(_) | MailError::Unsendable(_) => 2,
        MailError::Encryption(_) | MailError::Certificate(_) => 1,
    };
    CommandError { message: format!("{server}: {error}"), hint: error.hint().map(str::to_owned), code }
}
