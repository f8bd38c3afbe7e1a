//! Recordings without what was written into them of their making: where, when, by whom and with what.
//!
//! Nothing is decoded or packed anew, and no byte changes its place, since a recording names its parts by where they lie: what says such
//! things is overwritten with zeros, as something that players pass over. What the pictures and the sound themselves show stays.

mod boxes;

use super::{Form, MP3, MP4, MP4_SOUND, QUICKTIME, WAV, WEBM, WEBM_SOUND};

/// The recording without them; `None` for what is no recording, or of a form in which they are left.
pub(crate) fn untold(form: Form, bytes: &[u8]) -> Option<Vec<u8>> {
    let clear: fn(&[u8], &mut [u8]) = match form {
        MP4 | MP4_SOUND | QUICKTIME => boxes::clear,
        WEBM | WEBM_SOUND => |_, out| webm(out),
        MP3 => |_, out| mp3(out),
        WAV => |_, out| wav(out),
        _ => return None,
    };
    let mut out = bytes.to_vec();
    clear(bytes, &mut out);
    Some(out)
}

/// The tag before the first frame keeps its length, and holds nothing any more; so does the one at the end.
fn mp3(bytes: &mut [u8]) {
    if bytes.starts_with(b"ID3") && bytes.len() >= 10 {
        let size = bytes[6..10].iter().fold(0, |size, byte| size << 7 | usize::from(*byte & 0x7f));
        // No flags: what they would say of the content is not so of zeros.
        bytes[5] = 0;
        let end = bytes.len().min(10 + size);
        bytes[10..end].fill(0);
    }
    if let Some(begins) = bytes.len().checked_sub(128)
        && bytes[begins..].starts_with(b"TAG")
    {
        bytes[begins..].fill(0);
    }
}

/// Chunks of a name, a size and so many bytes: but for how it sounds and the sound, all of them are filling.
fn wav(bytes: &mut [u8]) {
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 8) {
        let size = usize::try_from(super::sound::little(&head[4..])).unwrap_or(usize::MAX);
        let kept = matches!(&head[..4], b"fmt " | b"data" | b"fact");
        // A recorder that never came back to say how long the sound is: players go on to the end.
        if size == 0 && &head[..4] == b"data" {
            return;
        }
        let (body, end) = (at + 8, (at + 8).saturating_add(size).min(bytes.len()));
        if !kept {
            bytes[at..at + 4].copy_from_slice(b"JUNK");
            bytes[body..end].fill(0);
        }
        at = end.saturating_add(size % 2);
    }
}

/// Elements of WebM: tags and attachments become filling, and so do the checksums over what is changed. When it was made is zeros.
fn webm(bytes: &mut [u8]) {
    use super::sound::ebml;
    let mut at = 0;
    while let Some((name, named)) = bytes.get(at..).and_then(|rest| ebml(rest, true)) {
        let Some((size, sized)) = bytes.get(at + named..).and_then(|rest| ebml(rest, false)) else { break };
        let body = at + named + sized;
        // All ones of any length: nobody knows.
        let unknown = size == (1 << (7 * sized)) - 1;
        // Segment and information, and a cluster of unknown length: what is in them comes next.
        if matches!(name, 0x1853_8067 | 0x1549_a966) || (unknown && name == 0x1f43_b675) {
            at = body;
            continue;
        }
        // Where anything else ends is not said.
        if unknown {
            return;
        }
        let end = usize::try_from(size).ok().and_then(|size| body.checked_add(size)).unwrap_or(usize::MAX);
        let Some(whole) = bytes.get_mut(at..end) else { break };
        match name {
            // Tags, attachments, checksum, title.
            0x1254_c367 | 0x1941_a469 | 0xbf | 0x7ba9 => void(whole),
            // The date, the programs.
            0x4461 | 0x4d80 | 0x5741 => whole[named + sized..].fill(0),
            _ => {}
        }
        at = end;
    }
}

/// An element of the same length that says nothing.
fn void(element: &mut [u8]) {
    let length = element.len();
    element.fill(0);
    // An element has two bytes at least.
    element[0] = 0xec;
    match u8::try_from(length) {
        Ok(short) if short < 9 => element[1] = 0x80 | (short - 2),
        _ => {
            element[1..9].copy_from_slice(&((length - 9) as u64).to_be_bytes());
            element[1] = 1;
        }
    }
}

#[cfg(test)]
mod tests;
