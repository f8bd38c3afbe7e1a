/**
 * Paints the scene. Everything is drawn anew each frame from what the phrases say, so nothing flickers or burns in:
 * soft sprites for light, thin lines for the threads between notes, and a centre that breathes.
 */
import { MOOD_RGB, type Rgb } from "../mood";
import type { Mood } from "../phrase";
import { FIFTHS, fifthOf, glow } from "./circle";
import { paintRipple } from "./ripples";
import { THREADS_MAX, type Bloom, type Place, type Scene, type Thread, type Veil } from "./scene";

export interface View {
  width: number;
  height: number;
  x: number;
  y: number;
  /** Radius of the rim, in CSS pixels. */
  radius: number;
  theme: "dark" | "light";
  /** No rotation, no drift, no breathing: notes only brighten and fade. */
  still: boolean;
}

export interface Brush {
  g: CanvasRenderingContext2D;
  view: View;
  turn: number;
  sprite(mood: Mood): HTMLCanvasElement;
  colour(mood: Mood, alpha: number): string;
  at(place: Place): { x: number; y: number };
}

const SPRITE_PX = 256;
/** One turn of the circle, in seconds. */
const TURN_S = 540;
/** A breath in and out, in seconds. */
const BREATH_S = 9;
const MOOD_FADE_MS = 3500;
/** Two places nearer than this share of the rim are the same pitch. */
const REPEAT_SHARE = 0.13;

export class Painter {
  #g: CanvasRenderingContext2D;
  #sprites = new Map<string, HTMLCanvasElement>();
  #level = 0;

  constructor(canvas: HTMLCanvasElement) {
    this.#g = canvas.getContext("2d")!;
  }

  /** `now` on the performance clock, `level` the loudness of this moment. */
  paint(scene: Scene, view: View, now: number, level: number, pixelRatio: number): void {
    const g = this.#g;
    g.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
    g.clearRect(0, 0, view.width, view.height);
    // Loudness moves the light slowly: an eye wants no flutter.
    this.#level += (Math.min(1, level * 3) - this.#level) * 0.08;
    const turn = view.still ? 0 : ((now / 1000) * 2 * Math.PI) / TURN_S;
    const brush: Brush = {
      g, view, turn,
      sprite: (mood) => this.#sprite(view.theme, MOOD_RGB[view.theme][mood]),
      colour: (mood, alpha) => `rgba(${MOOD_RGB[view.theme][mood].join(",")},${alpha.toFixed(4)})`,
      at: ({ angle, radius }) => ({
        x: view.x + Math.cos(angle + turn) * radius * view.radius,
        y: view.y + Math.sin(angle + turn) * radius * view.radius,
      }),
    };
    g.globalCompositeOperation = view.theme === "dark" ? "lighter" : "source-over";
    this.#aura(brush, scene, now);
    circle(brush, scene);
    scene.threads.forEach((thread, i) => paintThread(brush, thread, scene.threads.length - i, now));
    for (const veil of scene.veils) paintVeil(brush, veil, now);
    for (const bloom of scene.blooms) paintBloom(brush, bloom, now);
    for (const ripple of scene.ripples) paintRipple(brush, ripple, now);
    g.globalAlpha = 1;
  }

  /** The light of the centre: the mood of the last phrase, breathing. */
  #aura(brush: Brush, scene: Scene, now: number): void {
    const { view } = brush;
    const breath = view.still ? 0.5 : 0.5 - 0.5 * Math.cos(((now / 1000) * 2 * Math.PI) / BREATH_S);
    const turned = Math.min(1, Math.max(0, (now - scene.moodSince) / MOOD_FADE_MS));
    const base = view.theme === "dark" ? 0.17 : 0.12;
    const strength = base + 0.035 * breath + 0.1 * this.#level;
    const size = view.radius * (2.5 + 0.12 * breath + 0.3 * this.#level);
    for (const [mood, share] of [[scene.previousMood, 1 - turned], [scene.mood, turned]] as const) {
      if (share <= 0.01) continue;
      blot(brush, mood, view.x, view.y, size, strength * share);
      blot(brush, mood, view.x, view.y, size * 0.36, strength * share * 0.9);
    }
  }

  /** A soft round light of one colour, made once. */
  #sprite(theme: string, [r, green, b]: Rgb): HTMLCanvasElement {
    const name = `${theme} ${r},${green},${b}`;
    const known = this.#sprites.get(name);
    if (known) return known;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SPRITE_PX;
    const g = canvas.getContext("2d")!;
    const half = SPRITE_PX / 2;
    const light = g.createRadialGradient(half, half, 0, half, half, half);
    // A Gaussian in ten steps: linear stops would show a ring at the rim.
    for (let i = 0; i <= 10; i++) {
      const t = i / 10;
      const alpha = (Math.exp(-4.2 * t * t) - Math.exp(-4.2)) / (1 - Math.exp(-4.2));
      light.addColorStop(t, `rgba(${r},${green},${b},${alpha})`);
    }
    g.fillStyle = light;
    g.fillRect(0, 0, SPRITE_PX, SPRITE_PX);
    this.#sprites.set(name, canvas);
    return canvas;
  }
}

/** A light of `size` pixels across. */
export function blot({ g, sprite }: Brush, mood: Mood, x: number, y: number, size: number, alpha: number): void {
  if (alpha <= 0.003) return;
  g.globalAlpha = Math.min(1, alpha);
  g.drawImage(sprite(mood), x - size / 2, y - size / 2, size, size);
}

/** The twelve names on the rim; the scale of the last phrase is lit, its tonic most. */
function circle(brush: Brush, scene: Scene): void {
  // Without a key there is nothing to read on it: the list of stations shows the light alone.
  if (scene.key === "") return;
  const { g, view } = brush;
  const ink = view.theme === "dark" ? "200,208,224" : "60,68,84";
  g.globalAlpha = 1;
  g.lineWidth = 1;
  for (const radius of [0.42, 0.7, 1]) {
    g.strokeStyle = `rgba(${ink},${radius === 1 ? 0.1 : 0.05})`;
    g.beginPath();
    g.arc(view.x, view.y, view.radius * radius, 0, 2 * Math.PI);
    g.stroke();
  }
  const lit = new Set(scene.scale.map(fifthOf));
  const tonic = fifthOf(scene.key);
  const size = Math.max(10, Math.min(14, view.radius / 24));
  g.textAlign = "center";
  g.textBaseline = "middle";
  FIFTHS.forEach((name, i) => {
    const angle = (i / 12) * 2 * Math.PI - Math.PI / 2;
    const { x, y } = brush.at({ angle, radius: 1.085 });
    const alpha = i === tonic ? 0.95 : lit.has(i) ? 0.62 : 0.2;
    g.font = `${i === tonic ? 600 : 400} ${size}px system-ui, sans-serif`;
    g.fillStyle = lit.has(i) ? brush.colour(scene.mood, alpha) : `rgba(${ink},${alpha})`;
    g.fillText(name.replace("#", "♯").replace(/b$/, "♭"), x, y);
    const dot = brush.at({ angle, radius: 1 });
    g.beginPath();
    g.arc(dot.x, dot.y, i === tonic ? 2.4 : 1.4, 0, 2 * Math.PI);
    g.fill();
  });
}

/** How far a place has drifted outwards after `age` seconds, like smoke. */
function drifted(place: Place, age: number, still: boolean): Place {
  return still ? place : { angle: place.angle + age * 0.004, radius: place.radius * (1 + 0.016 * age) };
}

function paintBloom(brush: Brush, bloom: Bloom, now: number): void {
  const age = (now - bloom.at) / 1000;
  const light = glow(age, bloom.opens_s, bloom.held_s, bloom.afterglow_s);
  if (light <= 0.004) return;
  const { view } = brush;
  const { x, y } = brush.at(drifted(bloom, age, view.still));
  const spread = view.still ? 1.3 : 1 + 0.28 * Math.min(6, age);
  const size = view.radius * (0.12 + 0.16 * bloom.strength);
  const dark = view.theme === "dark";
  blot(brush, bloom.mood, x, y, size * 2.5 * spread, light * bloom.strength * (dark ? 0.3 : 0.24));
  blot(brush, bloom.mood, x, y, size * 0.95 * Math.sqrt(spread), light * bloom.strength * (dark ? 0.52 : 0.6));
  // The heart of the note burns only while it sounds.
  const heart = glow(age, bloom.opens_s, bloom.held_s, 1.1);
  brush.g.globalAlpha = Math.min(1, heart * 0.9);
  brush.g.fillStyle = dark ? "#ffffff" : brush.colour(bloom.mood, 1);
  brush.g.beginPath();
  brush.g.arc(x, y, 1.2 + 2.6 * bloom.strength * heart, 0, 2 * Math.PI);
  brush.g.fill();
}

/** A chord lies over the field as veils from the centre to its notes, which run into one another. */
function paintVeil(brush: Brush, veil: Veil, now: number): void {
  const age = (now - veil.at) / 1000;
  const light = glow(age, 0.9, veil.held_s, veil.afterglow_s);
  if (light <= 0.004) return;
  const { g, view } = brush;
  g.globalAlpha = light * (0.1 + 0.3 * veil.strength) * (view.theme === "dark" ? 1 : 0.85);
  for (const place of veil.places) {
    const length = view.radius * (place.radius + 0.35);
    const width = view.radius * (view.still ? 0.5 : 0.46 + 0.03 * Math.min(4, age));
    g.save();
    g.translate(view.x, view.y);
    g.rotate(place.angle + brush.turn);
    g.drawImage(brush.sprite(veil.mood), -length * 0.12, -width / 2, length * 1.12, width);
    g.restore();
  }
}

/** The melody's line: bright behind the sounding note, later a constellation that the sky keeps for a while. */
function paintThread(brush: Brush, thread: Thread, rank: number, now: number): void {
  const { g, view } = brush;
  const remembered = 0.2 * (1 - (rank - 1) / THREADS_MAX) ** 1.5;
  const sinceEnd = (now - thread.ends) / 1000;
  const fresh = now < thread.at ? 0 : Math.exp(-Math.max(0, sinceEnd) / 5);
  const alpha = remembered + (0.5 - remembered) * fresh;
  if (now < thread.at || alpha < 0.01) return;

  g.globalAlpha = 1;
  g.lineWidth = 1.1;
  g.strokeStyle = brush.colour(thread.mood, alpha);
  g.beginPath();
  const [first, ...rest] = thread.points;
  let from = brush.at(first!);
  g.moveTo(from.x, from.y);
  for (const [i, point] of rest.entries()) {
    const started = thread.points[i]!.at;
    // The line travels to the next note and arrives with it.
    const share = Math.min(1, Math.max(0, (now - started) / Math.max(1, point.at - started)));
    if (share <= 0) break;
    const to = brush.at(point);
    const end = { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
    // A repeated note is one place: a line would only be a scratch there.
    if (Math.hypot(to.x - from.x, to.y - from.y) < view.radius * REPEAT_SHARE) {
      g.moveTo(to.x, to.y);
      from = to;
      continue;
    }
    // Bent towards the centre, as strings between pins on a ring hang.
    const bend = 0.22;
    g.quadraticCurveTo(
      (from.x + end.x) / 2 + (view.x - (from.x + end.x) / 2) * bend,
      (from.y + end.y) / 2 + (view.y - (from.y + end.y) / 2) * bend,
      end.x, end.y,
    );
    from = to;
    if (share < 1) break;
  }
  g.stroke();
  g.fillStyle = brush.colour(thread.mood, Math.min(1, alpha * 2));
  for (const point of thread.points) {
    if (now < point.at) break;
    const { x, y } = brush.at(point);
    g.beginPath();
    g.arc(x, y, 0.9 + point.strength, 0, 2 * Math.PI);
    g.fill();
  }
}

