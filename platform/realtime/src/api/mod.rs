//! The server API: what programs with an API key may do (`POST /api/{method}`), as Centrifugo's HTTP API has it.

mod fault;
mod look;
mod once;
mod people;
mod publish;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, header};
use kernel::{Problem, limits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use self::fault::Fault;
use self::once::Once;
use crate::Caller;
use crate::codes::ReplyError;
use crate::doorman::{Allowed, Gate};
use crate::hub::Hub;
use crate::namespace::Namespace;
use crate::rpc::Failed;

/// Every method, and whether it only looks.
const METHODS: [(&str, bool); 14] = [
    ("publish", false),
    ("broadcast", false),
    ("subscribe", false),
    ("unsubscribe", false),
    ("disconnect", false),
    ("refresh", false),
    ("history_remove", false),
    ("rpc", false),
    ("batch", true),
    ("presence", true),
    ("presence_stats", true),
    ("history", true),
    ("channels", true),
    ("info", true),
];
/// Commands of one batch that run beside one another, where it asks for that.
const AT_ONCE: usize = 16;
/// With `transport`, an error is an HTTP status.
const ERROR_MODE: &str = "x-centrifugo-error-mode";

#[derive(Clone)]
pub(crate) struct Api {
    hub: Hub,
    gate: Arc<dyn Gate>,
    once: Arc<Once>,
}

impl Hub {
    /// `POST /api/{method}` for programs, as the gate lets them. Only namespaces that are
    /// [`open_to_api`](Namespace::open_to_api) are there.
    pub fn api_routes<S: Clone + Send + Sync + 'static>(&self, gate: Arc<dyn Gate>) -> Router<S> {
        let api = Api { hub: self.clone(), gate, once: Arc::default() };
        let routes = METHODS.iter().fold(Router::new(), |router, (method, _)| {
            let handler = |State(api): State<Api>, request: Request| api.handle(method, request);
            router.route(&format!("/api/{method}"), post(handler))
        });
        routes.layer(DefaultBodyLimit::max(limits::REALTIME_API_BYTES)).with_state(api)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Batch {
    commands: Vec<BTreeMap<String, Box<RawValue>>>,
    parallel: bool,
}

#[derive(Serialize)]
struct Replies {
    replies: Vec<BTreeMap<String, Box<RawValue>>>,
}

#[derive(Serialize)]
struct Answered<'a> {
    data: &'a RawValue,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rpc {
    method: String,
    params: Option<Box<RawValue>>,
}

impl Api {
    async fn handle(self, method: &'static str, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let allowed = match self.gate.allows(&mut parts).await {
            Ok(allowed) => allowed,
            Err(problem) => return problem.into_response(),
        };
        if !may(allowed, method) {
            return Problem::forbidden("This API key may not do that: it lacks the scope.").into_response();
        }
        let as_status = parts.headers.get(ERROR_MODE).is_some_and(|mode| mode == "transport");
        let body = match Bytes::from_request(Request::from_parts(parts, body), &()).await {
            Ok(body) => body,
            Err(rejection) => return rejection.into_response(),
        };
        let asked = if body.is_empty() { &b"{}"[..] } else { &body };
        let answer = match serde_json::from_slice::<&RawValue>(asked) {
            Ok(params) if method == "batch" => self.batch(allowed, params).await,
            Ok(params) => self.call(method, params).await,
            Err(error) => {
                let problem = Problem::bad_request("json_invalid", "The body is no JSON.");
                return problem.because(error).into_response();
            }
        };
        match answer {
            Ok(result) => json(format!("{{\"result\":{result}}}")),
            Err(fault) if as_status => Problem::from(fault).into_response(),
            Err(fault) => json(format!("{{\"error\":{}}}", raw(&fault))),
        }
    }

    /// Each command has a reply of its own, in their order.
    async fn batch(&self, allowed: Allowed, params: &RawValue) -> Result<Box<RawValue>, Fault> {
        let Batch { commands, parallel } = read(params)?;
        if commands.len() > limits::REALTIME_API_COMMANDS {
            return Err(ReplyError::LIMIT_EXCEEDED.into());
        }
        let said = AtomicUsize::new(0);
        let reply = async |command| {
            if said.load(Ordering::Relaxed) > limits::REALTIME_API_REPLY_BYTES {
                let error = raw(&Fault::from(ReplyError::LIMIT_EXCEEDED));
                return BTreeMap::from([("error".to_owned(), error)]);
            }
            let reply = self.reply(allowed, command).await;
            said.fetch_add(reply.values().map(|part| part.get().len()).sum(), Ordering::Relaxed);
            // Some are answered without a wait.
            tokio::task::yield_now().await;
            reply
        };
        let replies = stream::iter(commands).map(reply);
        let replies = replies.buffered(if parallel { AT_ONCE } else { 1 }).collect().await;
        Ok(raw(&Replies { replies }))
    }

    async fn reply(
        &self,
        allowed: Allowed,
        command: BTreeMap<String, Box<RawValue>>,
    ) -> BTreeMap<String, Box<RawValue>> {
        let mut named = command.into_iter();
        let done = match (named.next(), named.next()) {
            (Some((name, _)), None) if name == "batch" => Err(ReplyError::BAD_REQUEST.into()),
            (Some((name, _)), None) if !may(allowed, &name) => Err(ReplyError::PERMISSION_DENIED.into()),
            (Some((name, params)), None) => self.call(&name, &params).await.map(|result| (name, result)),
            _ => Err(ReplyError::BAD_REQUEST.into()),
        };
        BTreeMap::from([done.unwrap_or_else(|fault| ("error".to_owned(), raw(&fault)))])
    }

    async fn call(&self, method: &str, params: &RawValue) -> Result<Box<RawValue>, Fault> {
        let hub = &self.hub;
        Ok(match method {
            "publish" => raw(&self.publish(read(params)?).await?),
            "broadcast" => raw(&self.broadcast(read(params)?).await?),
            "subscribe" => raw(&people::subscribe(self, read(params)?).await?),
            "unsubscribe" => raw(&people::unsubscribe(self, read(params)?).await?),
            "disconnect" => raw(&people::disconnect(self, read(params)?).await?),
            "refresh" => raw(&people::refresh(self, read(params)?).await?),
            "presence" => look::presence(hub, &read(params)?).await?,
            "presence_stats" => look::presence_stats(hub, &read(params)?).await?,
            "history" => look::history(hub, &read(params)?).await?,
            "history_remove" => raw(&look::history_remove(hub, &read(params)?).await?),
            "channels" => raw(&look::channels(hub, &read(params)?)?),
            "info" => raw(&look::info(hub)),
            "rpc" => self.rpc(read(params)?).await?,
            _ => return Err(Fault::METHOD_NOT_FOUND),
        })
    }

    /// The product answers as it answers somebody without a name.
    async fn rpc(&self, asked: Rpc) -> Result<Box<RawValue>, Fault> {
        let handler = self.hub.0.handlers.read().get(asked.method.as_str()).cloned();
        let handler = handler.ok_or(Fault::METHOD_NOT_FOUND)?;
        let params = asked.params.map_or_else(|| "null".to_owned(), |params| params.get().to_owned());
        match handler.call(&Caller::default(), params.into()).await {
            Ok(data) => {
                let data: &RawValue = serde_json::from_slice(&data).map_err(|error| {
                    tracing::error!(%error, method = asked.method, "a product answered what is no JSON");
                    ReplyError::INTERNAL
                })?;
                Ok(raw(&Answered { data }))
            }
            Err(Failed::Refused { code, message }) => Err(Fault::of_product(code, message)),
            Err(Failed::Internal(error)) => {
                tracing::warn!(%error, method = asked.method, "a call of a program failed");
                Err(ReplyError::INTERNAL.into())
            }
        }
    }
}

fn may(allowed: Allowed, method: &str) -> bool {
    // What is in a batch is looked at one by one.
    let either = method == "batch" && (allowed.read || allowed.write);
    let looks = METHODS.iter().any(|(name, looks)| *name == method && *looks);
    either || if looks { allowed.read } else { allowed.write }
}

/// The namespace of a channel that programs may use.
fn open(hub: &Hub, channel: &str) -> Result<Arc<Namespace>, Fault> {
    if !(1..=limits::CHANNEL_BYTES).contains(&channel.len()) {
        return Err(ReplyError::BAD_REQUEST.into());
    }
    let namespace = hub.0.find(channel).ok_or(ReplyError::UNKNOWN_CHANNEL)?;
    if namespace.api { Ok(namespace) } else { Err(ReplyError::PERMISSION_DENIED.into()) }
}

fn read<T: DeserializeOwned>(params: &RawValue) -> Result<T, Fault> {
    // A list of the members in their order would be read as well.
    let is_object = params.get().trim_ascii_start().starts_with('{');
    let read = serde_json::from_str(params.get()).map_err(|error| tracing::debug!(%error, "a request cannot be read"));
    read.ok().filter(|_| is_object).ok_or_else(|| ReplyError::BAD_REQUEST.into())
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|error| {
        // These values are plain structures with text keys, for which JSON has no error.
        tracing::error!(%error, "an answer could not be written");
        RawValue::NULL.to_owned()
    })
}

fn json(text: String) -> Response {
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Without anything to tell.
#[derive(Serialize)]
struct Done {}
