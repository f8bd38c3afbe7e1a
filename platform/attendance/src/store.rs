//! The SQL of this part. Writes of a database come one after the other, over all processes; so what is read here is still so when it
//! is changed.

use store::{StoreError, Tx, params};

/// Somebody at a stay: the client and its person, and the channel of a seat.
pub(crate) struct There {
    pub(crate) client: String,
    pub(crate) person: String,
    pub(crate) channel: Option<String>,
}

/// From now on this stay may have clients.
pub(crate) async fn begin(tx: &mut Tx, stay: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO attendance_stays (stay) VALUES ($1) ON CONFLICT (stay) DO NOTHING";
    tx.execute(sql, params![stay]).await.map(drop)
}

/// Nobody is there by this stay, and will be.
pub(crate) async fn end(tx: &mut Tx, stay: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM attendance_stays WHERE stay = $1", params![stay]).await.map(drop)
}

/// Every stay that may have clients.
pub(crate) async fn stays(tx: &mut Tx, most: usize) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> =
        tx.all("SELECT stay FROM attendance_stays ORDER BY stay LIMIT $1", params![most as i64]).await?;
    Ok(rows.into_iter().map(|(stay,)| stay).collect())
}

/// The process goes on under another stay, with everybody of whom the end was not told.
pub(crate) async fn adopt(tx: &mut Tx, from: &str, to: &str) -> Result<(), StoreError> {
    for table in ["attendance_clients", "attendance_seats"] {
        let sql = format!("UPDATE {table} SET stay = $2 WHERE stay = $1");
        tx.execute(&sql, params![from, to]).await?;
    }
    end(tx, from).await
}

/// Whether the client was not there.
pub(crate) async fn arrive(
    tx: &mut Tx,
    stay: &str,
    (client, person): (&str, &str),
    at_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attendance_clients (stay, client, person, since_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (stay, client) DO NOTHING";
    Ok(tx.execute(sql, params![stay, client, person, at_ms]).await? == 1)
}

/// Since when the client was there, if it was.
pub(crate) async fn depart(tx: &mut Tx, stay: &str, client: &str) -> Result<Option<i64>, StoreError> {
    let sql = "DELETE FROM attendance_clients WHERE stay = $1 AND client = $2 RETURNING since_ms";
    let row: Option<(i64,)> = tx.first(sql, params![stay, client]).await?;
    Ok(row.map(|(since_ms,)| since_ms))
}

/// Whether the client did not hear the channel.
pub(crate) async fn sit(
    tx: &mut Tx,
    stay: &str,
    (client, person): (&str, &str),
    channel: &str,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO attendance_seats (stay, client, channel, person) VALUES ($1, $2, $3, $4)
         ON CONFLICT (stay, client, channel) DO NOTHING";
    Ok(tx.execute(sql, params![stay, client, channel, person]).await? == 1)
}

/// Whether the client heard the channel.
pub(crate) async fn rise(tx: &mut Tx, stay: &str, client: &str, channel: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM attendance_seats WHERE stay = $1 AND client = $2 AND channel = $3";
    Ok(tx.execute(sql, params![stay, client, channel]).await? == 1)
}

/// Some of those who hear something by a stay, after these two.
pub(crate) async fn seats(
    tx: &mut Tx,
    stay: &str,
    (client, channel): (&str, &str),
    most: usize,
) -> Result<Vec<There>, StoreError> {
    let sql = "SELECT client, person, channel FROM attendance_seats
         WHERE stay = $1 AND (client, channel) > ($2, $3) ORDER BY client, channel LIMIT $4";
    let rows: Vec<(String, String, String)> = tx.all(sql, params![stay, client, channel, most as i64]).await?;
    Ok(rows.into_iter().map(|(client, person, channel)| There { client, person, channel: Some(channel) }).collect())
}

/// Some of those who are there by a stay, after this one.
pub(crate) async fn clients(tx: &mut Tx, stay: &str, client: &str, most: usize) -> Result<Vec<There>, StoreError> {
    let sql = "SELECT client, person FROM attendance_clients WHERE stay = $1 AND client > $2 ORDER BY client LIMIT $3";
    let rows: Vec<(String, String)> = tx.all(sql, params![stay, client, most as i64]).await?;
    Ok(rows.into_iter().map(|(client, person)| There { client, person, channel: None }).collect())
}

/// What can be there or gone, by whoever is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Person,
    Channel,
}

impl Of {
    /// The table of those who were told to be there, its key, and the table that says it.
    fn tables(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Person => ("attendance_people", "person", "attendance_clients"),
            Self::Channel => ("attendance_channels", "channel", "attendance_seats"),
        }
    }
}

/// Somebody came or went. Whether it is there now and nobody was told so.
pub(crate) async fn settle(tx: &mut Tx, of: Of, name: &str, at_ms: i64) -> Result<bool, StoreError> {
    let (table, key, who) = of.tables();
    let sql = format!("SELECT stay FROM {who} WHERE {key} = $1 LIMIT 1");
    let there: Option<(String,)> = tx.first(&sql, params![name]).await?;
    if there.is_none() {
        let sql = format!("UPDATE {table} SET gone_at_ms = $2 WHERE {key} = $1 AND gone_at_ms IS NULL");
        tx.execute(&sql, params![name, at_ms]).await?;
        return Ok(false);
    }
    let sql = format!("UPDATE {table} SET gone_at_ms = NULL WHERE {key} = $1");
    if tx.execute(&sql, params![name]).await? == 1 {
        return Ok(false);
    }
    let sql = format!("INSERT INTO {table} ({key}) VALUES ($1)");
    tx.execute(&sql, params![name]).await?;
    Ok(true)
}

/// Forgets those who are gone since before then, and says who and since when.
pub(crate) async fn forget(tx: &mut Tx, of: Of, before_ms: i64, most: usize) -> Result<Vec<(String, i64)>, StoreError> {
    let (table, key, _) = of.tables();
    let sql =
        format!("SELECT {key}, gone_at_ms FROM {table} WHERE gone_at_ms <= $1 ORDER BY gone_at_ms, {key} LIMIT $2");
    let gone: Vec<(String, i64)> = tx.all(&sql, params![before_ms, most as i64]).await?;
    for (name, _) in &gone {
        tx.execute(&format!("DELETE FROM {table} WHERE {key} = $1"), params![name]).await?;
    }
    Ok(gone)
}

/// Whether anybody is gone since before then.
pub(crate) async fn is_any_gone(tx: &mut Tx, before_ms: i64) -> Result<bool, StoreError> {
    let sql = "SELECT gone_at_ms FROM attendance_people WHERE gone_at_ms <= $1
         UNION ALL SELECT gone_at_ms FROM attendance_channels WHERE gone_at_ms <= $1 LIMIT 1";
    let row: Option<(i64,)> = tx.first(sql, params![before_ms]).await?;
    Ok(row.is_some())
}
