//! What a statement is given: one kind of value for both databases, and conditions that are put together with their values.

use ducat_domain::*;

/// A value of a statement. The text of the statement names them `$1`, `$2` and so on, in ascending order of their first appearance:
/// that is what PostgreSQL and SQLite both read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Id([u8; 16]),
    Int(i64),
    Flag(bool),
    Time(Timestamp),
    Text(String),
    Bytes(Vec<u8>),
}

macro_rules! from_ids {
    ($($id:ident)*) => {$(
        impl From<$id> for Value {
            fn from(id: $id) -> Self {
                Self::Id(*id.as_bytes())
            }
        }
    )*};
}

from_ids!(MerchantId PaymentOrderId AttemptId PspAccountId ApiKeyId EventId EntryId CaptureId RefundId DisputeId DisputeFileId PayoutId
    ExceptionId WebhookEndpointId DeliveryId ReplayId);

macro_rules! from_plain {
    ($($kind:ty: $value:ident => $made:expr;)*) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $made
            }
        }
    )*};
}

from_plain! {
    i64: n => Self::Int(n);
    u32: n => Self::Int(i64::from(n));
    u16: n => Self::Int(i64::from(n));
    bool: b => Self::Flag(b);
    Timestamp: at => Self::Time(at);
    String: text => Self::Text(text);
    &str: text => Self::Text(text.to_owned());
    &String: text => Self::Text(text.clone());
    Vec<u8>: bytes => Self::Bytes(bytes);
    &Vec<u8>: bytes => Self::Bytes(bytes.clone());
    [u8; 16]: id => Self::Id(id);
    &[u8; 16]: id => Self::Id(*id);
    [u8; 32]: digest => Self::Bytes(digest.to_vec());
    &[u8; 32]: digest => Self::Bytes(digest.to_vec());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// The id after this one, as the store keeps them.
pub(crate) fn next(id: [u8; 16]) -> [u8; 16] {
    u128::from_be_bytes(id).saturating_add(1).to_be_bytes()
}

/// `WHERE` conditions with their values, in step.
#[derive(Default)]
pub(crate) struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
    /// Bounds of ids, and which value each has.
    bounds: Vec<(String, usize)>,
}

impl Conditions {
    /// Adds a condition such as `o.status =`, which the value's number follows.
    pub fn add(&mut self, column_and_operator: &str, value: impl Into<Value>) {
        self.add_within(column_and_operator, value, "");
    }

    /// The same, with something after the value's number.
    pub fn add_within(&mut self, before: &str, value: impl Into<Value>, after: &str) {
        self.values.push(value.into());
        self.sql.push(format!("{before} ${}{after}", self.values.len()));
    }

    /// Adds that an id is this one or comes after it. Of several such bounds of a column the narrowest is left: SQLite goes into an index by one of
    /// them, whichever it is, and walks over all that lies between it and the narrowest.
    pub fn add_from(&mut self, column: &str, id: impl Into<Value>) {
        self.narrow(format!("{column} >="), id.into(), |kept, id| id > kept);
    }

    /// Adds that an id comes after this one.
    pub fn add_after(&mut self, column: &str, id: impl Into<Value>) {
        match id.into() {
            Value::Id(bytes) => self.add_from(column, next(bytes)),
            other => self.add(&format!("{column} >"), other),
        }
    }

    /// Adds that an id comes before this one.
    pub fn add_before(&mut self, column: &str, id: impl Into<Value>) {
        self.narrow(format!("{column} <"), id.into(), |kept, id| id < kept);
    }

    fn narrow(&mut self, bound: String, value: Value, is_narrower: fn([u8; 16], [u8; 16]) -> bool) {
        let Value::Id(id) = value else { return self.add(&bound, value) };
        let known = self.bounds.iter().find(|(known, _)| *known == bound).map(|(_, place)| *place);
        match known.and_then(|place| self.values.get_mut(place)) {
            Some(Value::Id(kept)) => {
                if is_narrower(*kept, id) {
                    *kept = id;
                }
            }
            _ => {
                self.add(&bound, id);
                self.bounds.push((bound, self.values.len() - 1));
            }
        }
    }

    /// Adds that a column has one of these values. The last is repeated up to the next power of two: a connection keeps each text of a
    /// statement that it has met planned, and so there are few.
    pub fn add_any(&mut self, column: &str, wanted: impl IntoIterator<Item = impl Into<Value>>) {
        let before = self.values.len();
        self.values.extend(wanted.into_iter().map(Into::into));
        let count = self.values.len() - before;
        if let Some(last) = self.values.last().filter(|_| count > 0).cloned() {
            self.values.resize(before + count.next_power_of_two(), last);
        }
        let numbers: Vec<String> = (before + 1..=self.values.len()).map(|n| format!("${n}")).collect();
        self.sql.push(format!("{column} IN ({})", numbers.join(", ")));
    }

    /// Takes a value that conditions name by its number, which this is. They name it in the order of the numbers.
    pub fn number(&mut self, value: impl Into<Value>) -> usize {
        self.values.push(value.into());
        self.values.len()
    }

    /// Adds a condition without a value.
    pub fn add_as_it_is(&mut self, condition: &str) {
        self.sql.push(condition.to_owned());
    }

    /// All of them, as the text after `WHERE`, and their values.
    pub fn done(self) -> (String, Vec<Value>) {
        (self.sql.join(" AND "), self.values)
    }
}

/// Whether a statement names its values in ascending order of their first appearance.
pub(crate) fn are_in_order(sql: &str) -> bool {
    let mut met = 0;
    let numbers = sql.split('$').skip(1).filter_map(|text| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok());
    numbers.into_iter().all(|number| {
        let is_in_order = number <= met + 1;
        met = met.max(number);
        is_in_order
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_met_in_the_order_of_their_numbers() {
        assert!(are_in_order("SELECT $1, $2 WHERE x = $1 AND y = $3 || '$'") && are_in_order("SELECT 1"));
        assert!(!are_in_order("SELECT $2, $1") && !are_in_order("SELECT $1, $3, $2"));
    }

    #[test]
    fn of_several_bounds_of_an_id_the_narrowest_is_left() {
        let id = |last: u8| Value::Id(u128::from(last).to_be_bytes());
        let bytes = |last: u8| EntryId::from_bytes(u128::from(last).to_be_bytes());
        let mut conditions = Conditions::default();
        conditions.add_from("e.id", bytes(3));
        conditions.add_before("e.id", bytes(90));
        conditions.add("e.at <", Timestamp::from_seconds(1));
        conditions.add_after("e.id", bytes(7));
        conditions.add_after("e.id", bytes(5));
        conditions.add_before("e.id", bytes(80));
        conditions.add_before("o.id", bytes(99));
        let (wheres, values) = conditions.done();
        assert_eq!(wheres, "e.id >= $1 AND e.id < $2 AND e.at < $3 AND o.id < $4");
        assert_eq!(values, [id(8), id(80), Value::Time(Timestamp::from_seconds(1)), id(99)]);
    }
}
