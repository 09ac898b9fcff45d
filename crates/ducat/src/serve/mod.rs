//! `ducat serve`: the gateway, from the first bound port to the last finished request.
//!
//! - `banner`: what a person reads at the start. `listen`: taking connections. `calls`: the requests of one. `watch`: ends the program when the database takes nothing any more, and compares clocks.
//! - `own`: one gateway to one database file. `leave`: how it ends: first out of the load balancer's sight, then the door, then what is under way.

mod banner;
mod calls;
mod leave;
mod listen;
pub(crate) mod own;
mod watch;

pub use watch::DRIFT;

use crate::config::{Config, Toggle};
use crate::first_start::{self, Inside, Start};
use crate::sandbox::{self, bind};
use crate::signals::{Stop, told_to_end};
use crate::{Failure, output, wiring};
use ducat_domain::Currency;
use ducat_engine::deliveries::Dispatcher;
use ducat_engine::sweep::Sweep;
use ducat_engine::{Engine, jobs, merchants};
use ducat_web::{DemoShop, Draining, Limits, Web};
use std::process::ExitCode;
use std::time::Duration;

/// How long the worker, the dispatcher and the sweeper rest after they broke down, so that what breaks them does not keep a processor busy.
const REST: Duration = Duration::from_secs(1);

/// Runs the gateway until a signal ends it.
pub async fn run(config: Config) -> Result<ExitCode, Failure> {
    // Ports come first: a second start by mistake must touch nothing.
    let listener = bind(config.listen, "DUCAT_LISTEN").await?;
    wiring::make_folder(&config)?;
    let _owned = own::take(&wiring::database(&config))?;
    // What takes up work of its own ends first, the door next, and the sandbox last: requests that are finished may still need it.
    let (stop_work, stop, stop_sandbox) = (Stop::new(), Stop::new(), Stop::new());
    let inside = if sandbox_wanted(&config) { Some(sandbox::start(&config, &stop_sandbox).await?) } else { None };
    let url = wiring::public_url(&config, listener.local_addr()?.port());
    let store = wiring::open_store(&config).await?;
    store.clone().with_balances(config.balances).agree_on_balances().await?;
    let engine = wiring::engine(&config, store, url.clone()).await?;
    let knows = |url: &str| inside.as_ref().is_some_and(|running| running.knows(url));
    let wired = inside.as_ref().map(|running| Inside { base: running.base.clone(), knows: &knows });
    let start = first_start::prepare(&engine, &config, wired).await?;

    // Before the door opens: whoever is told to leave as soon as there are requests finishes them.
    let told = told_to_end();
    let draining = Draining::default();
    let router = ducat_web::router(web(&config, &engine, inside.is_some(), &draining).await?);
    let serving = tokio::spawn(listen::serve(listener, router, listen::HEAD_TIMEOUT, stop.said()));
    let (worker, dispatcher, sweeper) = (engine.clone(), engine.clone(), engine.clone());
    let watching = tokio::spawn(engine.cache().clone().watch(stop.said()));
    let patience = config.shutdown_timeout_ms;
    let working = keep_going("the worker", stop_work.clone(), move |stop| jobs::work(worker.clone(), stop.said(), patience));
    let dispatching = keep_going("the dispatcher", stop_work.clone(), move |stop| {
        Dispatcher::new(dispatcher.clone()).work(stop.said(), patience)
    });
    let sweeping = keep_going("the sweeper", stop_work.clone(), move |stop| Sweep::default().work(sweeper.clone(), stop.said()));
    let (working, dispatching, sweeping) = (tokio::spawn(working), tokio::spawn(dispatching), tokio::spawn(sweeping));
    announce(&config, &url, inside.as_ref(), &start);

    let outcome = tokio::select! {
        signal = told => Ok(signal?),
        why = watch::database(engine.store().clone(), wiring::database(&config)) => Err(why),
        never = watch::clocks(engine.store().clone()) => match never {},
    };
    draining.begin();
    stop_work.say();
    leave::drain(&outcome, config.drain_ms).await;
    stop.say();
    leave::finish(config.shutdown_timeout_ms, vec![serving, working, dispatching, sweeping, watching]).await;
    stop_sandbox.say();
    if let Some(running) = inside {
        running.end(config.shutdown_timeout_ms).await;
    }
    outcome.map(|_| ExitCode::SUCCESS).map_err(Into::into)
}

/// The sandbox runs when it is asked for, or when there is no real account.
fn sandbox_wanted(config: &Config) -> bool {
    config.sandbox.map_or(config.stripe_api_key.is_none(), |wanted| wanted == Toggle::On)
}

async fn web(config: &Config, engine: &Engine, sandbox: bool, draining: &Draining) -> Result<Web, Failure> {
    let merchant = merchants::first(engine, &config.merchant_name).await?.id;
    // The shop sells to everybody who comes by, so it sells only on the sandbox's account: never on a real one.
    let demo_shop = match sandbox && config.stripe_api_key.is_none() {
        true => Some(DemoShop { merchant, currency: "EUR".parse::<Currency>()?, psp: None }),
        false => None,
    };
    let limits = Limits {
        calls_per_second: config.rate_limit_per_second,
        burst: config.rate_limit_burst,
        visits_per_second: config.rate_limit_per_address_per_second,
        visits_at_once: config.rate_limit_per_address_burst,
        streams: config.live_streams,
        ..Limits::default()
    };
    let settings = ducat_web::Settings {
        demo_shop,
        trusted_proxies: config.trusted_proxies.clone(),
        limits,
        secure: engine.settings().public_url.starts_with("https:"),
    };
    Ok(Web { engine: engine.clone(), settings, draining: draining.clone() })
}

/// Something that works until it is told to stop, begun again where it breaks down: what breaks one round must not stop all others.
async fn keep_going<F>(what: &'static str, stop: Stop, begin: impl Fn(Stop) -> F + Send)
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let run = tokio::spawn(begin(stop.clone())).await;
        if run.is_ok() {
            return;
        }
        tracing::error!("{what} broke down and is begun again");
        tokio::time::sleep(REST).await;
    }
}

fn announce(config: &Config, url: &str, inside: Option<&sandbox::Running>, start: &Start) {
    // A start whose output nobody reads is a start all the same.
    let _ = output::say(&banner::text(&banner::Facts {
        url,
        sandbox: inside.map(|running| running.base.as_str()),
        data: &config.data_dir,
        database: &wiring::database(config),
        start,
    }));
    tracing::info!(url, sandbox = inside.map(|running| running.base.as_str()), version = env!("CARGO_PKG_VERSION"), "ready");
}
