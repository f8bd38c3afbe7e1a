//! Who has changed something finds it, though a replica that lags answers: a change is answered with its position in the
//! database's log, which the client sends with what it asks next, to whichever process.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use identity::Caller;
use store::Store;
use store::lagging::{NoPosition, Position, on_behalf};

/// For programs; browsers have the cookie.
const POSITION: HeaderName = HeaderName::from_static("x-mainspring-position");
const COOKIE: &str = "mainspring_position";
/// Longer than a replica that is asked may be behind, so that it may be forgotten then.
const KEPT_S: u64 = kernel::limits::STORE_REPLICA_LAG_MS / 1000 * 6;

/// Nobody's requests are answered from a replica, and how much is written is nobody's business.
pub(crate) async fn handle(State(store): State<Store>, request: Request, next: Next) -> Response {
    let somebody = request.extensions().get::<Caller>().is_some_and(|caller| caller.is_somebody());
    if store.position().is_none() || !somebody {
        return next.run(request).await;
    }
    let (seen, writes) = (seen(request.headers()), !request.method().is_safe());
    let https = identity::is_https(request.headers());
    let mut response = match seen {
        Ok(seen) => on_behalf(seen, writes, next.run(request)).await,
        // Whatever it has seen, the primary has it.
        Err(NoPosition) => next.run(request).await,
    };
    if writes {
        // Read after the answer was made: it covers every commit that the answer knows of, whichever task made it.
        let position = seen.unwrap_or_default().and(store.position().unwrap_or_default());
        tell(response.headers_mut(), position, https);
    }
    response
}

/// Everything that the client says it has seen.
fn seen(headers: &HeaderMap) -> Result<Position, NoPosition> {
    let said = headers.get_all(POSITION).iter().map(|value| value.to_str().map_err(|_| NoPosition));
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let cookies = cookies.flat_map(|line| line.split(';'));
    let kept = cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    said.chain(kept.map(Ok)).try_fold(Position::default(), |seen, text| Ok(seen.and(text?.parse()?)))
}

fn tell(headers: &mut HeaderMap, position: Position, https: bool) {
    let secure = if https { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={position}; Path=/; HttpOnly; SameSite=Lax; Max-Age={KEPT_S}{secure}");
    // Both are digits and words.
    if let (Ok(position), Ok(cookie)) = (HeaderValue::try_from(position.to_string()), HeaderValue::try_from(cookie)) {
        headers.insert(POSITION, position);
        headers.append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use axum::Router;
    use axum::body::Body;
    use axum::http::{Method, StatusCode};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use kernel::{Clock, Entropy, Secret};
    use store::{Durability, Migration, StoreError};
    use testkit::Postgres;
    use tower::ServiceExt;

    use super::*;

    const MIGRATIONS: &[Migration] =
        &[Migration { part: "test", version: 1, sql: "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY);" }];
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn open(server: &Postgres) -> Store {
        let (url, clock, entropy) = (Secret::new(server.url()), Clock::system(), Entropy::system());
        Store::postgres(&url, Durability::Full, MIGRATIONS, &clock, &entropy).await.expect("opened")
    }

    async fn write(State(store): State<Store>) -> StatusCode {
        let add = async |tx: &mut store::Tx| tx.execute("INSERT INTO notes DEFAULT VALUES", &[]).await;
        // As work that requests share: on a task of its own.
        let added = tokio::spawn(async move { store.write(add).await as Result<u64, StoreError> });
        assert!(added.await.is_ok_and(|added| added.is_ok()));
        StatusCode::NO_CONTENT
    }

    async fn count(State(store): State<Store>) -> String {
        let count = async |tx: &mut store::Tx| tx.one::<(i64,)>("SELECT COUNT(*) FROM notes", &[]).await;
        let counted: Result<(i64,), StoreError> = store.read_lagging(count).await;
        counted.expect("read").0.to_string()
    }

    /// Two processes as their clients see them.
    struct Door(Router, Store);

    impl Door {
        async fn new(store: &Store) -> Self {
            let routes = Router::new().route("/", get(count).post(write)).with_state(store.clone());
            Self(routes.layer(from_fn_with_state(store.clone(), handle)), store.clone())
        }

        async fn ask(&self, method: Method, headers: &[(&str, &str)], caller: Caller) -> (String, HeaderMap) {
            let mut request = Request::builder().method(method).uri("/").extension(caller);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = self.0.clone().oneshot(request.body(Body::empty()).expect("a request")).await;
            let (head, body) = answer.expect("answered").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            (String::from_utf8_lossy(&body).into_owned(), head.headers)
        }

        /// What is counted, and whether the replica did it.
        async fn count(&self, headers: &[(&str, &str)]) -> (String, bool) {
            let by_replica = || self.1.stats().replica.map_or(0, |is| is.reads_total);
            let before = by_replica();
            let (count, told) = self.ask(Method::GET, headers, Caller::Admin).await;
            assert!(!told.contains_key(POSITION) && !told.contains_key(header::SET_COOKIE), "it has changed nothing");
            (count, by_replica() > before)
        }
    }

    async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
        let begun = Instant::now();
        while !is().await {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            tokio::task::yield_now().await;
        }
    }

    fn value(told: &HeaderMap, name: HeaderName) -> String {
        told.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn who_changed_something_finds_it_at_every_door_and_nobody_else_waits_for_it() {
        if !Postgres::is_there() {
            eprintln!("not run: PostgreSQL is not installed");
            return;
        }
        let primary = Postgres::fast().expect("a server");
        let replica = primary.replica().expect("a replica");
        let stores = [open(&primary).await, open(&primary).await];
        let [one, two] = [Door::new(&stores[0]).await, Door::new(&stores[1]).await];
        let (_, told) = one.ask(Method::POST, &[], Caller::Admin).await;
        assert!(!told.contains_key(POSITION) && !told.contains_key(header::SET_COOKIE), "there is no replica");
        for store in &stores {
            store.attach_replica(&Secret::new(replica.url())).await.expect("attached");
        }
        replica.catch_up_with(&primary).expect("caught up");
        for door in [&one, &two] {
            until("the replica is not asked", async || door.count(&[]).await == ("1".into(), true)).await;
        }

        replica.sql("SELECT pg_wal_replay_pause()").expect("paused");
        let (_, told) = one.ask(Method::POST, &[], Caller::Admin).await;
        let (position, cookie) = (value(&told, POSITION), value(&told, header::SET_COOKIE));
        assert_eq!(
            cookie,
            format!("mainspring_position={position}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"),
            "{told:?}"
        );
        let (header, kept) = (("x-mainspring-position", &*position), format!("a=b; mainspring_position={position}"));
        for door in [&one, &two] {
            assert_eq!(door.count(&[]).await, ("1".into(), true), "another reads what the replica has");
            assert_eq!(door.count(&[header]).await, ("2".into(), false), "a program");
            assert_eq!(door.count(&[("cookie", &kept)]).await, ("2".into(), false), "a browser");
        }
        // A change at a door that wrote less recently takes nothing back.
        let (_, told) = two.ask(Method::PUT, &[header], Caller::Admin).await;
        assert!(
            value(&told, POSITION).parse::<Position>().expect("told").and(position.parse().expect("told")).to_string()
                == value(&told, POSITION)
        );
        // Whatever is made up leads to the primary, at once.
        for forged in ["ffffffff-ffffffffffffffff", "nonsense", "", "1-0x10", "-1--1"] {
            assert_eq!(one.count(&[("x-mainspring-position", forged)]).await, ("2".into(), false), "{forged:?}");
            let kept = format!("mainspring_position={forged}");
            assert_eq!(one.count(&[("cookie", &kept)]).await, ("2".into(), false), "{forged:?}");
        }
        // Nobody in particular is told nothing, and is not answered from the replica.
        assert_eq!(one.ask(Method::GET, &[], Caller::Anonymous).await.0, "2");
        let (_, told) = one.ask(Method::POST, &[], Caller::Anonymous).await;
        assert!(!told.contains_key(POSITION) && !told.contains_key(header::SET_COOKIE));

        replica.sql("SELECT pg_wal_replay_resume()").expect("resumed");
        until("it has come", async || one.count(&[header]).await == ("3".into(), true)).await;
    }
}
