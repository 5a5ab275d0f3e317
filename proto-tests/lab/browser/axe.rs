//! Has axe-core look at a page for what people with other senses stumble over. It is run here and never
//! shipped; `proto-tests/lab/install.sh` fetches it.

use std::fs;

use fantoccini::Client;
use serde_json::{Value, json};

/// Where the script is put; the version is pinned in `install.sh`.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/lab/axe-4.14.1.js");

/// The rules of WCAG 2.2 up to AA, and axe's own advice.
const RULES: [&str; 6] = [
    "wcag2a",
    "wcag2aa",
    "wcag21a",
    "wcag21aa",
    "wcag22aa",
    "best-practice",
];

/// A rule that the page breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name, such as `image-alt`.
    pub rule: String,
    /// What is wrong, in words.
    pub text: String,
    /// Where, as selectors.
    pub places: Vec<String>,
}

pub(super) async fn findings(client: &Client) -> Vec<Finding> {
    let script = fs::read_to_string(SCRIPT).unwrap_or_else(|error| {
        panic!("no axe-core ({SCRIPT}: {error}): proto-tests/lab/install.sh tells how to get it")
    });
    client.execute(&script, Vec::new()).await.unwrap();
    let run = "const done = arguments[1];
        axe.run(document, { runOnly: arguments[0] }).then(
            found => done(found.violations), fault => done(String(fault)));";
    let found = client.execute_async(run, vec![json!(RULES)]).await.unwrap();
    let violations = found.as_array().unwrap_or_else(|| panic!("axe: {found}"));
    violations.iter().map(finding).collect()
}

fn finding(violation: &Value) -> Finding {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    Finding {
        rule: text(&violation["id"]),
        text: text(&violation["help"]),
        places: nodes.map(|node| node["target"].to_string()).collect(),
    }
}
