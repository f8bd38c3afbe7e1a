//! A decoder of Fossil deltas, from the description of the format alone.

/// The text that the delta makes of `old`; a panic where it is none.
pub(crate) fn apply(old: &str, delta: &str) -> String {
    let (mut rest, mut new) = (delta.as_bytes(), Vec::new());
    let length = take_number(&mut rest);
    assert_eq!(take(&mut rest), b'\n');
    loop {
        let value = take_number(&mut rest);
        match take(&mut rest) {
            b'@' => {
                let from = take_number(&mut rest);
                assert_eq!(take(&mut rest), b',');
                new.extend_from_slice(&old.as_bytes()[from..from + value]);
            }
            b':' => {
                new.extend_from_slice(&rest[..value]);
                rest = &rest[value..];
            }
            b';' => {
                let mut sum = [0_u64; 4];
                new.iter().enumerate().for_each(|(at, byte)| sum[at % 4] += u64::from(*byte));
                let sum = (sum[0] << 24) + (sum[1] << 16) + (sum[2] << 8) + sum[3];
                assert_eq!((value, length), ((sum % (1 << 32)) as usize, new.len()));
                assert!(rest.is_empty(), "nothing comes behind the end");
                return String::from_utf8(new).expect("text");
            }
            other => panic!("no command: {other}"),
        }
    }
}

fn take(rest: &mut &[u8]) -> u8 {
    let (first, behind) = rest.split_first().expect("a delta that ends with its checksum");
    *rest = behind;
    *first
}

fn take_number(rest: &mut &[u8]) -> usize {
    let mut number = 0;
    while let Some(digit) = rest.first().and_then(|byte| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'Z' => Some(byte - b'A' + 10),
        b'_' => Some(36),
        b'a'..=b'z' => Some(byte - b'a' + 37),
        b'~' => Some(63),
        _ => None,
    }) {
        number = number * 64 + usize::from(digit);
        *rest = &rest[1..];
    }
    number
}
