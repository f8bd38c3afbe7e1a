//! Who is in one channel of this process. No lock, no clock.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Present;

#[derive(Default)]
pub(crate) struct Crowd {
    clients: HashMap<Arc<str>, Arc<Present>>,
    /// How many clients each person has here.
    people: HashMap<Arc<str>, usize>,
}

impl Crowd {
    pub(crate) fn get(&self, client: &str) -> Option<&Arc<Present>> {
        self.clients.get(client)
    }

    pub(crate) fn join(&mut self, present: Arc<Present>) {
        self.leave(&present.client);
        *self.people.entry(present.person.clone()).or_default() += 1;
        self.clients.insert(present.client.clone(), present);
    }

    pub(crate) fn leave(&mut self, client: &str) -> Option<Arc<Present>> {
        let present = self.clients.remove(client)?;
        if let Some(count) = self.people.get_mut(&present.person) {
            *count -= 1;
            if *count == 0 {
                self.people.remove(&present.person);
            }
        }
        Some(present)
    }

    pub(crate) fn clients(&self) -> impl ExactSizeIterator<Item = &Arc<Present>> {
        self.clients.values()
    }

    pub(crate) fn people(&self) -> impl ExactSizeIterator<Item = &Arc<str>> {
        self.people.keys()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn people_are_counted_by_their_clients() {
        let mut crowd = Crowd::default();
        let present = |client: &str, person: &str| {
            Arc::new(Present { client: client.into(), person: person.into(), info: Bytes::new() })
        };
        crowd.join(present("a", "one"));
        crowd.join(present("b", "one"));
        crowd.join(present("a", "two"));
        assert_eq!((crowd.clients().len(), crowd.people().len()), (2, 2), "a client that is somebody else now");
        assert!(crowd.leave("b").is_some() && crowd.leave("b").is_none());
        assert_eq!(crowd.people().map(|person| &**person).collect::<Vec<_>>(), ["two"]);
        crowd.leave("a");
        assert_eq!((crowd.clients().len(), crowd.people().len()), (0, 0));
    }
}
