//! Channels of the operator's own: what programs say by `/api`, and clients hear, without a product behind.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use realtime::Namespace;
use serde::Deserialize;

/// A name is no longer, bytes.
const NAME_BYTES: usize = 64;
/// Publications that are kept of a channel at most.
const HISTORY: usize = 10_000;
/// Publications wait no longer to go in one write, milliseconds.
const WRITE_DELAY_MS: u32 = 1_000;
/// A member's name is no longer, bytes.
const MEMBER_BYTES: usize = 255;

/// What becomes of a subscriber that is too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Slow {
    #[default]
    Disconnect,
    Recover,
    Conflate,
    Drop,
}

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
    #[serde(default)]
    slow: Slow,
    /// The member of the data by which publications replace one another; of all, unless named.
    conflate_by: Option<String>,
    #[serde(default)]
    write_delay_ms: u32,
    /// Subscribers that ask for it get what a publication changed.
    #[serde(default)]
    delta: bool,
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
        let kept = |what: &str, wanted: bool| {
            ensure!(!wanted || self.history > 0, "realtime.namespaces: {name}: {what} takes a history: set history");
            Ok(())
        };
        kept("slow = \"recover\"", self.slow == Slow::Recover)?;
        kept("delta", self.delta)?;
        ensure!(
            self.conflate_by.is_none() || self.slow == Slow::Conflate,
            "realtime.namespaces: {name}: conflate_by says something with slow = \"conflate\" alone"
        );
        ensure!(
            self.conflate_by.as_ref().is_none_or(|by| (1..=MEMBER_BYTES).contains(&by.len())),
            "realtime.namespaces: {name}: conflate_by is a member's name of 1 to {MEMBER_BYTES} bytes"
        );
        ensure!(
            self.write_delay_ms <= WRITE_DELAY_MS,
            "realtime.namespaces: {name}: write_delay_ms is {WRITE_DELAY_MS} at most"
        );
        // For as long as the process: there are as many as are set.
        let mut namespace = Namespace::public(name.clone().leak()).open_to_api();
        if self.history > 0 {
            let kept_ms = if self.history_s == 0 { u64::MAX } else { self.history_s.saturating_mul(1_000) };
            namespace = namespace.history(self.history, kept_ms);
        }
        namespace = match self.slow {
            Slow::Disconnect => namespace,
            Slow::Recover => namespace.slow_recover(),
            Slow::Conflate => namespace.slow_conflate(self.conflate_by.clone().map(|by| &*by.leak())),
            Slow::Drop => namespace.slow_drop(),
        };
        namespace = namespace.write_delay_ms(self.write_delay_ms);
        namespace.allow_delta = self.delta;
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
        assert!(!namespace.allow_delta);
        for (said, slow) in [
            ("slow = \"recover\"", Namespace::public("news").slow_recover()),
            ("slow = \"conflate\"", Namespace::public("news").slow_conflate(None)),
            ("slow = \"conflate\"\nconflate_by = \"symbol\"", Namespace::public("news").slow_conflate(Some("symbol"))),
            ("slow = \"drop\"", Namespace::public("news").slow_drop()),
            ("slow = \"disconnect\"", Namespace::public("news")),
            ("write_delay_ms = 200", Namespace::public("news").write_delay_ms(200)),
        ] {
            let settings: Settings =
                toml::from_str(&format!("name = \"news\"\nhistory = 5\n{said}")).expect("settings");
            assert!(settings.namespace().expect("a namespace").is_as_slow_as(&slow), "{said}");
        }
        let delta: Settings = toml::from_str("name = \"news\"\nhistory = 5\ndelta = true").expect("settings");
        assert!(delta.namespace().expect("a namespace").allow_delta);
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
            "namespaces = [{ name = \"a\", slow = \"wait\" }]",
            "namespaces = [{ name = \"a\", slow = \"recover\" }]",
            "namespaces = [{ name = \"a\", slow = \"drop\", conflate_by = \"symbol\" }]",
            "namespaces = [{ name = \"a\", slow = \"conflate\", conflate_by = \"\" }]",
            "namespaces = [{ name = \"a\", write_delay_ms = 1001 }]",
            "namespaces = [{ name = \"a\", write_delay_ms = -1 }]",
            "namespaces = [{ name = \"a\", delta = true }]",
        ] {
            assert!(declared(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("namespaces = [{ name = \"a\", delta = true }]", "a: delta takes a history"),
            ("namespaces = [{ name = \"a\", slow = \"recover\" }]", "a: slow = \"recover\" takes a history"),
            ("namespaces = [{ name = \"a\", write_delay_ms = 1001 }]", "a: write_delay_ms is 1000 at most"),
            ("namespaces = [{ name = \"a\", slow = \"wait\" }]", "`disconnect`, `recover`, `conflate`, `drop`"),
        ] {
            let said = format!("{:#}", declared(wrong).expect_err(wrong));
            assert!(said.contains(named), "{said}");
        }
    }
}
