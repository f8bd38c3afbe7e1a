//! What of connections is told in the event log: what the settings and the products' namespaces want.

use anyhow::{Result, bail};
use attendance::{Attendance, Parts, Settings};
use fleet::Fleet;
use host::Ctx;
use realtime::Namespace;
use realtime::witness::Tells;

use crate::config::Config;

/// The namespaces, telling what they or the settings want told.
pub(crate) fn told(config: &Config, mut all: Vec<Namespace>) -> Result<Vec<Namespace>> {
    let lifecycle = &config.lifecycle;
    for name in lifecycle.occupancy.iter().chain(&lifecycle.subscriptions) {
        if !all.iter().any(|namespace| namespace.name == name) {
            bail!("the setting lifecycle names a namespace that is not there: {name:?}");
        }
    }
    for namespace in &mut all {
        let named = |names: &[String]| names.iter().any(|name| name == namespace.name);
        let Tells { occupancy, subscriptions } = namespace.tells;
        namespace.tells = Tells {
            occupancy: occupancy || named(&lifecycle.occupancy),
            subscriptions: subscriptions || named(&lifecycle.subscriptions),
        };
    }
    Ok(all)
}

/// Listens to the hub, where anything is to be told.
pub(crate) fn open(config: &Config, ctx: &Ctx, fleet: &Fleet, namespaces: &[Namespace]) -> Option<Attendance> {
    let lifecycle = &config.lifecycle;
    let settings = Settings {
        connections: lifecycle.connections,
        people: lifecycle.people,
        grace_ms: i64::from(lifecycle.grace_s) * 1_000,
    };
    let of_channels = namespaces.iter().any(|namespace| namespace.tells != Tells::default());
    let wanted = settings.connections || settings.people || of_channels;
    wanted.then(|| {
        Attendance::new(Parts {
            store: ctx.store.clone(),
            events: ctx.events.clone(),
            fleet: fleet.clone(),
            hub: ctx.hub.clone(),
            clock: ctx.clock.clone(),
            entropy: ctx.entropy.clone(),
            settings,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load};

    #[test]
    fn the_settings_say_what_is_told_and_a_wrong_name_is_a_mistake() {
        let with = |key: &str, names: &str| {
            let variable = format!("MAINSPRING__LIFECYCLE__{key}");
            let environment = [(variable, names.to_owned())].into();
            let config = load(&Overrides { environment, ..Overrides::default() }).expect("loads");
            told(&config, vec![Namespace::public("radio"), Namespace::public("chat")])
        };
        let quiet = with("PEOPLE", "true").expect("no names");
        assert!(quiet.iter().all(|namespace| namespace.tells == Tells::default()));
        let telling = with("OCCUPANCY", "[\"radio\"]").expect("a namespace");
        let radio = telling.iter().find(|namespace| namespace.name == "radio").expect("a namespace");
        assert_eq!(radio.tells, Tells { occupancy: true, subscriptions: false });
        let wrong = with("SUBSCRIPTIONS", "[\"wireless\"]").err().expect("refused");
        assert!(wrong.to_string().contains("wireless"), "{wrong}");
    }
}
