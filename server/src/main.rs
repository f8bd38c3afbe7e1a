//! The binary: a table of contents.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    mainspring::cli::main(mainspring::products::all)
}
