//! Pages and filters, against a plain model.

use events::Query;

use crate::support::{Bed, dice, small};

#[tokio::test]
async fn pages_and_filters_agree_with_a_model() {
    let dice = dice();
    let bed = Bed::new().await;
    let mut log: Vec<(i64, &str, Option<String>)> = Vec::new();
    for position in 1..=120 {
        let kind = ["github.push", "github.ping", "radio.phrase"][dice.below(3) as usize];
        let subject = [None, Some("a".to_owned()), Some("b".to_owned())][dice.below(3) as usize].clone();
        bed.append(small(kind).subject(subject.clone())).await.expect("appended");
        log.push((position, kind, subject));
    }
    for _ in 0..200 {
        let kind = [None, Some("github.push"), Some("radio.phrase"), Some("nobody")][dice.below(4) as usize];
        let subject = [None, Some("a"), Some("b")][dice.below(3) as usize];
        let edge = dice.below(130) as i64;
        let (before, after) = [(None, None), (Some(edge), None), (None, Some(edge))][dice.below(3) as usize];
        let limit = 1 + dice.below(40) as usize;
        let mut wanted: Vec<i64> = log
            .iter()
            .filter(|(_, k, s)| {
                kind.is_none_or(|kind| kind == *k) && subject.is_none_or(|subject| s.as_deref() == Some(subject))
            })
            .map(|(position, ..)| *position)
            .filter(|position| before.is_none_or(|edge| *position < edge) && after.is_none_or(|edge| *position > edge))
            .collect();
        if after.is_none() {
            wanted.reverse();
        }
        wanted.truncate(limit);
        let query = Query {
            kind: kind.map(str::to_owned),
            subject: subject.map(str::to_owned),
            before,
            after,
            limit,
            ..Query::default()
        };
        let page = bed.events.list(query.clone()).await.expect("listed");
        assert_eq!(page.iter().map(|row| row.position).collect::<Vec<_>>(), wanted, "{query:?}");
    }
}

#[tokio::test]
async fn a_page_has_its_bounds_and_an_empty_log_is_no_error() {
    let bed = Bed::new().await;
    assert_eq!(bed.events.latest().await.expect("read"), 0);
    assert!(bed.events.list(Query::default()).await.expect("listed").is_empty());
    bed.append_many("github.push", 250).await;
    assert_eq!(bed.events.latest().await.expect("read"), 250);
    let page = |limit| bed.events.list(Query { limit, ..Default::default() });
    assert_eq!(page(0).await.expect("listed").len(), 1);
    assert_eq!(page(usize::MAX).await.expect("listed").len(), kernel::limits::PAGE);
    for position in [0, -1, 251, i64::MAX, i64::MIN] {
        assert!(bed.events.find(position).await.expect("read").is_none());
    }
    let hostile =
        Query { kind: Some("' OR 1=1 --".to_owned()), subject: Some("$3".to_owned()), limit: 9, ..Default::default() };
    assert!(bed.events.list(hostile).await.expect("listed").is_empty());
}
