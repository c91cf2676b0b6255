//! The command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cache = std::path::PathBuf::from("/tmp/lab/cache");
    match runtime.block_on(seatrial::substrate::vm::prepare(
        &cache,
        &seatrial::substrate::vm::Progress::terminal(),
    )) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
