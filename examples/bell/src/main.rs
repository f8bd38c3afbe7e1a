//! Mainspring with one product more: `cargo run -p bell`, then any command that `mainspring` knows.

fn main() -> std::process::ExitCode {
    mainspring::cli::main(|| mainspring::products::all().into_iter().chain([bell::product()]).collect())
}
