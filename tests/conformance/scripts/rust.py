"""The main cases of the table in Rust, which has no defaults."""

from __future__ import annotations

SCRIPTS = {
    "arguments": """
fn main(a: String, b: String, c: Option<String>) -> [String; 3] {
    [a, b, c.unwrap_or("third".to_string())]
}
""",
    "structured": """
fn main(x: crate::Value) -> crate::Value {
    x
}
""",
    "nothing": """
fn main() {
}
""",
    "error": """
fn inner() {
    panic!("no good");
}

fn main() {
    inner();
}
""",
    "missing main": """
fn other() {
}
""",
    "syntax": """
fn main() {
    let x = ;
}
""",
    "order": """
fn main() {
    for i in 0..500 {
        println!("out {i}");
        eprintln!("err {i}");
    }
}
""",
    "unicode": """
fn main(x: String) -> String {
    println!("{x}");
    x
}
""",
    "exit": """
fn main() {
    std::process::exit(3);
}
""",
}
