//! Signed tokens (RFC 7515, compact form), pure: text and keys in, a verdict out. RFC 8725 is the checklist.

use kernel::limits;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::jwk::Key;
use super::strict;

/// A token that has the right form, and that nobody has proved yet.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    /// What is signed: header and payload as they came.
    signed: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    kind: Option<String>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Why a signature is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// None of the keys is called so: there may be newer ones.
    NoKey,
    /// It is wrong, whatever other keys there are.
    Bad(&'static str),
}

impl<'a> Jws<'a> {
    /// Reads a token. What its header says about where keys are (`jwk`, `jku`, `x5c`, `x5u`) is not looked at; what it says must be
    /// understood (`crit`) is nothing that is understood here.
    ///
    /// # Errors
    /// What is wrong, in words for the log.
    pub(crate) fn read(token: &'a str) -> Result<Self, &'static str> {
        if token.len() > limits::TOKEN_BYTES {
            return Err("it is too long");
        }
        let parts: Vec<_> = token.splitn(4, '.').collect();
        let [header, payload, signature] = parts[..] else { return Err("it has not three parts") };
        let signed = &token[..header.len() + 1 + payload.len()];
        let header = strict::bytes(header).ok_or("its header is not base64url")?;
        let payload = strict::bytes(payload).ok_or("its payload is not base64url")?;
        let signature = strict::bytes(signature).ok_or("its signature is not base64url")?;
        let header = strict::object(&header).ok_or("its header is no JSON object, or names a member twice")?;
        if header.contains_key("crit") {
            return Err("its header has an extension that must be understood");
        }
        let says = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err("a member of its header is no text"),
        };
        let algorithm = says("alg")?.and_then(|name| Algorithm::named(&name)).ok_or("its algorithm is none of ours")?;
        Ok(Self { signed, algorithm, kid: says("kid")?, kind: says("typ")?, payload, signature })
    }

    /// Whether it says to be of this kind (`typ`): `application/` may be left out, and the case does not count (RFC 7515, section 4.1.9).
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref().is_some_and(|said| {
            let said = said.to_ascii_lowercase();
            said.strip_prefix("application/").unwrap_or(&said) == kind
        })
    }

    /// Whether it says what it is.
    pub(crate) fn has_kind(&self) -> bool {
        self.kind.is_some()
    }

    /// Whether one of `keys` signed it. The key decides how it is checked: the header only says which of the key's own algorithms was used.
    ///
    /// # Errors
    /// [`Doubt`].
    pub(crate) fn signed_by(&self, keys: &[Key]) -> Result<(), Doubt> {
        let called: Vec<_> = keys.iter().filter(|key| key.is_called(self.kid.as_deref())).collect();
        let mut fit = called.iter().filter(|key| key.takes(self.algorithm));
        match (fit.next(), fit.next()) {
            (Some(key), None) if key.signed(self.algorithm, self.signed.as_bytes(), &self.signature) => Ok(()),
            (Some(_), None) => Err(Doubt::Bad("its signature is wrong")),
            (Some(_), Some(_)) => Err(Doubt::Bad("it does not say which key signed it")),
            (None, _) if called.is_empty() => Err(Doubt::NoKey),
            // A key of this name is known, and is for something else.
            (None, _) if self.kid.is_some() => Err(Doubt::Bad("its algorithm is not its key's")),
            (None, _) => Err(Doubt::NoKey),
        }
    }

    /// What it says. Nothing of this is true before [`Jws::signed_by`] says so.
    pub(crate) fn claims(&self) -> Option<Map<String, Value>> {
        strict::object(&self.payload)
    }

    /// The payload, whatever it is.
    #[cfg(test)]
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}
