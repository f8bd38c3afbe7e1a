//! Opens pictures that strangers made: few at a time, on threads that nobody else waits for, within bounds that are checked before
//! anything is unpacked.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbaImage};
use kernel::limits;
use tokio::sync::Semaphore;

use crate::model::{self, Form, GIF, JPEG, PNG, WEBP};

/// How well what is made here looks as JPEG, of 100.
const QUALITY: u8 = 80;

/// The places of those that this process opens, whoever sent them.
static PLACES: Semaphore = Semaphore::const_new(limits::CHAT_PICTURES);

/// A picture that was opened.
pub(crate) struct Picture {
    /// As it is shown, turned as its camera was.
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// The picture without what its camera wrote into it.
    pub(crate) bare: Bytes,
    /// The picture made small and anew, and what that is.
    pub(crate) preview: Bytes,
    pub(crate) preview_form: Form,
}

/// Why a picture was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Shut {
    /// It is no picture of the form that it begins as.
    #[error("no picture")]
    Broken,
    /// More pixels than are opened.
    #[error("a picture of too many pixels")]
    TooLarge,
}

/// Opens a picture when it is its turn. Whoever stops waiting gives no place away: the work ends first.
pub(crate) async fn open(form: Form, bytes: Bytes) -> Result<Picture, Shut> {
    in_turn(move || opened(form, &bytes)).await
}

/// Makes a picture of somebody when it is its turn: the middle of it, of [`limits::CHAT_AVATAR_SIDE`], without anything else that was in it;
/// and what that is.
pub(crate) async fn avatar(form: Form, bytes: Bytes) -> Result<(Bytes, Form), Shut> {
    in_turn(move || face(form, &bytes)).await
}

async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T, Shut> + Send + 'static) -> Result<T, Shut> {
    let place = PLACES.acquire().await.map_err(|_| Shut::Broken)?;
    let opened = tokio::task::spawn_blocking(move || {
        let opened = work();
        drop(place);
        opened
    });
    // A decoder that panics has met a picture that is none.
    opened.await.unwrap_or(Err(Shut::Broken))
}

/// The pixels of a picture that is within the bounds, and how they are to be turned.
fn decoded(form: Form, bytes: &[u8]) -> Result<(DynamicImage, Orientation), Shut> {
    let format = match form {
        JPEG => ImageFormat::Jpeg,
        PNG => ImageFormat::Png,
        GIF => ImageFormat::Gif,
        WEBP => ImageFormat::WebP,
        _ => return Err(Shut::Broken),
    };
    let mut bounds = Limits::default();
    bounds.max_image_width = Some(limits::CHAT_PICTURE_SIDE);
    bounds.max_image_height = Some(limits::CHAT_PICTURE_SIDE);
    bounds.max_alloc = Some(limits::CHAT_PICTURE_MEMORY_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(|error| shut(&error))?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    // A progressive JPEG is held as coefficients, two bytes each, until its last pass: no bound of the decoder counts them.
    let passes = if form == JPEG { pixels.saturating_mul(2 * model::progressive(bytes)) } else { 0 };
    let memory = decoder.total_bytes().saturating_add(passes);
    if pixels > limits::CHAT_PICTURE_PIXELS || memory > limits::CHAT_PICTURE_MEMORY_BYTES {
        return Err(Shut::TooLarge);
    }
    // In a PNG file, where hardly anybody writes it, it is left out with the rest.
    let turned = decoder.orientation().ok().filter(|_| form != PNG).unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder).map_err(|error| shut(&error))?, turned))
}

fn opened(form: Form, bytes: &[u8]) -> Result<Picture, Shut> {
    let (whole, turned) = decoded(form, bytes)?;
    let (width, height) = (whole.width(), whole.height());
    let mut small = shrunk(&whole);
    small.apply_orientation(turned);
    let (preview, preview_form) = written(&small).ok_or(Shut::Broken)?;
    let bare = model::bare(form, bytes, turned.to_exif()).ok_or(Shut::Broken)?;
    let on_its_side = matches!(
        turned,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    );
    let (width, height) = if on_its_side { (height, width) } else { (width, height) };
    Ok(Picture { width, height, bare: bare.into(), preview, preview_form })
}

fn face(form: Form, bytes: &[u8]) -> Result<(Bytes, Form), Shut> {
    let (whole, turned) = decoded(form, bytes)?;
    let side = whole.width().min(whole.height());
    if side == 0 {
        return Err(Shut::Broken);
    }
    // The middle is looked at where it is: nothing as large as the picture is made of it.
    let middle = imageops::crop_imm(&whole, (whole.width() - side) / 2, (whole.height() - side) / 2, side, side);
    let to = limits::CHAT_AVATAR_SIDE;
    let mut small = DynamicImage::from(if side > to {
        imageops::thumbnail(&*middle, to, to)
    } else {
        imageops::resize(&*middle, to, to, FilterType::Triangle)
    });
    small.apply_orientation(turned);
    let mut colours = small.to_rgba8();
    if is_seen_through(&colours) {
        colours.pixels_mut().for_each(|pixel| pixel.0[..3].iter_mut().for_each(coarse));
    }
    written(&colours.into()).ok_or(Shut::Broken)
}

/// The encoder of WebP loses nothing: without the last two bits, which nobody sees, a picture takes about half.
fn coarse(channel: &mut u8) {
    *channel = channel.saturating_add(2) & !3;
}

fn is_seen_through(colours: &RgbaImage) -> bool {
    colours.pixels().any(|pixel| pixel.0[3] != u8::MAX)
}

fn shut(error: &image::ImageError) -> Shut {
    if matches!(error, image::ImageError::Limits(_)) { Shut::TooLarge } else { Shut::Broken }
}

/// Not larger than it is, and not without a side.
fn shrunk(picture: &DynamicImage) -> DynamicImage {
    let side = limits::CHAT_PREVIEW_SIDE;
    if picture.width() <= side && picture.height() <= side { picture.clone() } else { picture.thumbnail(side, side) }
}

/// JPEG, or WebP for what one sees through. Pixels are all there is in it.
fn written(picture: &DynamicImage) -> Option<(Bytes, Form)> {
    let mut out = Vec::new();
    let colours = picture.to_rgba8();
    if is_seen_through(&colours) {
        colours.write_with_encoder(WebPEncoder::new_lossless(&mut out)).ok()?;
        return Some((out.into(), WEBP));
    }
    picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY)).ok()?;
    Some((out.into(), JPEG))
}
