//! What the audit log is told of a token: for whom it is, and for which channels. Not the token.

use serde_json::Value;

/// Bytes for the channels; what more there is, is counted.
const CHANNELS_BYTES: usize = 1_024;
/// Characters of a name.
const NAME_CHARS: usize = 255;
/// The first ones of a channel's.
const CHANNEL_CHARS: usize = 64;

/// Whatever it names, `caps` too.
pub(super) fn channels<'a>(
    channels: &'a [String],
    subs: Option<&'a Value>,
    caps: Option<&'a Value>,
) -> impl Iterator<Item = &'a str> {
    let subs = subs.and_then(Value::as_object).into_iter().flat_map(|subs| subs.keys().map(String::as_str));
    let caps = caps.and_then(Value::as_array).into_iter().flatten();
    let caps = caps.filter_map(|cap| cap["channels"].as_array()).flatten().filter_map(Value::as_str);
    // The widest first: there is no room for many.
    caps.chain(channels.iter().map(String::as_str)).chain(subs)
}

/// Behind the person's id.
pub(super) fn of<'a>(user: &str, issuer: Option<&str>, channels: impl Iterator<Item = &'a str>) -> String {
    let mut about = issuer.map_or_else(String::new, |issuer| {
        let user: String = user.chars().take(NAME_CHARS).collect();
        format!(" ({user:?} of {issuer})")
    });
    let (mut told, mut more) = (0, 0);
    for channel in channels {
        let name = format!("{:?}", channel.chars().take(CHANNEL_CHARS).collect::<String>());
        if more > 0 || told + name.len() > CHANNELS_BYTES {
            more += 1;
            continue;
        }
        about.push_str(if told == 0 { ": " } else { ", " });
        about.push_str(&name);
        told += name.len();
    }
    if more > 0 {
        about.push_str(&format!(" and {more} more"));
    }
    about
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_names_whom_and_what_within_bounds() {
        let (subs, caps) = (json!({ "b:1": {} }), json!([{ "channels": ["c:*"], "match": "wildcard" }]));
        let one = ["a:1".to_owned()];
        let named = channels(&one, Some(&subs), Some(&caps)).collect::<Vec<_>>();
        assert_eq!(
            of("7", Some("https://one.example"), named.into_iter()),
            " (\"7\" of https://one.example): \"c:*\", \"a:1\", \"b:1\""
        );
        assert_eq!(of("usr_1", None, [].into_iter()), "");
        let long = "x".repeat(255);
        let many = of("u", None, std::iter::repeat_n(long.as_str(), 128));
        assert!(many.len() < CHANNELS_BYTES + 64 && many.ends_with(" and 113 more"), "{many}");
    }
}
