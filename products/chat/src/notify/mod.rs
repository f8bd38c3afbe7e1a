//! What reaches people outside the room: a push to their browsers soon after a message, a letter about what stayed unread for long. Both
//! follow the log, and say what is so when they are sent, not when the message was.

mod browsers;
mod digest;
mod mentioned;
mod push;
mod rules;
mod sealed;
mod vapid;

use host::Product;
use jobs::QueuePolicy;
use jobs::policy::Rate;
use kernel::limits;

pub(crate) use self::browsers::{Given, forget, keep};
pub(crate) use self::vapid::Vapid;

/// Whether a browser's keys are such that something can be sealed for it.
pub(crate) fn can_read(p256dh: &str, auth: &str) -> bool {
    sealed::Reader::of(p256dh, auth).is_some()
}

/// Adds all of this to the product.
pub(crate) fn declare(product: Product) -> Product {
    let policy = QueuePolicy {
        rate: Some(Rate::new(limits::CHAT_PUSHES_PER_S, 1_000)),
        key_concurrency: Some(limits::CHAT_PUSHES_AT_ONCE),
        ..QueuePolicy::default()
    };
    product
        .on("chat.message.sent", push::NOTIFY, push::notify)
        .on("chat.message.edited", mentioned::NOTIFY, mentioned::notify)
        .job(push::PUSH, push::push)
        .queue(push::PUSH.queue, policy)
        .job(digest::DIGEST, digest::digest)
        .schedule(digest::SOMETIMES)
        .job(browsers::SWEEP, browsers::sweep)
        .schedule(browsers::NIGHTLY)
}
