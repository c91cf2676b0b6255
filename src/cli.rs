//! What the user types: one file a command. Only here are environment variables read, and only
//! here does the process end.

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use seatrial::verdict::Verdict;

mod abilities;
mod cache;
mod check;
mod compare;
mod consent;
mod doctor;
mod down;
mod engine;
mod exec;
mod folder;
mod foreign;
mod gate;
mod ground;
mod heal;
mod index;
mod interrupt;
mod inventory;
mod keep;
mod keeper;
mod kept;
mod output;
mod parity;
mod place;
mod plan;
mod power;
mod prepare;
mod prune;
mod ps;
mod record;
mod report;
mod run;
mod runs;
mod scenarios;
mod schema;
mod screen;
mod trend;
mod up;

/// The exit codes, for `--help`.
const CODES: &str = "Exit codes: 0 pass, 1 fail, 2 unknown or trouble, 3 nothing ran, \
                     64 bad usage or scenario, 130 interrupted.";

/// Breaks a Docker Swarm on purpose and proves, with evidence, whether it keeps its promises.
#[derive(Parser)]
#[command(name = "seatrial", version, after_help = CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say what can run here, what is missing, and the command that mends it
    Doctor(doctor::Args),
    /// Build the disks and images that machines start from, once
    Prepare(prepare::Args),
    /// Say what would happen; change nothing
    Plan(plan::Args),
    /// Run scenarios; journals and reports land in `runs/<time>-<name>/`
    Run(run::Args),
    /// Judge a stored journal again
    Check(check::Args),
    /// Tell a stored run again
    Report(report::Args),
    /// Say what got better or worse between runs, and what is noise
    Compare(compare::Args),
    /// Say whether a swarm may be upgraded: both engines, and the upgrade itself
    Gate(gate::Args),
    /// Draw recovery times and losses over the runs that are kept
    Trend(trend::Args),
    /// Say what each scenario came to in each place, or what the place lacks
    Parity(parity::Args),
    /// List the runs that are kept; `prune` removes old ones
    Runs(runs::Args),
    /// Remove what a killed run left on this computer
    Heal(heal::Args),
    /// Bring up a swarm to keep and play with
    Up(up::Args),
    /// Take the swarm of `up` down
    Down,
    /// List the machines of the swarm of `up`
    Ps,
    /// Run a command in a machine of the swarm of `up`
    Exec(exec::Args),
    /// Turn a machine of the swarm of `up` off or on, or ask whether it is on
    Power(power::Args),
    /// Print the JSON Schema of scenario files, for editors, or of reports
    Schema(schema::Args),
    /// Keeps the swarm of `up`, in the background
    #[command(hide = true)]
    Keep(up::Args),
}

impl Command {
    fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Doctor(args) => doctor::run(&args),
            Self::Prepare(args) => prepare::run(&args),
            Self::Plan(args) => plan::run(&args),
            Self::Run(args) => run::run(&args),
            Self::Check(args) => check::run(&args),
            Self::Report(args) => report::run(&args),
            Self::Compare(args) => compare::run(&args),
            Self::Gate(args) => gate::run(&args),
            Self::Trend(args) => trend::run(&args),
            Self::Parity(args) => parity::run(&args),
            Self::Runs(args) => runs::run(&args),
            Self::Heal(args) => heal::run(&args),
            Self::Up(args) => up::run(&args),
            Self::Down => down::run(),
            Self::Ps => ps::run(),
            Self::Exec(args) => exec::run(&args),
            Self::Power(args) => power::run(&args),
            Self::Schema(args) => schema::run(&args),
            Self::Keep(args) => keep::run(&args),
        }
    }
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exit(u8);

impl Exit {
    const PASS: Self = Self(0);
    /// Also of trouble in the harness, which is never a verdict about the swarm.
    const UNKNOWN: Self = Self(2);
    const NOTHING_RAN: Self = Self(3);
    const BAD_USAGE: Self = Self(64);
    const INTERRUPTED: Self = Self(130);
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        Self(verdict.exit_code())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// What the user asked for cannot be: the whole text for people, with styles.
#[derive(Debug)]
struct Refused(String);

impl Refused {
    /// A refusal of one line.
    fn new(what: impl fmt::Display) -> Self {
        Self(format!("error: {what}"))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Does what the command line says.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told that this could not be printed.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::BAD_USAGE.into()
            } else {
                Exit::PASS.into()
            };
        }
    };
    match cli.command.run() {
        Ok(exit) => exit.into(),
        Err(error) => match error.downcast_ref::<Refused>() {
            Some(refused) => {
                output::tell(refused);
                Exit::BAD_USAGE.into()
            }
            None => {
                output::tell(format_args!("error: {error:#}"));
                Exit::UNKNOWN.into()
            }
        },
    }
}
