//! What a text has become, told by what it was: Fossil's delta format (fossil-scm.org, "Fossil Delta Format").
//!
//! `{length}\n`, then commands, `{bytes}@{offset},` (copied from the text before) and `{bytes}:{text}` (as they are), and at the end
//! `{checksum};`. Numbers are in base 64 with digits of their own; lengths and offsets are bytes.
//!
//! It takes time in proportion to both texts, whatever is in them: what is before and behind a change is found first, and between, each
//! block of the old text has one place in a table, so that each place of the new one is compared with three others at most. Copies begin and end
//! between characters: then what is not copied is text as well, and the whole can be carried where only text can.

/// What is looked for, bytes: a shorter copy would save too little.
const BLOCK: usize = 16;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

/// Makes `new` of `old`.
pub(crate) fn delta(old: &str, new: &str) -> String {
    let mut script = Script { old: old.as_bytes(), new, told: 0, moved: 0, delta: String::with_capacity(64) };
    number(&mut script.delta, new.len());
    script.delta.push('\n');
    script.write();
    number(&mut script.delta, checksum(new.as_bytes()) as usize);
    script.delta.push(';');
    script.delta
}

struct Script<'a> {
    old: &'a [u8],
    new: &'a str,
    /// So much of `new` is in the delta.
    told: usize,
    /// From where the last copy went to where it was, wrapping.
    moved: usize,
    delta: String,
}

impl Script<'_> {
    fn write(&mut self) {
        let new = self.new.as_bytes();
        let before = common(self.old.iter().zip(new));
        self.copy(0, 0, before);
        let left = self.old.len().min(new.len()) - before;
        let behind = common(self.old.iter().rev().zip(new.iter().rev()).take(left));
        let end = new.len() - behind;
        self.between(end);
        self.copy(self.old.len() - behind, end, behind);
        self.insert(new.len());
    }

    /// What changed, up to `end`: blocks of the old text that are in it somewhere.
    fn between(&mut self, end: usize) {
        let new = self.new.as_bytes();
        if self.told + BLOCK > end || self.old.len() < BLOCK {
            return;
        }
        let blocks = Blocks::of(self.old);
        let behind = self.old.len().wrapping_sub(new.len());
        let mut at = self.told;
        while let Some(found) = block(&new[..end], at) {
            // As far from where it was as what comes before it, or as what comes last: or else anywhere.
            let places = [at.wrapping_add(self.moved), at.wrapping_add(behind)].into_iter().chain(blocks.find(found));
            let there = places.filter(|from| block(self.old, *from) == Some(found));
            let longest = there.map(|from| (common(self.old[from..].iter().zip(&new[at..end])), from)).max();
            let copied = longest.and_then(|(length, from)| {
                let back = common(self.old[..from].iter().rev().zip(new[self.told..at].iter().rev()));
                self.copy(from - back, at - back, back + length).then_some(at + length)
            });
            at = copied.unwrap_or(at + 1);
        }
    }

    /// `bytes` from `old` on are those from `new` on. Whether so many were whole characters that it was worth a copy.
    fn copy(&mut self, old: usize, new: usize, bytes: usize) -> bool {
        let (mut start, mut end) = (new, new + bytes);
        while start < end && !self.new.is_char_boundary(start) {
            start += 1;
        }
        while start < end && !self.new.is_char_boundary(end) {
            end -= 1;
        }
        if end - start < BLOCK / 2 {
            return false;
        }
        self.insert(start);
        number(&mut self.delta, end - start);
        self.delta.push('@');
        number(&mut self.delta, old + (start - new));
        self.delta.push(',');
        self.told = end;
        self.moved = old.wrapping_sub(new);
        true
    }

    /// What is not told of `new` up to `end`, as it is.
    fn insert(&mut self, end: usize) {
        if self.told < end {
            number(&mut self.delta, end - self.told);
            self.delta.push(':');
            self.delta.push_str(&self.new[self.told..end]);
            self.told = end;
        }
    }
}

/// Where the blocks of a text are: of those that share a place in the table, the first.
struct Blocks {
    /// The number of the block and one; 0 for none.
    table: Vec<u32>,
    shift: u32,
}

impl Blocks {
    fn of(text: &[u8]) -> Self {
        let bits = (text.len() / BLOCK * 2).next_power_of_two().max(2).ilog2();
        let mut blocks = Self { table: vec![0; 1 << bits], shift: 64 - bits };
        for (number, bytes) in (1..).zip(text.chunks_exact(BLOCK)) {
            if let Some(bytes) = bytes.first_chunk() {
                let place = blocks.place(bytes);
                if blocks.table[place] == 0 {
                    blocks.table[place] = number;
                }
            }
        }
        blocks
    }

    /// Where the block may be.
    fn find(&self, bytes: &[u8; BLOCK]) -> Option<usize> {
        Some((self.table[self.place(bytes)] as usize).checked_sub(1)? * BLOCK)
    }

    /// Multiplied by the golden ratio, the upper bits of a number depend on all of it.
    fn place(&self, bytes: &[u8; BLOCK]) -> usize {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let number = u128::from_le_bytes(*bytes);
        let folded = (number as u64).wrapping_mul(GOLDEN) ^ (number >> 64) as u64;
        (folded.wrapping_mul(GOLDEN) >> self.shift) as usize
    }
}

fn block(text: &[u8], at: usize) -> Option<&[u8; BLOCK]> {
    text.get(at..)?.first_chunk()
}

fn common<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(one, other)| one == other).count()
}

fn number(to: &mut String, mut value: usize) {
    let mut digits = [0; 11];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = DIGITS[value % 64];
        value /= 64;
        if value == 0 {
            break;
        }
    }
    to.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

/// The sum of its words of four bytes, the first byte the highest; the last is filled up with zeros.
fn checksum(text: &[u8]) -> u32 {
    let word = |bytes: &[u8]| {
        let mut word = [0; 4];
        word[..bytes.len()].copy_from_slice(bytes);
        u32::from_be_bytes(word)
    };
    text.chunks(4).fold(0, |sum, bytes| sum.wrapping_add(word(bytes)))
}

#[cfg(test)]
mod tests;
