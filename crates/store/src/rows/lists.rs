//! Lists by pages.

use ducat_domain::Timestamp;
use ducat_domain::payments::OrderStatus;

/// Which orders of a merchant are listed.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    /// With this reference.
    pub reference: Option<String>,
    /// In this status.
    pub status: Option<OrderStatus>,
    /// Created at this moment or later.
    pub created_gte: Option<Timestamp>,
    /// Created before this moment.
    pub created_lt: Option<Timestamp>,
}

/// Where a page of a list begins. Lists are newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageAnchor<Id> {
    /// With the newest.
    #[default]
    Newest,
    /// After this one, towards the older.
    After(Id),
    /// Before this one, towards the newer.
    Before(Id),
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Newest first.
    pub data: Vec<T>,
    /// Whether there is more in the direction of reading.
    pub has_more: bool,
}
