//! Opens an address in the person's browser, where there is one.

use std::process::{Command, Stdio};

use crate::env_vars;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Yes,
    No,
}

/// The address is no secret: whoever sees it can sign in himself, and learns nothing.
pub fn open(address: &str) -> Opened {
    let Some(mut command) = env_vars::read(&env_vars::BROWSER).map(Command::new).or_else(of_system) else { return Opened::No };
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Opened::No };
    // Collected when it ends, which nobody waits for.
    std::thread::spawn(move || child.wait());
    Opened::Yes
}

/// The system's own program for addresses.
fn of_system() -> Option<Command> {
    if cfg!(target_os = "macos") {
        Some(Command::new("open"))
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        Some(command)
    } else {
        // Without a screen it would start a browser for the terminal.
        let has_screen = [&env_vars::DISPLAY, &env_vars::WAYLAND_DISPLAY].into_iter().any(|variable| env_vars::read(variable).is_some());
        has_screen.then(|| Command::new("xdg-open"))
    }
}
