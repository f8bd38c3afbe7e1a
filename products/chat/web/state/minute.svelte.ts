// The time, for what is said of it in words: it goes on by itself.

class Minute {
  now = $state(Date.now());

  constructor() {
    setInterval(() => (this.now = Date.now()), 20_000);
  }
}

export const minute = new Minute();
