//! What a product brings, as a value.

use std::future::Future;
use std::sync::Arc;

use events::handler::{StreamFailure, StreamHandler};
use events::{Event, EventType, Filter, Registry, Stream, Work};
use jobs::{Failure, Handler, Kind, QueuePolicy, Run};
use kernel::Entropy;
use realtime::Namespace;
use schedules::Schedule;
use serde::Serialize;
use store::{Migration, Store, Tx};
use utoipa_axum::router::OpenApiRouter;

use crate::Ctx;

type Make<T> = Box<dyn FnOnce(&Ctx) -> T + Send>;
type Begin = Box<dyn FnOnce(&Ctx, Stream) + Send>;

/// A product: its name and everything it plugs into the platform.
pub struct Product {
    name: &'static str,
    migrations: &'static [Migration],
    declare: Vec<fn(&mut Registry)>,
    types: Vec<&'static str>,
    reactions: Vec<(Work, Make<Handler>)>,
    streams: Vec<(Stream, Make<StreamHandler>)>,
    projections: Vec<(Stream, Begin)>,
    jobs: Vec<(Kind, Make<Handler>)>,
    queues: Vec<(&'static str, QueuePolicy)>,
    schedules: Vec<Schedule>,
    namespaces: Vec<fn(&Store) -> Namespace>,
    channels: Vec<(&'static str, &'static str)>,
    routes: Vec<fn(Ctx) -> OpenApiRouter>,
    pages: Vec<(&'static str, &'static str)>,
    microphone: bool,
    workers: Vec<&'static str>,
    samples: Option<(&'static str, Sampler)>,
}

/// Makes the sample of a turn.
pub type Sampler = fn(u64, &Entropy) -> Sample;

/// A delivery as a sender could have made it, for trying the product out.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Who sends it.
    pub source: &'static str,
    /// The sender's name of the event.
    pub event: &'static str,
    /// Its body.
    pub payload: serde_json::Value,
}

/// A product as the console and a snapshot test show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its name.
    pub name: &'static str,
    /// The event types it declares.
    pub events: Vec<&'static str>,
    /// `filter → job kind` of each reaction.
    pub reactions: Vec<String>,
    /// `filter → stream` of each stream.
    pub streams: Vec<String>,
    /// The kinds of its other jobs.
    pub jobs: Vec<&'static str>,
    /// `when → job kind` of each schedule.
    pub schedules: Vec<String>,
    /// The addresses of its pages.
    pub pages: Vec<&'static str>,
}

impl Product {
    /// A product that brings nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            migrations: &[],
            declare: Vec::new(),
            types: Vec::new(),
            reactions: Vec::new(),
            streams: Vec::new(),
            projections: Vec::new(),
            jobs: Vec::new(),
            queues: Vec::new(),
            schedules: Vec::new(),
            namespaces: Vec::new(),
            channels: Vec::new(),
            routes: Vec::new(),
            pages: Vec::new(),
            microphone: false,
            workers: Vec::new(),
            samples: None,
        }
    }

    /// Its tables.
    #[must_use]
    pub fn migrations(self, migrations: &'static [Migration]) -> Self {
        Self { migrations, ..self }
    }

    /// An event type that it appends.
    #[must_use]
    pub fn event<T: EventType>(mut self) -> Self {
        self.declare.push(Registry::event::<T>);
        self.types.push(T::TYPE);
        self
    }

    /// A reaction: one job of this kind for each event that the filter wants (`github.*`).
    #[must_use]
    pub fn on<F, Fut>(self, filter: &'static str, kind: Kind, react: F) -> Self
    where
        F: Fn(Ctx, Event, Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.on_work(Work::new(kind, Filter(filter)), react)
    }

    /// A reaction that says more than its types: with a condition, or in order per subject.
    #[must_use]
    pub fn on_work<F, Fut>(mut self, work: Work, react: F) -> Self
    where
        F: Fn(Ctx, Event, Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let make: Make<Handler> = Box::new(move |ctx| {
            let events = ctx.events.clone();
            let ctx = ctx.clone();
            events.work_handler(Arc::new(move |event, run| Box::pin(react(ctx.clone(), event, run))))
        });
        self.reactions.push((work, make));
        self
    }

    /// A stream: batches of the events that the filter wants, in order, again after a failure.
    #[must_use]
    pub fn stream<F, Fut>(self, filter: &'static str, name: &'static str, handle: F) -> Self
    where
        F: Fn(Ctx, Vec<Event>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.on_stream(Stream::new(name, Filter(filter)), handle)
    }

    /// A stream that says more than its types: with a condition, or how it goes through failures.
    #[must_use]
    pub fn on_stream<F, Fut>(mut self, stream: Stream, handle: F) -> Self
    where
        F: Fn(Ctx, Vec<Event>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let make: Make<StreamHandler> = Box::new(move |ctx| {
            let ctx = ctx.clone();
            Arc::new(move |batch| Box::pin(handle(ctx.clone(), batch)))
        });
        self.streams.push((stream, make));
        self
    }

    /// A stream that keeps rows of its own: a batch writes them in the transaction that moves the cursor, so each event counts once,
    /// whatever happens. It awaits nothing but its transaction.
    #[must_use]
    pub fn projection<F>(self, filter: &'static str, name: &'static str, handle: F) -> Self
    where
        F: AsyncFn(&mut Tx, Vec<Event>) -> Result<(), StreamFailure> + Send + Sync + 'static,
    {
        self.on_projection(Stream::new(name, Filter(filter)), handle)
    }

    /// A projection that says more than its types, as [`Product::on_stream`].
    #[must_use]
    pub fn on_projection<F>(mut self, stream: Stream, handle: F) -> Self
    where
        F: AsyncFn(&mut Tx, Vec<Event>) -> Result<(), StreamFailure> + Send + Sync + 'static,
    {
        let start = |ctx: &Ctx, stream| ctx.events.serve_in_tx(stream, handle);
        self.projections.push((stream, Box::new(start)));
        self
    }

    /// A kind of job that is enqueued by the product itself.
    #[must_use]
    pub fn job<F, Fut>(mut self, kind: Kind, run: F) -> Self
    where
        F: Fn(Ctx, Run) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let make: Make<Handler> = Box::new(move |ctx| {
            let ctx = ctx.clone();
            jobs::handler(move |attempt| run(ctx.clone(), attempt))
        });
        self.jobs.push((kind, make));
        self
    }

    /// What a queue of its jobs may do at most, unless somebody changes it.
    #[must_use]
    pub fn queue(mut self, queue: &'static str, policy: QueuePolicy) -> Self {
        self.queues.push((queue, policy));
        self
    }

    /// A schedule: a job at its times, of one of the kinds that the product runs.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// A namespace of channels.
    #[must_use]
    pub fn namespace(mut self, namespace: fn(&Store) -> Namespace) -> Self {
        self.namespaces.push(namespace);
        self
    }

    /// Describes channels of its namespaces for the AsyncAPI document: an address with its parameters in braces (`polls:{poll}`), and
    /// what is published there.
    #[must_use]
    pub fn channel(mut self, address: &'static str, description: &'static str) -> Self {
        self.channels.push((address, description));
        self
    }

    /// Its routes.
    #[must_use]
    pub fn routes(mut self, routes: fn(Ctx) -> OpenApiRouter) -> Self {
        self.routes.push(routes);
        self
    }

    /// A page of its own: an address, and the name of the built page that answers there.
    #[must_use]
    pub fn page(mut self, path: &'static str, page: &'static str) -> Self {
        self.pages.push((path, page));
        self
    }

    /// Lets its pages ask for the microphone; all others may not.
    #[must_use]
    pub fn microphone(self) -> Self {
        Self { microphone: true, ..self }
    }

    /// Whether its pages may ask for the microphone.
    pub fn uses_microphone(&self) -> bool {
        self.microphone
    }

    /// Lets browsers keep a script for one of its pages, which is told of pushes while the page is closed: `worker("NAME")` is
    /// `worker/worker.ts` of that page, at `/NAME/worker.js`, and sees nothing but `/NAME` and what is below.
    #[must_use]
    pub fn worker(mut self, page: &'static str) -> Self {
        self.workers.push(page);
        self
    }

    /// The pages that have such a script.
    pub fn worker_list(&self) -> &[&'static str] {
        &self.workers
    }

    /// Sample activity, and the page where it shows.
    #[must_use]
    pub fn samples(self, page: &'static str, sampler: Sampler) -> Self {
        Self { samples: Some((page, sampler)), ..self }
    }

    /// Its sample activity, and the page where it shows.
    pub fn sample_activity(&self) -> Option<(&'static str, Sampler)> {
        self.samples
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it brings, in words.
    pub fn summary(&self) -> Summary {
        let arrow = |filter: Filter, name: &str| format!("{} → {name}", filter.0);
        Summary {
            name: self.name,
            events: self.types.clone(),
            reactions: self.reactions.iter().map(|(work, _)| arrow(work.filter, work.kind.name)).collect(),
            streams: self.all_streams().map(|stream| arrow(stream.filter, stream.name)).collect(),
            jobs: self.jobs.iter().map(|(kind, _)| kind.name).collect(),
            schedules: self.schedules.iter().map(Schedule::summary).collect(),
            pages: self.pages.iter().map(|(path, _)| *path).collect(),
        }
    }

    /// Its tables, for whoever opens the store.
    pub fn schema(&self) -> &'static [Migration] {
        self.migrations
    }

    /// Declares its event types, subscriptions and channels.
    pub fn declare(&self, registry: &mut Registry) {
        registry.reserve(format!("/{}", self.name));
        self.declare.iter().for_each(|declare| declare(registry));
        self.reactions.iter().for_each(|(work, _)| registry.work(work.clone()));
        self.all_streams().for_each(|stream| registry.stream(stream.clone()));
        self.channels.iter().for_each(|(address, description)| registry.channel(*address, *description));
    }

    /// Its channel namespaces over this store.
    pub fn channels(&self, store: &Store) -> Vec<Namespace> {
        self.namespaces.iter().map(|namespace| namespace(store)).collect()
    }

    /// Its schedules.
    pub fn schedule_list(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Its pages.
    pub fn page_list(&self) -> &[(&'static str, &'static str)] {
        &self.pages
    }

    /// Its routes over this platform.
    pub fn router(&self, ctx: &Ctx) -> OpenApiRouter {
        self.routes.iter().fold(OpenApiRouter::new(), |all, routes| all.merge(routes(ctx.clone())))
    }

    fn all_streams(&self) -> impl Iterator<Item = &Stream> {
        let streams = self.streams.iter().map(|(stream, _)| stream);
        streams.chain(self.projections.iter().map(|(stream, _)| stream))
    }

    /// Starts its streams and returns the handlers of its jobs.
    pub fn start(self, ctx: &Ctx) -> Vec<(Kind, Handler)> {
        self.queues.into_iter().for_each(|(queue, policy)| ctx.jobs.declare(queue, policy));
        for (stream, make) in self.streams {
            ctx.events.serve(stream, make(ctx));
        }
        for (stream, start) in self.projections {
            start(ctx, stream);
        }
        let reactions = self.reactions.into_iter().map(|(work, make)| (work.kind, make(ctx)));
        reactions.chain(self.jobs.into_iter().map(|(kind, make)| (kind, make(ctx)))).collect()
    }
}
