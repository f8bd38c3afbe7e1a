/** The stations that were open in this browser, newest first. */
import { nameProblem } from "../names";

const KEPT_AS = "mainspring.radio.stations";
const KEPT_MAX = 8;

export function remembered(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one): one is string => typeof one === "string" && nameProblem(one) === null) : [];
  } catch {
    // Storage may be switched off or hold something else: then nothing is remembered.
    return [];
  }
}

export function remember(name: string): void {
  const others = remembered().filter((one) => one.toLowerCase() !== name.toLowerCase());
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify([name, ...others].slice(0, KEPT_MAX)));
  } catch {
    // As above.
  }
}
