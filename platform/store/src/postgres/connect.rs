//! Reaches the server, or says why not and what to do.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Entropy, Secret, limits};
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Config, Notification, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Migration, StoreError};

/// Held while migrations run: instances that start together wait for the first.
const MIGRATING: i64 = 0x4d73_7072_0001;
const SILENT: &str = "the server does not answer";

fn limit() -> Duration {
    Duration::from_millis(limits::STORE_CONNECT_MS)
}

/// How the database is reached.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    tls: MakeRustlsConnect,
    /// Through a pooler that gives each transaction another connection to the server.
    pub(super) pooled: bool,
}

impl Address {
    pub(crate) fn parse(url: &Secret) -> Result<Self, StoreError> {
        // The parser's own words may quote the URL, and with it the password.
        let mut config: Config = url.expose().parse().map_err(|_| {
            StoreError::Address("the URL cannot be read; it is postgres://user:password@host:5432/database".to_owned())
        })?;
        config.connect_timeout(limit()).application_name("mainspring");
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3);
        let mut roots = RootCertStore::empty();
        if config.get_ssl_mode() != SslMode::Disable {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| StoreError::Address(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), pooled: false })
    }

    /// A connection. Its traffic is carried by a task of this runtime, which ends with it.
    pub(crate) async fn connect(&self) -> Result<Client, StoreError> {
        let client = self.attend(|_| {}).await?.0;
        if self.pooled {
            // A pooler lets in whoever comes, whether or not there is a server behind it.
            let asked = tokio::time::timeout(limit(), client.batch_execute("SELECT 1")).await;
            asked.map_err(|_| StoreError::unreachable(SILENT))?.map_err(failed)?;
        }
        Ok(client)
    }

    /// A connection that hands over what others notify it of, and the task that ends with it.
    pub(super) async fn attend(
        &self,
        heard: impl Fn(&Notification) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), StoreError> {
        let connecting = tokio::time::timeout(limit(), self.config.connect(self.tls.clone()));
        let (client, mut connection) =
            connecting.await.map_err(|_| StoreError::unreachable(SILENT))?.map_err(failed)?;
        let carried = tokio::spawn(async move {
            while let Some(message) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                match message {
                    Ok(AsyncMessage::Notification(notification)) => heard(&notification),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(error = %kernel::problem::chain(&error), "a connection to the database is lost");
                        return;
                    }
                }
            }
        });
        Ok((client, carried))
    }
}

/// A job is three versions of a row. By its defaults the server would wait until a fifth of a table is dead, history included: each
/// table of ours that does not say otherwise is looked after when a fiftieth is. Others' tables in the schema are none of our business.
const VACUUM_SOON: &str = "
SET LOCAL lock_timeout = 100;
DO $$ DECLARE found RECORD; BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND reloptions IS NULL
            AND pg_has_role(relowner, 'USAGE')
    LOOP
        -- One that somebody holds is left for the next start: nothing depends on it.
        BEGIN
            EXECUTE format('ALTER TABLE %s SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
                autovacuum_vacuum_cost_delay = 1)', found.name);
        EXCEPTION WHEN lock_not_available THEN NULL;
        END;
    END LOOP;
END $$";

/// Brings the schema up to `migrations` and answers the database's own name. It waits for another instance that does so, for whoever
/// else holds a table only a moment: what waits for all of a table holds everybody up who comes to it. One that falls silent meanwhile is
/// ended by the server, and the next goes on.
pub(crate) async fn prepare(
    client: &mut Client,
    migrations: &[Migration],
    clock: &Clock,
    entropy: &Entropy,
) -> Result<String, StoreError> {
    let row = client.query_one("SELECT current_setting('server_encoding')", &[]).await.map_err(failed)?;
    let encoding: String = row.get(0);
    if encoding != "UTF8" {
        return Err(StoreError::Address(format!("its encoding is {encoding}; create it with ENCODING 'UTF8'")));
    }
    let tx = client.transaction().await.map_err(failed)?;
    let silence = format!("SET LOCAL idle_in_transaction_session_timeout = {}", limits::STORE_LOCK_MS);
    tx.batch_execute(&silence).await.map_err(failed)?;
    let first = tx.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&MIGRATING]).await.map_err(failed)?;
    if !first.get::<_, bool>(0) {
        tracing::info!("another instance is bringing the schema up to date: this one waits for it");
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATING]).await.map_err(failed)?;
    }
    let patience = format!("SET LOCAL lock_timeout = {}", limits::STORE_STEP_LOCK_MS);
    tx.batch_execute(&patience).await.map_err(failed)?;
    tx.batch_execute(crate::migrate::BOOKKEEPING).await.map_err(failed)?;
    let rows = tx.query("SELECT part, version FROM migrations", &[]).await.map_err(failed)?;
    let applied = rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).try_into().unwrap_or(u32::MAX))).collect();
    crate::migrate::refuse_unknown(&applied, migrations)?;
    for migration in crate::migrate::missing(&applied, migrations) {
        if let Err(error) = tx.batch_execute(&crate::migrate::for_postgres(migration.sql)).await {
            if error.code() != Some(&SqlState::LOCK_NOT_AVAILABLE) {
                return Err(StoreError::Migration(migration.name(), Arc::new(error)));
            }
            tx.rollback().await.map_err(failed)?;
            return Err(held(client, migration).await);
        }
        for note in migration.notes() {
            let sql = "INSERT INTO migrations (part, version, applied_at_ms) VALUES ($1, $2, $3)";
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
                [&note, &i64::from(migration.version), &clock.now_ms()];
            tx.execute(sql, &params).await.map_err(failed)?;
        }
    }
    tx.batch_execute("CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)").await.map_err(failed)?;
    let sql = "INSERT INTO identity (id) SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM identity)";
    tx.execute(sql, &[&entropy.token(8)]).await.map_err(failed)?;
    let id = tx.query_one("SELECT id FROM identity", &[]).await.map_err(failed)?.get(0);
    tx.batch_execute(VACUUM_SOON).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(id)
}

/// Who was in the way of this step, as far as it can still be seen: of those who hold a table that the step names for longer than it
/// waited, the oldest. Who only reads is in the way of what needs a table alone. Of others' transactions a role without rights does not see
/// the age; of those of its own role it does.
async fn held(client: &Client, migration: &Migration) -> StoreError {
    let sql = "SELECT CAST(held.relname AS TEXT), CAST(lock.pid AS BIGINT), COALESCE(NULLIF(whose.application_name, ''), whose.backend_type, ''),
            CAST(EXTRACT(EPOCH FROM clock_timestamp() - whose.xact_start) AS BIGINT)
        FROM pg_locks lock JOIN pg_class held ON held.oid = lock.relation
            JOIN pg_database here ON here.oid = lock.database AND here.datname = current_database()
            LEFT JOIN pg_stat_activity whose ON whose.pid = lock.pid
        WHERE lock.granted AND lock.pid <> pg_backend_pid() AND held.relkind = 'r'
            AND held.relnamespace = current_schema()::regnamespace AND strpos($1, held.relname) > 0
            AND ($2 OR lock.mode <> 'AccessShareLock')
            AND (whose.xact_start IS NULL OR whose.xact_start < clock_timestamp() - CAST($3 AS TEXT)::interval)
        ORDER BY whose.xact_start NULLS FIRST LIMIT 1";
    let step = crate::migrate::for_postgres(migration.sql);
    let alone = ["ALTER TABLE", "DROP ", "LOCK "].iter().any(|word| step.contains(word));
    let patience = format!("{} milliseconds", limits::STORE_STEP_LOCK_MS);
    // Without an answer, because of rights or of the connection, it is still this that has happened.
    let row = client.query_opt(sql, &[&&*step, &alone, &patience]).await.unwrap_or(None);
    let by = row.map_or_else(String::new, |row| {
        let (table, pid, program): (String, i64, String) = (row.get(0), row.get(1), row.get(2));
        let age = row.get::<_, Option<i64>>(3).map_or_else(String::new, |age_s| format!(" for {age_s} s"));
        format!(
            " (`{program}`, process {pid}, has held `{table}`{age}: let it end, or end it with SELECT pg_terminate_backend({pid}))"
        )
    });
    StoreError::Held { migration: migration.name(), by }
}

/// The steps that the database does not have yet, without changing it.
pub(super) async fn pending(client: &Client, migrations: &[Migration]) -> Result<Vec<String>, StoreError> {
    let any: bool = client.query_one("SELECT to_regclass('migrations') IS NOT NULL", &[]).await.map_err(failed)?.get(0);
    let rows = match any {
        true => client.query("SELECT part, version FROM migrations", &[]).await.map_err(failed)?,
        false => Vec::new(),
    };
    let applied = rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).try_into().unwrap_or(u32::MAX))).collect();
    crate::migrate::refuse_unknown(&applied, migrations)?;
    Ok(crate::migrate::missing(&applied, migrations).map(Migration::name).collect())
}

/// The address of a pooler, which must lead to the database that the direct address leads to.
pub(super) async fn pooled(url: &Secret, id: &str) -> Result<Address, StoreError> {
    let address = Address { pooled: true, ..Address::parse(url)? };
    let client = address.connect().await?;
    let found = match client.simple_query("SELECT id FROM identity").await {
        Ok(found) => found.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => None,
        Err(error) => return Err(failed(error)),
    };
    if found.as_deref() != Some(id) {
        let why = "store.url, which leads through a pooler, and store.direct_url lead to different databases";
        return Err(StoreError::Address(why.to_owned()));
    }
    Ok(address)
}

/// What the caller can decide on.
pub(crate) fn failed(error: tokio_postgres::Error) -> StoreError {
    let Some(state) = error.code() else {
        // Without a state it did not come from the server: the connection, or a value that the statement does not take.
        return if error.is_closed()
            || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>())
        {
            StoreError::Unavailable(Arc::new(error))
        } else {
            StoreError::Statement(Arc::new(error))
        };
    };
    match *state {
        SqlState::QUERY_CANCELED => StoreError::TooLong,
        SqlState::LOCK_NOT_AVAILABLE | SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Busy
        }
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged(error.to_string()),
        // What one transaction prepared, the next one does not find, or finds another's.
        SqlState::INVALID_SQL_STATEMENT_NAME | SqlState::DUPLICATE_PSTATEMENT => StoreError::Address(
            "store.url leads through a pooler in transaction mode: give PostgreSQL's own address as store.direct_url"
                .to_owned(),
        ),
        // After a fail-over an old address may lead to a standby; and who said nothing for too long is sent away.
        SqlState::READ_ONLY_SQL_TRANSACTION | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
            StoreError::Unavailable(Arc::new(error))
        }
        // Connection, resources (the disk among them), an operator's intervention, the system.
        _ if ["08", "53", "57", "58"].iter().any(|class| state.code().starts_with(class)) => {
            StoreError::Unavailable(Arc::new(error))
        }
        _ => StoreError::Statement(Arc::new(error)),
    }
}
