//! A panic is a line in the log like any other, with the request or the job it happened in.

use std::panic::PanicHookInfo;

/// Logs every panic from now on, in place of the words on standard error.
pub(crate) fn log() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let location = panic.location().map(ToString::to_string);
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(location, thread, panic = true, "panicked: {}", words(panic));
    }));
}

fn words<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("without words")
}
