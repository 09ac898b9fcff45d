//! Domain values as SQLite keeps them: ids as their bytes, moments as microseconds.

use ducat_domain::*;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A domain value as a column.
pub(super) struct Col<T>(pub T);

macro_rules! id_columns {
    ($($id:ident)*) => {$(
        impl ToSql for Col<$id> {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.0.as_bytes())))
            }
        }
        impl FromSql for Col<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes: [u8; 16] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok(Self($id::from_bytes(bytes)))
            }
        }
    )*};
}

id_columns!(MerchantId PaymentOrderId AttemptId PspAccountId ApiKeyId EventId EntryId CaptureId RefundId DisputeId DisputeFileId PayoutId
    ExceptionId WebhookEndpointId DeliveryId ReplayId);

impl ToSql for Col<Timestamp> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_micros()))
    }
}

impl FromSql for Col<Timestamp> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|micros| Self(Timestamp::from_micros(micros)))
    }
}
