//! Where a picture of somebody, or of a room, is read. Each picture has an address of its own: what was read under one never changes.

/// The address of a picture, beside that of this server.
pub(crate) fn avatar_path(id: &str) -> String {
    format!("/api/v1/chat/avatars/{id}")
}
