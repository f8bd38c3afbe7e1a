//! What every engine must do. An engine runs the suite with a way to make an empty store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Migration, Store, StoreError, Tx, params};

pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        part: "test",
        version: 1,
        sql: "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, words TEXT NOT NULL, bytes BYTEA, weight DOUBLE PRECISION);
          CREATE UNIQUE INDEX notes_words ON notes (words);",
    },
    Migration { part: "words", version: 1, sql: PAGES },
];

/// An index of words, which each engine makes in its own way.
pub(crate) const PAGES: &str = "
CREATE TABLE pages (id BIGSERIAL PRIMARY KEY, words TEXT NOT NULL);
-- only sqlite
CREATE VIRTUAL TABLE pages_words USING fts5(words, content='pages', content_rowid='id');
CREATE TRIGGER pages_added AFTER INSERT ON pages BEGIN
    INSERT INTO pages_words (rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER pages_removed AFTER DELETE ON pages BEGIN
    INSERT INTO pages_words (pages_words, rowid, words) VALUES ('delete', old.id, old.words);
END;
-- only postgres
CREATE INDEX pages_words ON pages USING GIN (array_to_tsvector(string_to_array(words, ' ')));
-- both
INSERT INTO pages (words) VALUES ('made by the migration');
";

pub(crate) async fn add(store: &Store, words: &str) -> Result<i64, StoreError> {
    let words = words.to_owned();
    store
        .write(async move |tx| {
            let (id,) = tx.one("INSERT INTO notes (words) VALUES ($1) RETURNING id", params![&words]).await?;
            Ok(id)
        })
        .await
}

pub(crate) async fn all(store: &Store) -> Vec<String> {
    let rows: Result<Vec<(String,)>, StoreError> =
        store.read(async |tx| tx.all("SELECT words FROM notes ORDER BY id", &[]).await).await;
    rows.expect("reads").into_iter().map(|(words,)| words).collect()
}

pub(crate) async fn suite(make: impl AsyncFn() -> Store) {
    numbers_are_dense_and_values_come_back(make().await).await;
    an_error_rolls_back_its_own_write_only(make().await).await;
    concurrent_writes_all_arrive(make().await).await;
    hooks_run_after_the_commit_and_never_after_a_rollback(make().await).await;
    a_closure_that_awaits_or_panics_is_undone(make().await).await;
    a_read_cannot_write(make().await).await;
    parameters_are_bound_by_their_digits(make().await).await;
    an_index_of_words_follows_its_table(make().await).await;
    a_closed_store_says_so(make().await).await;
}

/// The pages that hold a word.
async fn pages_with(tx: &mut Tx, word: &str) -> Result<Vec<String>, StoreError> {
    let sql = tx.either(
        "SELECT words FROM pages WHERE id IN (SELECT rowid FROM pages_words WHERE pages_words MATCH $1)",
        "SELECT words FROM pages WHERE array_to_tsvector(string_to_array(words, ' ')) @@ CAST(CAST($1 AS TEXT) AS tsquery)",
    );
    let rows: Vec<(String,)> = tx.all(sql, params![word]).await?;
    Ok(rows.into_iter().map(|(words,)| words).collect())
}

async fn an_index_of_words_follows_its_table(store: Store) {
    let found: Result<Vec<String>, StoreError> = store.read(async |tx| pages_with(tx, "migration").await).await;
    assert_eq!(found.expect("read"), ["made by the migration"]);
    let seen: Result<(usize, usize), StoreError> = store
        .write(async |tx| {
            tx.execute("INSERT INTO pages (words) VALUES ('an added page')", &[]).await?;
            let added = pages_with(tx, "added").await?.len();
            tx.execute("DELETE FROM pages", &[]).await?;
            Ok((added, pages_with(tx, "made").await?.len()))
        })
        .await;
    assert_eq!(seen.expect("in one transaction"), (1, 0));
}

async fn numbers_are_dense_and_values_come_back(store: Store) {
    assert_eq!(add(&store, "one").await.expect("written"), 1);
    assert_eq!(add(&store, "two").await.expect("written"), 2);
    let deleted: Result<u64, StoreError> =
        store.write(async |tx| tx.execute("DELETE FROM notes WHERE id = $1", params![2]).await).await;
    assert_eq!(deleted.expect("deleted"), 1);
    assert_eq!(add(&store, "three").await.expect("written"), 3, "a number is never given out again");
    type Columns = (Option<Vec<u8>>, Option<f64>, bool);
    let changed: Result<Columns, StoreError> = store
        .write(async |tx| {
            let bytes = vec![0u8, 255, 10];
            tx.execute("UPDATE notes SET bytes = $1, weight = $2 WHERE id = 1", params![&bytes, 0.5]).await?;
            tx.one("SELECT bytes, weight, words = $1 FROM notes WHERE id = 1", params!["one"]).await
        })
        .await;
    assert_eq!(changed.expect("reads its own write"), (Some(vec![0, 255, 10]), Some(0.5), true));
    let wrong: Result<(i64,), StoreError> =
        store.read(async |tx| tx.one("SELECT words FROM notes WHERE id = 1", &[]).await).await;
    assert!(matches!(wrong, Err(StoreError::Decode { column: 0, .. })));
}

async fn an_error_rolls_back_its_own_write_only(store: Store) {
    add(&store, "taken").await.expect("written");
    let writes = (0..40).map(|i| {
        let store = store.clone();
        tokio::spawn(async move {
            // Every fourth write adds a row and then breaks the unique index.
            let outcome: Result<(), StoreError> = store
                .write(async move |tx| {
                    let words = format!("n{i}");
                    tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&words]).await?;
                    if i % 4 == 0 {
                        tx.execute("INSERT INTO notes (words) VALUES ('taken')", &[]).await?;
                    }
                    Ok(())
                })
                .await;
            outcome.is_ok()
        })
    });
    let mut kept = 0;
    for write in writes.collect::<Vec<_>>() {
        kept += u32::from(write.await.expect("joined"));
    }
    assert_eq!(kept, 30);
    assert_eq!(all(&store).await.len(), 31);
}

async fn concurrent_writes_all_arrive(store: Store) {
    let writes: Vec<_> = (0..500)
        .map(|i| {
            let store = store.clone();
            tokio::spawn(async move { add(&store, &i.to_string()).await })
        })
        .collect();
    for write in writes {
        write.await.expect("joined").expect("written");
    }
    assert_eq!(all(&store).await.len(), 500);
    let stats = store.stats();
    assert!(stats.commits_total < stats.writes_total, "waiting writes share commits: {stats:?}");
}

async fn hooks_run_after_the_commit_and_never_after_a_rollback(store: Store) {
    let ran = Arc::new(AtomicU32::new(0));
    for (fail, expected) in [(false, 1), (true, 1), (false, 2)] {
        let counted = ran.clone();
        let outcome: Result<(), StoreError> = store
            .write(async move |tx| {
                tx.on_commit(move || {
                    counted.fetch_add(1, Ordering::SeqCst);
                });
                if fail { Err(StoreError::Busy) } else { Ok(()) }
            })
            .await;
        assert_eq!(outcome.is_err(), fail);
        assert_eq!(ran.load(Ordering::SeqCst), expected, "the hook has run before the answer");
    }
}

async fn a_closure_that_awaits_or_panics_is_undone(store: Store) {
    let awaited: Result<(), StoreError> = store
        .write(async |tx| {
            tx.execute("INSERT INTO notes (words) VALUES ('half')", &[]).await?;
            std::future::pending().await
        })
        .await;
    assert!(matches!(awaited, Err(StoreError::Awaited)));
    let panicked: Result<(), StoreError> = store
        .write(async |tx| {
            tx.execute("INSERT INTO notes (words) VALUES ('half')", &[]).await?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(panicked, Err(StoreError::Panicked)));
    assert!(all(&store).await.is_empty());
    add(&store, "after").await.expect("the store goes on");
}

async fn a_read_cannot_write(store: Store) {
    let outcome: Result<u64, StoreError> =
        store.read(async |tx| tx.execute("INSERT INTO notes (words) VALUES ('no')", &[]).await).await;
    assert!(outcome.is_err());
    add(&store, "yes").await.expect("written");
    assert_eq!(all(&store).await, ["yes"]);
}

async fn parameters_are_bound_by_their_digits(store: Store) {
    let row: Result<(String, String, String), StoreError> =
        store.read(async |tx| tx.one("SELECT $2, $1, $2", params!["first", "second"]).await).await;
    assert_eq!(row.expect("read"), ("second".to_owned(), "first".to_owned(), "second".to_owned()));
    let short: Result<(String,), StoreError> =
        store.read(async |tx| tx.one("SELECT $2", params!["only one"]).await).await;
    assert!(short.is_err());
}

async fn a_closed_store_says_so(store: Store) {
    add(&store, "kept").await.expect("written");
    store.close().await;
    assert!(matches!(add(&store, "late").await, Err(StoreError::Closed)));
}
