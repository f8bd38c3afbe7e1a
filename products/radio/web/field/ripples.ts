/** The cats to the eye: small rings on the water, each kind in its own manner. */
import type { Ripple } from "./scene";
import { glow } from "./circle";
import { blot, type Brush } from "./painter";

const RINGS = 3;
const GOLDEN_ANGLE = 2.399963;

export function paintRipple(brush: Brush, ripple: Ripple, now: number): void {
  const age = (now - ripple.at) / 1000;
  if (age <= 0) return;
  switch (ripple.sound) {
    case "purr":
    case "purr_pad":
      return purr(brush, ripple, age);
    case "kneading":
      return kneading(brush, ripple, age);
    case "hiss":
      return motes(brush, ripple, age);
    default:
      return rings(brush, ripple, age);
  }
}

function ring(brush: Brush, ripple: Ripple, x: number, y: number, radius: number, alpha: number): void {
  if (alpha < 0.01) return;
  const { g } = brush;
  g.globalAlpha = 1;
  g.lineWidth = 1.2;
  g.strokeStyle = brush.colour(ripple.mood, alpha);
  g.beginPath();
  g.arc(x, y, radius, 0, 2 * Math.PI);
  g.stroke();
}

/** A voice: three rings that open one after the other. */
function rings(brush: Brush, ripple: Ripple, age: number): void {
  const { x, y } = brush.at(ripple);
  const reach = brush.view.radius * (0.1 + 0.1 * ripple.strength);
  for (let i = 0; i < RINGS; i++) {
    const since = age - i * 0.16;
    const alpha = 0.75 * glow(since, 0.1, ripple.held_s * 0.4, ripple.afterglow_s) * (1 - i * 0.22);
    const open = brush.view.still ? 0.4 + i * 0.2 : 1 - Math.exp(-1.6 * Math.max(0, since));
    ring(brush, ripple, x, y, 3 + reach * open, alpha);
  }
}

/** A warmth in the middle, trembling a little as long as it lasts. */
function purr(brush: Brush, ripple: Ripple, age: number): void {
  const { view } = brush;
  const alpha = glow(age, 0.8, ripple.held_s, ripple.afterglow_s) * ripple.strength;
  const tremble = view.still ? 0 : Math.sin(age * 4 * 2 * Math.PI) * 0.012;
  blot(brush, ripple.mood, view.x, view.y, view.radius * (0.62 + tremble), alpha * 0.4);
  ring(brush, ripple, view.x, view.y, view.radius * (0.16 + tremble), alpha * 0.5);
}

/** Two paws beside the centre, pressing in turn. */
function kneading(brush: Brush, ripple: Ripple, age: number): void {
  const { view } = brush;
  const hold = glow(age, 0.3, ripple.held_s, 0.8) * ripple.strength;
  const step = Math.floor(age / ripple.beat_s);
  const within = (age % ripple.beat_s) / ripple.beat_s;
  for (const side of [0, 1]) {
    const press = view.still ? 0.5 : step % 2 === side ? Math.sin(Math.PI * Math.min(1, within * 1.15)) : 0;
    const x = view.x + (side === 0 ? -1 : 1) * view.radius * 0.075;
    blot(brush, ripple.mood, x, view.y + press * view.radius * 0.012, view.radius * (0.1 + 0.05 * press), hold * (0.35 + 1.2 * press));
  }
}

/** A breath: motes that scatter and are gone. */
function motes(brush: Brush, ripple: Ripple, age: number): void {
  const { g, view } = brush;
  const alpha = glow(age, 0.15, ripple.held_s * 0.5, ripple.afterglow_s);
  if (alpha < 0.01) return;
  const centre = brush.at(ripple);
  g.globalAlpha = Math.min(1, alpha * 0.8);
  g.fillStyle = brush.colour(ripple.mood, 1);
  for (let i = 0; i < 16; i++) {
    const far = view.radius * 0.16 * Math.sqrt((i + 1) / 16) * (view.still ? 0.8 : 1 - Math.exp(-1.5 * age));
    g.beginPath();
    g.arc(centre.x + Math.cos(i * GOLDEN_ANGLE) * far, centre.y + Math.sin(i * GOLDEN_ANGLE) * far, 1.1, 0, 2 * Math.PI);
    g.fill();
  }
}
