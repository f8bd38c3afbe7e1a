//! What becomes of each transport of the official clients, step by step: rows that scripts fill, printed as a table.

use std::fmt;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::node::Script;
use crate::sse::GUARD;

const PLACES: [&str; 2] = ["node", "chromium"];
const TRANSPORTS: [&str; 6] = [
    "centrifuge websocket",
    "centrifuge http_stream",
    "centrifuge sse",
    "socket.io websocket",
    "socket.io polling",
    "socket.io polling+websocket",
];

/// What stands in a cell; nothing as long as that is open.
pub(crate) type Cell = Option<&'static str>;

pub(crate) fn yes(done: bool, word: &'static str) -> Cell {
    done.then_some(word)
}

/// There is no such thing in this row's protocol.
pub(crate) fn no() -> Cell {
    Some("–")
}

/// One transport at one place.
pub(crate) struct Row {
    pub(crate) name: String,
    lines: Vec<Value>,
    /// Where this turn's lines begin.
    turn: usize,
    cells: Vec<&'static str>,
}

impl Row {
    pub(crate) fn is_socketio(&self) -> bool {
        self.name.starts_with("socket.io")
    }

    /// All lines of this kind.
    pub(crate) fn said<'a>(&'a self, what: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["what"] == what)
    }

    /// What was published, as it came.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Value> {
        self.said("heard").map(|line| &line["data"])
    }

    pub(crate) fn answer(&self, what: &str) -> Option<&Value> {
        self.lines.iter().rfind(|line| line["what"] == what).map(|line| &line["answer"])
    }

    /// Whether it published in this round, was told that it did, and heard it.
    pub(crate) fn published(&self, round: usize) -> bool {
        let told = self.said("published").filter(|line| line["answer"].is_object()).count() == round;
        told && self.heard().any(|data| data["from"] == *self.name && data["round"] == round)
    }

    /// To every channel that it wants.
    pub(crate) fn is_subscribed(&self) -> bool {
        let wanted = if self.is_socketio() { 1 } else { 2 };
        self.said("subscribed").filter(|line| line["error"].is_null()).count() == wanted
    }

    pub(crate) fn own_subscriptions(&self) -> usize {
        let own = |line: &&Value| line["channel"].as_str().is_some_and(|channel| channel.starts_with("own:"));
        self.said("subscribed").filter(own).count()
    }

    /// Whether it was away in this turn, and each time came back as it was.
    pub(crate) fn recovered(&self) -> bool {
        let turn = &self.lines[self.turn..];
        let what = if self.is_socketio() { "connected" } else { "subscribed" };
        let first = self.said("connected").next();
        let mut back = turn.iter().filter(|line| line["what"] == what).peekable();
        let same = |line: &Value| !self.is_socketio() || first.is_some_and(|first| first["id"] == line["id"]);
        back.peek().is_some() && back.all(|line| line["recovered"] == true && same(line))
    }
}

pub(crate) struct Table {
    scripts: [Script; 2],
    columns: Vec<&'static str>,
    rows: Vec<Row>,
}

impl Table {
    /// Starts the script at both places.
    pub(crate) fn of(script: &str, address: &str, secret: &str) -> Result<Self> {
        let [node, chromium] = PLACES.map(|place| Script::start(script, &[place, address, secret]));
        let names = PLACES.iter().flat_map(|place| TRANSPORTS.map(|transport| format!("{transport}, {place}")));
        let row = |name| Row { name, lines: Vec::new(), turn: 0, cells: Vec::new() };
        Ok(Self { scripts: [node?, chromium?], columns: Vec::new(), rows: names.map(row).collect() })
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What comes from here on is of another turn.
    pub(crate) fn turn(&mut self) {
        self.rows.iter_mut().for_each(|row| row.turn = row.lines.len());
    }

    /// Reads until no cell of this step is open. Where one stays open, what was to come did not.
    pub(crate) async fn step(&mut self, step: &'static str, cell: impl Fn(&Row) -> Cell) -> Result<()> {
        let all = async {
            while self.rows.iter().any(|row| cell(row).is_none()) {
                let [node, chromium] = &mut self.scripts;
                let line = tokio::select! { line = node.next() => line?, line = chromium.next() => line? };
                let row = self.rows.iter_mut().find(|row| line["row"] == *row.name);
                row.with_context(|| format!("of no row: {line}"))?.lines.push(line);
            }
            Ok::<_, anyhow::Error>(())
        };
        let ended = tokio::time::timeout(GUARD, all).await.context("it did not happen").flatten();
        self.columns.push(step);
        self.rows.iter_mut().for_each(|row| row.cells.push(cell(row).unwrap_or("NO")));
        let Err(error) = ended else { return Ok(()) };
        let open = self.rows.iter().filter(|row| row.cells.last() == Some(&"NO"));
        let last = open.map(|row| {
            let lines: Vec<_> = row.lines.iter().rev().take(12).rev().map(Value::to_string).collect();
            format!("{}:\n  {}", row.name, lines.join("\n  "))
        });
        let last: Vec<_> = last.collect();
        bail!("{step}: {error:#}\n{self}\n{}", last.join("\n"));
    }

    /// Everybody heard so many publications, the same ones in the same order, none twice.
    pub(crate) fn all_heard_the_same(&self, said: usize) -> Result<()> {
        let first: Vec<_> = self.rows[0].heard().collect();
        ensure!(first.len() == said, "{} of {said}", first.len());
        for row in &self.rows[1..] {
            ensure!(row.heard().eq(first.iter().copied()), "{}: {:?}", row.name, row.heard().collect::<Vec<_>>());
        }
        Ok(())
    }

    pub(crate) async fn end(self) -> Result<()> {
        let [node, chromium] = self.scripts;
        node.end().await?;
        chromium.end().await
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
        let head = self.columns.iter().map(|column| format!("{column:9}"));
        writeln!(f, "{:width$}  {}", "", head.collect::<Vec<_>>().join(" ").trim_end())?;
        for row in &self.rows {
            let cells = row.cells.iter().map(|cell| format!("{cell:9}"));
            writeln!(f, "{:width$}  {}", row.name, cells.collect::<Vec<_>>().join(" ").trim_end())?;
        }
        Ok(())
    }
}
