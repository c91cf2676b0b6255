//! Tells cargo that the tests are made from files.

fn main() {
    for folder in ["scenarios", "tests/reject"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
