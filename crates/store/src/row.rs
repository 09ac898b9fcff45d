//! A row as both databases give it, and how domain values are read out of it.

use crate::ReadError;
use ducat_domain::payments::*;
use ducat_domain::settlement::PayoutStatus;
use ducat_domain::webhooks::*;
use ducat_domain::*;
use serde::de::DeserializeOwned;

/// A row that was found, of either database.
pub(crate) enum Row<'r> {
    /// Of the embedded one.
    Sqlite(&'r rusqlite::Row<'r>),
    /// Of a server.
    Postgres(&'r tokio_postgres::Row),
}

/// What can be read from a column.
pub(crate) trait Column: Sized {
    /// The value, where the column is not empty.
    fn read(row: &Row<'_>, column: &str) -> Result<Option<Self>, ReadError>;
}

impl Row<'_> {
    /// A column that is never empty.
    pub fn get<T: Column>(&self, column: &str) -> Result<T, ReadError> {
        T::read(self, column)?.ok_or_else(|| ReadError(format!("the column {column} is empty")))
    }

    /// A column that may be empty.
    pub fn maybe<T: Column>(&self, column: &str) -> Result<Option<T>, ReadError> {
        T::read(self, column)
    }

    /// A column of JSON.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, ReadError> {
        self.maybe_json(column)?.ok_or_else(|| ReadError(format!("the column {column} is empty")))
    }

    /// A column of JSON that may be empty.
    pub fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, ReadError> {
        let read = |text| serde_json::from_str(text).map_err(|e| ReadError(format!("the column {column}: {e}")));
        self.text(column)?.map(read).transpose()
    }

    fn id(&self, column: &str) -> Result<Option<[u8; 16]>, ReadError> {
        let wrong = |_| ReadError(format!("the column {column} holds no id"));
        self.bytes(column)?.map(|bytes| bytes.try_into().map_err(wrong)).transpose()
    }

    fn text(&self, column: &str) -> Result<Option<&str>, ReadError> {
        match self {
            Self::Sqlite(row) => crate::sqlite::cell::text(row, column),
            Self::Postgres(row) => crate::postgres::cell::text(row, column),
        }
    }

    fn bytes(&self, column: &str) -> Result<Option<&[u8]>, ReadError> {
        match self {
            Self::Sqlite(row) => crate::sqlite::cell::bytes(row, column),
            Self::Postgres(row) => crate::postgres::cell::bytes(row, column),
        }
    }

    fn int(&self, column: &str) -> Result<Option<i64>, ReadError> {
        match self {
            Self::Sqlite(row) => crate::sqlite::cell::int(row, column),
            Self::Postgres(row) => crate::postgres::cell::int(row, column),
        }
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(crate::sqlite::cell::int(row, column)?.map(|n| n != 0)),
            Self::Postgres(row) => crate::postgres::cell::flag(row, column),
        }
    }

    fn time(&self, column: &str) -> Result<Option<Timestamp>, ReadError> {
        match self {
            Self::Sqlite(row) => Ok(crate::sqlite::cell::int(row, column)?.map(Timestamp::from_micros)),
            Self::Postgres(row) => crate::postgres::cell::time(row, column),
        }
    }
}

fn wrong<T>(column: &str) -> impl FnOnce(T) -> ReadError + use<'_, T> {
    move |_| ReadError(format!("the column {column} holds something else"))
}

macro_rules! columns {
    ($($kind:ty: |$row:ident, $column:ident| $read:expr;)*) => {$(
        impl Column for $kind {
            fn read($row: &Row<'_>, $column: &str) -> Result<Option<Self>, ReadError> {
                $read
            }
        }
    )*};
}

columns! {
    i64: |row, column| row.int(column);
    u32: |row, column| row.int(column)?.map(u32::try_from).transpose().map_err(wrong(column));
    u16: |row, column| row.int(column)?.map(u16::try_from).transpose().map_err(wrong(column));
    bool: |row, column| row.flag(column);
    String: |row, column| Ok(row.text(column)?.map(str::to_owned));
    Vec<u8>: |row, column| Ok(row.bytes(column)?.map(<[u8]>::to_vec));
    [u8; 16]: |row, column| row.id(column);
    [u8; 32]: |row, column| row.bytes(column)?.map(TryInto::try_into).transpose().map_err(wrong(column));
    Timestamp: |row, column| row.time(column);
    Currency: |row, column| row.text(column)?.map(str::parse).transpose().map_err(wrong(column));
}

macro_rules! ids {
    ($($id:ident)*) => { columns! { $($id: |row, column| Ok(row.id(column)?.map($id::from_bytes));)* } };
}

ids!(MerchantId PaymentOrderId AttemptId PspAccountId ApiKeyId EventId EntryId CaptureId RefundId DisputeId DisputeFileId PayoutId
    ExceptionId WebhookEndpointId DeliveryId ReplayId);

/// A word that must be one of a list.
fn word<T>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ReadError> {
    match row.text(column)? {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| ReadError(format!("the column {column} says {text:?}"))),
    }
}

macro_rules! listed {
    ($($name:ident)*) => { columns! {
        $($name: |row, column| word(row, column, |text| $name::ALL.iter().copied().find(|known| known.as_str() == text));)*
    } };
}

listed!(OrderStatus AttemptStatus CaptureStatus RefundStatus RefundOrigin DisputeStatus DisputeReason PayoutStatus);

macro_rules! parsed {
    ($($name:ident)*) => { columns! { $($name: |row, column| word(row, column, $name::parse);)* } };
}

parsed!(EventKind EndpointStatus DeliveryState DeliveryOrigin);
