// Objectives and alerts as the server answers them, and the words and sizes they are shown with. Pure.

export type Severity = "page" | "ticket";
export type AlertState = "open" | "acknowledged" | "resolved";

export interface Counts {
  bad: number;
  total: number;
}

export interface Objective extends Counts {
  name: string;
  title: string;
  good: string;
  percent: number;
  window_days: number;
  runbook: string;
  /** 1 untouched, 0 spent, negative overspent. */
  budget_left: number;
  burns: (Counts & { minutes: number; burn: number })[];
  days: (Counts & { at_ms: number })[];
  alert: Severity | null;
  silenced_until_ms: number | null;
}

export interface Alert extends Counts {
  id: string;
  objective: string;
  severity: Severity;
  state: AlertState;
  opened_at_ms: number;
  fired_at_ms: number;
  acknowledged_at_ms: number | null;
  resolved_at_ms: number | null;
  long_min: number;
  short_min: number;
  threshold: number;
  long_burn: number;
  short_burn: number;
}

export interface Standing {
  word: string;
  tone: "ok" | "warn" | "bad" | "quiet";
}

/** How an objective stands, in a word: an alert first, then the budget, then whether anything happened at all. */
export function standing(objective: Objective): Standing {
  if (objective.alert === "page") return { word: "Burning", tone: "bad" };
  if (objective.budget_left <= 0) return { word: "Budget spent", tone: "bad" };
  if (objective.alert === "ticket") return { word: "Leaking", tone: "warn" };
  if (objective.total === 0) return { word: "No traffic", tone: "quiet" };
  return { word: "In order", tone: "ok" };
}

/** The promised share of bad ones: 0.001 for 99.9 %. */
export function budget(objective: Objective): number {
  return Math.round((100 - objective.percent) * 1000) / 100_000;
}

/** How many times faster than allowed these spend the budget. */
export function burn(objective: Objective, counts: Counts): number {
  return counts.bad === 0 ? 0 : counts.bad / Math.max(counts.total, counts.bad) / budget(objective);
}

/** "0", "0.4×", "14.5×", "1,000×". */
export function times(value: number): string {
  if (value === 0) return "0×";
  if (value < 0.05) return "<0.1×";
  return value < 99.95 ? `${value.toFixed(1).replace(/\.0$/, "")}×` : `${Math.round(value).toLocaleString("en")}×`;
}

/** "5 min", "6 h", "3 d". */
export function span(minutes: number): string {
  if (minutes % 1440 === 0) return `${minutes / 1440} d`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`;
}

/** "100 %", "99.97 %", "0 %", "−130 %": what is left, never rounded up to all of it. */
export function leftWords(left: number): string {
  if (left === 1) return "100 %";
  const points = left * 100;
  const shown = Math.abs(points) >= 99.5 || Math.abs(points) < 9.95 ? Math.floor(points * 100) / 100 : Math.floor(points * 10) / 10;
  return `${String(shown).replace("-", "−")} %`;
}

export interface Bar {
  /** Share of the full height. */
  height: number;
  tone: "none" | "ok" | "warn" | "bad";
  atMs: number;
  counts: Counts;
}

/** A bar a day: what it spent of its own share of the budget, cut at three times as much. */
export function bars(objective: Objective): Bar[] {
  return objective.days.map((day) => {
    const spent = burn(objective, day);
    const tone = day.total === 0 ? "none" : spent > 3 ? "bad" : spent > 1 ? "warn" : "ok";
    return { height: day.total === 0 ? 0 : Math.max(0.06, Math.min(1, spent / 3)), tone, atMs: day.at_ms, counts: day };
  });
}

/** One sentence about an alert. */
export function sentence(alert: Alert): string {
  const counted = `${alert.bad.toLocaleString("en")} bad of ${alert.total.toLocaleString("en")} in ${span(alert.long_min)}`;
  return `Spends its budget ${times(alert.long_burn)} too fast: ${counted}.`;
}

/** The alerts that are not over, those that page first. */
export function standingOf(alerts: Alert[]): Alert[] {
  const loud = (alert: Alert): number => (alert.severity === "page" ? 0 : 1);
  return alerts.filter((alert) => alert.state !== "resolved").sort((a, b) => loud(a) - loud(b));
}

/** The page's own sentence. */
export function summary(objectives: Objective[], alerts: Alert[]): string {
  const open = standingOf(alerts).length;
  if (open === 1) return "One alert stands";
  if (open > 1) return `${open} alerts stand`;
  const spent = objectives.filter((objective) => objective.budget_left <= 0).length;
  if (spent > 0) return spent === 1 ? "One budget is spent" : `${spent} budgets are spent`;
  return "Every promise is kept";
}
