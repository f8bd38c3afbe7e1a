//! Every sender's own vectors, run by the code that runs for its deliveries.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Secret;

use crate::scheme::{Sender, Vector};
use crate::sources;
use crate::verify::{Message, verify};

/// What became of one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The sender.
    pub sender: &'static str,
    /// Where the vector is from.
    pub from: &'static str,
    /// What went wrong.
    pub failed: Option<&'static str>,
}

/// Verifies every vector of every sender, and that each is refused when a bit of its body, or of its secret, is another.
pub fn selftest() -> Vec<Tried> {
    let all = sources::ALL.iter().flat_map(|sender| sender.vectors.iter().map(move |vector| (sender, vector)));
    all.map(|(sender, vector)| Tried { sender: sender.name, from: vector.from, failed: attempt(sender, vector).err() })
        .collect()
}

fn attempt(sender: &Sender<'_>, vector: &Vector<'_>) -> Result<(), &'static str> {
    let headers = headers(vector.headers).ok_or("its headers are none")?;
    let secret = Secret::new(vector.secret);
    let believed = |secret: &Secret, body: &[u8]| {
        verify(sender, &[secret], Message { headers: &headers, body }, vector.now_ms).map(|verified| verified.signs())
    };
    let signs = believed(&secret, vector.body.as_bytes()).map_err(|unverified| unverified.reason)?;
    let mut other = vector.body.as_bytes().to_vec();
    *other.last_mut().ok_or("its body is empty")? ^= 1;
    if signs && believed(&secret, &other).is_ok() {
        return Err("another body is believed");
    }
    let flipped = flip(vector.secret);
    if believed(&Secret::new(flipped), vector.body.as_bytes()).is_ok() {
        return Err("another secret is believed");
    }
    Ok(())
}

/// The same text with one character of its middle changed.
fn flip(text: &str) -> String {
    let middle = text.chars().count() / 2;
    text.chars().enumerate().map(|(at, c)| if at == middle { if c == 'a' { 'b' } else { 'a' } } else { c }).collect()
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> Option<HeaderMap> {
    let pair =
        |(name, value): &(&str, &str)| Some((HeaderName::try_from(*name).ok()?, HeaderValue::from_str(value).ok()?));
    pairs.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vector_passes() {
        let tried = selftest();
        assert!(tried.len() >= 15);
        let failed: Vec<_> = tried.into_iter().filter(|tried| tried.failed.is_some()).collect();
        assert_eq!(failed, []);
    }

    #[test]
    fn a_broken_vector_is_noticed() {
        let github = sources::find("github").expect("built in");
        let mut vector = github.vectors[0];
        vector.body = "Hello, World?";
        assert!(attempt(github, &vector).is_err());
        let unsigned = Sender { proofs: crate::scheme::Few::Many(&[]), ..*github };
        assert_eq!(attempt(&unsigned, &github.vectors[0]), Err("another secret is believed"));
    }
}
