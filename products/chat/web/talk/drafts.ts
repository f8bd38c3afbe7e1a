// What is half written in each room, while the page is open and over a reload.

const STORED_AS = "mainspring.chat.draft.";

export function draftOf(room: string): string {
  try {
    return sessionStorage.getItem(STORED_AS + room) ?? "";
  } catch {
    return "";
  }
}

export function keepDraft(room: string, text: string): void {
  try {
    if (text === "") sessionStorage.removeItem(STORED_AS + room);
    else sessionStorage.setItem(STORED_AS + room, text);
  } catch {
    // Without storage it lasts as long as the room is open.
  }
}
