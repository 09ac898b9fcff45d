//! The command line. `calls`: the verbs that call a running gateway.

mod calls;

pub use calls::{Amount, Cancel, Capture, Events, Listen, Orders, Refund, Target, Trigger};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ducat_store::Balances;
use std::path::PathBuf;

const AFTER_HELP: &str = "\
A payment in one minute, with `ducat serve` running in another terminal:
  ducat listen --forward-to localhost:4242/webhook   forward each event to your program, signed
  ducat trigger payment_order.succeeded              let a customer of the sandbox pay
  ducat orders                                       see what came of it

Settings: ducat.toml in this folder, then DUCAT_* (see ducat.example.toml).";

/// A self-hosted payment gateway.
#[derive(Debug, Parser)]
#[command(name = "ducat", version, after_help = AFTER_HELP)]
pub struct Arguments {
    /// Read this file in place of ./ducat.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway; in an empty folder with a sandbox, a first merchant and a key.
    Serve,
    /// Run the sandbox alone: a Stripe in a box.
    Sandbox,
    /// Show the newest orders, or one order with all that happened to it.
    Orders(Orders),
    /// Show what happened, and follow it.
    Events(Events),
    /// Forward events to your own program as they happen, signed like the gateway's webhooks.
    Listen(Listen),
    /// Make an event really happen, through the sandbox.
    Trigger(Trigger),
    /// Take money that is held.
    Capture(Capture),
    /// Give money back.
    Refund(Refund),
    /// Call an order off.
    Cancel(Cancel),
    /// Bring the database to the newest schema.
    Migrate(Migrate),
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Check every invariant over the whole database; ends with 1 if one is broken.
    Verify {
        #[command(flatten)]
        form: Form,
    },
    /// Look at configuration, database, PSP accounts, addresses and clock; ends with 1 if something must be mended.
    Doctor {
        #[command(flatten)]
        form: Form,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Print every setting with its meaning, as a ducat.toml to begin with.
    Settings,
}

impl Command {
    /// Whether it runs until it is told to stop, and so tells what it does in logs.
    pub fn is_service(&self) -> bool {
        matches!(self, Self::Serve | Self::Sandbox)
    }
}

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct Form {
    /// Print JSON, for programs.
    #[arg(long)]
    json: bool,
}

/// For whom an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Tables and sentences.
    Person,
    /// JSON.
    Program,
}

impl From<Form> for Audience {
    fn from(form: Form) -> Self {
        if form.json { Self::Program } else { Self::Person }
    }
}

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key. It is shown once.
    Create(NewKey),
    /// List a merchant's keys.
    List {
        /// Whose keys (default: the first merchant's).
        #[arg(long, value_name = "mer_…")]
        merchant: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Take a key back. A running gateway refuses it within five seconds.
    Revoke {
        /// Which key.
        #[arg(value_name = "ak_…")]
        id: String,
        /// Whose key (default: the first merchant's).
        #[arg(long, value_name = "mer_…")]
        merchant: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

/// What a new key is to be.
#[derive(Debug, Args)]
pub struct NewKey {
    /// What you call it.
    #[arg(long, default_value = "made with ducat keys")]
    pub name: String,
    /// What it may do.
    #[arg(long, value_enum, default_value = "payments")]
    pub scope: KeyScope,
    /// A network it may be used from, such as 10.0.0.0/8. Several times for several; without it, all.
    #[arg(long = "network", value_name = "NETWORK")]
    pub networks: Vec<String>,
    /// When it ends, such as 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub expires_at: Option<String>,
    /// Whose key (default: the first merchant's).
    #[arg(long, value_name = "mer_…")]
    pub merchant: Option<String>,
    #[command(flatten)]
    pub form: Form,
}

/// What a key may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeyScope {
    /// Look, and nothing else.
    Read,
    /// Look, and take payments.
    Payments,
    /// Everything, keys and PSP accounts included.
    Admin,
}

impl From<KeyScope> for ducat_domain::Scope {
    fn from(scope: KeyScope) -> Self {
        match scope {
            KeyScope::Read => Self::Read,
            KeyScope::Payments => Self::Payments,
            KeyScope::Admin => Self::Admin,
        }
    }
}

/// Bring the database to the newest schema.
#[derive(Debug, Args)]
pub struct Migrate {
    /// Change for all nodes whether balances are kept or summed, while none of them runs: what is stored is made to fit the journal.
    #[arg(long, value_name = "kept|summed", value_parser = crate::config::balances)]
    pub balances: Option<Balances>,
}
