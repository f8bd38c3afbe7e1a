//! Whether anybody may come by themselves at this moment: a switch of administrators, over what the settings of the server allow.

use kernel::{Problem, ProblemResult};
use store::{Migration, StoreError, Tx, params};

use crate::Identity;
use crate::people::Actor;

/// What administrators have set; what nobody has set is as if there were no switch.
pub(crate) const SWITCHES: Migration = Migration {
    part: "identity",
    version: 14,
    sql: "-- expands
CREATE TABLE identity_switches (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
",
};

const JOINING: &str = "joining";

impl Identity {
    /// Whether people may come by themselves, as far as administrators have a say: by an invitation, by registering, by the first token
    /// of an issuer. Whom administrators make themselves comes either way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn may_join(&self, tx: &mut Tx) -> Result<bool, StoreError> {
        let row: Option<(i64,)> =
            tx.first("SELECT value FROM identity_switches WHERE name = $1", params![JOINING]).await?;
        Ok(row.is_none_or(|(value,)| value != 0))
    }

    /// Turns that, for every process from the commit of the caller's transaction on. Invitations and letters that are out stay good for
    /// when it is turned back, within their time.
    ///
    /// # Errors
    /// 403 when the actor may not administer any more, and what the store says.
    pub async fn let_join(&self, tx: &mut Tx, actor: Actor, on: bool) -> ProblemResult<()> {
        actor.must_administer(tx, self.clock.now_ms()).await?;
        let sql =
            "INSERT INTO identity_switches (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
        tx.execute(sql, params![JOINING, i64::from(on)]).await?;
        Ok(())
    }

    /// Fails while nobody may come by themselves. Asked in the transaction that would make the account.
    pub(crate) async fn must_let_join(&self, tx: &mut Tx) -> ProblemResult<()> {
        if self.may_join(tx).await? { Ok(()) } else { Err(closed()) }
    }
}

fn closed() -> Problem {
    Problem::forbidden("Nobody can join at this moment: an administrator has closed the doors. Come again later.")
}
