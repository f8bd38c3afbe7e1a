//! AWS Signature Version 4 for one request, pure. (Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header".)

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::{Digest, Sha256};

use crate::Error;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who signs.
pub(super) struct Keys<'a> {
    pub(super) access_key: &'a Secret,
    pub(super) secret_key: &'a Secret,
    pub(super) region: &'a str,
}

/// What is signed. Neither path nor headers hold anything that would be written otherwise in a signature than in a request.
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// In small letters, sorted by name.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// The body's, SHA-256 in hexadecimal.
    pub(super) hash: &'a str,
}

/// A time as signatures write it: `20130524T000000Z`.
pub(super) fn time(now_ms: i64) -> Result<String, Error> {
    let time = jiff::Timestamp::from_millisecond(now_ms).map_err(|error| Error::Away(error.to_string()))?;
    Ok(time.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// The value of `Authorization`.
pub(super) fn authorization(keys: &Keys<'_>, call: &Call<'_>, time: &str) -> Secret {
    let day = &time[..8];
    let scope = format!("{day}/{}/s3/aws4_request", keys.region);
    let names: Vec<&str> = call.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n{}\n\n", call.method, call.path);
    for (name, value) in call.headers {
        let _ = writeln!(canonical, "{name}:{value}");
    }
    let _ = write!(canonical, "\n{names}\n{}", call.hash);
    let signed = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
    let seed = Secret::new(format!("AWS4{}", keys.secret_key.expose()));
    let key = [day, keys.region, "s3", "aws4_request"]
        .iter()
        .fold(seed.expose().as_bytes().to_vec(), |key, part| mac(&key, part.as_bytes()));
    let signature = hex::encode(mac(&key, signed.as_bytes()));
    let who = keys.access_key.expose();
    Secret::new(format!("{ALGORITHM} Credential={who}/{scope},SignedHeaders={names},Signature={signature}"))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "20130524T000000Z";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn signature(call: &Call<'_>) -> String {
        let (access_key, secret_key) =
            (Secret::new("AKIAIOSFODNN7EXAMPLE"), Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
        let keys = Keys { access_key: &access_key, secret_key: &secret_key, region: "us-east-1" };
        let signed = authorization(&keys, call, TIME);
        signed.expose().rsplit_once('=').expect("a signature").1.to_owned()
    }

    /// The examples that the API reference publishes.
    #[test]
    fn the_published_examples_are_signed_as_published() {
        assert_eq!(time(1_369_353_600_000).expect("a time"), TIME);
        let host = ("host", "examplebucket.s3.amazonaws.com");
        let headers = [host, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", TIME)];
        let get = Call { method: "GET", path: "/test.txt", headers: &headers, hash: EMPTY };
        assert_eq!(signature(&get), "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

        let hash = hex::encode(Sha256::digest("Welcome to Amazon S3."));
        let headers = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            host,
            ("x-amz-content-sha256", &hash),
            ("x-amz-date", TIME),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        let put = Call { method: "PUT", path: "/test%24file.text", headers: &headers, hash: &hash };
        assert_eq!(signature(&put), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }
}
