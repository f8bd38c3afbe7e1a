//! What may be sent as a file, told by its bytes: what its name or its sender says of it is not believed.

mod bare;
mod name;
mod passes;
mod range;
mod sound;
mod untold;

use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use bare::bare;
pub(crate) use name::named;
pub(crate) use passes::progressive;
pub(crate) use range::{Asked, asked_range};
pub(crate) use sound::duration_ms;
pub(crate) use untold::untold;

/// What a page does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatFileKind)]
pub(crate) enum FileKind {
    /// Shows it.
    Image,
    /// Plays it.
    Video,
    /// Plays it: a voice note.
    Audio,
    /// Offers it for saving, and opens it nowhere.
    File,
}

impl FileKind {
    /// As it is stored.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    /// From what is stored.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        [Self::Image, Self::Video, Self::Audio, Self::File].into_iter().find(|kind| kind.word() == word)
    }
}

/// A kind of file that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) kind: FileKind,
    /// As it is served.
    pub(crate) mime: &'static str,
    /// How its name may end; the first is what a name gets that ends otherwise.
    pub(crate) ends: &'static [&'static str],
}

/// What is taken, for whoever sent something else.
pub(crate) const TAKEN: &str = "pictures (JPEG, PNG, GIF, WebP), video (MP4, WebM), voice notes (WebM, Ogg, MP4, AAC, MP3, WAV), \
     documents (PDF, Word, Excel, PowerPoint, OpenDocument), plain text";

const fn form(kind: FileKind, mime: &'static str, ends: &'static [&'static str]) -> Form {
    Form { kind, mime, ends }
}

pub(crate) const JPEG: Form = form(FileKind::Image, "image/jpeg", &["jpg", "jpeg", "jpe", "jfif"]);
pub(crate) const PNG: Form = form(FileKind::Image, "image/png", &["png"]);
pub(crate) const GIF: Form = form(FileKind::Image, "image/gif", &["gif"]);
pub(crate) const WEBP: Form = form(FileKind::Image, "image/webp", &["webp"]);
const MP4: Form = form(FileKind::Video, "video/mp4", &["mp4", "m4v"]);
const QUICKTIME: Form = form(FileKind::Video, "video/quicktime", &["mov", "qt"]);
const WEBM: Form = form(FileKind::Video, "video/webm", &["webm"]);
pub(crate) const WEBM_SOUND: Form = form(FileKind::Audio, "audio/webm", &["webm", "weba"]);
pub(crate) const MP4_SOUND: Form = form(FileKind::Audio, "audio/mp4", &["m4a", "mp4", "m4b"]);
pub(crate) const OGG: Form = form(FileKind::Audio, "audio/ogg", &["ogg", "oga", "opus"]);
pub(crate) const MP3: Form = form(FileKind::Audio, "audio/mpeg", &["mp3"]);
pub(crate) const AAC: Form = form(FileKind::Audio, "audio/aac", &["aac"]);
pub(crate) const WAV: Form = form(FileKind::Audio, "audio/wav", &["wav"]);
const PDF: Form = form(FileKind::File, "application/pdf", &["pdf"]);
const TEXT: Form = form(FileKind::File, "text/plain; charset=utf-8", &["txt", "md", "csv", "tsv", "log"]);
/// Documents in a ZIP file, each by the file that it must hold.
const OFFICE: [(&[u8], Form); 3] = [
    (
        b"word/document.xml",
        form(FileKind::File, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ),
    (
        b"xl/workbook.xml",
        form(FileKind::File, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ),
    (
        b"ppt/presentation.xml",
        form(FileKind::File, "application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ),
];
/// Documents that begin by saying what they are.
const OPEN_DOCUMENTS: [Form; 3] = [
    form(FileKind::File, "application/vnd.oasis.opendocument.text", &["odt"]),
    form(FileKind::File, "application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    form(FileKind::File, "application/vnd.oasis.opendocument.presentation", &["odp"]),
];
/// Where the list of a ZIP file's files is looked for: at its end, bytes.
const ZIP_LIST_BYTES: usize = 256 * 1024;

/// What these bytes are; `None` for what is not taken.
pub(crate) fn form_of(bytes: &[u8]) -> Option<Form> {
    let begins = |with: &[u8]| bytes.starts_with(with);
    let at = |from: usize, with: &[u8]| bytes.get(from..).is_some_and(|rest| rest.starts_with(with));
    if begins(b"\xff\xd8\xff") {
        return Some(JPEG);
    }
    if begins(b"\x89PNG\r\n\x1a\n") {
        return Some(PNG);
    }
    if begins(b"GIF87a") || begins(b"GIF89a") {
        return Some(GIF);
    }
    if begins(b"RIFF") {
        return if at(8, b"WEBP") { Some(WEBP) } else { at(8, b"WAVE").then_some(WAV) };
    }
    if at(4, b"ftyp") {
        return film(bytes);
    }
    if begins(b"\x1a\x45\xdf\xa3") {
        let webm = holds(&bytes[..bytes.len().min(64)], b"webm");
        return webm.then(|| if sound::webm_shows(bytes) { WEBM } else { WEBM_SOUND });
    }
    if begins(b"OggS") {
        let head = &bytes[..bytes.len().min(128)];
        return (holds(head, b"OpusHead") || holds(head, b"\x01vorbis")).then_some(OGG);
    }
    if begins(b"ID3") || begins(b"\xff") {
        return [AAC, MP3].into_iter().find(|form| sound::duration_ms(*form, bytes).is_some());
    }
    if begins(b"%PDF-") {
        return Some(PDF);
    }
    if begins(b"PK\x03\x04") {
        return document(bytes);
    }
    text(bytes).then_some(TEXT)
}

/// A file of the MP4 family, by its brand and by what is in it. HEIC and AVIF pictures are of the family too, and are not taken.
fn film(bytes: &[u8]) -> Option<Form> {
    const BRANDS: [&[u8; 4]; 12] =
        [b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash", b"MSNV", b"mmp4"];
    let brand = bytes.get(8..12)?;
    match brand {
        b"M4A " | b"M4B " => Some(MP4_SOUND),
        b"qt  " => Some(QUICKTIME),
        brand if BRANDS.iter().any(|it| *it == brand) => Some(if sound::mp4_shows(bytes) { MP4 } else { MP4_SOUND }),
        _ => None,
    }
}

fn document(bytes: &[u8]) -> Option<Form> {
    // The first file is called `mimetype`, and is not packed: what it says stands at 38.
    let says = bytes.get(30..38).filter(|name| *name == b"mimetype").and_then(|_| bytes.get(38..));
    if let Some(says) = says {
        return OPEN_DOCUMENTS.into_iter().find(|form| {
            let rest = says.strip_prefix(form.mime.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"PK"))
        });
    }
    let list = &bytes[bytes.len().saturating_sub(ZIP_LIST_BYTES)..];
    // A macro is a program.
    if !holds(list, b"[Content_Types].xml") || holds(list, b"vbaProject.bin") {
        return None;
    }
    OFFICE.iter().find(|(holds_file, _)| holds(list, holds_file)).map(|(_, form)| *form)
}

/// Text that is nothing else: not what begins as a page or a drawing does, whatever it is called.
fn text(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}');
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    let marked = begins.strip_prefix('<').and_then(|rest| rest.chars().next());
    !begins.is_empty()
        && !text.contains(odd)
        && !marked.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '!' | '?' | '/'))
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[cfg(test)]
mod tests;
