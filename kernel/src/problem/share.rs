//! What a request costs its client, where only its handler sees whose it is.

use std::pin::Pin;
use std::sync::Arc;

use super::ProblemResult;

/// Whether there was something left, and now less.
pub type Spending<'a> = Pin<Box<dyn Future<Output = ProblemResult<()>> + Send + 'a>>;

/// Whoever counts requests.
pub trait Spend: Send + Sync {
    /// See [`Share::spend`].
    fn spend<'a>(&'a self, session: Option<&'a str>) -> Spending<'a>;
}

/// In the extensions of a request that may be one of a session, which has a share of its own: its handler says so, once, before it does
/// anything. Where it does not, the request is counted behind it as everybody's.
#[derive(Clone)]
pub struct Share(Arc<dyn Spend>);

impl Share {
    /// Of whoever counts.
    pub fn new(spend: Arc<dyn Spend>) -> Self {
        Self(spend)
    }

    /// Takes from the share of the open session of this public name, or from the address's where there is none.
    ///
    /// # Errors
    /// 429: there is nothing left.
    pub fn spend<'a>(&'a self, session: Option<&'a str>) -> Spending<'a> {
        self.0.spend(session)
    }
}
