//! What a sender is, as data: how it signs, where its ids and types are, what it wants to hear. One descriptor covers every
//! sender; each is a constant in a file of `sources/`, and the fields of a `generic` one come from whoever set it up.

use std::ops::Deref;

/// A sender of webhooks.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// Its name, and its address unless the operator chose another one: `github` at `/in/github`.
    pub name: &'a str,
    /// Its event types: `github.*`, such as `github.push`.
    pub family: &'a str,
    /// The ways in which it proves itself; one that holds is enough. None at all: it signs nothing.
    pub proofs: Few<'a, Proof<'a>>,
    /// When it sent the delivery, and how far from now that may be.
    pub timestamp: Option<Timestamp<'a>>,
    /// Where its id of a delivery may be: the first that the signature covers counts, else the first that is there.
    pub id: Few<'a, Place<'a>>,
    /// What the type of an event is; the first rule that fits counts.
    pub types: Few<'a, TypeRule<'a>>,
    /// Where the name of what an event is about may be.
    pub subject: Few<'a, Place<'a>>,
    /// Whether names that differ in case only are one.
    pub subject_in_lower_case: bool,
    /// The bodies it sends.
    pub formats: &'a [Format<'a>],
    /// Questions that it asks in the place of a delivery. They are answered once they are verified, and are no events.
    pub handshakes: &'a [Handshake<'a>],
    /// Whether its hub asks by GET (`hub.challenge`) for what was subscribed to: WebSub, §5.3.
    pub hub_verifies: bool,
    /// Where its hub is asked for topics (WebSub, §5.1); empty where there is none, or where each source names its own.
    pub hub: &'a str,
    /// The answer to a delivery that is in the log.
    pub answer: Answer<'a>,
    /// The status of the answer to a signature that does not hold.
    pub refusal: u16,
    /// Whether it sends again what was not answered with a success. For one that does not, we keep what the store cannot
    /// take right now in a file.
    pub retries: bool,
    /// Its longest retry or manual resend, days: so long a repeated delivery is known as one.
    pub resends_days: u32,
    /// Body at most, bytes.
    pub body_bytes: usize,
    /// Who makes its secret.
    pub secret: SecretFrom<'a>,
    /// Whether its address must hold a secret token, since its signature, if any, does not say that it was meant for us.
    pub secret_address: bool,
    /// The environment variable that may hold its secret.
    pub secret_env: &'a str,
    /// The sender's page that says all this.
    pub documentation: &'a str,
    /// Deliveries that must verify: they run at every start and by `mainspring webhook selftest`.
    pub vectors: &'a [Vector<'a>],
}

impl Sender<'static> {
    /// What most senders have in common; a constant names what is different.
    pub const USUAL: Self = Self {
        name: "",
        family: "",
        proofs: Few::Many(&[]),
        timestamp: None,
        id: Few::One(Place::Digest),
        types: Few::One(TypeRule::Always("received")),
        subject: Few::Many(&[]),
        subject_in_lower_case: false,
        formats: &[Format::Json],
        handshakes: &[],
        hub_verifies: false,
        hub: "",
        answer: Answer::Delivery,
        refusal: 401,
        retries: true,
        resends_days: 7,
        body_bytes: kernel::limits::DELIVERY_BODY_BYTES,
        secret: SecretFrom::Sender,
        secret_address: false,
        secret_env: "",
        documentation: "",
        vectors: &[],
    };
}

/// One value, or several.
#[derive(Clone, Copy, Debug)]
pub enum Few<'a, T> {
    /// One.
    One(T),
    /// Several.
    Many(&'a [T]),
}

impl<T> Deref for Few<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One way of proving who sent something: a header with signatures over known bytes.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The header.
    pub header: &'a str,
    /// What stands between several entries in the header; without it the value is one entry.
    pub between: Option<char>,
    /// What an entry of this proof begins with: `sha256=`, `v1,`.
    pub tag: &'a str,
    /// The function.
    pub algorithm: Algorithm,
    /// How the signature is written.
    pub encoding: Encoding,
    /// How the secret is read.
    pub key: KeyForm,
    /// What is signed: text with `{body}`, `{header-name}`, and `{t=}` for an entry of the signature's own header.
    pub signed: &'a str,
}

impl Proof<'static> {
    /// HMAC-SHA256 in hexadecimal digits over the body, the secret as it is written.
    pub const USUAL: Self = Self {
        header: "",
        between: None,
        tag: "",
        algorithm: Algorithm::HmacSha256,
        encoding: Encoding::Hex,
        key: KeyForm::Text,
        signed: "{body}",
    };
}

/// A signature function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Broken for collisions, still sound as an HMAC; the hub of YouTube knows no other.
    HmacSha1,
    /// The usual one.
    HmacSha256,
    /// WebSub allows it.
    HmacSha384,
    /// WebSub allows it.
    HmacSha512,
    /// RFC 8032, verified strictly: no key or point of small order, no second form of a signature.
    Ed25519,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 bits at least.
    RsaSha256,
    /// The header holds the secret itself: nothing is signed.
    SharedToken,
}

/// How bytes are written in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Digits in either case.
    Hex,
    /// With padding, RFC 4648 §4.
    Base64,
    /// Without padding, RFC 4648 §5.
    Base64url,
    /// As it is.
    Plain,
}

/// How the text of a secret becomes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyForm {
    /// Its UTF-8 bytes.
    Text,
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
    /// Base64 of 24 to 64 bytes after `whsec_` (Standard Webhooks).
    Whsec,
    /// Base64 of 32 bytes after `whpk_` (Standard Webhooks, asymmetric).
    Whpk,
    /// PEM of a public key.
    Pem,
}

/// Where in a delivery something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A header.
    Header(&'a str),
    /// An entry of the signature's header that begins so.
    Entry(&'a str),
    /// A JSON pointer (RFC 6901) into the body.
    Body(&'a str),
    /// SHA-256 of the body.
    Digest,
}

/// When a delivery was sent.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp<'a> {
    /// Where it says so. Of headers and entries only one that the signature covers counts.
    pub places: Few<'a, Place<'a>>,
    /// How it is written.
    pub unit: Unit,
    /// How long ago it may be, milliseconds.
    pub past_ms: i64,
    /// How far ahead it may be, milliseconds: clocks differ.
    pub future_ms: i64,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub enum Unit {
    /// Unix seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Unix milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// RFC 3339, to the nanosecond.
    #[serde(rename = "rfc3339")]
    Rfc3339,
}

/// What makes the type of an event.
#[derive(Clone, Copy, Debug)]
pub enum TypeRule<'a> {
    /// What is written there.
    From(Place<'a>),
    /// This name, when that is written there.
    When(Place<'a>, &'a str, &'a str),
    /// This name, when there is anything.
    Has(Place<'a>, &'a str),
    /// This name.
    Always(&'a str),
}

/// A kind of body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format<'a> {
    /// A JSON object.
    Json,
    /// A form with the JSON in one field.
    FormField(&'a str),
    /// A form whose fields are the event.
    FormFields,
    /// An Atom feed of videos; the event is made from its first entry.
    Atom,
}

/// A question of a sender that is no delivery.
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// It is one when there…
    pub at: Place<'a>,
    /// …this is written.
    pub is: &'a str,
    /// What is answered.
    pub answer: Answer<'a>,
}

/// What a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// 200 with our word on the delivery, as JSON.
    Delivery,
    /// This status, and nothing.
    Empty(u16),
    /// 200 with this JSON.
    Json(&'a str),
    /// 200 with the text that is in the body at this JSON pointer, as text.
    Echo(&'a str),
}

/// Who makes a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretFrom<'a> {
    /// We: the operator gives ours to the sender.
    Us(MadeAs),
    /// The sender: the operator gives theirs to us.
    Sender,
    /// The sender has published its public key.
    Published(Published<'a>),
    /// There is none.
    Nobody,
}

/// A public key that a sender publishes and may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published<'a> {
    /// As it was when this was written: to begin with.
    pub key: &'a str,
    /// Where the one of now is, as JSON.
    pub url: &'a str,
    /// The JSON pointer (RFC 6901) to it in there.
    pub at: &'a str,
}

/// The form of a secret that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeAs {
    /// 48 hexadecimal digits.
    Digits,
    /// `whsec_` and base64 of 32 bytes.
    Whsec,
}

/// A delivery that must verify.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    /// Where it is from.
    pub from: &'a str,
    /// The secret or public key.
    pub secret: &'a str,
    /// The headers that count.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a str,
    /// When it comes, Unix milliseconds.
    pub now_ms: i64,
}

const MINUTE_MS: i64 = 60_000;

impl<'a> Timestamp<'a> {
    /// Within so many minutes of now, in both directions.
    pub const fn within_minutes(place: Place<'a>, unit: Unit, minutes: i64) -> Self {
        Self { places: Few::One(place), unit, past_ms: minutes * MINUTE_MS, future_ms: minutes * MINUTE_MS }
    }
}
