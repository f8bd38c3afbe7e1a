//! Where what people send as files is kept.

use std::path::{Path, PathBuf};

use kernel::Secret;
use objects::S3;
use serde::Deserialize;

/// `[objects]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Objects {
    pub dir: PathBuf,
    pub s3_endpoint: String,
    pub s3_bucket: String,
    pub s3_region: String,
    pub s3_access_key: Secret,
    pub s3_secret_key: Secret,
}

impl Objects {
    /// The directory, where there is no bucket.
    pub fn directory(&self, data: &Path) -> PathBuf {
        if self.dir.as_os_str().is_empty() { data.join("objects") } else { self.dir.clone() }
    }

    /// The bucket, where there is one.
    pub fn bucket(&self) -> Option<S3> {
        let Self { s3_endpoint, s3_bucket, s3_region, s3_access_key, s3_secret_key, .. } = self.clone();
        let bucket = S3 {
            endpoint: s3_endpoint,
            bucket: s3_bucket,
            region: s3_region,
            access_key: s3_access_key,
            secret_key: s3_secret_key,
        };
        (!bucket.endpoint.is_empty()).then_some(bucket)
    }

    /// Which setting cannot be, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let of_a_bucket = [self.s3_bucket.as_str(), self.s3_access_key.expose(), self.s3_secret_key.expose()];
        if self.s3_endpoint.is_empty() && of_a_bucket.iter().any(|it| !it.is_empty()) {
            return Some((
                "objects.s3_endpoint",
                "give the address of the service too, such as https://s3.eu-central-1.amazonaws.com",
            ));
        }
        if !self.s3_endpoint.is_empty() && !self.dir.as_os_str().is_empty() {
            return Some(("objects.dir", "a directory or a bucket: leave this empty beside objects.s3_endpoint"));
        }
        None
    }

    /// Why the directory cannot be beside these two: a restore moves whatever lies in it, and a backup takes it.
    pub(super) fn in_the_way(&self, data: &Path, backups: &Path) -> Option<(&'static str, &'static str)> {
        if !self.s3_endpoint.is_empty() {
            return None;
        }
        let [dir, data, backups] = [&self.directory(data), data, backups].map(placed);
        if data.starts_with(&dir) {
            return Some((
                "objects.dir",
                "files need a directory of their own: this is the data directory, or holds it",
            ));
        }
        let why = "files need a directory of their own: this is where backups lie, or holds it";
        backups.starts_with(&dir).then_some(("objects.dir", why))
    }
}

/// Where a path leads, as far as it is there.
fn placed(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = |above: &Path| Some(above.canonicalize().ok()?.join(whole.strip_prefix(above).ok()?));
    whole.ancestors().find_map(real).unwrap_or_else(|| whole.clone())
}
