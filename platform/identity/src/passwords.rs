//! Passwords: Argon2id (RFC 9106), few at a time, as long for a wrong account as for a wrong password.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use kernel::{Entropy, Problem, ProblemResult, Secret, limits};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// Random bytes beside each password (RFC 9106, section 3.1).
const SALT_BYTES: usize = 16;
/// When to come back while too many wait, seconds.
const RETRY_S: u32 = 5;
/// What guessers try first, of those that are long enough; in lower case.
const COMMON: [&str; 24] = [
    "password",
    "password1",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "qwertyui",
    "qwertyuiop",
    "qwerty123",
    "1q2w3e4r",
    "1qaz2wsx",
    "asdfghjkl",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "letmein1",
    "welcome1",
];

/// Hashes and checks passwords, [`limits::PASSWORDS_AT_ONCE`] at a time: each takes 19 MiB and some 30 ms. Clones share the bound.
#[derive(Clone)]
pub(crate) struct Passwords(Arc<Inner>);

struct Inner {
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Of nobody: checked where there is no account, so that the answer takes as long.
    nobody: String,
}

impl Passwords {
    pub(crate) fn new(entropy: &Entropy) -> Self {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let nobody = hash(&entropy.token(SALT_BYTES), &salt).unwrap_or_default();
        let turns = Arc::new(Semaphore::new(limits::PASSWORDS_AT_ONCE));
        Self(Arc::new(Inner { turns, waiting: AtomicUsize::new(0), nobody }))
    }

    /// What is stored of a password, as a PHC string.
    pub(crate) async fn hash(&self, entropy: &Entropy, password: &Secret) -> ProblemResult<String> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        let text = normal(password);
        self.in_turn(move || hash(&text, &salt)).await?.map_err(|error| Problem::internal(error.to_string()))
    }

    /// Whether it is this one's password. `None` takes as long, and is nobody's.
    pub(crate) async fn fits(&self, password: &Secret, stored: Option<&str>) -> ProblemResult<bool> {
        let long = password.expose().len() > limits::PASSWORD_CHARS.1 * char::MAX.len_utf8();
        let text = if long { String::new() } else { normal(password) };
        let known = stored.is_some() && !long;
        let stored = stored.unwrap_or(&self.0.nobody).to_owned();
        let fits = move || {
            let stored = PasswordHash::new(&stored);
            stored.is_ok_and(|stored| Argon2::default().verify_password(text.as_bytes(), &stored).is_ok())
        };
        Ok(self.in_turn(fits).await? && known)
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> ProblemResult<T> {
        let inner = &self.0;
        let waits = Waits(&inner.waiting);
        if inner.waiting.fetch_add(1, Ordering::Relaxed) >= limits::PASSWORDS_WAITING {
            return Err(Problem::unavailable(RETRY_S, "too many passwords wait to be checked"));
        }
        let turn = inner.turns.clone().acquire_owned().await.map_err(Problem::internal)?;
        drop(waits);
        // The turn goes with the work, which goes on where whoever asked has gone.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(Problem::internal)
    }
}

/// Counts itself out, also where the one who waits has gone.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash(password: &str, salt: &[u8]) -> Result<String, argon2::password_hash::Error> {
    // Argon2id, 19 MiB, two passes, one lane: the crate's defaults are OWASP's first choice.
    let made: PasswordHash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt)?;
    Ok(made.to_string())
}

/// The same characters are the same password on every keyboard (NFC, as RFC 8265 has it).
fn normal(password: &Secret) -> String {
    password.expose().nfc().collect()
}

/// Whether somebody may have this password: NIST SP 800-63B, length and no common one, and no rules about its characters.
pub(crate) fn check(password: &Secret, (name, email): (&str, &str), pointer: &str) -> ProblemResult<()> {
    let (least, most) = limits::PASSWORD_CHARS;
    let text = normal(password);
    let lower = text.to_lowercase();
    let same = |other: &str| !other.is_empty() && lower == other.to_lowercase();
    let local = email.split('@').next().unwrap_or_default();
    let why = if !(least..=most).contains(&text.chars().count()) {
        format!("A password has {least} to {most} characters.")
    } else if text.chars().any(char::is_control) {
        "A password has no control characters.".to_owned()
    } else if COMMON.contains(&lower.as_str()) || text.chars().all(|c| text.starts_with(c)) {
        "That is one of the first passwords that are guessed. Choose another: some words in a row are easy to keep."
            .to_owned()
    } else if same(name) || same(email) || same(local) {
        "A password is something else than your name or your address.".to_owned()
    } else {
        return Ok(());
    };
    Err(Problem::bad_request("password_invalid", why.clone()).field(pointer, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_long_and_not_the_first_guess() {
        let refused =
            |text: &str| check(&Secret::new(text), ("Ada Lovelace", "ada.lovelace@example.com"), "/password").is_err();
        for bad in ["", "short", "Password", "PASSWORD1", "aaaaaaaaaa", "ada lovelace", "Ada.Lovelace", "tab\there1"] {
            assert!(refused(bad), "{bad}");
        }
        assert!(refused(&"x1".repeat(101)));
        for good in ["correct horse", "пароль из слов", "ﬁne words", "8 chars!"] {
            assert!(!refused(good), "{good}");
        }
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_however_it_is_composed() {
        let entropy = Entropy::seeded(1);
        let passwords = Passwords::new(&entropy);
        let stored = passwords.hash(&entropy, &Secret::new("caf\u{e9} noir")).await.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        for (text, fits) in [("caf\u{e9} noir", true), ("cafe\u{301} noir", true), ("cafe noir", false), ("", false)] {
            assert_eq!(passwords.fits(&Secret::new(text), Some(&stored)).await.expect("checked"), fits, "{text}");
        }
        assert!(!passwords.fits(&Secret::new("caf\u{e9} noir"), None).await.expect("checked"), "nobody has one");
        assert!(!passwords.fits(&Secret::new("caf\u{e9} noir".repeat(100)), Some(&stored)).await.expect("checked"));
        assert!(!passwords.fits(&Secret::new("x"), Some("no hash at all")).await.expect("checked"));
    }

    #[tokio::test]
    async fn whoever_hangs_up_leaves_the_work_its_turn() {
        let entropy = Entropy::seeded(2);
        let passwords = Passwords::new(&entropy);
        let (begun, began) = tokio::sync::oneshot::channel();
        let (go, gone) = std::sync::mpsc::sync_channel::<()>(1);
        let asking = tokio::spawn({
            let passwords = passwords.clone();
            async move {
                let work = move || {
                    let _ = begun.send(());
                    gone.recv()
                };
                passwords.in_turn(work).await.map(drop)
            }
        });
        began.await.expect("begun");
        asking.abort();
        assert!(asking.await.expect_err("gone").is_cancelled());
        let turns = passwords.0.turns.clone();
        assert_eq!(turns.available_permits(), limits::PASSWORDS_AT_ONCE - 1, "it works still");
        drop(go);
        let all = turns.acquire_many(u32::try_from(limits::PASSWORDS_AT_ONCE).expect("few")).await;
        assert!(all.is_ok(), "and is over then");
    }
}
