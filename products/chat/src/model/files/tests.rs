use kernel::limits;
use proptest::prelude::*;

use super::*;

fn mime(bytes: &[u8]) -> Option<&'static str> {
    form_of(bytes).map(|form| form.mime)
}

fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).expect("small").to_be_bytes()[..], name, body].concat()
}

/// An MP4 file of so many milliseconds, with a track of this kind.
fn mp4(brand: &[u8; 4], track: &[u8; 4], ms: u32) -> Vec<u8> {
    let head = [&[0; 12][..], &1_000u32.to_be_bytes(), &ms.to_be_bytes(), &[0; 80]].concat();
    let handler = chunk(b"hdlr", &[&[0; 8], &track[..], &[0; 12]].concat());
    let moov = [chunk(b"mvhd", &head), chunk(b"trak", &chunk(b"mdia", &handler))].concat();
    [chunk(b"ftyp", &[&brand[..], &[0; 4]].concat()), chunk(b"moov", &moov)].concat()
}

/// A WebM file as recorders write it: nobody knew how long it would be.
fn webm(kind: u8, clusters: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec();
    bytes.extend(b"\x16\x54\xae\x6b\x85\xae\x83\x83\x81");
    bytes.push(kind);
    for (time, block) in clusters {
        bytes.extend(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff\xe7\x82");
        bytes.extend(time.to_be_bytes());
        bytes.extend(b"\xa3\x85\x81");
        bytes.extend(block.to_be_bytes());
        bytes.extend(b"\x80x");
    }
    bytes
}

fn wav(seconds: u32) -> Vec<u8> {
    let rate = 8_000u32;
    let body = vec![0; (rate * seconds) as usize];
    let size = |bytes: usize| u32::try_from(bytes).expect("small").to_le_bytes();
    let fmt = [&[1, 0, 1, 0][..], &rate.to_le_bytes(), &rate.to_le_bytes(), &[1, 0, 8, 0]].concat();
    [b"RIFF", &size(body.len() + 36)[..], b"WAVEfmt ", &size(16), &fmt, b"data", &size(body.len()), &body].concat()
}

fn zip(names: &[&str]) -> Vec<u8> {
    names.iter().flat_map(|name| [b"PK\x03\x04", &[0; 26][..], name.as_bytes(), b"packed"].concat()).collect()
}

#[test]
fn a_file_is_what_its_bytes_are() {
    let open_document =
        [b"PK\x03\x04", &[0; 26][..], b"mimetypeapplication/vnd.oasis.opendocument.textPK\x03\x04"].concat();
    for (bytes, expected) in [
        (b"\xff\xd8\xff\xe0".to_vec(), Some("image/jpeg")),
        (b"GIF89a<script>".to_vec(), Some("image/gif")),
        (mp4(b"isom", b"vide", 5_000), Some("video/mp4")),
        (mp4(b"mp42", b"soun", 5_000), Some("audio/mp4")),
        (mp4(b"heic", b"pict", 0), None),
        (webm(1, &[(0, 0)]), Some("video/webm")),
        (webm(2, &[(0, 0)]), Some("audio/webm")),
        (b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska".to_vec(), None),
        (b"%PDF-1.7".to_vec(), Some("application/pdf")),
        (zip(&["[Content_Types].xml", "word/document.xml"]), Some(OFFICE[0].1.mime)),
        (zip(&["[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"]), None),
        (zip(&["setup.exe"]), None),
        (open_document, Some(OPEN_DOCUMENTS[0].mime)),
        ("Grüße\n\t1 < 2".into(), Some("text/plain; charset=utf-8")),
        (b"MZ\x90\x00".to_vec(), None),
        (b"\x7fELF".to_vec(), None),
        (b"#!/bin/sh\x00".to_vec(), None),
        (Vec::new(), None),
        (b" \n".to_vec(), None),
        (b"\xff\xfb\x90\x44".to_vec(), None),
    ] {
        assert_eq!(mime(&bytes), expected, "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn what_a_browser_could_run_is_not_taken_whatever_it_is_called() {
    for text in [
        "<html><script>alert(1)</script>",
        "\u{feff} \n<!DOCTYPE html>",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "<?xml version='1.0'?><svg/>",
        "<!-- --><script>",
        "<SCRIPT>",
        "</x><script>",
    ] {
        assert_eq!(mime(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_name_is_one_line_and_ends_as_its_file_does() {
    for (text, form, expected) in [
        ("photo.JPG", JPEG, "photo.JPG"),
        ("evil.html", PNG, "evil.html.png"),
        ("../../etc/passwd", TEXT, "passwd.txt"),
        ("C:\\Users\\me\\notes.md", TEXT, "notes.md"),
        ("run.sh", TEXT, "run.sh.txt"),
        ("gpj.\u{202e}exe.jpg", JPEG, "gpj.exe.jpg"),
        ("a\r\nSet-Cookie: b.png", PNG, "aSet-Cookie: b.png"),
        ("", GIF, "file.gif"),
        (".png", PNG, "png.png"),
        (" . ", WAV, "file.wav"),
        ("übung \"1\".pdf", PDF, "übung \"1\".pdf"),
    ] {
        assert_eq!(named(text, form), expected, "{text:?}");
    }
    let long = named(&"x".repeat(1_000), JPEG);
    assert_eq!(long.chars().count(), limits::CHAT_FILE_NAME_CHARS);
}

#[test]
fn recordings_say_how_long_they_are() {
    assert_eq!(duration_ms(WAV, &wav(3)), Some(3_000));
    assert_eq!(duration_ms(MP4_SOUND, &mp4(b"M4A ", b"soun", 61_500)), Some(61_500));
    assert_eq!(duration_ms(MP4_SOUND, &mp4(b"M4A ", b"soun", 0)), None, "recorded in fragments");
    assert_eq!(duration_ms(WEBM_SOUND, &webm(2, &[(0, 960), (60_000, 20), (65_000, 500)])), Some(65_500));
    let page = |granule: u64| [b"OggS\0\0", &granule.to_le_bytes()[..], &[0; 14]].concat();
    let head = b"OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";
    let ogg = [page(0), head.to_vec(), page(48_000 * 7 + 312)].concat();
    assert_eq!((form_of(&ogg), duration_ms(OGG, &ogg)), (Some(OGG), Some(7_000)));
    // 128 kbit/s at 44.1 kHz: 417 bytes, 1,152 samples.
    let frame = [b"\xff\xfb\x90\x44", &[0; 413][..]].concat();
    let mp3 = [b"ID3\x04\0\0\0\0\0\x05tag--", &frame.repeat(100)[..]].concat();
    assert_eq!((form_of(&mp3), duration_ms(MP3, &mp3)), (Some(MP3), Some(115_200_000 / 44_100)));
    let adts = [0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!((form_of(&adts.repeat(43)), duration_ms(AAC, &adts.repeat(43))), (Some(AAC), Some(998)));
}

#[test]
fn ranges_are_read_as_the_protocol_says() {
    for (value, expected) in [
        (None, Asked::Whole),
        (Some("bytes=0-9"), Asked::Part(0..10)),
        (Some("bytes=90-"), Asked::Part(90..100)),
        (Some("bytes=-10"), Asked::Part(90..100)),
        (Some("bytes=-1000"), Asked::Part(0..100)),
        (Some("bytes=50-99999999999999999999999"), Asked::Part(50..100)),
        (Some("bytes=100-"), Asked::Nowhere),
        (Some("bytes=-0"), Asked::Nowhere),
        (Some("bytes=0-0,5-6"), Asked::Whole),
        (Some("bytes=9-5"), Asked::Whole),
        (Some("bytes=-"), Asked::Whole),
        (Some("bytes=+1-2"), Asked::Whole),
        (Some("lines=1-2"), Asked::Whole),
    ] {
        assert_eq!(asked_range(value, 100), expected, "{value:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_told_or_refused(begin in 0..12usize, bytes: Vec<u8>, turned: u8) {
        let begins: [&[u8]; 12] = [b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP", b"RIFF\0\0\0\0WAVE",
            b"\0\0\0\x10ftypisom", b"\x1a\x45\xdf\xa3\x42\x82\x84webm", b"OggSOpusHead", b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90",
            b"\xff\xf1", b"PK\x03\x04", b"\xff\xfb\x90\x44"];
        let bytes = [begins[begin], &bytes].concat();
        for form in [WAV, OGG, MP3, AAC, MP4_SOUND, WEBM_SOUND, MP4, WEBM] {
            let _ = duration_ms(form, &bytes);
        }
        for form in [JPEG, PNG, WEBP] {
            let _ = bare(form, &bytes, turned);
        }
        let _ = form_of(&bytes);
    }

    #[test]
    fn a_name_never_leads_anywhere(text in ".{0,200}") {
        let name = named(&text, TEXT);
        prop_assert!(!name.contains(['/', '\\', '\0', '\n', '\r']) && !name.starts_with('.'), "{}", name);
        prop_assert!(name.chars().count() <= limits::CHAT_FILE_NAME_CHARS);
    }
}
