use kernel::Entropy;

use super::*;

const WHERE: &[u8] = b"+52.5200+013.4050+034.000/";

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).expect("small").to_be_bytes()[..], name, body].concat()
}

/// The same with its size in 64 bits.
fn long(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&1u32.to_be_bytes()[..], name, &(body.len() as u64 + 16).to_be_bytes(), body].concat()
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// Names of boxes and where they end, as far as there are any.
fn outline(bytes: &[u8]) -> Vec<(String, usize)> {
    let (mut at, mut found) = (0, Vec::new());
    while let Some(head) = bytes.get(at..at + 8) {
        at += usize::try_from(super::super::sound::number(&head[..4])).expect("small");
        found.push((String::from_utf8_lossy(&head[4..]).into_owned(), at));
    }
    found
}

/// A track with two chunks of two samples: of five and six bytes, of seven and eight.
fn track(kind: &[u8; 4], chunks: [u32; 2]) -> Vec<u8> {
    let header = boxed(b"tkhd", &[&[0, 0, 0, 7][..], &words(&[111, 222, 1]), &[0; 68]].concat());
    let handler = boxed(b"hdlr", &[&[0; 8], &kind[..], &[0; 12], b"\x0bCore Camera"].concat());
    let tables = [
        boxed(b"stsc", &words(&[0, 1, 1, 2, 1])),
        boxed(b"stsz", &words(&[0, 0, 4, 5, 6, 7, 8])),
        boxed(b"stco", &words(&[0, 2, chunks[0], chunks[1]])),
    ];
    let media = boxed(b"mdia", &[handler, boxed(b"minf", &boxed(b"stbl", &tables.concat()))].concat());
    let about = boxed(b"udta", &boxed(b"\xa9xyz", WHERE));
    boxed(b"trak", &[header, media, about].concat())
}

/// A film that says where it was taken in every way there is.
fn film(before: &[u8]) -> Vec<u8> {
    let begin = boxed(b"ftyp", b"qt  \0\0\0\0");
    let data = [&[b'p'; 11][..], &[b'g'; 11], &[b'p'; 15], &[b'g'; 15]].concat();
    let at = u32::try_from(begin.len() + before.len() + 8).expect("small");
    let xmp = [b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", WHERE].concat();
    let moov = [
        boxed(b"mvhd", &[&[1, 0, 0, 0][..], &[9; 16], &words(&[1_000, 0, 5_000]), &[0; 80]].concat()),
        track(b"vide", [at, at + 22]),
        track(b"meta", [at + 11, at + 37]),
        boxed(b"meta", &[b"com.apple.quicktime.location.ISO6709", WHERE].concat()),
        long(b"udta", &boxed(b"loci", WHERE)),
        boxed(b"uuid", &xmp),
        boxed(b"free", WHERE),
        boxed(b"thma", WHERE),
    ];
    [
        begin,
        before.to_vec(),
        boxed(b"mdat", &data),
        boxed(b"moov", &moov.concat()),
        boxed(b"uuid", &xmp),
        boxed(b"beam", WHERE),
    ]
    .concat()
}

#[test]
fn a_film_no_longer_says_where_it_was_taken_and_stays_as_long_and_in_its_places() {
    for before in [Vec::new(), boxed(b"udta", WHERE), boxed(b"wide", b"")] {
        let film = film(&before);
        let out = untold(QUICKTIME, &film).expect("a recording");
        assert_eq!(out.len(), film.len());
        for said in [
            WHERE,
            b"Core Camera",
            b"location",
            b"\xa9xyz",
            b"loci",
            b"\xbe\x7a\xcf\xcb",
            &[9; 16],
            &words(&[111, 222]),
        ] {
            assert!(holds(&film, said) && !holds(&out, said), "{}", String::from_utf8_lossy(said));
        }
        assert!(holds(&out, &[b'p'; 11]) && holds(&out, &[b'p'; 15]), "the pictures");
        assert!(!out.contains(&b'g'), "where the camera went");
        let places = |bytes: &[u8]| outline(bytes).into_iter().map(|(_, at)| at).collect::<Vec<_>>();
        assert_eq!(places(&out), places(&film));
        assert_eq!(out[..16], film[..16]);
        let (said, kept) = (super::super::duration_ms(QUICKTIME, &film), super::super::duration_ms(QUICKTIME, &out));
        assert_eq!((said, kept), (Some(5_000), Some(5_000)));
        assert!(super::super::sound::mp4_shows(&out));
        assert_eq!(untold(QUICKTIME, &out).expect("a recording"), out, "once is enough");
    }
}

#[test]
fn boxes_that_lie_are_overwritten_as_far_as_they_go_and_nothing_else_is() {
    let cut = |size: u32, name: &[u8; 4]| [&size.to_be_bytes()[..], name, WHERE].concat();
    let endless = [&1u32.to_be_bytes()[..], b"udta", &u64::MAX.to_be_bytes(), WHERE].concat();
    for lying in [cut(u32::MAX, b"udta"), cut(0, b"udta"), cut(34 + 1, b"meta"), endless] {
        let bytes = [boxed(b"ftyp", b"isom\0\0\0\0"), lying].concat();
        let out = untold(MP4, &bytes).expect("a recording");
        assert!(out.len() == bytes.len() && !holds(&out, WHERE), "{out:?}");
    }
    // Smaller than their own heads: nothing that follows is a box, and nothing is found in it.
    for size in [2, 7] {
        let bytes = [boxed(b"ftyp", b"isom\0\0\0\0"), cut(size, b"udta")].concat();
        assert_eq!(untold(MP4, &bytes).expect("a recording"), bytes);
    }
    let deep = (0..200_000).fold(vec![b"trak"; 0], |mut names, _| {
        names.push(b"trak");
        names
    });
    let heads = deep.iter().enumerate().flat_map(|(level, name)| {
        [&u32::try_from((deep.len() - level) * 8 + 34).expect("small").to_be_bytes()[..], &name[..]].concat()
    });
    let bytes: Vec<u8> = heads.chain(boxed(b"udta", WHERE)).collect();
    assert!(!holds(&untold(MP4, &bytes).expect("a recording"), WHERE), "whatever lies too deep is nothing");
}

#[test]
fn a_track_whose_tables_lie_costs_no_more_than_the_file_is_long() {
    // Two hundred thousand chunks, each of them of four thousand million samples of as many bytes.
    let chunks = [words(&[0, 200_000]), words(&[0]).repeat(200_000)].concat();
    let tables = [
        boxed(b"stsc", &words(&[0, 1, 1, u32::MAX, 1])),
        boxed(b"stsz", &words(&[0, u32::MAX, u32::MAX])),
        boxed(b"stco", &chunks),
    ];
    let handler = boxed(b"hdlr", &[&[0; 8], &b"meta"[..], &[0; 12]].concat());
    let media = boxed(b"mdia", &[handler, boxed(b"minf", &boxed(b"stbl", &tables.concat()))].concat());
    let bytes = [boxed(b"ftyp", b"isom\0\0\0\0"), boxed(b"moov", &boxed(b"trak", &media).repeat(5))].concat();
    assert_eq!(untold(MP4, &bytes).expect("a recording").len(), bytes.len());
}

#[test]
fn recordings_of_sound_say_nothing_of_their_making() {
    let frame = [b"\xff\xfb\x90\x44", &[0; 413][..]].concat();
    let mp3 = [b"ID3\x04\0\x80\0\0\0\x1a", WHERE, &frame.repeat(10), b"TAG", WHERE, &[1; 99]].concat();
    let chunk = |name: &[u8; 4], body: &[u8]| {
        [&name[..], &u32::try_from(body.len()).expect("small").to_le_bytes(), body].concat()
    };
    let wav = [
        &b"RIFF\0\0\0\0WAVE"[..],
        &chunk(b"LIST", WHERE),
        &chunk(b"fmt ", &[1, 0, 1, 0, 64, 31, 0, 0, 64, 31, 0, 0, 1, 0, 8, 0]),
        &chunk(b"data", &[5; 8_000]),
        &chunk(b"_PMX", WHERE),
    ]
    .concat();
    let element = |name: &[u8], body: &[u8]| {
        [name, &[0x40 | u8::try_from(body.len() >> 8).expect("small"), body.len() as u8], body].concat()
    };
    let about = [element(b"\xbf", &[7; 4]), element(b"\x44\x61", &[9; 8]), element(b"\x57\x41", WHERE)].concat();
    let cluster = [element(b"\xe7", &[0]), element(b"\xa3", b"\x81\x03\xe8\x80sound")].concat();
    let webm = [
        &b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff"[..],
        &element(b"\x15\x49\xa9\x66", &about),
        &element(b"\x16\x54\xae\x6b", b"\xae\x83\x83\x81\x02"),
        &element(b"\x1f\x43\xb6\x75", &cluster),
        &element(b"\x12\x54\xc3\x67", WHERE),
        &element(b"\x12\x54\xc3\x67", b""),
        &element(b"\x19\x41\xa4\x69", WHERE),
    ]
    .concat();
    for (form, bytes) in [(MP3, mp3), (WAV, wav), (WEBM_SOUND, webm)] {
        let out = untold(form, &bytes).expect("a recording");
        assert!(out.len() == bytes.len() && holds(&bytes, WHERE) && !holds(&out, WHERE), "{}", form.mime);
        assert!(!holds(&out, &[9; 8]) && !holds(&out, &[7; 4]), "{}", form.mime);
        let ms = |bytes: &[u8]| super::super::duration_ms(form, bytes);
        assert!(ms(&bytes).is_some() && ms(&bytes) == ms(&out), "{}: {:?} {:?}", form.mime, ms(&bytes), ms(&out));
        assert_eq!(untold(form, &out).expect("a recording"), out, "{}", form.mime);
    }
}

/// Real structures, damaged by chance: whatever comes, it ends, is as long as before, and is nothing more to be cleaned.
#[test]
fn damaged_recordings_are_cleaned_or_left_and_never_grow() {
    let seed = Entropy::system().token(8);
    println!("seed {seed}");
    let mut state = seed.bytes().fold(1u64, |state, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut chance = |below: usize| {
        // Xorshift: enough to choose bytes by.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 1).unwrap_or_default() % below
    };
    let whole = film(&boxed(b"skip", WHERE));
    for _ in 0..4_000 {
        let mut bytes = whole.clone();
        for _ in 0..=chance(6) {
            let at = chance(bytes.len());
            match chance(4) {
                0 => bytes[at] = [0, 1, 7, 8, 16, 0x7f, 0x80, 0xff][chance(8)],
                1 => bytes[at] ^= 1 << chance(8),
                2 => bytes.truncate(at.max(1)),
                _ => {
                    let from = chance(bytes.len());
                    let piece = bytes[from..bytes.len().min(from + 40)].to_vec();
                    let room = piece.len().min(bytes.len() - at);
                    bytes[at..at + room].copy_from_slice(&piece[..room]);
                }
            }
        }
        for form in [MP4, WEBM, MP3, WAV] {
            let out = untold(form, &bytes).expect("a recording");
            assert_eq!(out.len(), bytes.len());
        }
    }
}

#[test]
fn where_a_dashcam_was_is_gone_from_among_its_pictures() {
    let begin = boxed(b"ftyp", b"isom\0\0\0\0");
    let said = boxed(b"free", &[b"GPS ", WHERE].concat());
    let data = [b"pictures", &said[..], b"more of them"].concat();
    let at = u32::try_from(begin.len() + 16).expect("small");
    let length = u32::try_from(said.len()).expect("small");
    let table = boxed(b"gps ", &words(&[257, 5, at, length, at - 4, length, at, u32::MAX, u32::MAX, 9, 3, 1]));
    let bytes = [begin, boxed(b"mdat", &data), boxed(b"moov", &table)].concat();
    let out = untold(MP4, &bytes).expect("a recording");
    assert!(!holds(&out, WHERE) && holds(&out, b"pictures") && holds(&out, &said[..8]), "{out:?}");
}

#[test]
fn sound_of_unknown_length_is_sound_to_its_end() {
    // Samples that read as a chunk that is no sound.
    let sound = [b"LIST\x10\0\0\0", &[7; 64][..]].concat();
    let wav = [b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0abcdLIST\x04\0\0\0heredata\0\0\0\0", &sound[..]].concat();
    let out = untold(WAV, &wav).expect("a recording");
    assert!(out.ends_with(&sound) && !holds(&out, b"here"));

    for unknown in [&b"\xff"[..], b"\x7f\xff", b"\x3f\xff\xff", b"\x01\xff\xff\xff\xff\xff\xff\xff"] {
        let tags = [b"\x12\x54\xc3\x67", &[0x80 | 26][..], WHERE].concat();
        let block = [b"\xa3\xc0", &tags[..], &[3; 33]].concat();
        let begin = [b"\x18\x53\x80\x67", unknown, b"\x1f\x43\xb6\x75", unknown, b"\xe7\x81\0"].concat();
        let webm = [&begin[..], &block, &tags].concat();
        let out = untold(WEBM, &webm).expect("a recording");
        let kept = begin.len() + block.len();
        assert!(out[..kept] == webm[..kept] && !holds(&out[kept..], WHERE), "{unknown:?}");
        // Of something else: nothing is known to follow it.
        let other = [b"\x16\x54\xae\x6b", unknown, &tags[..], &[5; 127]].concat();
        assert_eq!(untold(WEBM, &other).expect("a recording"), other, "{unknown:?}");
    }
}
