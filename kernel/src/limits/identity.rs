//! People, keys, tokens.

use super::PAGE;

/// A person's name, characters.
pub const PERSON_NAME_CHARS: usize = 50;
/// A person's e-mail address, bytes (RFC 5321, section 4.5.3.1.3).
pub const PERSON_EMAIL_BYTES: usize = 254;
/// A password, characters: at least and at most.
pub const PASSWORD_CHARS: (usize, usize) = (8, 200);
/// Passwords that are hashed at one time: 19 MiB of memory and some 30 ms of a core each.
pub const PASSWORDS_AT_ONCE: usize = 2;
/// Passwords that may wait for it.
pub const PASSWORDS_WAITING: usize = 64;
/// Sessions of one person at one time: the oldest ends when there would be one more.
pub const PERSON_SESSIONS: usize = 50;
/// Wrong passwords for one account within [`SIGN_IN_WINDOW_MS`]; then it has to wait. A browser that signed in before has its own.
pub const SIGN_IN_FAILURES: i64 = 10;
/// How long wrong passwords are remembered, milliseconds.
pub const SIGN_IN_WINDOW_MS: i64 = 15 * 60_000;
/// How long an invitation can be used, milliseconds.
pub const INVITATION_MS: i64 = 7 * 86_400_000;
/// Invitations that can be used at one time.
pub const INVITATIONS: usize = PAGE;
/// How long a link that sets a new password can be used, milliseconds.
pub const PASSWORD_RESET_MS: i64 = 86_400_000;
/// How long a link that was asked for by mail can be used, milliseconds.
pub const LETTER_LINK_MS: i64 = 3_600_000;
/// Letters to one address that may be asked for within [`SIGN_IN_WINDOW_MS`].
pub const LETTERS_PER_ADDRESS: i64 = 3;
/// Accounts that wait for their address to be confirmed, at one time.
pub const REGISTRATIONS: usize = 10_000;
/// How long a change of a person's rights is kept for the processes that have not looked yet, milliseconds.
pub const PERSON_CHANGES_MS: i64 = 3_600_000;
/// Between two looks for such changes where no hint came, milliseconds: what was taken back ends within a second.
pub const PERSON_CHANGES_LOOK_MS: u64 = 500;
/// Changes that one look takes in; were there more, everybody is asked about.
pub const PERSON_CHANGES_BATCH: usize = 1_000;
/// API keys that work at one time.
pub const API_KEYS: usize = 200;
/// Tokens that are taken back, one by one, within a day.
pub const TOKENS_REVOKED: usize = 10_000;
/// A signed token, bytes.
pub const TOKEN_BYTES: usize = 8 * 1024;
/// Whom a token speaks of, bytes.
pub const TOKEN_SUBJECT_BYTES: usize = 255;
/// What the clocks of whoever makes and whoever reads a token may differ, milliseconds.
pub const TOKEN_LEEWAY_MS: i64 = 30_000;
/// What a program may have a token say beside whom it is for, bytes of JSON: with the rest it fits [`TOKEN_BYTES`] in Base64.
pub const TOKEN_CLAIMS_BYTES: usize = 5 * 1024;
/// The longest life of a token of ours, milliseconds.
pub const TOKEN_TTL_MS: i64 = 15 * 60_000;
/// How long one key signs our tokens, milliseconds.
pub const TOKEN_KEY_MS: i64 = 30 * 86_400_000;
/// How long others may keep our public keys, seconds: each is published for so long before it signs.
pub const TOKEN_KEYS_MAX_AGE_S: i64 = 300;
/// After so long a process looks again which keys sign, milliseconds.
pub const TOKEN_KEYS_LOOK_MS: i64 = 60_000;
/// Between two looks because of a key that nobody knows, or of a store that was away, milliseconds.
pub const TOKEN_KEYS_MISS_MS: i64 = 5_000;
/// Without the store, keys that were read no longer ago than this are believed, milliseconds.
pub const TOKEN_KEYS_STALE_MS: i64 = TOKEN_TTL_MS;
/// From the button of an issuer to its answer, milliseconds.
pub const SIGN_IN_ATTEMPT_MS: i64 = 10 * 60_000;
/// The name of an issuer by which people sign in, bytes.
pub const SIGN_IN_NAME_BYTES: usize = 32;
/// Where to go after signing in with an issuer, bytes: it goes along in a cookie.
pub const SIGN_IN_NEXT_BYTES: usize = 1_024;
/// What an issuer gives to be exchanged, bytes.
pub const SIGN_IN_CODE_BYTES: usize = 4_096;
/// Issuers of tokens besides us.
pub const ISSUERS: usize = 32;
/// Keys of one issuer.
pub const ISSUER_KEYS: usize = 100;
/// A document of an issuer, bytes.
pub const ISSUER_DOCUMENT_BYTES: usize = 512 * 1024;
/// To ask an issuer for its keys, both documents together, milliseconds.
pub const ISSUER_ASK_MS: u64 = 5_000;
/// The least and the most that an issuer's keys are kept, milliseconds, whatever it says.
pub const ISSUER_KEPT_MS: (i64, i64) = (300_000, 86_400_000);
/// How long they are kept when it does not say, milliseconds.
pub const ISSUER_UNSAID_MS: i64 = 3_600_000;
/// Between two questions to one issuer, milliseconds, whatever keys tokens name.
pub const ISSUER_PAUSE_MS: i64 = 30_000;
/// The same, while there are no keys of it at all.
pub const ISSUER_RETRY_MS: i64 = 5_000;
/// How long keys that should be asked for again are still believed while the issuer does not answer, milliseconds.
pub const ISSUER_STALE_MS: i64 = 86_400_000;
