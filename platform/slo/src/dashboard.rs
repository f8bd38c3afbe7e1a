//! The same objectives, and what stands behind them, as a dashboard of Grafana.

use serde_json::{Value, json};

use crate::objective::{ALL, WINDOW_DAYS};
use crate::promql::{plain, recorded_share};

/// A panel's place: 24 columns a row.
struct Place {
    x: u32,
    y: u32,
    w: u32,
    h: u32,
}

/// What a panel shows: expressions with the names of their lines.
type Lines<'a> = &'a [(&'a str, &'a str)];

/// A panel: its title, its unit, its lines.
type Shown = (&'static str, &'static str, Lines<'static>);

/// Rows of panels: each a title, a unit, and its lines. `R` stands for the window of a rate.
const ROWS: &[(&str, &[Shown])] = &[
    (
        "Requests",
        &[
            (
                "Requests by status",
                "reqps",
                &[(
                    "sum by (status_class) (rate(http_server_request_duration_seconds_count{$of}[R]))",
                    "{{status_class}}",
                )],
            ),
            (
                "Slowest routes, 99th percentile",
                "s",
                &[(
                    "topk(8, histogram_quantile(0.99, sum by (le, route) (rate(http_server_request_duration_seconds_bucket{$of}[R]))))",
                    "{{route}}",
                )],
            ),
        ],
    ),
    (
        "Webhooks",
        &[
            (
                "Deliveries by verdict",
                "reqps",
                &[("sum by (result) (rate(webhook_ingest_total{$of}[R]))", "{{result}}")],
            ),
            (
                "From arrival to answer, and to done",
                "s",
                &[
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(webhook_ingest_seconds_bucket{$of}[R])))",
                        "answered, p99",
                    ),
                    (
                        "histogram_quantile(0.5, sum by (le) (rate(webhook_ingest_to_done_seconds_bucket{$of}[R])))",
                        "done, p50",
                    ),
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(webhook_ingest_to_done_seconds_bucket{$of}[R])))",
                        "done, p99",
                    ),
                ],
            ),
        ],
    ),
    (
        "Jobs",
        &[
            ("Jobs by state", "short", &[("sum by (state) (jobs{$of})", "{{state}}")]),
            ("Attempts by outcome", "ops", &[("sum by (outcome) (rate(jobs_total{$of}[R]))", "{{outcome}}")]),
            (
                "Waiting and running, 99th percentile",
                "s",
                &[
                    ("histogram_quantile(0.99, sum by (le) (rate(jobs_wait_seconds_bucket{$of}[R])))", "waiting"),
                    ("histogram_quantile(0.99, sum by (le) (rate(jobs_run_seconds_bucket{$of}[R])))", "running"),
                ],
            ),
        ],
    ),
    (
        "Realtime",
        &[
            (
                "Connections and subscriptions",
                "short",
                &[
                    ("sum(realtime_connections{$of})", "connections"),
                    ("sum(realtime_subscriptions{$of})", "subscriptions"),
                ],
            ),
            (
                "Messages",
                "cps",
                &[
                    ("sum(rate(realtime_publications_total{$of}[R]))", "published"),
                    ("sum(rate(realtime_deliveries_total{$of}[R]))", "delivered"),
                    ("sum(rate(events_appended_total{$of}[R]))", "events appended"),
                ],
            ),
        ],
    ),
    (
        "Store and process",
        &[
            (
                "Commits",
                "s",
                &[("histogram_quantile(0.99, sum by (le) (rate(store_commit_seconds_bucket{$of}[R])))", "p99")],
            ),
            (
                "Size",
                "bytes",
                &[
                    ("sum(store_size_bytes{$of})", "database"),
                    ("sum(store_wal_bytes{$of})", "write-ahead log"),
                    ("sum(process_resident_memory_bytes{$of})", "memory"),
                ],
            ),
            (
                "Database server",
                "short",
                &[
                    ("sum(store_connections{$of})", "connections"),
                    ("sum(store_waiting_writes{$of})", "writes that wait"),
                    ("sum(store_waiting_reads{$of})", "reads that wait"),
                    ("max(store_oldest_transaction_seconds{$of})", "seconds of its oldest transaction"),
                ],
            ),
            ("Processor", "percentunit", &[("sum(rate(process_cpu_seconds_total{$of}[R]))", "of a core")]),
            (
                "Runtime",
                "short",
                &[
                    ("sum(tokio_alive_tasks{$of})", "tasks"),
                    ("sum(tokio_global_queue_depth{$of})", "tasks that wait"),
                    ("sum(process_open_fds{$of})", "open files"),
                ],
            ),
        ],
    ),
];

/// A dashboard for Grafana's import, as JSON.
pub fn dashboard() -> String {
    let mut panels = Vec::new();
    let mut y = objectives(&mut panels);
    for (title, row) in ROWS {
        panels.push(head(title, y, panels.len()));
        y += 1;
        let w = 24 / row.len() as u32;
        for (i, (title, unit, lines)) in row.iter().enumerate() {
            let place = Place { x: w * i as u32, y, w, h: 8 };
            let lines: Vec<_> = lines
                .iter()
                .map(|(expr, name)| {
                    let of = "job=~\"$job\",instance=~\"$instance\"";
                    (expr.replace("$of", of).replace("[R]", "[$__rate_interval]"), (*name).to_owned())
                })
                .collect();
            panels.push(panel("timeseries", title, unit, &place, &lines, panels.len()));
        }
        y += 8;
    }
    let board = json!({
        "title": "Mainspring",
        "uid": "mainspring",
        "description": "Made by `mainspring ops dashboard`; `cargo xtask generate` writes it again.",
        "tags": ["mainspring"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "refresh": "30s",
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "",
        "templating": { "list": [
            { "name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus" },
            variable("job", "label_values(build_info{version=~\".+\"}, job)"),
            variable("instance", "label_values(build_info{job=~\"$job\"}, instance)"),
        ] },
        "panels": panels,
    });
    let mut text = serde_json::to_string_pretty(&board).unwrap_or_default();
    text.push('\n');
    text
}

/// The budgets and their burns. Returns where the next row begins.
fn objectives(panels: &mut Vec<Value>) -> u32 {
    panels.push(head("Objectives", 0, 0));
    let left = ("mainspring:slo_budget_left:ratio30d{objective=~\".+\"}".to_owned(), "{{objective}}".to_owned());
    let mut gauge = panel(
        "bargauge",
        &format!("Budget left of {WINDOW_DAYS} days"),
        "percentunit",
        &Place { x: 0, y: 1, w: 8, h: 9 },
        &[left],
        1,
    );
    gauge["fieldConfig"]["defaults"]["min"] = json!(0);
    gauge["fieldConfig"]["defaults"]["max"] = json!(1);
    gauge["fieldConfig"]["defaults"]["thresholds"] = json!({ "mode": "absolute", "steps": [
        { "color": "red", "value": null }, { "color": "orange", "value": 0.1 }, { "color": "green", "value": 0.5 },
    ] });
    gauge["options"] =
        json!({ "orientation": "horizontal", "displayMode": "lcd", "reduceOptions": { "calcs": ["lastNotNull"] } });
    panels.push(gauge);
    let burns: Vec<_> = ALL
        .iter()
        .map(|objective| {
            let share = recorded_share(60);
            let expr = format!("{share}{{objective=\"{}\"}} / {}", objective.name, plain(objective.budget()));
            (expr, objective.title.to_owned())
        })
        .collect();
    panels.push(panel(
        "timeseries",
        "Burn over an hour (a page is above 14.4)",
        "none",
        &Place { x: 8, y: 1, w: 16, h: 9 },
        &burns,
        2,
    ));
    10
}

fn variable(name: &str, query: &str) -> Value {
    json!({
        "name": name, "type": "query", "query": query, "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "multi": true, "includeAll": true, "allValue": ".*", "refresh": 2, "current": { "text": "All", "value": "$__all" },
    })
}

fn head(title: &str, y: u32, id: usize) -> Value {
    json!({ "id": id + 1, "type": "row", "title": title, "collapsed": false, "panels": [],
        "gridPos": { "x": 0, "y": y, "w": 24, "h": 1 } })
}

fn panel(kind: &str, title: &str, unit: &str, place: &Place, lines: &[(String, String)], id: usize) -> Value {
    let letters = ('A'..='Z').map(String::from);
    let targets: Vec<Value> = lines
        .iter()
        .zip(letters)
        .map(|((expr, name), letter)| json!({ "refId": letter, "expr": expr, "legendFormat": name }))
        .collect();
    json!({
        "id": id + 1,
        "type": kind,
        "title": title,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "gridPos": { "x": place.x, "y": place.y, "w": place.w, "h": place.h },
        "fieldConfig": { "defaults": { "unit": unit, "min": 0 }, "overrides": [] },
        "options": {},
        "targets": targets,
    })
}
