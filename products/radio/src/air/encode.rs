//! Samples to bytes: WAV as it is, MP3 and Ogg Opus by libraries in Rust (docs/decisions/0005-audio-codecs.md).

use axum::http::HeaderValue;
use bytes::{BufMut, Bytes, BytesMut};
use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusDecoder, OpusEncoder, OpusHead, OpusTags};
use rusty_mp3::Mp3Encode;
use rusty_mp3::header::FrameHeader;

use crate::synth::{BLOCK, Block, RATE};

/// Samples of one chunk of the air, 240 ms: ten frames of MP3, twelve of Opus, and whole blocks.
pub(crate) const CHUNK: usize = 11_520;
const MP3_FRAME: usize = 1_152;
const OPUS_FRAME: usize = 960;
const MP3_KBPS: u32 = 192;
const OPUS_BPS: i32 = 128_000;
/// Of a packet's first byte: how many frames it holds (RFC 6716, 3.1). Zeros are one.
const CODE_BITS: u8 = 0b11;
/// Payload of an Ogg page, bytes: about five packets, so that a chunk is whole pages.
const PAGE_BYTES: usize = 1_500;
/// What a packet may decode to: nothing that we make comes near it. (−0.3 dBFS; the master's ceiling is −1.5.)
const OPUS_LOUDEST: f32 = 0.97;
/// What a WAV that has no end says of its length.
const ENDLESS: u32 = u32::MAX;
/// Two channels of 16 bits.
const FRAME_BYTES: u32 = 4;

/// What a player can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Mp3,
    Ogg,
    Wav,
}

impl Format {
    pub(crate) const ALL: [Self; 3] = [Self::Mp3, Self::Ogg, Self::Wav];

    /// By the ending of the address.
    pub(crate) fn named(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == ending)
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Wav => "wav",
        }
    }

    pub(crate) const fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "audio/ogg",
            Self::Wav => "audio/wav",
        })
    }
}

/// 240 ms of both channels.
pub(crate) struct Chunk {
    pub(crate) left: Vec<f32>,
    pub(crate) right: Vec<f32>,
}

impl Chunk {
    /// Fills a chunk with what `next` makes.
    pub(crate) fn of(mut next: impl FnMut() -> Block) -> Self {
        let mut chunk = Self { left: Vec::with_capacity(CHUNK), right: Vec::with_capacity(CHUNK) };
        for _ in 0..CHUNK / BLOCK {
            let block = next();
            chunk.left.extend_from_slice(&block.left);
            chunk.right.extend_from_slice(&block.right);
        }
        chunk
    }

    /// As 16-bit samples, both channels in turn, little-endian.
    pub(crate) fn pcm(&self) -> Bytes {
        pcm(&self.left, &self.right)
    }
}

pub(crate) fn pcm(left: &[f32], right: &[f32]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(left.len() * FRAME_BYTES as usize);
    for (left, right) in left.iter().zip(right) {
        bytes.put_i16_le((left * 32_767.0) as i16);
        bytes.put_i16_le((right * 32_767.0) as i16);
    }
    bytes.freeze()
}

/// The 44 bytes before `frames` samples of both channels; before those of an endless stream without a number.
pub(crate) fn wav_header(frames: Option<u32>) -> Bytes {
    let data = frames.map_or(ENDLESS, |frames| frames * FRAME_BYTES);
    let mut bytes = BytesMut::with_capacity(44);
    bytes.put_slice(b"RIFF");
    bytes.put_u32_le(data.saturating_add(36));
    bytes.put_slice(b"WAVEfmt ");
    bytes.put_u32_le(16);
    bytes.put_u16_le(1);
    bytes.put_u16_le(2);
    bytes.put_u32_le(RATE);
    bytes.put_u32_le(RATE * FRAME_BYTES);
    bytes.put_u16_le(4);
    bytes.put_u16_le(16);
    bytes.put_slice(b"data");
    bytes.put_u32_le(data);
    bytes.freeze()
}

/// The encoder of one station in one format.
pub(crate) enum Encoder {
    Wav,
    Mp3 { header: FrameHeader, encoder: Box<Mp3Encode> },
    Ogg(Box<Opus>),
}

/// Opus in Ogg; the writer's sink is emptied after every chunk.
pub(crate) struct Opus {
    encoder: OpusEncoder,
    pages: OggOpusWriter<Vec<u8>>,
    packet: Vec<u8>,
    interleaved: Vec<f32>,
    head: Bytes,
    /// Listens to every packet before anybody else does: once in some ten minutes of a live station, `opus-pure` 0.2 wrote one
    /// that decodes to a crack at five times full scale, from a sound far below it.
    ear: OpusDecoder,
    heard: Vec<f32>,
    pub(super) loudest: f32,
}

/// The library refused what it is built to take.
#[derive(Debug, thiserror::Error)]
#[error("the sound could not be encoded: {0}")]
pub(crate) struct EncodeError(String);

fn failed(error: impl std::fmt::Display) -> EncodeError {
    EncodeError(error.to_string())
}

impl Encoder {
    /// A new stream; `title` is what Ogg players show.
    pub(crate) fn new(format: Format, title: &str) -> Result<Self, EncodeError> {
        Ok(match format {
            Format::Wav => Self::Wav,
            Format::Mp3 => {
                let header = rusty_mp3::encoder_header(RATE, 2, MP3_KBPS).map_err(failed)?;
                Self::Mp3 { header, encoder: Box::new(Mp3Encode::new()) }
            }
            Format::Ogg => Self::Ogg(Box::new(Opus::new(title).map_err(failed)?)),
        })
    }

    /// What a listener gets before the first chunk, whenever it comes.
    pub(crate) fn opening(&self) -> Bytes {
        match self {
            Self::Wav => wav_header(None),
            // Every frame stands for itself (no bit reservoir): any of them is a beginning.
            Self::Mp3 { .. } => Bytes::new(),
            Self::Ogg(opus) => opus.head.clone(),
        }
    }

    /// A chunk as whole frames or pages.
    pub(crate) fn encode(&mut self, chunk: &Chunk) -> Result<Bytes, EncodeError> {
        match self {
            Self::Wav => Ok(chunk.pcm()),
            Self::Mp3 { header, encoder } => {
                let mut bytes = BytesMut::with_capacity(CHUNK / 2);
                for (left, right) in chunk.left.chunks_exact(MP3_FRAME).zip(chunk.right.chunks_exact(MP3_FRAME)) {
                    bytes.extend_from_slice(&encoder.encode_frame(header, &[left, right], None).map_err(failed)?);
                }
                Ok(bytes.freeze())
            }
            Self::Ogg(opus) => opus.encode(chunk).map_err(failed),
        }
    }
}

impl Opus {
    fn sounds_right(&mut self, bytes: usize) -> bool {
        let decoded = self.ear.decode(&self.packet[..bytes], OPUS_FRAME, &mut self.heard);
        decoded.is_ok() && self.heard.iter().all(|sample| sample.abs() < self.loudest)
    }

    fn new(title: &str) -> opus_pure::Result<Self> {
        let mut encoder = OpusEncoder::new(RATE as i32, 2, Application::Audio)?;
        encoder.bitrate_bps = OPUS_BPS;
        // The analysis above 5 tells speech from music: we know which it is.
        encoder.complexity = 5;
        let mut tags = OpusTags::new();
        tags.push("TITLE", title)?;
        let opus_head = OpusHead::for_encoder(&encoder, RATE);
        let ear = opus_head.decoder(RATE as i32)?;
        let mut pages = OggOpusWriter::with_tags(Vec::new(), opus_head, tags)?;
        pages.set_page_target(PAGE_BYTES);
        let head = pages.get_mut().map(std::mem::take).unwrap_or_default().into();
        let interleaved = Vec::with_capacity(2 * OPUS_FRAME);
        let (packet, heard) = (vec![0; MAX_PACKET_BYTES], vec![0.0; 2 * OPUS_FRAME]);
        Ok(Self { encoder, pages, packet, interleaved, head, ear, heard, loudest: OPUS_LOUDEST })
    }

    fn encode(&mut self, chunk: &Chunk) -> opus_pure::Result<Bytes> {
        for (left, right) in chunk.left.chunks_exact(OPUS_FRAME).zip(chunk.right.chunks_exact(OPUS_FRAME)) {
            self.interleaved.clear();
            self.interleaved.extend(left.iter().zip(right).flat_map(|(left, right)| [*left, *right]));
            let mut bytes = self.encoder.encode(&self.interleaved, OPUS_FRAME, &mut self.packet)?;
            if !self.sounds_right(bytes) {
                metrics::counter!("radio_opus_cracks_total").increment(1);
                // Again, by an encoder that remembers nothing; and a packet without a frame if that is no better, which
                // every decoder conceals.
                self.encoder.reset_state()?;
                self.ear.reset_state()?;
                bytes = self.encoder.encode(&self.interleaved, OPUS_FRAME, &mut self.packet)?;
                if !self.sounds_right(bytes) {
                    self.ear.reset_state()?;
                    bytes = 1;
                    self.packet[0] &= !CODE_BITS;
                }
            }
            self.pages.write_packet(&self.packet[..bytes])?;
        }
        Ok(self.pages.get_mut().map(std::mem::take).unwrap_or_default().into())
    }
}
