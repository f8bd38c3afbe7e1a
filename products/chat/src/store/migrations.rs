//! The tables of this product.

use ::store::Migration;

use super::{avatars, counts, files, hidden, notify, pulse, whereabouts};

/// Appended to, never changed.
pub(crate) const MIGRATIONS: &[Migration] = &[
    ROOMS,
    files::MADE,
    counts::MADE,
    notify::TABLES,
    notify::REFUSALS,
    notify::WRITTEN,
    avatars::MADE,
    hidden::MADE,
    whereabouts::MADE,
    pulse::MADE,
    whereabouts::AS_OF,
];

const ROOMS: Migration = Migration {
    part: "chat",
    version: 1,
    // `top` is the last number that the room's log gave out: messages, edits, reactions, receipts and members share one order. A
    // direct room has the two people, sorted, in `pair`: so there is one for each two, whoever begins it. The index of words follows the
    // messages in their own transaction, by triggers where the engine does not do so by itself: no act can forget it.
    sql: "-- expands
CREATE TABLE chat_rooms (
    room TEXT NOT NULL PRIMARY KEY,
    pair TEXT,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    top BIGINT NOT NULL,
    last_message BIGINT,
    messages BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    made_at_ms BIGINT NOT NULL,
    last_at_ms BIGINT NOT NULL,
    removed BIGINT NOT NULL
);
CREATE UNIQUE INDEX chat_rooms_pair ON chat_rooms (pair);
CREATE INDEX chat_rooms_last ON chat_rooms (last_at_ms, room);
CREATE TABLE chat_members (
    room TEXT NOT NULL,
    person TEXT NOT NULL,
    role TEXT NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    read_seq BIGINT NOT NULL,
    delivered_seq BIGINT NOT NULL,
    muted_until_ms BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    PRIMARY KEY (room, person)
);
CREATE INDEX chat_members_person ON chat_members (person, room);
CREATE TABLE chat_messages (
    id BIGSERIAL PRIMARY KEY,
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    sender TEXT NOT NULL,
    client_id TEXT NOT NULL,
    content TEXT NOT NULL,
    words TEXT NOT NULL,
    reply_to BIGINT,
    mentions TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    edited_at_ms BIGINT,
    deleted BIGINT NOT NULL
);
CREATE UNIQUE INDEX chat_messages_seq ON chat_messages (room, seq);
CREATE UNIQUE INDEX chat_messages_client ON chat_messages (room, sender, client_id);
CREATE INDEX chat_messages_at ON chat_messages (at_ms);
CREATE TABLE chat_mentions (
    person TEXT NOT NULL,
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (person, room, seq)
);
CREATE INDEX chat_mentions_message ON chat_mentions (room, seq);
CREATE TABLE chat_reactions (
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    emoji TEXT NOT NULL,
    person TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (room, seq, emoji, person)
);
CREATE TABLE chat_pins (
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    person TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (room, seq)
);
CREATE TABLE chat_replies (
    person TEXT NOT NULL,
    shortcut TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (person, shortcut)
);
CREATE TABLE chat_settings (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE chat_log (
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    message BIGINT,
    data TEXT NOT NULL,
    PRIMARY KEY (room, seq)
);

-- only sqlite
CREATE VIRTUAL TABLE chat_words USING fts5(words, content='chat_messages', content_rowid='id',
    tokenize='unicode61 remove_diacritics 0');
CREATE TRIGGER chat_words_added AFTER INSERT ON chat_messages BEGIN
    INSERT INTO chat_words (rowid, words) VALUES (new.id, new.words);
END;
CREATE TRIGGER chat_words_removed AFTER DELETE ON chat_messages BEGIN
    INSERT INTO chat_words (chat_words, rowid, words) VALUES ('delete', old.id, old.words);
END;
CREATE TRIGGER chat_words_changed AFTER UPDATE OF words ON chat_messages BEGIN
    INSERT INTO chat_words (chat_words, rowid, words) VALUES ('delete', old.id, old.words);
    INSERT INTO chat_words (rowid, words) VALUES (new.id, new.words);
END;
-- only postgres
CREATE INDEX chat_words ON chat_messages USING GIN (array_to_tsvector(string_to_array(words, ' ')));
-- both
",
};

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn an_older_process_may_go_on_beside_these_tables() {
        assert!(MIGRATIONS.iter().all(|step| step.sql.starts_with("-- expands\n")), "else it says why here");
    }
}
