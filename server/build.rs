//! The pages are embedded from `console/dist`. Without npm there is none: an empty folder keeps plain `cargo run` working.

fn main() {
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../console/dist");
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo:warning={dist} cannot be made: {error}");
    }
    println!("cargo:rerun-if-changed={dist}");
}
