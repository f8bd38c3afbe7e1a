//! Channels of the operator's own: what programs say by `/api`, and clients hear, without a product behind.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use realtime::Namespace;
use serde::Deserialize;

/// A name is no longer, bytes.
const NAME_BYTES: usize = 64;
/// Publications that are kept of a channel at most.
const HISTORY: usize = 10_000;

/// `[[realtime.namespaces]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// What stands before the colon.
    name: String,
    /// Publications kept of each channel; 0 for none, and then no recovery.
    #[serde(default)]
    history: usize,
    /// Seconds that each is kept; 0 for as long as it fits.
    #[serde(default)]
    history_s: u64,
    #[serde(default)]
    presence: bool,
    #[serde(default)]
    join_leave: bool,
    /// Subscribers may publish.
    #[serde(default)]
    publish: bool,
    /// Everybody may subscribe; else tokens alone open its channels.
    #[serde(default)]
    public: bool,
}

impl Settings {
    fn namespace(&self) -> Result<Namespace> {
        let name = &self.name;
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        ensure!(
            plain && (1..=NAME_BYTES).contains(&name.len()),
            "realtime.namespaces: {name:?} is no name: lowercase letters, digits, _ and -, {NAME_BYTES} at most"
        );
        ensure!(self.history <= HISTORY, "realtime.namespaces: {name} keeps too much: {HISTORY} publications at most");
        // For as long as the process: there are as many as are set.
        let mut namespace = Namespace::public(name.clone().leak()).open_to_api();
        if self.history > 0 {
            let kept_ms = if self.history_s == 0 { u64::MAX } else { self.history_s.saturating_mul(1_000) };
            namespace = namespace.history(self.history, kept_ms);
        }
        namespace.presence = self.presence;
        namespace.join_leave = self.join_leave;
        namespace.allow_publish_for_subscriber = self.publish;
        Ok(if self.public { namespace.opened_by_tokens() } else { namespace.opened_by_tokens_alone() })
    }
}

/// Those of the platform and of the products, and behind them the operator's; each name once.
pub(crate) fn with(mut all: Vec<Namespace>, settings: &[Settings]) -> Result<Vec<Namespace>> {
    let mut names: BTreeSet<_> = all.iter().map(|namespace| namespace.name).collect();
    for it in settings {
        let namespace = it.namespace()?;
        ensure!(names.insert(namespace.name), "realtime.namespaces: {} is there already", namespace.name);
        all.push(namespace);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(text: &str) -> Result<()> {
        #[derive(Deserialize)]
        struct All {
            namespaces: Vec<Settings>,
        }
        let all: All = toml::from_str(text)?;
        with(vec![Namespace::admin("console")], &all.namespaces).map(drop)
    }

    #[test]
    fn a_namespace_is_what_its_settings_say() {
        let settings: Settings = toml::from_str("name = \"news\"\nhistory = 5\nhistory_s = 60").expect("settings");
        let namespace = settings.namespace().expect("a namespace");
        assert_eq!((namespace.name, namespace.history_size, namespace.history_ttl_ms), ("news", 5, 60_000));
        assert!(!namespace.presence && !namespace.allow_publish_for_subscriber);
        assert!(declared("namespaces = [{ name = \"a\" }, { name = \"b\", public = true, presence = true }]").is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused_at_the_start() {
        for wrong in [
            "namespaces = [{ name = \"\" }]",
            "namespaces = [{ name = \"a:b\" }]",
            "namespaces = [{ name = \"@orders\" }]",
            "namespaces = [{ name = \"News\" }]",
            "namespaces = [{ name = \"console\" }]",
            "namespaces = [{ name = \"a\" }, { name = \"a\" }]",
            "namespaces = [{ name = \"a\", history = 10001 }]",
            "namespaces = [{ name = \"a\", token = true }]",
        ] {
            assert!(declared(wrong).is_err(), "{wrong}");
        }
    }
}
