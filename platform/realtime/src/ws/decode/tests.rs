use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1_000;

/// A client's frame with these first two header bits and this payload, in the shortest length form.
fn frame(fin: bool, opcode: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(fin) << 7 | opcode];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn text(payload: &str) -> Vec<u8> {
    frame(true, TEXT, [1, 2, 3, 4], payload.as_bytes())
}

/// Everything decoded of `bytes` when they arrive in pieces of `sizes` (again and again).
fn decode(bytes: &[u8], sizes: &[usize]) -> (VecDeque<Message>, Option<Disconnect>) {
    let (mut decoder, mut out) = (Decoder::default(), VecDeque::new());
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        let (piece, later) = rest.split_at(size);
        if let Err(why) = decoder.feed(&mut piece.to_vec(), LIMIT, &mut out) {
            return (out, Some(why));
        }
        rest = later;
    }
    assert!(decoder.tail.len() <= LIMIT + 14);
    (out, None)
}

fn refused(bytes: &[u8]) -> Option<u16> {
    let whole = decode(bytes, &[]).1;
    assert_eq!(decode(bytes, &[1]).1, whole, "however it is cut");
    whole.map(|why| why.code)
}

#[test]
fn control_frames_pass_between_fragments() {
    let mask = [9, 8, 7, 6];
    let bytes = [
        frame(false, TEXT, mask, "h\u{e9}".as_bytes().split_at(2).0),
        frame(true, PING, mask, b"now"),
        frame(false, CONTINUATION, mask, &"\u{e9}".as_bytes()[1..]),
        frame(true, CONTINUATION, mask, b"!"),
        frame(true, PONG, mask, b""),
        frame(true, CLOSE, mask, &[&3000u16.to_be_bytes()[..], b"bye"].concat()),
        text("ignored"),
    ]
    .concat();
    let expected =
        [Message::Ping(b"now".to_vec()), Message::Text("h\u{e9}!".into()), Message::Pong, Message::Close(3000)];
    for sizes in [&[][..], &[1], &[3, 7]] {
        assert_eq!(decode(&bytes, sizes), (expected_of(&expected), None));
    }
}

fn expected_of(messages: &[Message]) -> VecDeque<Message> {
    let copy = |message: &Message| match message {
        Message::Text(text) => Message::Text(text.clone()),
        Message::Ping(payload) => Message::Ping(payload.clone()),
        Message::Close(code) => Message::Close(*code),
        Message::Binary(bytes) => Message::Binary(bytes.clone()),
        Message::Pong => Message::Pong,
    };
    messages.iter().map(copy).collect()
}

#[test]
fn what_the_rfc_forbids_is_a_protocol_error() {
    let mask = [1; 4];
    let close = |payload: &[u8]| refused(&frame(true, CLOSE, mask, payload));
    assert_eq!(refused(&[0x81, 0x00]), Some(1002), "not masked");
    for reserved in [0x40, 0x20, 0x10] {
        assert_eq!(refused(&[0x81 | reserved, 0x80, 0, 0, 0, 0]), Some(1002), "reserved bit");
    }
    for opcode in [3, 7, 11, 15] {
        assert_eq!(refused(&frame(true, opcode, mask, b"")), Some(1002), "opcode {opcode}");
    }
    assert_eq!(refused(&frame(true, CONTINUATION, mask, b"")), Some(1002), "nothing to continue");
    assert_eq!(refused(&[frame(false, TEXT, mask, b"a"), text("b")].concat()), Some(1002), "a message in a message");
    assert_eq!(refused(&frame(false, PING, mask, b"")), Some(1002), "a ping in pieces");
    assert_eq!(refused(&frame(true, PING, mask, &[0; 126])), Some(1002), "a long ping");
    assert_eq!(refused(&[0x81, 0xfe, 0, 125]), Some(1002), "not the shortest form");
    assert_eq!(refused(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), Some(1002), "not the shortest form");
    assert_eq!(refused(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]), Some(1002), "a negative length");
    assert_eq!(close(&[3]), Some(1002), "half a code");
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert_eq!(close(&code.to_be_bytes()), Some(1002), "code {code}");
    }
    assert_eq!(close(&[0x03, 0xe8, 0xff]), Some(1007), "the reason is no text");
}

#[test]
fn bounds_hold_before_the_bytes_arrive() {
    assert_eq!(refused(&[0x81, 0xfe, 0x03, 0xe9]), Some(1009));
    assert_eq!(refused(&[0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]), Some(1009));
    assert_eq!(refused(&text(&"x".repeat(LIMIT))), None);
    let half = "x".repeat(LIMIT / 2 + 1);
    let halves = [frame(false, TEXT, [0; 4], half.as_bytes()), frame(true, CONTINUATION, [0; 4], half.as_bytes())];
    assert_eq!(refused(&halves.concat()), Some(1009));
}

#[test]
fn text_must_be_text() {
    assert_eq!(refused(&frame(true, TEXT, [1; 4], &[0xc3, 0x28])), Some(1007));
    assert_eq!(refused(&frame(true, TEXT, [1; 4], &[0xed, 0xa0, 0x80])), Some(1007), "a lone surrogate");
    assert_eq!(refused(&frame(true, BINARY, [1; 4], &[0xc3, 0x28])), None);
}

#[test]
fn an_idle_decoder_holds_no_memory() {
    let mut decoder = Decoder::default();
    let mut out = VecDeque::new();
    let bytes = text(&"x".repeat(500));
    decoder.feed(&mut bytes[..200].to_vec(), LIMIT, &mut out).expect("fine so far");
    assert_eq!(decoder.tail.capacity(), 200, "exactly what is there");
    decoder.feed(&mut bytes[200..].to_vec(), LIMIT, &mut out).expect("fine");
    assert_eq!((decoder.tail.capacity(), decoder.fragments.capacity(), out.len()), (0, 0, 1));
}

proptest! {
    #[test]
    fn messages_survive_any_cut(
        messages in prop::collection::vec(("\\PC{0,80}", any::<[u8; 4]>(), prop::collection::vec(0usize..40, 0..4)), 0..6),
        sizes in prop::collection::vec(1usize..50, 0..8),
    ) {
        let mut bytes = Vec::new();
        for (text, mask, cuts) in &messages {
            let (mut rest, mut opcode) = (text.as_bytes(), TEXT);
            for cut in cuts {
                let (piece, later) = rest.split_at((*cut).min(rest.len()));
                bytes.extend(frame(false, opcode, *mask, piece));
                (rest, opcode) = (later, CONTINUATION);
            }
            bytes.extend(frame(true, opcode, *mask, rest));
        }
        let expected = messages.into_iter().map(|(text, ..)| Message::Text(text)).collect();
        prop_assert_eq!(decode(&bytes, &sizes), (expected, None));
    }

    #[test]
    fn any_bytes_end_in_messages_or_a_code(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        sizes in prop::collection::vec(1usize..50, 0..8),
    ) {
        let (whole, in_pieces) = (decode(&bytes, &[]), decode(&bytes, &sizes));
        prop_assert_eq!(&whole, &in_pieces);
        prop_assert!(whole.1.is_none_or(|why| matches!(why.code, 1002 | 1007 | 1009)));
    }

    #[test]
    fn plausible_frames_end_in_messages_or_a_code(
        frames in prop::collection::vec((any::<bool>(), 0u8..16, any::<[u8; 4]>(), prop::collection::vec(any::<u8>(), 0..140)), 0..8),
        sizes in prop::collection::vec(1usize..50, 0..8),
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(fin, opcode, mask, payload)| frame(*fin, *opcode, *mask, payload)).collect();
        let (whole, in_pieces) = (decode(&bytes, &[]), decode(&bytes, &sizes));
        prop_assert_eq!(&whole, &in_pieces);
        prop_assert!(whole.1.is_none_or(|why| matches!(why.code, 1002 | 1007 | 1009)));
    }
}
