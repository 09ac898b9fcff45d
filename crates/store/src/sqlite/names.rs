//! Two SQL functions for the checks: the id that a reference of the journal or the name of an account names, and an id as people see it.

use ducat_domain::*;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use std::str::FromStr;

/// Makes `named(text)` and `shown(prefix, id)` known to a connection.
pub(super) fn register(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("named", 1, flags, |context| {
        Ok(context.get_raw(0).as_str_or_null().ok().flatten().and_then(named))
    })?;
    db.create_scalar_function("shown", 2, flags, |context| {
        let (prefix, id) = (context.get_raw(0), context.get_raw(1));
        let id = id.as_blob_or_null().ok().flatten().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        Ok(id.map_or_else(String::new, |id| shown(prefix.as_str().unwrap_or_default(), id)))
    })
}

/// The id after the first colon: of `refs:re_…` a refund's, of `psp:psp_…:receivable` a PSP account's.
fn named(text: &str) -> Option<[u8; 16]> {
    let id = text.split(':').nth(1)?;
    macro_rules! read {
        ($($id:ident)*) => { match id.split_once('_')?.0 {
            $($id::PREFIX => $id::from_str(id).ok().map(|id| *id.as_bytes()),)*
            _ => None,
        } };
    }
    read!(MerchantId AttemptId PspAccountId RefundId DisputeId PayoutId EntryId)
}

fn shown(prefix: &str, id: [u8; 16]) -> String {
    macro_rules! write {
        ($($id:ident)*) => { match prefix {
            $($id::PREFIX => $id::from_bytes(id).to_string(),)*
            _ => String::new(),
        } };
    }
    write!(MerchantId PaymentOrderId AttemptId PspAccountId EventId EntryId CaptureId RefundId DisputeId PayoutId ExceptionId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ducat_domain::journal::{Account, EventRef};

    #[test]
    fn what_the_journal_names_is_read_back() {
        let bytes = [7; 16];
        let (attempt, refund) = (AttemptId::from_bytes(bytes), RefundId::from_bytes(bytes));
        let (dispute, psp) = (DisputeId::from_bytes(bytes), PspAccountId::from_bytes(bytes));
        let (payout, entry) = (PayoutId::from_bytes(bytes), EntryId::from_bytes(bytes));
        let texts = [
            EventRef::CapturedMore(attempt, 5).to_string(),
            EventRef::RefundReleased(refund).to_string(),
            EventRef::DisputeFee(dispute, "txn:1".into()).to_string(),
            EventRef::Suspended(psp, "txn_1".into()).to_string(),
            EventRef::Arrived(payout).to_string(),
            EventRef::Reversal(entry).to_string(),
            Account::PspReceivable(psp).to_string(),
            Account::PayoutInTransit(payout).to_string(),
            Account::MerchantReserve(MerchantId::from_bytes(bytes)).to_string(),
        ];
        for text in texts {
            assert_eq!(named(&text), Some(bytes), "{text}");
        }
        for text in ["", "bank:main", "fx:clearing", "expense:psp_fee", "cap:pa_", "cap", "cap:x_y"] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn sql_sees_both_and_is_given_nothing_for_nonsense() {
        let db = Connection::open_in_memory().unwrap();
        register(&db).unwrap();
        let id = RefundId::from_bytes([9; 16]);
        let sql = "SELECT shown('re', named(?1)), named(5) IS NULL, named(NULL) IS NULL, shown('re', 'text'), shown('xx', x'00')";
        let row =
            db.query_row(sql, [format!("ref:{id}")], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
        assert_eq!(row.unwrap(), (id.to_string(), true, true, String::new(), String::new()));
    }
}
