//! The six prerequisites, and what was found out about each.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Enrollment,
    Application,
    Permission,
    Role,
    Token,
    Call,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Met,
    NotMet,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub step: Step,
    pub state: State,
    pub reason: String,
    /// The command or the page that mends it.
    pub mend: Option<String>,
}

pub struct Findings {
    /// One for each step, in their order.
    pub all: Vec<Finding>,
    pub notes: Vec<String>,
    /// Why no answer came, and what to do.
    pub unreachable: Option<(String, Option<String>)>,
}

impl Step {
    pub const ALL: [Step; 6] = [Step::Enrollment, Step::Application, Step::Permission, Step::Role, Step::Token, Step::Call];

    pub fn id(self) -> &'static str {
        match self {
            Step::Enrollment => "enrollment",
            Step::Application => "application",
            Step::Permission => "permission",
            Step::Role => "role",
            Step::Token => "token",
            Step::Call => "firstCall",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Step::Enrollment => "enrolled and active",
            Step::Application => "application and secret",
            Step::Permission => "API permission and consent",
            Step::Role => "role",
            Step::Token => "token and second factor",
            Step::Call => "first call",
        }
    }
}

impl State {
    pub fn id(self) -> &'static str {
        match self {
            State::Met => "met",
            State::NotMet => "notMet",
            State::Unknown => "unknown",
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            State::Met => "met",
            State::NotMet => "not met",
            State::Unknown => "not knowable from here",
        }
    }
}

impl Findings {
    fn set(&mut self, step: Step, state: State, reason: &str, mend: Option<String>) {
        if let Some(found) = self.all.iter_mut().find(|found| found.step == step) {
            *found = Finding { step, state, reason: reason.to_owned(), mend };
        }
    }

    pub fn met(&mut self, step: Step, reason: &str) {
        self.set(step, State::Met, reason, None);
    }

    pub fn not_met(&mut self, step: Step, reason: &str, mend: String) {
        self.set(step, State::NotMet, reason, Some(mend));
    }

    pub fn unknown_from_here(&mut self, step: Step, reason: &str) {
        self.set(step, State::Unknown, reason, None);
    }

    pub fn out_of_reach(&mut self, reason: &str, hint: Option<String>) {
        self.unreachable.get_or_insert_with(|| (reason.to_owned(), hint));
    }
}
