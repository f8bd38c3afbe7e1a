//! Names become addresses here and nowhere else, and every one of them is checked before anything connects to it. What was
//! checked is what is connected to: a name that answers differently the second time is never asked a second time.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use kernel::limits;
use tokio::sync::Semaphore;
use tower_service::Service;

use crate::address::{Guard, Policy};

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Doing<T> = Pin<Box<dyn Future<Output = Result<T, Failed>> + Send>>;

/// The addresses of a name, to come.
pub type Looked = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Looks names up: the system's resolver, or a test's.
pub trait Lookup: Send + Sync {
    /// Every address of `name`.
    fn addresses(&self, name: &str) -> Looked;
}

/// The system's resolver: `/etc/hosts`, DNS, whatever the machine is set up to ask. It has threads of its own, of which
/// [`limits::OUTBOUND_LOOKUPS`] may be busy.
pub struct System(Arc<Semaphore>);

impl Default for System {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::OUTBOUND_LOOKUPS)))
    }
}

impl Lookup for System {
    fn addresses(&self, name: &str) -> Looked {
        let (places, name) = (self.0.clone(), name.to_owned());
        Box::pin(async move {
            let place = places.acquire_owned().await.map_err(io::Error::other)?;
            // A lookup cannot be called off: whoever stops waiting for it must not give its place away.
            let asked = tokio::spawn(async move {
                let found = tokio::net::lookup_host((name, 0)).await;
                drop(place);
                found.map(|found| found.map(|address| address.ip()).collect())
            });
            asked.await.map_err(io::Error::other)?
        })
    }
}

/// Looks up and checks: a name with one address inside is refused as a whole, since which one is taken would be chance.
#[derive(Clone)]
pub(crate) struct Checked {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) policy: Policy,
}

impl Checked {
    pub(crate) async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, Failed> {
        let found = self.lookup.addresses(name).await?;
        for ip in &found {
            self.guard.address(*ip, self.policy)?;
        }
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        Ok(found.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect())
    }
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Failed;
    type Future = Doing<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let checked = self.clone();
        Box::pin(async move { checked.addresses(name.as_str()).await.map(Vec::into_iter) })
    }
}

/// Opens connections. An address that is written as a number is not looked up, so it is checked before.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) checked: Checked,
    pub(crate) tcp: HttpConnector<Checked>,
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector<Checked> as Service<Uri>>::Response;
    type Error = Failed;
    type Future = Doing<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        if let Err(refused) = self.checked.guard.destination(&uri, self.checked.policy) {
            return Box::pin(async move { Err(refused.into()) });
        }
        let connecting = self.tcp.call(uri);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Refused;

    /// The request's own check comes first; this one stands where the connection is made, whoever asks for it.
    #[tokio::test]
    async fn an_address_that_is_a_number_is_checked_where_it_is_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let uri: Uri = format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("an address");
        let connect = |policy| {
            let checked = Checked { lookup: Arc::new(System::default()), guard: Arc::default(), policy };
            let mut connector = Connector { tcp: HttpConnector::new_with_resolver(checked.clone()), checked };
            connector.call(uri.clone())
        };
        assert!(connect(Policy::Operator).await.is_ok());
        let refused = connect(Policy::Public).await.expect_err("refused");
        assert_eq!(refused.downcast_ref::<Refused>(), Some(&Refused::Inside("this machine")));
    }
}
