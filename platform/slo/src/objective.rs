//! What is promised, as data: the same definitions feed the evaluation inside, the Prometheus rules and the dashboard.

/// The window over which a budget is counted, days.
pub const WINDOW_DAYS: i64 = 30;

/// One promise, and the figures that show whether it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// Stored with its minutes and its alerts: never changes.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What counts as good, in one sentence.
    pub good: &'static str,
    /// The share of good ones that is promised over [`WINDOW_DAYS`], percent.
    pub percent: f64,
    /// What to do when it burns, a file of this repository.
    pub runbook: &'static str,
    /// How it is measured.
    pub sli: Sli,
}

/// Where good and bad are counted. Every metric named here is one that the parts emit anyway.
#[derive(Clone, Copy, Debug)]
pub enum Sli {
    /// Of the observations of one metric, those that are good by their labels, and fast enough.
    Share {
        /// A counter, or a histogram in seconds.
        metric: &'static str,
        /// Which of its observations count at all.
        of: &'static [Match],
        /// Which of these are good.
        good: &'static [Match],
        /// A histogram's bucket: at most so many seconds are good.
        within_s: Option<f64>,
    },
    /// The bad ones are counted by another counter than all.
    Against {
        /// Counts all.
        all: &'static str,
        /// Counts the bad ones.
        bad: &'static str,
        /// Which of those.
        of: &'static [Match],
    },
}

/// A condition on one label. A label that is missing is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is one of these.
    Any(&'static str, &'static [&'static str]),
    /// It is none of these.
    None(&'static str, &'static [&'static str]),
    /// It begins with this.
    Begins(&'static str, &'static str),
}

impl Match {
    /// Whether the labels, asked for by name, fulfil it.
    pub fn holds<'a>(&self, label: impl Fn(&str) -> &'a str) -> bool {
        match self {
            Self::Any(name, values) => values.contains(&label(name)),
            Self::None(name, values) => !values.contains(&label(name)),
            Self::Begins(name, start) => label(name).starts_with(start),
        }
    }
}

impl Objective {
    /// The share that may be bad, `0.001` for 99.9 %.
    pub fn budget(&self) -> f64 {
        // By thousandths of a percent, so that 99.9 leaves 0.001 and not 0.00099999.
        ((100.0 - self.percent) * 1000.0).round() / 100_000.0
    }
}

const NOT_FAILED: Match = Match::None("status_class", &["5xx"]);
const API: Match = Match::Begins("route", "/api/");
/// Answered when there is something: how long that takes says nothing.
const NO_LONG_POLL: Match = Match::None("route", &["/api/v1/jobs/claim"]);
const REQUESTS: &str = "http_server_request_duration_seconds";

/// Every objective, in the order of the way of everything.
pub const ALL: &[Objective] = &[
    Objective {
        name: "api_availability",
        title: "API availability",
        good: "A request to /api/ is answered without a 5xx.",
        percent: 99.9,
        runbook: "docs/runbooks/api-availability.md",
        sli: Sli::Share { metric: REQUESTS, of: &[API], good: &[NOT_FAILED], within_s: None },
    },
    Objective {
        name: "api_latency",
        title: "API latency",
        good: "A request to /api/ that did not fail is answered within 250 ms.",
        percent: 99.0,
        runbook: "docs/runbooks/api-latency.md",
        sli: Sli::Share { metric: REQUESTS, of: &[API, NO_LONG_POLL, NOT_FAILED], good: &[], within_s: Some(0.25) },
    },
    Objective {
        name: "webhook_acknowledged",
        title: "Webhooks acknowledged",
        // The strictest senders (Slack, Discord) wait for 3 s.
        good: "A delivery is answered without a 5xx, within one second.",
        percent: 99.9,
        runbook: "docs/runbooks/webhook-acknowledged.md",
        sli: Sli::Share {
            metric: REQUESTS,
            of: &[Match::Begins("route", "/in/")],
            good: &[NOT_FAILED],
            within_s: Some(1.0),
        },
    },
    Objective {
        name: "webhook_end_to_end",
        title: "Webhooks done",
        good: "What a delivery caused is done within 60 s of its arrival.",
        percent: 99.0,
        runbook: "docs/runbooks/webhook-end-to-end.md",
        sli: Sli::Share { metric: "webhook_ingest_to_done_seconds", of: &[], good: &[], within_s: Some(60.0) },
    },
    Objective {
        name: "job_start",
        title: "Jobs start in time",
        good: "An attempt begins within 5 s of the time it was due.",
        percent: 99.0,
        runbook: "docs/runbooks/job-start.md",
        sli: Sli::Share { metric: "jobs_wait_seconds", of: &[], good: &[], within_s: Some(5.0) },
    },
    Objective {
        name: "job_outcome",
        title: "Jobs succeed",
        good: "A job that ends has done its work; it is not given up as a dead letter.",
        percent: 99.0,
        runbook: "docs/runbooks/job-outcome.md",
        sli: Sli::Share {
            metric: "jobs_total",
            of: &[Match::Any("outcome", &["completed", "discarded"])],
            good: &[Match::Any("outcome", &["completed"])],
            within_s: None,
        },
    },
    Objective {
        name: "realtime_delivery",
        title: "Realtime delivery",
        good: "A message is handed to its listener's connection, which need not be cut off for falling behind.",
        percent: 99.9,
        runbook: "docs/runbooks/realtime-delivery.md",
        sli: Sli::Against {
            all: "realtime_deliveries_total",
            bad: "realtime_disconnects_total",
            // Centrifuge: slow, write error, insufficient state.
            of: &[Match::Any("code", &["3008", "3009", "3010"])],
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_budgets_are_what_people_compute() {
        let mut names: Vec<_> = ALL.iter().map(|objective| objective.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
        let budgets: Vec<_> = ALL.iter().map(Objective::budget).collect();
        assert!(budgets.iter().all(|budget| [0.001, 0.01].contains(budget)), "{budgets:?}");
    }

    #[test]
    fn a_condition_reads_its_label() {
        let label = |name: &str| if name == "route" { "/api/v1/jobs" } else { "" };
        assert!(API.holds(label) && NOT_FAILED.holds(label) && NO_LONG_POLL.holds(label));
        assert!(!Match::Any("code", &["3008"]).holds(label));
        assert!(!API.holds(|_| "/in/github"));
    }
}
