//! What leaves an encoder, read by decoders; ranges of recordings.

use std::sync::Arc;

use bytes::Bytes;
use kernel::limits;
use tokio::sync::broadcast::error::RecvError;

use super::encode::{CHUNK, Chunk, Encoder, Format, wav_header};
use super::program::{self, Program};
use super::recording::{BadRange, Range};
use crate::model::samples;
use crate::synth::{RATE, Renderer, sample_at};

const MOMENT_MS: i64 = 1_795_230_245_120;

/// Some seconds of a busy station, as chunks.
fn storm(chunks: usize) -> Vec<Chunk> {
    let mut renderer = Renderer::new(sample_at(MOMENT_MS), None);
    for (i, sample) in (0..).zip(samples::ALL) {
        let phrase = samples::phrase(sample.name, "octocat/hello-world", 0, 9).expect("a sample");
        renderer.play(&phrase, sample_at(MOMENT_MS + 200 * i));
    }
    (0..chunks).map(|_| Chunk::of(|| renderer.next())).collect()
}

fn encoded(format: Format, chunks: &[Chunk]) -> (Encoder, Vec<Bytes>) {
    let mut encoder = Encoder::new(format, "octocat/hello-world").expect("an encoder");
    let bytes = chunks.iter().map(|chunk| encoder.encode(chunk).expect("encoded")).collect();
    (encoder, bytes)
}

/// Signal to noise in decibels of what was decoded, at the best delay below 5,000 samples.
fn closeness(chunks: &[Chunk], decoded: &[f32]) -> f64 {
    let left: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.left.iter().copied()).collect();
    let window = &left[RATE as usize..RATE as usize + 8_192];
    let signal: f64 = window.iter().map(|x| f64::from(*x).powi(2)).sum();
    let noise = |delay: usize| -> f64 {
        let heard = decoded.iter().skip(2 * (RATE as usize + delay)).step_by(2);
        window.iter().zip(heard).map(|(x, y)| f64::from(x - y).powi(2)).sum()
    };
    let least = (0..5_000).map(noise).fold(f64::MAX, f64::min);
    10.0 * (signal / least.max(1e-12)).log10()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0f32, |most, sample| most.max(sample.abs()))
}

#[test]
fn mp3_frames_stand_for_themselves_and_decode_to_what_was_sung() {
    let chunks = storm(20);
    let (encoder, bytes) = encoded(Format::Mp3, &chunks);
    assert!(encoder.opening().is_empty());
    for chunk in &bytes {
        assert_eq!(chunk.len(), 10 * 576, "ten frames of 192 kbit/s");
        for frame in chunk.chunks(576) {
            assert_eq!(frame[..2], [0xff, 0xfb], "MPEG-1, layer III, no checksum");
            // The first nine bits after the header say how far back its data begins.
            assert_eq!((frame[4], frame[5] & 0x80), (0, 0), "no frame needs the one before");
        }
    }
    // From the third chunk on, as a late listener has it.
    for from in [0, 3] {
        let mut decoder = rusty_mp3::Mp3Decoder::new();
        bytes[from..].iter().for_each(|chunk| decoder.push(chunk));
        decoder.flush();
        let mut decoded = Vec::new();
        while let Ok(frame) = decoder.next_frame() {
            decoded.extend(frame.samples);
        }
        assert!(peak(&decoded) < 1.0, "{}", peak(&decoded));
        let db = closeness(&chunks[from..], &decoded);
        assert!(db > 15.0, "{db} dB");
    }
}

#[test]
fn ogg_chunks_are_whole_pages_and_decode_to_what_was_sung() {
    let chunks = storm(20);
    let (encoder, bytes) = encoded(Format::Ogg, &chunks);
    let head = encoder.opening();
    assert_eq!((&head[..4], &head[28..36]), (&b"OggS"[..], &b"OpusHead"[..]));
    assert!(bytes.iter().filter(|chunk| !chunk.is_empty()).all(|chunk| chunk.starts_with(b"OggS")));
    for from in [0, 3] {
        let stream: Vec<u8> = head.iter().chain(bytes[from..].iter().flatten()).copied().collect();
        let mut reader = opus_pure::OggOpusReader::new(&stream[..]).expect("a header");
        let mut decoder = reader.head().decoder(RATE as i32).expect("a decoder");
        let (mut decoded, mut pcm) = (Vec::new(), vec![0f32; 2 * 5_760]);
        // The last page is not ended, as on the air.
        while let Ok(Some(packet)) = reader.read_packet() {
            let samples = decoder.decode(&packet.data, 5_760, &mut pcm).expect("a packet");
            decoded.extend_from_slice(&pcm[..2 * samples]);
        }
        assert!(decoded.len() > (chunks.len() - from - 2) * 2 * CHUNK, "{}", decoded.len());
        assert!(peak(&decoded) < 1.0, "{}", peak(&decoded));
        if from == 0 {
            let db = closeness(&chunks, &decoded);
            assert!(db > 12.0, "{db} dB");
        }
    }
}

/// Had every packet cracked: the stream goes on, in time, with packets that decoders conceal.
#[test]
fn a_packet_that_decodes_to_a_crack_is_never_sent() {
    let chunks = storm(20);
    let mut encoder = Encoder::new(Format::Ogg, "Hello").expect("an encoder");
    let Encoder::Ogg(opus) = &mut encoder else { panic!("another encoder") };
    opus.loudest = 0.3;
    let head = encoder.opening();
    let bytes: Vec<Bytes> = chunks.iter().map(|chunk| encoder.encode(chunk).expect("encoded")).collect();
    let stream: Vec<u8> = head.iter().chain(bytes.iter().flatten()).copied().collect();
    let mut reader = opus_pure::OggOpusReader::new(&stream[..]).expect("a header");
    let mut decoder = reader.head().decoder(RATE as i32).expect("a decoder");
    let (mut decoded, mut pcm, mut concealed) = (Vec::new(), vec![0f32; 2 * 5_760], 0);
    while let Ok(Some(packet)) = reader.read_packet() {
        concealed += usize::from(packet.data.len() == 1);
        let samples = decoder.decode(&packet.data, 960, &mut pcm).expect("a packet");
        assert_eq!(samples, 960, "no gap");
        decoded.extend_from_slice(&pcm[..2 * samples]);
    }
    assert!(concealed > 3, "{concealed} of {}", decoded.len() / 1_920);
    // Decoders of late listeners remember other things than our ear: somewhat louder, and no crack.
    assert!(peak(&decoded) < 0.6, "{}", peak(&decoded));
}

#[test]
fn a_wav_says_its_length_or_that_it_has_none() {
    let (_, bytes) = encoded(Format::Wav, &storm(2));
    assert!(bytes.iter().all(|chunk| chunk.len() == 4 * CHUNK));
    let number = |header: &Bytes, at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    let (endless, second) = (wav_header(None), wav_header(Some(RATE)));
    assert_eq!((endless.len(), second.len()), (44, 44));
    assert_eq!((number(&endless, 4), number(&endless, 40)), (u32::MAX, u32::MAX));
    assert_eq!((number(&second, 4), number(&second, 24), number(&second, 40)), (192_036, 48_000, 192_000));
}

#[test]
fn a_recording_is_of_an_hour_of_the_past_at_most() {
    const NOW: i64 = 10_000_000;
    const HOUR: i64 = 3_600_000;
    let range = Range::new(NOW - HOUR, NOW, NOW).expect("an hour");
    assert_eq!(range.bytes(), 44 + 3_600 * 48_000 * 4);
    for ((from, to), field) in [
        ((-1, 5), "from"),
        ((5, 5), "to"),
        ((6, 5), "to"),
        ((NOW - 10, NOW + 1), "to"),
        ((NOW - HOUR - 1, NOW), "to"),
        ((i64::MIN, i64::MAX), "from"),
        ((0, i64::MAX), "to"),
    ] {
        let BadRange(wrong, _) = Range::new(from, to, NOW).expect_err("a bad range");
        assert_eq!(wrong, field, "{from} to {to}");
    }
}

/// As the program does with each.
async fn send(program: &Program, chunk: &Arc<Chunk>) {
    program::send(program.encode(chunk)).await;
}

#[tokio::test]
async fn listeners_share_the_bytes_and_a_format_without_them_is_not_encoded() {
    let program = Arc::new(Program::new("octocat/hello-world", "Hello"));
    let chunks: Vec<Arc<Chunk>> = storm(3).into_iter().map(Arc::new).collect();
    let join = |format| program.join(format).expect("an encoder").expect("on the air");
    let (mut one, mut other) = (join(Format::Mp3), join(Format::Mp3));
    for chunk in &chunks {
        send(&program, chunk).await;
    }
    for _ in &chunks {
        let (mine, theirs) = (one.recv().await.expect("a chunk"), other.recv().await.expect("a chunk"));
        assert_eq!((mine.as_ptr(), mine.len()), (theirs.as_ptr(), theirs.len()), "rendered once for all");
    }
    assert_eq!(program.listeners(), (vec!["mp3"], 2));
    let late = join(Format::Ogg);
    assert_eq!(late.first.len(), 1 + chunks.len(), "the header and a burst of what was played");
    drop((one, other));
    send(&program, &chunks[0]).await;
    assert_eq!(program.listeners(), (vec!["ogg"], 1), "nobody listens to the mp3 any more");
    drop(late);
    assert!(program.close_if_empty());
    assert!(program.join(Format::Mp3).expect("no failure").is_none(), "and then it is over");
}

#[tokio::test]
async fn a_listener_that_comes_while_a_piece_is_on_its_way_hears_it_once() {
    let program = Arc::new(Program::new("octocat/hello-world", "Hello"));
    let chunks: Vec<Arc<Chunk>> = storm(2).into_iter().map(Arc::new).collect();
    let first = program.join(Format::Wav).expect("an encoder").expect("on the air");
    let on_its_way = program.encode(&chunks[0]);
    let mut second = program.join(Format::Wav).expect("an encoder").expect("on the air");
    program::send(on_its_way).await;
    send(&program, &chunks[1]).await;
    assert_eq!(second.first.len(), 2, "the header, and the piece that was encoded already");
    assert_ne!(second.recv().await.expect("a chunk"), second.first[1], "which does not come again");
    drop(first);
}

#[tokio::test]
async fn a_crowd_of_listeners_on_many_rings_all_hear_the_same() {
    let program = Arc::new(Program::new("octocat/hello-world", "Hello"));
    let chunk = Arc::new(storm(1).remove(0));
    let mut all: Vec<_> =
        (0..300).map(|_| program.join(Format::Mp3).expect("an encoder").expect("on the air")).collect();
    send(&program, &chunk).await;
    let heard = all[0].recv().await.expect("a chunk");
    for place in &mut all[1..] {
        assert_eq!(place.recv().await.expect("a chunk"), heard);
    }
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_cut_and_nobody_waits_for_it() {
    let program = Arc::new(Program::new("octocat/hello-world", "Hello"));
    let chunk = Arc::new(storm(1).remove(0));
    let mut slow = program.join(Format::Wav).expect("an encoder").expect("on the air");
    for _ in 0..limits::RADIO_BEHIND_CHUNKS {
        send(&program, &chunk).await;
    }
    assert!(slow.recv().await.is_ok(), "as far as it may");
    send(&program, &chunk).await;
    send(&program, &chunk).await;
    assert!(matches!(slow.recv().await, Err(RecvError::Lagged(_))), "and no further");
}
