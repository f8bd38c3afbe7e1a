//! How much of a history one answer carries: not only so many publications, but so many bytes.

use std::sync::Arc;

use bus::Publication;
use kernel::limits;

use crate::hub::Recovery;

/// What is left of `limits::HISTORY_READ_BYTES` for one answer.
pub(crate) struct Portion(usize);

impl Portion {
    pub(crate) fn whole() -> Self {
        Self(limits::HISTORY_READ_BYTES)
    }

    /// Takes these, if there is room for all of them.
    pub(crate) fn has_room(&mut self, publications: &[Arc<Publication>]) -> bool {
        let bytes: usize = publications.iter().map(|publication| publication.bytes()).sum();
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }

    /// As far as there is room for a recovery; else its reader is told that it cannot be had, as where the history does not reach back.
    pub(crate) fn give(&mut self, recovery: &mut Recovery) {
        if !self.has_room(&recovery.publications) {
            recovery.publications.clear();
            recovery.recovered = false;
        }
    }
}

/// Leaves the first ones for which there is room in one answer: as where fewer were asked for. Never none, so that a reader gets on.
pub(crate) fn cut(publications: &mut Vec<Arc<Publication>>) {
    let mut portion = Portion::whole();
    let fit = publications.iter().take_while(|publication| portion.has_room(std::slice::from_ref(publication)));
    let fit = fit.count().max(1);
    publications.truncate(fit);
}
