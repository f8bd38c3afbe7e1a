//! Where error reports go: `https://{key}@{host}/{path}{project}` (Sentry, and what speaks its protocol).

use kernel::Secret;

/// A parsed `SENTRY_DSN`.
#[derive(Clone, Debug)]
pub(crate) struct Dsn {
    /// Where envelopes are posted.
    pub(crate) url: Secret,
    pub(crate) key: Secret,
}

impl Dsn {
    /// `None` for what is no DSN.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (user, place) = rest.split_once('@')?;
        // Very old ones have a second key behind a colon; nobody reads it.
        let key = user.split(':').next().filter(|key| !key.is_empty())?;
        let (front, project) = place.trim_end_matches('/').rsplit_once('/')?;
        let (host, path) =
            front.split_once('/').map_or((front, String::new()), |(host, path)| (host, format!("/{path}")));
        let plain = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let is_host = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        if !matches!(scheme, "http" | "https") || !is_host || project.is_empty() || !plain(project) || !plain(key) {
            return None;
        }
        let url = format!("{scheme}://{host}{path}/api/{project}/envelope/");
        Some(Self { url: Secret::new(url), key: Secret::new(key) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_sentry_and_of_servers_below_a_path() {
        let url = |dsn: &str| Dsn::parse(dsn).map(|dsn| (dsn.url.expose().to_owned(), dsn.key.expose().to_owned()));
        let is = |url: &str| Some((url.to_owned(), "abc".to_owned()));
        assert_eq!(url("https://abc@o1.ingest.example.io/42"), is("https://o1.ingest.example.io/api/42/envelope/"));
        assert_eq!(url("http://abc:old@127.0.0.1:9000/bugs/7/"), is("http://127.0.0.1:9000/bugs/api/7/envelope/"));
        for bad in [
            "",
            "https://o1.example/42",
            "https://@host/1",
            "ftp://abc@host/1",
            "https://abc@host",
            "https://abc@host/",
            "https://a b@host/1",
        ] {
            assert!(Dsn::parse(bad).is_none(), "{bad}");
        }
    }
}
