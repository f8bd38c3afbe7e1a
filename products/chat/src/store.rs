//! The chat's SQL.

mod avatars;
mod counts;
mod figures;
mod files;
mod hidden;
mod log;
mod members;
mod messages;
mod migrations;
mod mine;
mod notify;
mod pins;
mod previews;
mod pulse;
mod reactions;
mod receipts;
mod roommates;
mod rooms;
mod search;
mod settings;
mod sweep;
mod whereabouts;

pub(crate) use avatars::{Avatar, avatar, avatars_of, expect_avatar, show_avatar, take_down};
pub(crate) use counts::{Counts, Day, count_more, days, forget_speakers, hours, spoke};
pub(crate) use figures::{Figures, RoomFigures, all_rooms, figures, room_figures, stored};
pub(crate) use files::{
    File, Kept, NewFile, Told, count_bytes, drop_files, expect_file, file, file_is_ready, forget, forget_days,
    give_file, give_up, lost,
};
pub(crate) use hidden::{hidden, hidden_by, hide, hides_picture, is_hidden, message_for, sender_for, unhide};
pub(crate) use log::{Entry, entry, keep, next, recent};
pub(crate) use members::{
    Member, Membership, add_member, how_many, member_ids, members, membership, move_receipt, remove_member, rooms_of,
    set_mine, set_role,
};
pub(crate) use messages::{
    Asked, Message, NewMessage, edit, erase, insert, mentions_of, message, messages, sent_before, sent_by, shortened,
};
pub(crate) use migrations::MIGRATIONS;
pub(crate) use mine::{QuickReply, drop_reply, put_reply, replies};
pub(crate) use notify::{
    Browser, Wishes, browser, browsers, browsers_of, digested, drop_browser, drop_browser_of, forgive_browser,
    keep_browser, keep_push_key, newest_unread, push_key, refuse_browser, wish, wishes,
};
pub(crate) use pins::{Pin, pin, pins, unpin};
pub(crate) use previews::{
    Known, Picture, Preview, drop_previews, expect_picture, forget_links, give_picture, know, known, picture,
    put_previews,
};
pub(crate) use pulse::{MINUTE_MS, Minute, messages_by_minute, note_online, online_by_minute};
pub(crate) use reactions::{Reaction, Reactor, emoji_under, put_reaction, reactions, reactors, take_reaction};
pub(crate) use receipts::{Of, Reached, reached, step, sweep_steps};
pub(crate) use roommates::{roommates, share_a_room};
pub(crate) use rooms::{
    LastMessage, Line, NewRoom, bump, change, create, direct_of, in_lists, line, lines, mark_removed, pair_of, room,
    unread_of, waits_since, written_about,
};
pub(crate) use search::{Found, Search, search};
pub(crate) use settings::{
    Directory, Settings, in_maintenance, is_counting, next_version, save, set_counting, settings,
};
pub(crate) use sweep::{Swept, sweep_old, sweep_room};
pub(crate) use whereabouts::{
    Hears, Seen, Whereabouts, discreet, forget_person, keep_heard, keep_said, known_of, known_of_all, newest_rooms,
    whereabouts,
};

use ::store::{FromValue, Row, StoreError};

use crate::model::Role;

/// A column that holds a role's word.
fn role(row: &Row<'_>, column: usize) -> Result<Role, StoreError> {
    struct Word(Role);
    impl FromValue for Word {
        fn from_value(value: ::store::Value<'_>) -> Option<Self> {
            String::from_value(value).and_then(|word| Role::of_word(&word)).map(Self)
        }
    }
    row.get::<Word>(column).map(|word| word.0)
}

/// A bound as a statement takes it.
fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
