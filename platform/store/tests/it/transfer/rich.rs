//! A store with something of everything in it, and how two are compared.

use kernel::Entropy;
use store::{FromRow, FromValue, Migration, Row, Store, StoreError, Value, params};
use tempfile::TempDir;

use crate::conformance::PAGES;
use crate::embedded::open;

/// Every kind of key and every type of column that the parts use; rows of a migration's own among them.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        part: "test",
        version: 1,
        sql: "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, words TEXT NOT NULL, bytes BYTEA, weight DOUBLE PRECISION,
                  small SMALLINT, middle INTEGER, big BIGINT);
              CREATE UNIQUE INDEX notes_words ON notes (words);
              CREATE TABLE pairs (a TEXT NOT NULL, b BIGINT NOT NULL, payload TEXT, PRIMARY KEY (a, b));
              CREATE TABLE facts (number BIGINT NOT NULL PRIMARY KEY, fact TEXT NOT NULL);
              CREATE TABLE top (position BIGINT NOT NULL);
              INSERT INTO top (position) VALUES (7);
              CREATE TABLE unused (id BIGSERIAL PRIMARY KEY, words TEXT NOT NULL);",
    },
    Migration { part: "test", version: 2, sql: "ALTER TABLE pairs ADD COLUMN mark TEXT NOT NULL DEFAULT '';" },
    Migration { part: "words", version: 1, sql: PAGES },
];
pub(crate) const TABLES: [&str; 7] = ["facts", "identity", "notes", "pages", "pairs", "top", "unused"];

/// A value of any type, as it prints: floats to the last bit.
struct Shown(String);

impl FromValue for Shown {
    fn from_value(value: Value<'_>) -> Option<Self> {
        Some(Self(format!("{value:?}")))
    }
}

type Cells = Vec<String>;
pub(crate) type Contents = Vec<(&'static str, Vec<Cells>)>;

struct Whole(Cells);

impl FromRow for Whole {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let cells = (0..).map_while(|column| row.get::<Shown>(column).ok());
        Ok(Self(cells.map(|shown| shown.0).collect()))
    }
}

/// Everything that a store holds, in one order.
pub(crate) async fn contents(store: &Store) -> Contents {
    let mut all = Vec::new();
    for table in TABLES {
        let sql = format!("SELECT * FROM {table}");
        let rows: Result<Vec<Whole>, StoreError> = store.read(async move |tx| tx.all(&sql, &[]).await).await;
        let mut rows: Vec<Cells> = rows.expect("read").into_iter().map(|row| row.0).collect();
        rows.sort();
        all.push((table, rows));
    }
    all
}

/// Compares in few words.
pub(crate) fn assert_same(found: &Contents, held: &Contents, when: &str) {
    for ((table, found), (_, held)) in found.iter().zip(held) {
        let at = found.iter().zip(held).position(|(found, held)| found != held);
        let rows = at.map(|at| (&found[at], &held[at]));
        assert!(
            found == held,
            "{when}: {table} has {} rows of {}, the first other is {rows:?}",
            found.len(),
            held.len()
        );
    }
}

/// Closes it, and lets go of its directory.
pub(crate) async fn shut(store: Store) {
    store.close().await;
}

/// What rows are made of, the same for the same seed.
pub(crate) struct Dice(pub(crate) Entropy);

impl Dice {
    pub(crate) fn roll(&self, sides: u64) -> u64 {
        self.0.below(sides)
    }

    fn number(&self, least: i64, most: i64) -> i64 {
        match self.roll(4) {
            0 => least,
            1 => most,
            2 => 0,
            _ => self.roll(1_000) as i64 - 500,
        }
    }

    fn text(&self) -> String {
        const PIECES: [&str; 8] = ["", "a", "käse", "日本", "🎷", "\u{1}\u{7f}", "\\N\t\n\r", "'\"; --"];
        (0..self.roll(6)).map(|_| PIECES[self.roll(8) as usize]).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        (0..self.roll(40)).map(|_| self.roll(256) as u8).collect()
    }

    fn weight(&self) -> f64 {
        [0.0, -1.5, 1e308, 5e-324, f64::INFINITY, 0.1 + 0.2, 3.0][self.roll(7) as usize]
    }
}

/// A data directory with this many notes, one of them so long, and as many pairs and facts, closed; what it holds, and its name.
pub(crate) async fn source(notes: u64, longest: usize, seed: u64) -> (TempDir, Contents, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    let filled: Result<(), StoreError> =
        store.write(async move |tx| fill(tx, notes, longest, &Dice(Entropy::seeded(seed))).await).await;
    filled.expect("filled");
    let (held, id) = (contents(&store).await, store.id().to_owned());
    shut(store).await;
    (dir, held, id)
}

async fn fill(tx: &mut store::Tx, notes: u64, longest: usize, dice: &Dice) -> Result<(), StoreError> {
    for n in 0..notes {
        let big = if n == 3 { vec![7; longest] } else { dice.bytes() };
        let (words, some) = (format!("{n} {}", dice.text()), |dice: &Dice| dice.roll(3) > 0);
        let (bytes, weight) = (some(dice).then_some(&big[..]), some(dice).then(|| dice.weight()));
        let small = some(dice).then(|| dice.number(i16::MIN.into(), i16::MAX.into()));
        let middle = some(dice).then(|| dice.number(i32::MIN.into(), i32::MAX.into()));
        let long = some(dice).then(|| dice.number(i64::MIN, i64::MAX));
        let sql = "INSERT INTO notes (words, bytes, weight, small, middle, big) VALUES ($1, $2, $3, $4, $5, $6)";
        tx.execute(sql, params![&words, bytes, weight, small, middle, long]).await?;
        let (a, payload) = (dice.text(), some(dice).then(|| dice.text()));
        let sql = "INSERT INTO pairs (a, b, payload, mark) VALUES ($1, $2, $3, $4)";
        tx.execute(sql, params![&a, n as i64 - 100, payload.as_deref(), &dice.text()]).await?;
        let number = if n == 0 { i64::MIN } else { n as i64 * 3 - 50 };
        tx.execute("INSERT INTO facts (number, fact) VALUES ($1, $2)", params![number, &dice.text()]).await?;
    }
    // Numbers that were given out and are gone.
    for _ in 0..5 {
        tx.execute("INSERT INTO unused (words) VALUES ('x')", &[]).await?;
    }
    tx.execute("DELETE FROM unused", &[]).await?;
    tx.execute("DELETE FROM notes WHERE id > $1", params![notes as i64 - 2]).await?;
    tx.execute("UPDATE top SET position = 4711", &[]).await.map(drop)
}
