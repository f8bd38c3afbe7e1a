//! Every way of signing, attacked: any change of anything that counts is refused.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Secret;
use proptest::prelude::*;
use serde_json::json;
use webhooks::scheme::{Algorithm, Place, Sender, Vector};
use webhooks::{Draft, Message, sign, sources, verify};

use crate::support::{Bed, START_MS};

/// Each vector with its sender.
fn vectors() -> Vec<(&'static Sender<'static>, &'static Vector<'static>)> {
    sources::ALL.iter().flat_map(|sender| sender.vectors.iter().map(move |vector| (sender, vector))).collect()
}

fn headers(pairs: &[(String, String)]) -> Option<HeaderMap> {
    let pair = |(name, value): &(String, String)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    pairs.iter().map(pair).collect()
}

/// A delivery in the pieces that count.
#[derive(Clone, Debug, PartialEq)]
struct Pieces {
    secret: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Pieces {
    fn of(vector: &Vector<'_>) -> Self {
        let headers = vector.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { secret: vector.secret.to_owned(), headers, body: vector.body.as_bytes().to_vec() }
    }

    fn is_believed(&self, sender: &Sender<'_>, now_ms: i64) -> bool {
        let Some(headers) = headers(&self.headers) else { return false };
        let secret = Secret::new(self.secret.as_str());
        verify(sender, &[&secret], Message { headers: &headers, body: &self.body }, now_ms).is_ok()
    }
}

fn signs_the_body(sender: &Sender<'_>, vector: &Vector<'_>) -> bool {
    let header = |name: &str| vector.headers.iter().any(|(other, _)| *other == name);
    sender.proofs.iter().any(|proof| header(proof.header) && proof.algorithm != Algorithm::SharedToken)
}

#[test]
fn every_byte_of_every_vector_counts() {
    for (sender, vector) in vectors() {
        let good = Pieces::of(vector);
        assert!(good.is_believed(sender, vector.now_ms), "{} {}", sender.name, vector.from);
        for at in 0..good.body.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad.body[at] ^= 1 << bit;
                let believed = bad.is_believed(sender, vector.now_ms);
                assert_eq!(believed, !signs_the_body(sender, vector), "{} body {at} {bit}", sender.name);
            }
        }
        for field in 0..good.headers.len() {
            let value = good.headers[field].1.clone();
            for at in 0..value.len() {
                for other in ['a', 'Z', '0', '1', '=', ',', ' ', '/', '.'] {
                    let mut changed = value.clone();
                    changed.replace_range(at..=at, &other.to_string());
                    if changed.trim() == value {
                        continue;
                    }
                    let mut bad = good.clone();
                    bad.headers[field].1 = changed;
                    let name = &good.headers[field].0;
                    assert!(!bad.is_believed(sender, vector.now_ms), "{} {name} at {at}: {other:?}", sender.name);
                }
            }
        }
        for at in (0..good.secret.len()).filter(|at| good.secret.is_char_boundary(*at)) {
            for other in ['a', 'B', '7'] {
                let mut bad = good.clone();
                bad.secret.replace_range(at..=at, &other.to_string());
                assert!(bad == good || !bad.is_believed(sender, vector.now_ms), "{} key at {at}: {other}", sender.name);
            }
        }
    }
}

#[test]
fn signatures_of_every_length_are_refused_without_a_panic() {
    for (sender, vector) in vectors() {
        let good = Pieces::of(vector);
        for field in 0..good.headers.len() {
            let value = good.headers[field].1.clone();
            let cut = (0..value.len()).map(|length| value[..length].to_owned());
            let longer = ["0", "00", "=", "AAAA", ",", " "].map(|more| format!("{value}{more}"));
            for changed in cut.chain(longer) {
                let mut bad = good.clone();
                bad.headers[field].1 = changed.clone();
                let same =
                    changed.trim() == value || (changed.trim_end_matches([',', ' ']) == value && value.contains(','));
                assert!(same || !bad.is_believed(sender, vector.now_ms), "{}: {changed}", sender.name);
            }
            let mut missing = good.clone();
            missing.headers.remove(field);
            assert!(!missing.is_believed(sender, vector.now_ms), "{} without {}", sender.name, good.headers[field].0);
            let mut twice = headers(&good.headers).expect("headers");
            let (name, value) = &good.headers[field];
            twice.append(HeaderName::try_from(name.as_str()).expect("a name"), value.parse().expect("a value"));
            let (secret, body) = (Secret::new(vector.secret), vector.body.as_bytes());
            let message = Message { headers: &twice, body };
            assert!(verify(sender, &[&secret], message, vector.now_ms).is_err(), "{} with two {name}", sender.name);
        }
        assert!(verify(sender, &[], Message { headers: &HeaderMap::new(), body: b"" }, 0).is_err());
    }
}

#[test]
fn the_past_and_the_future_end_where_the_sender_says() {
    let mut timed = 0;
    for (sender, vector) in vectors() {
        let Some(rule) = sender.timestamp else { continue };
        let in_a_header = |place: &Place<'_>| match place {
            Place::Header(name) => vector.headers.iter().any(|(other, _)| other == name),
            Place::Entry(_) => true,
            Place::Body(_) | Place::Digest => false,
        };
        if !rule.places.iter().any(in_a_header) {
            continue;
        }
        timed += 1;
        let believed = |apart_ms: i64| Pieces::of(vector).is_believed(sender, vector.now_ms + apart_ms);
        assert!(believed(rule.past_ms) && believed(-rule.future_ms + 1000), "{}", sender.name);
        assert!(!believed(rule.past_ms + 1000), "{}: stale", sender.name);
        assert!(!believed(-rule.future_ms - 1), "{}: from the future", sender.name);
        assert!(!believed(i64::MAX - vector.now_ms) && !believed(-vector.now_ms));
    }
    assert!(timed >= 10, "{timed}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What we sign as a sender is believed, and with one thing changed it is not.
    #[test]
    fn what_is_signed_is_believed_and_nothing_else(
        which in 0..sources::ALL.len(),
        body in prop::collection::vec(any::<u8>(), 1..300),
        id in "[a-zA-Z0-9_-]{1,40}",
        key in prop::array::uniform32(any::<u8>()),
        at: usize,
        bit in 0..8u32,
    ) {
        let sender = &sources::ALL[which];
        let secret = Secret::new(format!("whsec_{}", base64(&key)));
        let draft = Draft { id: &id, kind: "something", now_ms: START_MS, body: &body };
        let Some(headers) = sign(sender, &secret, &draft) else { return Ok(()) };
        let tried = |secret: &Secret, headers: &HeaderMap, body: &[u8]| verify(sender, &[secret], Message { headers, body }, START_MS);
        let verified = tried(&secret, &headers, &body);
        prop_assert!(verified.is_ok(), "{}: {verified:?}", sender.name);
        let signed = verified.is_ok_and(|it| it.proof.is_some_and(|proof| proof.algorithm != Algorithm::SharedToken));
        let mut changed = body.clone();
        changed[at % body.len()] ^= 1 << bit;
        prop_assert_eq!(tried(&secret, &headers, &changed).is_err(), signed, "{}", sender.name);
        let mut other = key;
        other[at % 32] ^= 1 << bit;
        let other = Secret::new(format!("whsec_{}", base64(&other)));
        prop_assert_eq!(tried(&other, &headers, &body).is_err(), !sender.proofs.is_empty(), "{}", sender.name);
    }

    /// Any bytes in any header of any sender: a verdict, never a panic, never belief.
    #[test]
    fn garbage_is_never_believed(which in 0..15_usize, values in prop::collection::vec("[ -~]{0,120}", 6), body in prop::collection::vec(any::<u8>(), 0..100)) {
        let (sender, vector) = vectors()[which % vectors().len()];
        let names = vector.headers.iter().map(|(name, _)| (*name).to_owned());
        let pieces = Pieces { secret: vector.secret.to_owned(), headers: names.zip(values).collect(), body };
        prop_assert!(!pieces.is_believed(sender, vector.now_ms), "{}", sender.name);
    }
}

fn base64(bytes: &[u8]) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).map(|chunk| {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| if at <= chunk.len() { alphabet[(word >> (18 - 6 * at)) as usize & 63] } else { b'=' };
        String::from_utf8([digit(0), digit(1), digit(2), digit(3)].to_vec()).expect("ASCII")
    });
    digits.collect()
}

/// One delivery of each sender whose deliveries we can sign, through the door: its event and its answer.
#[tokio::test]
async fn each_sender_is_kept_and_answered_as_it_wants() {
    let bed = Bed::new().await;
    let signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let now = START_MS;
    for (sender, body, kind, event, status, empty) in [
        (
            "gitlab",
            json!({"object_kind":"merge_request","project":{"path_with_namespace":"A/B"}}),
            "",
            "gitlab.merge_request",
            200,
            false,
        ),
        (
            "linear",
            json!({"type":"Issue","action":"create","webhookTimestamp":now,"data":{"identifier":"A-1"}}),
            "",
            "linear.issue",
            200,
            false,
        ),
        (
            "railway",
            json!({"type":"Deployment.failed","timestamp":"2023-11-14T22:13:20.000Z"}),
            "",
            "railway.deployment.failed",
            200,
            false,
        ),
        ("shopify", json!({"id":1}), "orders/create", "shopify.orders.create", 200, false),
        (
            "slack",
            json!({"type":"event_callback","event_id":"Ev1","event":{"type":"message","channel":"C1"}}),
            "",
            "slack.message",
            200,
            true,
        ),
        ("standard", json!({"type":"invoice.paid"}), "", "standard.invoice.paid", 200, false),
        ("stripe", json!({"id":"evt_1","type":"charge.refunded"}), "", "stripe.charge.refunded", 200, false),
        ("svix", json!({"eventType":"a.b"}), "", "svix.a.b", 200, false),
        (
            "twitch",
            json!({"subscription":{"type":"channel.follow","status":"enabled"}}),
            "",
            "twitch.channel.follow",
            204,
            true,
        ),
        ("generic", json!({"a":1}), "", "webhook.received", 200, false),
    ] {
        let secret = if sender == "railway" { json!(null) } else { json!(signing) };
        bed.source(json!({"name": sender, "sender": sender, "secret": secret})).await;
        let answer = bed.send_to(sender, "id-1", kind, &body.to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.text.is_empty()), (status, empty), "{sender}: {}", answer.text);
        let row = bed.last().await;
        assert_eq!((row.event_type.as_deref(), row.source.as_str()), (Some(event), sender));
        assert_eq!(row.trust.as_deref(), (sender == "railway").then_some("low"), "{sender}");
        let position = row.event_position.expect("in the log");
        let kept = bed.events.find(position).await.expect("read").expect("an event");
        assert_eq!((kept.kind.as_str(), kept.source.as_str()), (event, format!("/in/{sender}").as_str()));
        assert_eq!(kept.attributes.as_deref(), (sender == "railway").then_some(r#"{"trust":"low"}"#), "{sender}");
        let again = bed.send_to(sender, "id-1", kind, &body.to_string()).await;
        assert_eq!((again.status.as_u16(), bed.last().await.verdict.as_str()), (status, "duplicate"), "{sender}");
    }
    assert_eq!(bed.events_count().await, 10);
}

#[tokio::test]
async fn a_changed_unsigned_id_with_the_same_body_is_a_duplicate() {
    let bed = Bed::new().await;
    for (sender, body) in [
        ("linear", json!({"type":"Issue","webhookTimestamp":START_MS,"data":{}})),
        ("shopify", json!({"id":1})),
        ("gitlab", json!({"object_kind":"push"})),
    ] {
        bed.source(json!({"name": sender, "sender": sender, "secret": "a token of our own"})).await;
        for (id, verdict) in [("one", "accepted"), ("another", "duplicate")] {
            let answer = bed.send_to(sender, id, "orders/create", &body.to_string()).await;
            assert_eq!(
                (answer.status.as_u16(), bed.last().await.verdict.as_str()),
                (200, verdict),
                "{sender}: {}",
                answer.text
            );
        }
    }
    // A signed id makes the difference: the same body under another is another delivery.
    bed.source(json!({"name": "standard", "sender": "standard", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}))
        .await;
    for id in ["one", "another"] {
        bed.send_to("standard", id, "", "{}").await;
        assert_eq!(bed.last().await.verdict, "accepted");
    }
}

#[tokio::test]
async fn a_time_in_the_body_is_checked_both_ways() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "linear", "sender": "linear", "secret": "a secret of ours"})).await;
    for (apart_ms, status) in [(60_000, 200), (60_001, 401), (-60_000, 200), (-60_001, 401)] {
        let body = json!({"type":"Issue","webhookTimestamp": START_MS - apart_ms}).to_string();
        let answer = bed.send_to("linear", &format!("id{apart_ms}"), "", &body).await;
        assert_eq!(answer.status.as_u16(), status, "{apart_ms}");
        if status == 401 {
            assert_eq!(bed.last().await.cause.as_deref(), Some("STALE_TIMESTAMP"));
        }
    }
    let answer = bed.send_to("linear", "none", "", r#"{"type":"Issue"}"#).await;
    assert_eq!(answer.status, 401, "without a time it could be of any time");
}
