//! More than a share is refused, and everybody is told where they stand.

use std::net::IpAddr;

use guard::Client;

use crate::{Answer, Bench};

async fn from(bench: &Bench, address: &str, method: &str, path: &str) -> Answer {
    say(bench, address, method, path, "").await
}

async fn say(bench: &Bench, address: &str, method: &str, path: &str, body: &str) -> Answer {
    let mut request = bench.request(method, path, None, body);
    let address: IpAddr = address.parse().expect("an address");
    request.extensions_mut().insert(Client(address));
    bench.send(request).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map_or("", |value| value.to_str().expect("text"))
}

#[tokio::test]
async fn a_client_is_refused_after_its_share_and_let_in_when_it_was_told() {
    let bench = Bench::new();
    for left in ["2", "1", "0"] {
        let answer = from(&bench, "203.0.113.9", "GET", "/api/v1/things").await;
        assert_eq!(answer.status, 200);
        assert_eq!(header(&answer, "ratelimit-policy"), "\"api\";q=3;w=60");
        assert!(header(&answer, "ratelimit").starts_with(&format!("\"api\";r={left};t=")), "{:?}", answer.headers);
    }
    let refused = from(&bench, "203.0.113.9", "GET", "/api/v1/things").await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("quota_exceeded"), "{}", refused.body);
    let wait_s: i64 = header(&refused, "retry-after").parse().expect("seconds");
    assert_eq!(wait_s, 20);
    assert_eq!(header(&refused, "ratelimit"), "\"api\";r=0;t=20");
    bench.clock.advance(wait_s * 1_000 - 1);
    assert_eq!(from(&bench, "203.0.113.9", "GET", "/api/v1/things").await.status, 429);
    bench.clock.advance(1);
    assert_eq!(from(&bench, "203.0.113.9", "GET", "/api/v1/things").await.status, 200);
}

#[tokio::test]
async fn a_share_is_a_clients_own_and_a_policys_own() {
    let bench = Bench::new();
    for _ in 0..4 {
        from(&bench, "2001:db8:1:1::1", "GET", "/api/v1/things").await;
    }
    assert_eq!(from(&bench, "2001:db8:1:1::2", "GET", "/api/v1/things").await.status, 429, "the same /64");
    assert_eq!(from(&bench, "2001:db8:1:2::1", "GET", "/api/v1/things").await.status, 200);
    assert_eq!(from(&bench, "2001:db8:1:1::1", "POST", "/console/enter/x").await.status, 200);
    let nowhere = from(&bench, "2001:db8:1:1::1", "GET", "/nothing/here").await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(header(&nowhere, "ratelimit-policy"), "\"public\";q=1000;w=60", "scanners are counted too");
}

#[tokio::test]
async fn what_is_off_or_a_probe_or_this_machine_is_not_counted() {
    let bench = Bench::new();
    for _ in 0..20 {
        let probe = from(&bench, "203.0.113.9", "GET", "/livez").await;
        assert_eq!((probe.status, header(&probe, "ratelimit-policy")), (200, ""));
        assert_eq!(from(&bench, "203.0.113.9", "POST", "/in/github").await.status, 200);
        let own = from(&bench, "127.0.0.1", "GET", "/api/v1/things").await;
        assert_eq!((own.status, header(&own, "ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn guessing_sign_in_links_is_slow() {
    let bench = Bench::new();
    let mut refused = 0;
    for n in 0..10 {
        let answer = from(&bench, "203.0.113.9", "POST", &format!("/console/enter/{n}")).await;
        refused += usize::from(answer.status == 429);
    }
    assert_eq!(refused, 8);
}

#[tokio::test]
async fn an_open_session_spends_its_own_and_whatever_names_none_its_addresss() {
    let bench = Bench::with(["2/1m", "3/1m", "4/1m", "5/1m", "off", "3/1m"]);
    let emulation = async |session: &str| say(&bench, "203.0.113.9", "POST", "/emulation", session).await;
    for n in 0..20 {
        let answer = emulation(&format!("n-{}", n % 2)).await;
        assert_eq!((answer.status, header(&answer, "ratelimit-policy")), (200, "\"session\";q=6000;w=60"));
    }
    for none in ["", "?"] {
        let answer = emulation(none).await;
        assert_eq!((answer.status, header(&answer, "ratelimit-policy")), (200, "\"public\";q=3;w=60"), "{none}");
    }
    let wrong = from(&bench, "203.0.113.9", "GET", "/emulation").await;
    assert_eq!((wrong.status, header(&wrong, "ratelimit").split(';').nth(1)), (405, Some("r=0")));
    for none in ["", "?"] {
        let refused = emulation(none).await;
        assert_eq!(refused.status, 429, "{none}");
        assert!(refused.body.contains("This address has used up"), "{}", refused.body);
    }
    assert_eq!(emulation("n-0").await.status, 200, "it is heard all the same");
    for _ in 0..kernel::limits::SESSION_REQUESTS_PER_MIN {
        emulation("n-1").await;
    }
    let refused = emulation("n-1").await;
    assert!(refused.status == 429 && refused.body.contains("This connection has used up"), "{}", refused.body);
    assert_eq!(emulation("n-0").await.status, 200);
}
