//! Pictures without what their camera wrote into them: where, when and with what they were taken, and what follows their end.
//!
//! Nothing is decoded or packed anew: the parts that hold such things are left out. How a picture is to be turned stays, since without it
//! it would lie on its side.

use super::{Form, JPEG, PNG, WEBP};

/// The picture without them; `None` where it is not built as its form says.
pub(crate) fn bare(form: Form, bytes: &[u8], turned: u8) -> Option<Vec<u8>> {
    match form {
        JPEG => jpeg(bytes, turned),
        PNG => png(bytes),
        WEBP => webp(bytes, turned),
        _ => Some(bytes.to_vec()),
    }
}

/// What EXIF has for one thing alone: how the picture is turned (tag 0x0112, 1 to 8).
fn exif(turned: u8) -> Vec<u8> {
    let mut part = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    part.extend([turned, 0, 0, 0, 0, 0, 0]);
    part
}

fn is_turned(turned: u8) -> bool {
    (2..=8).contains(&turned)
}

/// Segments: `FF`, what it is, its length with these two bytes. After the first scan come its bytes, which hold no `FF` but of markers.
fn jpeg(bytes: &[u8], turned: u8) -> Option<Vec<u8>> {
    let mut out = bytes.get(..2).filter(|begin| *begin == b"\xff\xd8")?.to_vec();
    if is_turned(turned) {
        let exif = exif(turned);
        out.extend([0xff, 0xe1, 0, u8::try_from(exif.len() + 8).ok()?]);
        out.extend(b"Exif\0\0");
        out.extend(exif);
    }
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1).filter(|_| bytes[at] == 0xff)?;
        match marker {
            // Filling.
            0xff => {
                at += 1;
                continue;
            }
            0xd9 => break,
            // Markers without a length.
            0x01 | 0xd0..=0xd7 => {
                out.extend(&bytes[at..at + 2]);
                at += 2;
                continue;
            }
            _ => {}
        }
        let length = usize::from(*bytes.get(at + 2)?) << 8 | usize::from(*bytes.get(at + 3)?);
        let end = at + 2 + length;
        let segment = bytes.get(at..end).filter(|_| length >= 2)?;
        // Kept of what applications and people write: JFIF, colours (ICC), and how colours are meant (Adobe).
        let kept = match marker {
            0xe0 => segment[4..].starts_with(b"JFIF\0"),
            0xe2 => segment[4..].starts_with(b"ICC_PROFILE\0"),
            0xee => segment[4..].starts_with(b"Adobe"),
            0xe1..=0xef | 0xfe => false,
            _ => true,
        };
        if kept {
            out.extend(segment);
        }
        at = end;
        if marker == 0xda {
            let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7);
            // One that was cut off ends where it ends.
            let scan = bytes[at..].windows(2).position(ends).unwrap_or(bytes.len() - at);
            out.extend(&bytes[at..at + scan]);
            at += scan;
            if at >= bytes.len() {
                break;
            }
        }
    }
    out.extend(b"\xff\xd9");
    Some(out)
}

/// Chunks: length, name, content, checksum.
fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    const LEFT_OUT: [&[u8; 4]; 5] = [b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME"];
    let mut out = bytes.get(..8)?.to_vec();
    let mut at = 8;
    loop {
        let head = bytes.get(at..at + 8)?;
        let length = usize::try_from(u32::from_be_bytes(head[..4].try_into().ok()?)).ok()?;
        let chunk = bytes.get(at..at.checked_add(length)?.checked_add(12)?)?;
        if LEFT_OUT.iter().all(|name| **name != head[4..]) {
            out.extend(chunk);
        }
        if &head[4..] == b"IEND" {
            return Some(out);
        }
        at += chunk.len();
    }
}

/// Chunks of an even length in one of RIFF: name, length, content.
fn webp(bytes: &[u8], turned: u8) -> Option<Vec<u8>> {
    let whole = usize::try_from(u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?)).ok()?;
    let bytes = bytes.get(..whole.checked_add(8)?)?;
    let mut out = bytes.get(..12)?.to_vec();
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = usize::try_from(u32::from_le_bytes(head[4..].try_into().ok()?)).ok()?;
        let size = 8 + length + length % 2;
        let chunk = bytes.get(at..(at + size).min(bytes.len())).filter(|chunk| chunk.len() >= 8 + length)?;
        if !matches!(&head[..4], b"EXIF" | b"XMP ") {
            let begins = out.len();
            out.extend(chunk);
            // The bits that say that there are such chunks.
            if &head[..4] == b"VP8X" {
                let says = out.get_mut(begins + 8)?;
                *says = *says & !0b1100 | if is_turned(turned) { 0b1000 } else { 0 };
            }
        }
        at += size;
    }
    if is_turned(turned) {
        let exif = exif(turned);
        out.extend(b"EXIF");
        out.extend(u32::try_from(exif.len()).ok()?.to_le_bytes());
        out.extend(exif);
    }
    let size = u32::try_from(out.len() - 8).ok()?;
    out.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    Some(out)
}
