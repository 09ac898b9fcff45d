//! Which operation a request asks for. Each resource lists its own routes; `{id}` in a pattern stands for one path segment.

use super::context::Ctx;
use super::errors::Answer;
use super::form::Node;
use serde_json::{Map, Value};

/// One operation and where it lives.
pub(crate) struct Route {
    pub method: &'static str,
    /// Such as `/v1/customers/{id}`.
    pub pattern: &'static str,
    /// The name in the fault script, such as `customers.retrieve`.
    pub operation: &'static str,
    /// The kind of object it answers, `list:` before it for a list: what `expand[]` may name.
    pub returns: &'static str,
    /// Whether a publishable key may call it.
    pub public: bool,
    pub run: fn(&mut Ctx<'_>, &Args) -> Answer,
}

impl Route {
    pub const fn new(
        method: &'static str,
        pattern: &'static str,
        operation: &'static str,
        returns: &'static str,
        run: fn(&mut Ctx<'_>, &Args) -> Answer,
    ) -> Self {
        Self { method, pattern, operation, returns, public: false, run }
    }

    /// The same route, open to publishable keys.
    pub const fn public(self) -> Self {
        Self { public: true, ..self }
    }
}

/// What an operation is given.
#[derive(Default)]
pub(crate) struct Args {
    /// The path's ids, first to last.
    pub ids: Vec<String>,
    /// The checked parameters.
    pub params: Map<String, Value>,
    /// Asked with a publishable key, which opens an intent only together with its secret.
    pub publishable: bool,
    /// That secret.
    pub client_secret: Option<Node>,
}

impl Args {
    pub fn of(ids: Vec<String>) -> Self {
        Self { ids, ..Self::default() }
    }

    /// The first id of the path.
    pub fn id(&self) -> &str {
        self.ids.first().map_or("", String::as_str)
    }
}

static TABLES: &[&[Route]] = &[
    super::balance::ROUTES,
    super::charges::ROUTES,
    super::checkout::ROUTES,
    super::coupons::ROUTES,
    super::customers::ROUTES,
    super::disputes::ROUTES,
    super::event_log::ROUTES,
    super::files::ROUTES,
    super::payment_intents::ROUTES,
    super::payment_methods::ROUTES,
    super::payment_pages::ROUTES,
    super::payouts::ROUTES,
    super::prices::ROUTES,
    super::products::ROUTES,
    super::promotion_codes::ROUTES,
    super::rates::ROUTES,
    super::refunds::ROUTES,
    super::setup_intents::ROUTES,
    super::sources::ROUTES,
    super::tokens::ROUTES,
    super::webhook_endpoints::ROUTES,
];

/// Every route.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The route of a request, with the ids in its path. A fixed segment wins over an id.
pub(crate) fn find(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    let fits = |route: &&'static Route| route.method == method && ids(route.pattern, path).is_some();
    let route = all().filter(fits).min_by_key(|route| route.pattern.matches('{').count())?;
    Some((route, ids(route.pattern, path)?))
}

fn ids(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut ids, mut given) = (Vec::new(), path.trim_end_matches('/').split('/'));
    for wanted in pattern.split('/') {
        let segment = given.next()?;
        if wanted.starts_with('{') && !segment.is_empty() {
            ids.push(segment.to_owned());
        } else if wanted != segment {
            return None;
        }
    }
    given.next().is_none().then_some(ids)
}
