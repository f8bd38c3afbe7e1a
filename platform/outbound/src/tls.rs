//! Whom we believe: the authorities that this machine trusts; where it has none, as in an empty container, Mozilla's.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

pub(crate) fn config() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        tracing::info!("this machine names no certificate authorities: Mozilla's, as compiled in, are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    // The provider is named, not installed for the whole process: two servers in one process stay two.
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
