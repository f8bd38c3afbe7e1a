//! A channel as a stream, for readers that only listen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bus::{Position, Publication};
use futures_util::Stream;
use kernel::limits;

use crate::Caller;
use crate::broadcast::Broadcast;
use crate::channels::Ticket;
use crate::codes::Disconnect;
use crate::hub::{Core, Recovery};
use crate::members::{Member, Seat};
use crate::outbox::Outbox;

/// Between two heartbeats, seconds.
const BEAT_S: usize = 15;

/// The publications of one channel, first those that were asked for, then each as it comes.
///
/// It ends when the server shuts down, when its reader is too slow, or when a publication is missing: the reader comes
/// back with the offset of the last one that it got. It ends too with the right of its caller.
pub struct Feed {
    core: Arc<Core>,
    state: Arc<FeedState>,
    channel: Arc<str>,
    backlog: VecDeque<Arc<Publication>>,
    taken: VecDeque<Arc<Broadcast>>,
    /// Weight of what was handed out since the queue was told.
    handed_out: usize,
    top: Position,
    recovered: bool,
    _seat: Seat,
}

pub(crate) struct FeedState {
    pub(crate) id: u64,
    pub(crate) caller: Arc<Caller>,
    pub(crate) outbox: Outbox<Arc<Broadcast>>,
    beat: AtomicBool,
}

/// What a feed has for its reader.
pub(crate) enum Item {
    /// Of the history.
    Past(Arc<Publication>),
    /// Shared with everybody who reads the channel.
    Live(Arc<Broadcast>),
    /// Nothing for a while: time to show that the connection lives.
    Beat,
}

impl FeedState {
    /// Returns the seconds to the next.
    pub(crate) fn beat(&self) -> usize {
        self.beat.store(true, Ordering::Release);
        self.outbox.wake();
        BEAT_S
    }
}

impl Feed {
    /// Joins the channel; `settle` follows when the history has been read.
    pub(crate) fn join(core: &Arc<Core>, channel: &str, seat: Seat, caller: &Arc<Caller>, guarded: bool) -> Self {
        let state = Arc::new(FeedState {
            id: core.members.fresh_id(),
            caller: caller.clone(),
            outbox: Outbox::new(limits::REALTIME_QUEUE_BYTES),
            beat: AtomicBool::new(false),
        });
        let ticket = Ticket { caller: guarded.then(|| caller.clone()), ..Ticket::default() };
        let channel = core.channels.join(channel, Member::Feed(state.clone()), ticket);
        core.members.enter(Member::Feed(state.clone()), 1 + core.entropy.below(BEAT_S as u64) as usize);
        Self {
            core: core.clone(),
            state,
            channel,
            backlog: VecDeque::new(),
            taken: VecDeque::new(),
            handed_out: 0,
            top: Position { offset: 0, epoch: "".into() },
            recovered: false,
            _seat: seat,
        }
    }

    pub(crate) fn member(&self) -> Member {
        Member::Feed(self.state.clone())
    }

    /// Hears nothing of the channel, and is not told so.
    pub(crate) fn stay_outside(&self) {
        self.core.channels.leave(&self.channel, self.state.id);
    }

    /// Carries no more publications: what is left is a presence on the channel, which ends when its reader may no longer
    /// read the channel or the server drains.
    pub fn mute(&mut self) {
        self.core.channels.mute(&self.channel, self.state.id);
        self.backlog.clear();
    }

    /// Goes live behind what was recovered; without one, behind nothing.
    pub(crate) fn settle(&mut self, recovery: Option<Recovery>) {
        let top = recovery.as_ref().map(|recovery| recovery.top.clone());
        if let Some(recovery) = recovery {
            self.backlog = recovery.publications.into();
            (self.top, self.recovered) = (recovery.top, recovery.recovered);
        }
        self.core.members.is_in(self.state.id);
        self.core.channels.settle(&self.channel, self.state.id, top, || true);
        if self.core.is_draining() {
            self.state.outbox.close(Disconnect::SHUTDOWN);
        }
    }

    /// Whether the reader gets everything after the offset that it asked for. When not, it begins with the newest
    /// publications and should load the rest elsewhere.
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Where the channel was when this feed was opened; offset 0 and no epoch on a channel without history.
    pub fn top(&self) -> &Position {
        &self.top
    }

    /// Its reader may not hear even what waits.
    pub(crate) fn is_cut(&self) -> bool {
        self.state.outbox.given_up().is_some()
    }

    pub(crate) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if self.is_cut() {
            (self.backlog, self.taken) = Default::default();
            return Poll::Ready(None);
        }
        if let Some(publication) = self.backlog.pop_front() {
            return Poll::Ready(Some(Item::Past(publication)));
        }
        if self.taken.is_empty() {
            self.state.outbox.register(cx.waker());
            let closing = self.state.outbox.take(&mut self.taken, std::mem::take(&mut self.handed_out));
            if self.taken.is_empty() && closing.is_some() {
                return Poll::Ready(None);
            }
        }
        if let Some(broadcast) = self.taken.pop_front() {
            self.handed_out += broadcast.weight();
            return Poll::Ready(Some(Item::Live(broadcast)));
        }
        if self.state.beat.swap(false, Ordering::AcqRel) { Poll::Ready(Some(Item::Beat)) } else { Poll::Pending }
    }
}

impl Stream for Feed {
    type Item = Arc<Publication>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Arc<Publication>>> {
        loop {
            return match std::task::ready!(self.poll_item(cx)) {
                Some(Item::Past(publication)) => Poll::Ready(Some(publication)),
                Some(Item::Live(broadcast)) => Poll::Ready(Some(broadcast.publication.clone())),
                Some(Item::Beat) => continue,
                None => Poll::Ready(None),
            };
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.state.outbox.close(Disconnect::ABNORMAL);
        self.core.channels.leave(&self.channel, self.state.id);
        self.core.members.leave(self.state.id);
        self.core.gives_share(&self.member());
    }
}
