//! Files of the MP4 family: boxes in boxes, each of a size and a name.
//!
//! Overwritten are `udta` and `meta` (where it was taken and with what, as iPhones and Androids say it), `uuid` (XMP and what makers add), what
//! is free anyway, the times in three headers, the names of handlers, and tracks of neither pictures nor sound (the way that an action camera
//! went) with their samples. At the top and in `moov`, where every maker adds boxes of its own, whatever is not known is overwritten.

use super::super::sound::{inside, number};

/// Boxes in boxes as deep as real files have them: what lies deeper is overwritten.
const DEPTH: usize = 8;

/// What a recording is played from.
const TOP: &[[u8; 4]] = &[*b"ftyp", *b"styp", *b"moov", *b"moof", *b"mdat", *b"sidx", *b"mfra"];
const MOOV: &[[u8; 4]] = &[*b"mvhd", *b"trak", *b"mvex", *b"iods"];

/// Overwrites it in `out`, which is a copy of `bytes`.
pub(super) fn clear(bytes: &[u8], out: &mut [u8]) {
    // What is overwritten over and over is no real file: all of it once is enough.
    let mut left = out.len();
    for (at, length) in inside(bytes, b"moov")
        .flat_map(|moov| inside(moov, b"gps "))
        .flat_map(|table| entries(Some(table), 8, 8).map(|entry| (number(&entry[..4]), number(&entry[4..]))))
    {
        let (at, length) = (usize::try_from(at).unwrap_or(usize::MAX), usize::try_from(length).unwrap_or(usize::MAX));
        // A dashcam puts where it is among the pictures, each in a box whose head stays.
        let end = at.saturating_add(length).min(out.len());
        if bytes.get(at.saturating_add(4)..at.saturating_add(8)) == Some(b"free") && at + 8 <= end && end - at <= left {
            out[at + 8..end].fill(0);
            left -= end - at;
        }
    }
    for track in inside(bytes, b"moov").flat_map(|moov| inside(moov, b"trak")).filter(|track| is_other(track)) {
        samples(track, |at, length| {
            let begins = usize::try_from(at).unwrap_or(usize::MAX).min(out.len());
            let length = usize::try_from(length).unwrap_or(usize::MAX).min(out.len() - begins).min(left);
            out[begins..begins + length].fill(0);
            left -= length;
            left > 0
        });
    }
    // The boxes are read where they are whole, and overwritten where they lie.
    within(bytes, out, (0, TOP));
}

/// Where a box's content begins, and where it ends.
fn first(bytes: &[u8]) -> Option<(usize, usize)> {
    let (begins, size) = match number(bytes.get(..4)?) {
        0 => (8, bytes.len() as u64),
        1 => (16, number(bytes.get(8..16)?)),
        size => (8, size),
    };
    // What is cut off counts as far as it goes.
    let end = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len());
    (begins <= end).then_some((begins, end))
}

/// `known` are the only boxes that stay, unless it is empty.
fn within(mut bytes: &[u8], mut out: &mut [u8], (depth, known): (usize, &[[u8; 4]])) {
    while let Some((begins, end)) = first(bytes) {
        let (this, rest) = bytes.split_at(end);
        let (mine, next) = std::mem::take(&mut out).split_at_mut(end);
        (bytes, out) = (rest, next);
        let (content, to) = (&this[begins..], &mut mine[begins..]);
        match &this[4..8] {
            name if !known.is_empty() && !known.iter().any(|it| it == name) => {}
            b"udta" | b"meta" | b"uuid" | b"free" | b"skip" | b"wide" | b"tref" => {}
            b"trak" if is_other(content) => {}
            b"moov" | b"trak" | b"mdia" | b"minf" | b"moof" | b"traf" if depth < DEPTH => {
                within(content, to, (depth + 1, if &this[4..8] == b"moov" { MOOV } else { &[] }));
                continue;
            }
            b"moov" | b"trak" | b"mdia" | b"minf" | b"moof" | b"traf" => {}
            // When it was made and changed, after the version, which says how long these are.
            b"mvhd" | b"tkhd" | b"mdhd" => {
                let times = if content.first() == Some(&1) { 4..20 } else { 4..12 };
                if let Some(times) = to.get_mut(times) {
                    times.fill(0);
                }
                continue;
            }
            // What it is called, often by what wrote it, after what it is.
            b"hdlr" => {
                if let Some(name) = to.get_mut(24..) {
                    name.fill(0);
                }
                continue;
            }
            _ => continue,
        }
        to.fill(0);
        mine[4..8].copy_from_slice(b"free");
    }
}

/// Whether a track says that it is neither pictures nor sound.
fn is_other(track: &[u8]) -> bool {
    let handler = inside(track, b"mdia").flat_map(|media| inside(media, b"hdlr")).next();
    handler.and_then(|handler| handler.get(8..12)).is_some_and(|kind| !matches!(kind, b"vide" | b"soun"))
}

/// The entries of a table: what comes before them, how long one is.
fn entries(table: Option<&[u8]>, before: usize, length: usize) -> std::slice::ChunksExact<'_, u8> {
    table.and_then(|table| table.get(before..)).unwrap_or_default().chunks_exact(length)
}

/// Where the samples of a track lie, as far as its tables say: each step takes an entry of one.
fn samples(track: &[u8], mut at: impl FnMut(u64, u64) -> bool) {
    let path = inside(track, b"mdia").flat_map(|media| inside(media, b"minf"));
    let Some(tables) = path.flat_map(|info| inside(info, b"stbl")).next() else { return };
    let table = |name| inside(tables, name).next();
    let sizes = table(b"stsz");
    let each = sizes.and_then(|sizes| sizes.get(4..8)).map_or(0, number);
    let mut sizes = entries(sizes, 12, 4).map(number);
    let mut runs = entries(table(b"stsc"), 8, 12).map(|run| (number(&run[..4]), number(&run[4..8]))).peekable();
    let mut in_chunk = 1;
    let chunks = entries(table(b"stco"), 8, 4).chain(entries(table(b"co64"), 8, 8)).map(number);
    for (chunk, begins) in (1..).zip(chunks) {
        while let Some((_, samples)) = runs.next_if(|(first, _)| *first <= chunk) {
            in_chunk = samples;
        }
        let length = if each > 0 {
            each.saturating_mul(in_chunk)
        } else {
            sizes.by_ref().take(usize::try_from(in_chunk).unwrap_or(usize::MAX)).fold(0, u64::saturating_add)
        };
        if !at(begins, length) {
            return;
        }
    }
}
