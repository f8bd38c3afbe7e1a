//! The `OTEL_*` variables, as OpenTelemetry's specification describes them; what is not here is not followed.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use kernel::{Secret, TraceId};

use crate::telemetry::fields::Said;

/// Where one signal goes.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) url: Secret,
    /// Marked sensitive: they hold the collector's key.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) timeout: Duration,
    pub(crate) resource: Vec<(String, Said)>,
}

/// Where traces go and which.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    pub(crate) door: Door,
    /// How long a span waits for others.
    pub(crate) delay: Duration,
    pub(crate) sampler: Sampler,
}

/// Where metrics go and when.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pub(crate) door: Door,
    /// From one export to the next.
    pub(crate) every: Duration,
}

/// Which traces are kept: the same answer for every span of a trace, in every process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    ratio: f64,
    /// Whether a trusted caller's own decision counts.
    parent_based: bool,
}

impl Sampler {
    /// `caller` is what the caller decided, when it is one that we trust.
    pub(crate) fn keeps(self, trace: TraceId, caller: Option<bool>) -> bool {
        if let (true, Some(decided)) = (self.parent_based, caller) {
            return decided;
        }
        // The last 56 bits are the random ones (W3C Trace Context, level 2).
        let text = trace.to_string();
        let random = u64::from_str_radix(&text[18..], 16).unwrap_or_default();
        (random as f64) < self.ratio * (1u64 << 56) as f64
    }
}

/// `None` when no traces are to be exported.
///
/// # Errors
/// In words, when what is asked for cannot be done.
pub(crate) fn traces(environment: impl Fn(&str) -> Option<String>) -> Result<Option<Traces>, String> {
    let said = said(environment);
    let Some(door) = door("traces", &said)? else { return Ok(None) };
    Ok(Some(Traces {
        door,
        delay: milliseconds(said("OTEL_BSP_SCHEDULE_DELAY"), 5_000)?.min(Duration::from_secs(60)),
        sampler: sampler(said("OTEL_TRACES_SAMPLER").as_deref(), said("OTEL_TRACES_SAMPLER_ARG").as_deref())?,
    }))
}

/// `None` when no metrics are to be exported.
///
/// # Errors
/// As [`traces`].
pub(crate) fn metrics(environment: impl Fn(&str) -> Option<String>) -> Result<Option<Metrics>, String> {
    let said = said(environment);
    let Some(door) = door("metrics", &said)? else { return Ok(None) };
    let temporality = said("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
    if let Some(other) = temporality.filter(|word| !word.eq_ignore_ascii_case("cumulative")) {
        return Err(format!("metrics are exported as cumulative values; {other} is not made here"));
    }
    let every = milliseconds(said("OTEL_METRIC_EXPORT_INTERVAL"), 60_000)?;
    if every.is_zero() {
        return Err("OTEL_METRIC_EXPORT_INTERVAL is one millisecond at least".into());
    }
    Ok(Some(Metrics { door, every }))
}

/// A variable that says something.
fn said(environment: impl Fn(&str) -> Option<String>) -> impl Fn(&str) -> Option<String> {
    move |name| environment(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn milliseconds(text: Option<String>, usual: u64) -> Result<Duration, String> {
    let number =
        text.map_or(Ok(usual), |text| text.parse().map_err(|_| format!("{text} is no number of milliseconds")));
    number.map(Duration::from_millis)
}

/// Where a signal goes; `None` when it is not exported.
fn door(signal: &str, said: &impl Fn(&str) -> Option<String>) -> Result<Option<Door>, String> {
    let word = signal.to_uppercase();
    // What is for one signal wins over what is for every one.
    let either = |name: &str| {
        said(&format!("OTEL_EXPORTER_OTLP_{word}_{name}")).or_else(|| said(&format!("OTEL_EXPORTER_OTLP_{name}")))
    };
    let base = || said("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| format!("{}/v1/{signal}", base.trim_end_matches('/')));
    let url = said(&format!("OTEL_EXPORTER_OTLP_{word}_ENDPOINT")).or_else(base);
    let off = said("OTEL_SDK_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true"))
        || said(&format!("OTEL_{word}_EXPORTER")).is_some_and(|word| word == "none");
    let Some(url) = url.filter(|_| !off) else { return Ok(None) };
    if !url.parse::<Uri>().is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()) {
        return Err("the endpoint is no http:// or https:// address".into());
    }
    match either("PROTOCOL").as_deref() {
        None | Some("http/protobuf") => {}
        Some(other) => {
            return Err(format!(
                "the protocol {other} is not spoken here; http/protobuf is (port 4318 of most collectors)"
            ));
        }
    }
    Ok(Some(Door {
        url: Secret::new(url),
        headers: headers(&either("HEADERS").unwrap_or_default())?,
        timeout: milliseconds(either("TIMEOUT"), 10_000)?,
        resource: resource(said("OTEL_SERVICE_NAME"), &said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default()),
    }))
}

/// `a=b,c=d`, the values percent-encoded.
fn pairs(list: &str) -> impl Iterator<Item = (String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim().to_owned(), decoded(value.trim())))
    };
    list.split(',').filter_map(pair).filter(|(name, _)| !name.is_empty())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let byte = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn headers(list: &str) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let header = |(name, value): (String, String)| {
        // The value may be a key: it is in no error.
        let parsed = HeaderName::try_from(&name).ok().zip(HeaderValue::try_from(value).ok());
        let (name, mut value) =
            parsed.ok_or_else(|| "a header of OTEL_EXPORTER_OTLP_HEADERS is no header".to_owned())?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    pairs(list).map(header).collect()
}

fn resource(service: Option<String>, list: &str) -> Vec<(String, Said)> {
    let mut attributes: Vec<(String, String)> = pairs(list).collect();
    let known = |attributes: &[(String, String)], name: &str| attributes.iter().any(|(known, _)| known == name);
    if let Some(service) = service {
        attributes.retain(|(name, _)| name != "service.name");
        attributes.push(("service.name".into(), service));
    }
    for (name, value) in [("service.name", "mainspring"), ("service.version", env!("CARGO_PKG_VERSION"))] {
        if !known(&attributes, name) {
            attributes.push((name.into(), value.into()));
        }
    }
    attributes.into_iter().map(|(name, value)| (name, Said::Text(value))).collect()
}

fn sampler(name: Option<&str>, argument: Option<&str>) -> Result<Sampler, String> {
    let name = name.unwrap_or("parentbased_always_on");
    let (parent_based, kind) = name.strip_prefix("parentbased_").map_or((false, name), |kind| (true, kind));
    let ratio = match kind {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => {
            let ratio = argument.map_or(Ok(1.0), str::parse::<f64>).ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            ratio.ok_or("OTEL_TRACES_SAMPLER_ARG is a number from 0 to 1")?
        }
        _ => return Err(format!("the sampler {name} is not known")),
    };
    Ok(Sampler { ratio, parent_based })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Result<Option<Traces>, String> {
        traces(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn measured(pairs: &[(&str, &str)]) -> Result<Option<Metrics>, String> {
        metrics(|name| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_is_exported_unless_somebody_says_where() {
        assert!(with(&[]).expect("fine").is_none());
        assert!(with(&[("OTEL_SERVICE_NAME", "x")]).expect("fine").is_none());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318/");
        assert!(with(&[endpoint, ("OTEL_SDK_DISABLED", "true")]).expect("fine").is_none());
        assert!(with(&[endpoint, ("OTEL_TRACES_EXPORTER", "none")]).expect("fine").is_none());
        let settings = with(&[endpoint]).expect("fine").expect("on");
        assert_eq!(settings.door.url.expose(), "http://localhost:4318/v1/traces");
        let exact = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://a.example/x");
        assert_eq!(with(&[endpoint, exact]).expect("fine").expect("on").door.url.expose(), "https://a.example/x");
    }

    #[test]
    fn headers_and_attributes_are_percent_encoded_pairs() {
        let settings = with(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20aHVudGVyMg==, x-scope = one "),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging,service.name=other"),
            ("OTEL_SERVICE_NAME", "shop"),
        ]);
        let settings = settings.expect("fine").expect("on");
        assert_eq!(settings.door.headers[0].1, "Basic aHVudGVyMg==");
        assert!(!format!("{settings:?}").contains("aHVud"));
        let service: Vec<_> = settings.door.resource.iter().filter(|(name, _)| name == "service.name").collect();
        assert_eq!(service, [&("service.name".to_owned(), Said::Text("shop".into()))]);
    }

    #[test]
    fn metrics_follow_their_own_variables() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318");
        assert!(measured(&[]).expect("fine").is_none());
        assert!(measured(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]).expect("fine").is_none());
        assert!(with(&[endpoint, ("OTEL_METRICS_EXPORTER", "none")]).expect("fine").is_some(), "traces go on");
        let only = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://a.example/m");
        assert!(with(&[only]).expect("fine").is_none());
        assert_eq!(measured(&[endpoint, only]).expect("fine").expect("on").door.url.expose(), "https://a.example/m");
        let usual = measured(&[endpoint]).expect("fine").expect("on");
        assert_eq!((usual.door.url.expose(), usual.every.as_secs()), ("http://localhost:4318/v1/metrics", 60));
        let often = measured(&[endpoint, ("OTEL_METRIC_EXPORT_INTERVAL", "250")]).expect("fine").expect("on");
        assert_eq!(often.every.as_millis(), 250);
        for (name, bad) in [
            ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "often"),
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc"),
        ] {
            assert!(measured(&[endpoint, (name, bad)]).is_err(), "{name}={bad}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
        assert!(
            with(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).expect_err("refused").contains("http/protobuf")
        );
        assert!(with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")]).is_err());
        assert!(with(&[endpoint, ("OTEL_TRACES_SAMPLER", "sometimes")]).is_err());
        let ratio = ("OTEL_TRACES_SAMPLER", "traceidratio");
        assert!(with(&[endpoint, ratio, ("OTEL_TRACES_SAMPLER_ARG", "2")]).is_err());
    }

    #[test]
    fn a_tenth_is_a_tenth_and_a_callers_word_counts_where_it_should() {
        let entropy = kernel::Entropy::seeded(7);
        let tenth = sampler(Some("traceidratio"), Some("0.1")).expect("a sampler");
        let kept = (0..10_000).filter(|_| tenth.keeps(TraceId::new(&entropy), Some(true))).count();
        assert!((900..1100).contains(&kept), "{kept}");
        let trace = TraceId::new(&entropy);
        let off = sampler(Some("parentbased_always_off"), None).expect("a sampler");
        assert!(off.keeps(trace, Some(true)) && !off.keeps(trace, None));
        let usual = sampler(None, None).expect("a sampler");
        assert!(usual.keeps(trace, None) && !usual.keeps(trace, Some(false)));
    }
}
