//! How long a recording is, as far as its bytes say. Nothing is decoded: headers are read, and each step goes on by a byte at least.

use super::{AAC, Form, MP3, MP4_SOUND, OGG, WAV, WEBM_SOUND};

/// The length of a recording, milliseconds; `None` where it does not say, or is not of the form.
pub(crate) fn duration_ms(form: Form, bytes: &[u8]) -> Option<u64> {
    match form.mime {
        mime if mime == WAV.mime => wav(bytes),
        mime if mime == OGG.mime => ogg(bytes),
        mime if mime == MP3.mime => mp3(bytes),
        mime if mime == AAC.mime => aac(bytes),
        mime if mime == MP4_SOUND.mime || mime.starts_with("video/mp4") || mime == "video/quicktime" => mp4(bytes),
        mime if mime == WEBM_SOUND.mime || mime == "video/webm" => webm(bytes).ms,
        _ => None,
    }
}

pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

pub(super) fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn ms(units: u64, of_a_second: u64) -> Option<u64> {
    units.checked_mul(1_000)?.checked_div(of_a_second)
}

/// Chunks of a name, a size and so many bytes.
fn wav(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut a_second) = (12, 0);
    while let Some(head) = bytes.get(at..at + 8) {
        let (size, body) = (usize::try_from(little(&head[4..])).ok()?, at + 8);
        if &head[..4] == b"fmt " {
            a_second = little(bytes.get(body + 8..body + 12)?);
        }
        if &head[..4] == b"data" {
            // Who records without knowing the end says too much.
            return ms(size.min(bytes.len() - body) as u64, a_second);
        }
        at = body.checked_add(size)?.checked_add(size % 2)?;
    }
    None
}

/// The last page says how many samples there were until then.
fn ogg(bytes: &[u8]) -> Option<u64> {
    let find = |what: &[u8]| bytes.windows(what.len()).take(256).position(|window| window == what);
    let (rate, skipped) = match (find(b"OpusHead"), find(b"\x01vorbis")) {
        (Some(at), _) => (48_000, little(bytes.get(at + 10..at + 12)?)),
        (None, Some(at)) => (little(bytes.get(at + 12..at + 16)?), 0),
        (None, None) => return None,
    };
    let last = bytes.windows(4).rposition(|window| window == b"OggS")?;
    ms(little(bytes.get(last + 6..last + 14)?).saturating_sub(skipped), rate)
}

/// MPEG audio, layer III: every frame says how long it is.
fn mp3(bytes: &[u8]) -> Option<u64> {
    const RATES: [[u64; 15]; 2] = [
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let mut at = match bytes.get(..10) {
        // Of a size that is written in seven bits a byte.
        Some(head) if head.starts_with(b"ID3") => {
            10 + head[6..].iter().fold(0, |size, byte| size << 7 | usize::from(*byte & 0x7f))
        }
        _ => 0,
    };
    let (mut frames, mut samples, mut hertz) = (0, 0, 0);
    while let Some(head) = bytes.get(at..at + 4) {
        let version = head[1] >> 3 & 3;
        if head[0] != 0xff || head[1] >> 5 != 7 || version == 1 || head[1] >> 1 & 3 != 1 {
            break;
        }
        let newer = usize::from(version != 3);
        let rate = RATES[newer].get(usize::from(head[2] >> 4)).copied().unwrap_or_default();
        let slowed = [4, 1, 2, 1][usize::from(version)];
        hertz = [44_100, 48_000, 32_000, 0][usize::from(head[2] >> 2 & 3)] / slowed;
        if rate == 0 || hertz == 0 {
            break;
        }
        let of_frame = if newer == 1 { 576 } else { 1_152 };
        (frames, samples) = (frames + 1, samples + of_frame);
        at += usize::try_from(of_frame / 8 * rate * 1_000 / hertz + u64::from(head[2] >> 1 & 1)).ok()?;
    }
    // Two bytes can look like a frame by chance.
    if frames < 2 { None } else { ms(samples, hertz) }
}

/// AAC in ADTS frames, each of which says how long it is.
fn aac(bytes: &[u8]) -> Option<u64> {
    const HERTZ: [u64; 13] =
        [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
    let (mut at, mut frames, mut hertz) = (0, 0, 0);
    while let Some(head) = bytes.get(at..at + 7) {
        if head[0] != 0xff || head[1] & 0xf6 != 0xf0 {
            break;
        }
        let length = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5] >> 5);
        let Some(says) = HERTZ.get(usize::from(head[2] >> 2 & 15)).filter(|_| length > 7) else { break };
        (hertz, frames, at) = (*says, frames + 1, at + length);
    }
    if frames < 2 { None } else { ms(frames * 1_024, hertz) }
}

/// The boxes of an MP4 file within these bytes: name and content.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.get(..8)?;
        let (begins, size) = match number(&head[..4]) {
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(number(bytes.get(8..16)?)).ok()?),
            size => (8, usize::try_from(size).ok()?),
        };
        // What is cut off counts as far as it goes.
        let inside = bytes.get(begins..size.min(bytes.len()))?;
        bytes = bytes.get(size..).unwrap_or_default();
        Some((&head[4..], inside))
    })
}

pub(super) fn inside<'a>(bytes: &'a [u8], name: &'static [u8; 4]) -> impl Iterator<Item = &'a [u8]> {
    boxes(bytes).filter(move |(it, _)| *it == name).map(|(_, content)| content)
}

fn mp4(bytes: &[u8]) -> Option<u64> {
    let head = inside(bytes, b"moov").flat_map(|moov| inside(moov, b"mvhd")).next()?;
    let (a_second, length) = match head.first()? {
        0 => (head.get(12..16)?, head.get(16..20)?),
        _ => (head.get(20..24)?, head.get(24..32)?),
    };
    // One that was written in fragments as it was recorded says 0, or nothing that could be.
    ms(number(length), number(a_second)).filter(|ms| (1..=kernel::limits::CHAT_VIDEO_MS).contains(ms))
}

/// Whether an MP4 file has pictures.
pub(super) fn mp4_shows(bytes: &[u8]) -> bool {
    let tracks = inside(bytes, b"moov").flat_map(|moov| inside(moov, b"trak"));
    let mut handlers = tracks.flat_map(|track| inside(track, b"mdia")).flat_map(|media| inside(media, b"hdlr"));
    handlers.any(|handler| handler.get(8..12) == Some(b"vide"))
}

/// What a WebM file says of itself.
#[derive(Default)]
struct Webm {
    shows: bool,
    ms: Option<u64>,
}

pub(super) fn webm_shows(bytes: &[u8]) -> bool {
    webm(bytes).shows
}

/// A number of EBML: how long it is says its first byte, whose leading bits are kept where it is a name.
pub(super) fn ebml(bytes: &[u8], named: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let mut value = number(bytes.get(..length).filter(|_| length <= 8)?);
    if !named {
        value &= (1 << (7 * length)) - 1;
    }
    Some((value, length))
}

/// Goes through the elements, into those that hold others: a recorder does not know how long these will be, and what it says of the whole
/// stands nowhere; but each block of sound says when it begins.
fn webm(bytes: &[u8]) -> Webm {
    let (mut at, mut found, mut cluster, mut last, mut scale) = (0, Webm::default(), 0, 0, 1_000_000);
    while let Some((name, length)) = bytes.get(at..).and_then(|rest| ebml(rest, true)) {
        at += length;
        let Some((size, length)) = bytes.get(at..).and_then(|rest| ebml(rest, false)) else { break };
        at += length;
        // Segment, cluster, information, tracks, track, group of blocks.
        if matches!(name, 0x1853_8067 | 0x1f43_b675 | 0x1549_a966 | 0x1654_ae6b | 0xae | 0xa0) {
            continue;
        }
        let end = usize::try_from(size).ok().and_then(|size| at.checked_add(size)).unwrap_or(usize::MAX);
        let Some(content) = bytes.get(at..end) else { break };
        match name {
            0x2a_d7b1 => scale = number(content),
            0xe7 => cluster = number(content),
            0x83 => found.shows |= number(content) == 1,
            0xa1 | 0xa3 => {
                let time = ebml(content, false).and_then(|(_, length)| content.get(length..length + 2));
                last = time.map_or(last, |time| last.max(cluster.saturating_add(number(time).min(0x7fff))));
            }
            _ => {}
        }
        at = end;
    }
    let ms = last.checked_mul(scale).map(|ns| ns / 1_000_000);
    found.ms = ms.filter(|ms| *ms > 0);
    found
}
