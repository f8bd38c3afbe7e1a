// Bytes on their way out, counted as they go.

/** What can be uploaded: all of it is at hand, so that it can be sent again. */
export type Bytes = Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

/** How far an upload is. */
export interface Progress {
  sent: number;
  total: number;
}

/** Small enough to be told often, large enough to cost nothing. */
const PIECE = 64 * 1024;

/** Whether fetch takes a stream here. Browsers do over HTTP/2 alone, and say so only when it is too late: they get all at once. */
export function streams(): boolean {
  return typeof document === "undefined" && typeof ReadableStream !== "undefined";
}

/** The bytes as a body that tells how far it was read. Where fetch takes no streams, only the beginning and the end are told. */
export function counted(bytes: Bytes, told: (progress: Progress) => void): () => BodyInit {
  const blob = bytes instanceof Blob ? bytes : new Blob([bytes]);
  return () => {
    let sent = 0;
    told({ sent, total: blob.size });
    if (!streams()) return blob;
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (sent >= blob.size) return controller.close();
          const piece = new Uint8Array(await blob.slice(sent, sent + PIECE).arrayBuffer());
          controller.enqueue(piece);
          sent += piece.length;
          told({ sent, total: blob.size });
        },
      },
      { highWaterMark: 0 },
    );
  };
}
