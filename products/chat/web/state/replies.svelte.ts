// The person's quick replies.

import type { QuickReply } from "../contract";
import { server } from "./server";

class Replies {
  all = $state.raw<QuickReply[]>([]);

  async read(): Promise<void> {
    try {
      this.all = (await server.replies()).items;
    } catch {
      // None are offered until they can be read.
    }
  }

  async keep(shortcut: string, content: string): Promise<void> {
    await server.keepReply(shortcut, content);
    await this.read();
  }

  async drop(shortcut: string): Promise<void> {
    await server.dropReply(shortcut);
    await this.read();
  }
}

export const replies = new Replies();
