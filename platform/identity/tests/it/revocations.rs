//! Single tokens that are taken back: by administrators alone, within bounds, and for no longer than it matters.

use identity::Role;
use identity::people::{Actor, Changed, Ground};
use identity::tokens::{Refusal, Tokens};
use kernel::{Secret, limits};
use serde_json::json;
use store::{Tx, params};

use crate::bearer::token_of;
use crate::support::Bed;

async fn listed(bed: &Bed) -> i64 {
    let count = async |tx: &mut Tx| tx.one("SELECT COUNT(*) FROM revoked_tokens", &[]).await;
    let counted: Result<(i64,), store::StoreError> = bed.store.read(count).await;
    counted.expect("read").0
}

#[tokio::test]
async fn an_administrator_takes_one_back_and_every_process_hears_of_it() {
    let bed = Bed::new();
    bed.person("Ada", Role::Member).await;
    bed.person("Eve", Role::Admin).await;
    let (ada, eve) = (bed.browser_of("Ada").await, bed.browser_of("Eve").await);
    let (token, other) = (token_of(&bed, &ada).await, token_of(&bed, &ada).await);
    let id = Tokens::name_of(&Secret::new(token.as_str())).expect("a name");
    let there = bed.beside();
    let mut changes = there.changes();
    assert_eq!(changes.next().await, Changed::Everybody);
    let path = format!("/api/v1/tokens/{id}/revoke");
    assert_eq!(bed.ask(&ada, "POST", &path, &json!({})).await.status, 403, "not one's own either");
    assert_eq!(bed.ask("", "POST", &path, &json!({})).await.status, 401);
    assert!(there.by_token(&token).await.is_ok());
    assert_eq!(bed.ask(&eve, "POST", &path, &json!({})).await.status, 204);
    assert_eq!(changes.next().await, Changed::These { actors: vec![], grounds: vec![Ground::Token(id.clone())] });
    assert!(matches!(there.by_token(&token).await, Err(Refusal::Expired)), "she may have another");
    assert!(there.by_token(&other).await.is_ok(), "and that one is as good as it was");
    let grounds = [Ground::Token("0".repeat(32)), Ground::Token(id.clone())];
    assert_eq!(there.fallen(&grounds).await.expect("read"), [Ground::Token(id)]);
    assert_eq!(bed.ask(&eve, "POST", "/api/v1/tokens/x/revoke", &json!({})).await.status, 400);
}

#[tokio::test]
async fn the_list_is_bounded_and_what_is_over_leaves_it() {
    let bed = Bed::new();
    let name = |number: usize| format!("{number:032x}");
    bed.identity.revoke_token(Actor::Admin, &name(0)).await.expect("taken back");
    bed.clock.advance(1);
    let until_ms = bed.clock.now_ms() + 25 * 3_600_000;
    let fill = async move |tx: &mut Tx| {
        for number in 1..limits::TOKENS_REVOKED {
            let sql = "INSERT INTO revoked_tokens (id, expires_at_ms) VALUES ($1, $2)";
            tx.execute(sql, params![&format!("{number:032x}"), until_ms]).await?;
        }
        Ok(())
    };
    let filled: Result<(), store::StoreError> = bed.store.write(fill).await;
    filled.expect("filled");
    let full = bed.identity.revoke_token(Actor::Admin, &name(limits::TOKENS_REVOKED)).await.expect_err("full");
    assert_eq!((full.status().as_u16(), full.code()), (409, "revocations_full"));
    bed.clock.advance(25 * 3_600_000 - 1);
    bed.identity.revoke_token(Actor::Admin, &name(limits::TOKENS_REVOKED)).await.expect("the first is over");
    assert_eq!(listed(&bed).await, limits::TOKENS_REVOKED as i64);
}
