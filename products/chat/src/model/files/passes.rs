//! JPEG pictures that come in passes, from coarse to fine: whoever opens one holds all of it until the last.

/// The components that a JPEG holds until its last pass, none where it comes in one. Of what is not built as it should be, as many as there
/// can be.
pub(crate) fn progressive(bytes: &[u8]) -> u64 {
    in_head(bytes).unwrap_or(4)
}

/// As its frame's header says, which comes before the first scan.
fn in_head(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut components) = (2, 0);
    loop {
        let marker = *bytes.get(at + 1).filter(|_| bytes[at] == 0xff)?;
        match marker {
            // The first scan, or the end.
            0xda | 0xd9 => return Some(components),
            // Filling.
            0xff => at += 1,
            // Markers without a length.
            0x01 | 0xd0..=0xd7 => at += 2,
            _ => {
                let length = usize::from(*bytes.get(at + 2)?) << 8 | usize::from(*bytes.get(at + 3)?);
                // Length, precision, height, width, components.
                if matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce) {
                    components = components.max(u64::from(*bytes.get(at + 9)?));
                }
                at += 2 + length;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_says_whether_it_comes_in_passes() {
        let picture = |frame: u8| {
            let head = b"\xff\xd8\xff\xe0\0\x04JF\xff";
            let size = b"\0\x11\x08\x40\0\x40\0\x03\x01\x11\0\x02\x11\x01\x03\x11\x01";
            [&head[..], &[0xff, frame], size, b"\xff\xda\0\x02"].concat()
        };
        assert_eq!((progressive(&picture(0xc0)), progressive(&picture(0xc2))), (0, 3));
        let two = [&picture(0xc0)[..picture(0xc0).len() - 4], &picture(0xc2)[9..]].concat();
        assert_eq!(progressive(&two), 3, "whichever frame the decoder takes");
        for broken in [&b""[..], b"\xff\xd8", b"\xff\xd8\0\xff\xc2", &picture(0xc2)[..12]] {
            assert_eq!(progressive(broken), 4, "{broken:?}");
        }
    }
}
