//! Reads what `/metrics` says (Prometheus' text format, as this process writes it), so that a collector is told the same figures
//! from the same place: there is one recorder, and nothing is counted twice.

/// A metric with all its series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) series: Vec<Series>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// The figures of one set of labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Vec<(String, String)>,
    /// Of a counter or a gauge; the sum of a histogram.
    pub(crate) value: f64,
    /// Of a histogram: each upper bound but the infinite one, and how many observations are not above it.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// Of a histogram: all observations.
    pub(crate) count: u64,
}

/// The metrics of a text. What is not of the format, or of a kind that is never written, is left out.
pub(crate) fn read(text: &str) -> Vec<Family> {
    let (mut families, mut help): (Vec<Family>, _) = (Vec::new(), None);
    for line in text.lines() {
        if let Some((name, words)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            help = Some((name, unescaped(words)));
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let kind = match kind {
                "counter" => Kind::Counter,
                "gauge" => Kind::Gauge,
                "histogram" => Kind::Histogram,
                _ => continue,
            };
            let help = help.take().filter(|(of, _)| *of == name).map(|(_, words)| words).unwrap_or_default();
            families.push(Family { name: name.to_owned(), help, kind, series: Vec::new() });
        } else if let (Some(family), Some(sample)) = (families.last_mut(), sample(line)) {
            family.take(sample);
        }
    }
    families
}

struct Sample<'a> {
    name: &'a str,
    labels: Vec<(String, String)>,
    value: &'a str,
}

impl Family {
    fn take(&mut self, Sample { name, mut labels, value }: Sample<'_>) {
        let Some(suffix) = name.strip_prefix(&self.name) else { return };
        let bound = match self.kind {
            Kind::Histogram => labels.iter().position(|(name, _)| name == "le").map(|at| labels.remove(at).1),
            Kind::Counter | Kind::Gauge => None,
        };
        // The lines of one set of labels stand together.
        if self.series.last().is_none_or(|last| last.labels != labels) {
            self.series.push(Series { labels, ..Series::default() });
        }
        let Some(series) = self.series.last_mut() else { return };
        match (self.kind, suffix) {
            (Kind::Counter | Kind::Gauge, "") | (Kind::Histogram, "_sum") => {
                series.value = value.parse().unwrap_or_default();
            }
            (Kind::Histogram, "_count") => series.count = value.parse().unwrap_or_default(),
            (Kind::Histogram, "_bucket") => {
                let bound = bound.and_then(|bound| bound.parse().ok()).filter(|bound: &f64| bound.is_finite());
                series.buckets.extend(bound.zip(value.parse().ok()));
            }
            _ => {}
        }
    }
}

/// `name{label="value",…} figure`.
fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, behind) = rest.split_once("=\"")?;
            let end = closing(behind)?;
            labels.push((label.to_owned(), unescaped(&behind[..end])));
            rest = &behind[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    Some(Sample { name, labels, value: rest.trim() })
}

/// Where the first quote stands that is not escaped.
fn closing(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                other => plain.extend(other),
            },
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

    use super::*;

    fn family<'a>(families: &'a [Family], name: &str) -> &'a Family {
        families.iter().find(|family| family.name == name).expect("a metric")
    }

    #[test]
    fn what_the_recorder_writes_is_read_back() {
        let odd = "a \"quoted\", {braced} \\ and\nbroken";
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &[0.1, 1.0]);
        let recorder = builder.expect("buckets").build_recorder();
        let text = metrics::with_local_recorder(&recorder, || {
            metrics::describe_counter!("things_total", "Things\nby \\ what.");
            metrics::counter!("things_total", "what" => odd, "which" => "").increment(7);
            metrics::counter!("things_total", "what" => "plain", "which" => "b").increment(1 << 40);
            metrics::gauge!("level").set(-1.5);
            for seconds in [0.05, 0.1, 0.5, 30.0] {
                metrics::histogram!("took_seconds", "route" => "/a/{b}").record(seconds);
            }
            recorder.handle().run_upkeep();
            recorder.handle().render()
        });
        let families = read(&text);
        assert_eq!(families.len(), 3, "{text}");
        let things = family(&families, "things_total");
        assert_eq!((things.kind, things.help.as_str(), things.series.len()), (Kind::Counter, "Things\nby \\ what.", 2));
        let series = things.series.iter().find(|it| it.value == 7.0).expect("the odd one");
        let label = |name: &str| series.labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str());
        assert_eq!((label("what"), label("which")), (Some(odd), Some("")));
        assert_eq!(family(&families, "level").series, [Series { value: -1.5, ..Series::default() }]);
        let took = &family(&families, "took_seconds").series;
        assert_eq!(took.len(), 1);
        assert_eq!(took[0].labels, [("route".to_owned(), "/a/{b}".to_owned())]);
        assert_eq!((took[0].buckets.as_slice(), took[0].count), (&[(0.1, 2), (1.0, 3)][..], 4));
        assert!((took[0].value - 30.65).abs() < 1e-9);
    }

    #[test]
    fn what_is_not_of_the_format_is_left_out() {
        for broken in
            ["x", "x{", "x{a=\"b", "x{a=\"b\\\"} 1", "{} {", "# TYPE x summary\nx{quantile=\"0\"} 1", "\u{1F431}", ""]
        {
            let families = read(&format!("# TYPE x counter\n{broken}\n"));
            assert!(families.iter().all(|family| family.name == "x"), "{broken}: {families:?}");
        }
        assert!(read("a_total 5\n").is_empty(), "a figure of nothing");
    }
}
