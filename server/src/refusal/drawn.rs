//! Nothing that was sent comes back, whatever it was.

use std::collections::HashMap;

use axum::extract::Query;
use axum::response::IntoResponse;
use kernel::Entropy;
use serde_json::{Map, Value, json};

use super::tests::{Guest, Listed, Mark, Of, Room, Then, json_of, told};

/// Draws bodies in which every value is marked, and so is every name that is not short and plain.
struct Draw {
    entropy: Entropy,
    /// What must not come back.
    sent: Vec<String>,
}

impl Draw {
    fn mark(&mut self) -> String {
        let mark = format!("zq{}", self.entropy.token(5));
        self.sent.push(mark.clone());
        mark
    }

    /// Texts that read like ours.
    fn text(&mut self) -> String {
        let mark = self.mark();
        let forms = [
            "{}",
            "\"{}",
            "x`, expected `{}",
            "x`, expected one of `{}`, `y`",
            "missing field `{}`",
            "\", expected {}",
            "a: {}",
            "{}: invalid type: null, expected {}",
            "x: unknown field `{}`, expected `y`",
            "x` to a `{}",
            "\n{}\u{1}",
            "é{}",
            "invalid digit found in string {}",
            "{} at line 3 column 4",
            "x: missing field `{}` at line 1 column 2",
        ];
        forms[self.entropy.below(forms.len() as u64) as usize].replace("{}", &mark)
    }

    fn name(&mut self) -> String {
        let ours = [
            "name", "kind", "people", "limit", "open", "weight", "marks", "of", "then", "pair", "id", "at", "do", "ms",
            "why",
        ];
        match self.entropy.below(10) {
            0 => format!("{}{}", "a".repeat(40), self.mark()),
            1 | 2 => format!(" {}", self.text()),
            3 => "short-1".to_owned(),
            _ => ours[self.entropy.below(ours.len() as u64) as usize].to_owned(),
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.entropy.below(if depth == 0 { 5 } else { 8 }) {
            0 => Value::Null,
            1 => json!(self.entropy.below(2) == 0),
            2 => {
                let number = 10_000_000_000 + self.entropy.below(1 << 60) as i64;
                self.sent.push(number.to_string());
                json!(if self.entropy.below(2) == 0 { number } else { -number })
            }
            3 => {
                let number = 1_000_000 + self.entropy.below(1 << 30);
                self.sent.push(number.to_string());
                json!(number as f64 + 0.5)
            }
            4 => json!(self.text()),
            5 => (0..self.entropy.below(3)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let members = (0..self.entropy.below(4)).map(|_| (self.name(), self.value(depth - 1)));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// A room as it should be, but for one or two of its fields.
    fn room(&mut self) -> Value {
        let mut room = json!({ "name": "a", "people": [{ "id": 1 }], "marks": { "a": { "at": 1 } }, "then": { "do": "wait", "ms": 1 } });
        for _ in 0..=self.entropy.below(2) {
            let at = [
                "/name",
                "/people",
                "/people/0",
                "/people/0/id",
                "/marks",
                "/marks/a",
                "/marks/a/at",
                "/then",
                "/then/do",
                "/then/ms",
            ];
            let at = at[self.entropy.below(at.len() as u64) as usize];
            let value = self.value(3);
            if self.entropy.below(4) == 0 {
                room[self.name()] = value;
            } else if let Some(place) = room.pointer_mut(at) {
                *place = value;
            }
        }
        room
    }
}

#[tokio::test]
async fn nothing_that_was_sent_comes_back() {
    let given = std::env::var("MAINSPRING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Entropy::system().u64());
    println!("MAINSPRING_SEED={seed}");
    let entropy = Entropy::seeded(seed);
    let (mut refused, mut told_where) = (0, 0);
    for round in 0..6_000 {
        let mut draw = Draw { entropy: entropy.clone(), sent: Vec::new() };
        let room = if round % 3 == 0 { draw.value(4) } else { draw.room() };
        let mut body = room.to_string();
        if round % 5 == 0 {
            // Cut, or joined with something else.
            let cut =
                body.char_indices().nth(entropy.below(body.chars().count() as u64) as usize).map_or(0, |(at, _)| at);
            body.truncate(cut);
            body.push_str(["", "}", "\"", ",", "\\"][entropy.below(5) as usize]);
        }
        let text = draw.text();
        let query =
            format!("/?{}={}", ["limit", "open", "kind", "share", "after"][entropy.below(5) as usize], hex(&text));
        let query = Query::<Listed>::try_from_uri(&query.parse().expect("an address")).err();
        let query = match query {
            Some(refused) => Some(told(refused.into_response(), "none").await),
            None => None,
        };
        let answers = [
            json_of::<Room>(body.clone()).await,
            json_of::<HashMap<String, Mark>>(body.clone()).await,
            json_of::<Vec<Guest>>(body.clone()).await,
            json_of::<Then>(body.clone()).await,
            json_of::<Of>(body.clone()).await,
            query,
        ];
        for answer in answers.into_iter().flatten() {
            refused += 1;
            told_where += usize::from(answer.contains(" | "));
            let back = draw.sent.iter().find(|sent| answer.contains(sent.as_str()));
            assert!(back.is_none(), "{back:?} of {body}, {text}: {answer}");
        }
    }
    println!("{refused} refusals, {told_where} with the field");
    assert!(refused > 10_000 && told_where > 3_000, "{refused}, {told_where}: little was tried");
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
