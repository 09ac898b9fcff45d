//! Merchants, keys, PSP accounts, idempotency keys, messages.

use super::{Applied, all};
use crate::postgres::digest;
use crate::postgres::statement::{Statement, each, insert, update};
use crate::{Change, IdempotencyWrite};

pub(super) fn idempotency(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let mut writes: Vec<&IdempotencyWrite> = changes.iter().filter_map(|change| change.idempotency.as_ref()).collect();
    writes.sort_by_key(|write| write.name());
    insert!(
        out,
        "idempotency_keys",
        writes.iter().filter_map(|write| match write {
            IdempotencyWrite::Claim { merchant, key, fingerprint, locked_until, subject, at, answer } =>
                Some((merchant, key, fingerprint, locked_until, subject, at, answer)),
            _ => None,
        }),
        |(merchant, key, fingerprint, locked_until, subject, at, answer)| {
            merchant_id: uuid = *merchant,
            key: uuid = digest(merchant, key),
            fingerprint: bytea = fingerprint,
            locked_until: timestamptz = *locked_until,
            subject_id: uuid = *subject,
            answer_kind: text = answer.as_ref().map(|a| &a.kind),
            answer_body: bytea = answer.as_ref().map(|a| &a.body),
            created_at: timestamptz = *at,
        }
    );
    each!(
        out,
        "UPDATE idempotency_keys t SET locked_until = n.locked_until FROM {rows}
           WHERE t.merchant_id = n.merchant_id AND t.key = n.key AND t.locked_until = n.found AND t.answer_kind IS NULL",
        writes.iter().filter_map(|write| match write {
            IdempotencyWrite::TakeOver { merchant, key, found, locked_until } => Some((merchant, key, found, locked_until)),
            _ => None,
        }),
        |(merchant, key, found, locked_until)| {
            merchant_id: uuid = *merchant,
            key: uuid = digest(merchant, key),
            found: timestamptz = *found,
            locked_until: timestamptz = *locked_until,
        },
        or "stale"
    );
    update!(
        out,
        "idempotency_keys",
        2,
        "t.answer_kind IS NULL",
        writes.iter().filter_map(|write| match write {
            IdempotencyWrite::Answer { merchant, key, answer } => Some((merchant, key, answer)),
            _ => None,
        }),
        |(merchant, key, answer)| {
            merchant_id: uuid = *merchant,
            key: uuid = digest(merchant, key),
            answer_kind: text = &answer.kind,
            answer_body: bytea = &answer.body,
            // Nobody asks any more what it had got to.
            subject_id: uuid = None::<[u8; 16]>,
        }
    );
    each!(
        out,
        "DELETE FROM idempotency_keys t USING {rows} WHERE t.merchant_id = n.merchant_id AND t.key = n.key AND t.answer_kind IS NULL",
        writes.iter().filter_map(|write| match write {
            IdempotencyWrite::Release { merchant, key } => Some((merchant, key)),
            _ => None,
        }),
        |(merchant, key)| { merchant_id: uuid = *merchant, key: uuid = digest(merchant, key) }
    );
    Ok(())
}

pub(super) fn inbox(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    let mut messages: Vec<_> = changes.iter().filter_map(|change| change.inbox.as_ref()).collect();
    messages.sort_by(|a, b| (a.merchant, a.psp_account, &a.message_id).cmp(&(b.merchant, b.psp_account, &b.message_id)));
    insert!(out, "inbox", messages, |m| {
        merchant_id: uuid = m.merchant,
        psp_account_id: uuid = m.psp_account,
        message_id: text = &m.message_id,
        kind: text = &m.kind,
        state: text = m.state.as_str(),
        order_id: uuid = m.order,
        body: bytea = m.body.as_ref(),
        received_at: timestamptz = m.received_at,
    });
    Ok(())
}

pub(super) fn write(out: &mut Vec<Statement>, changes: &[&Change]) -> Applied {
    insert!(out, "merchants", all(changes, |c| &c.merchants), |m| {
        id: uuid = m.id,
        name: text = &m.name,
        sealed_return_secret: bytea = &m.sealed_return_secret,
        created_at: timestamptz = m.created_at,
    });
    keys(out, changes);
    let accounts = all(changes, |c| &c.psp_accounts);
    insert!(out, "psp_accounts", accounts.iter().filter(|a| a.version == 1), |a| {
        id: uuid = a.id,
        merchant_id: uuid = a.merchant,
        psp: text = &a.psp,
        name: text = &a.name,
        active: boolean = a.active,
        sealed_settings: bytea = &a.sealed_settings,
        version: integer = a.version,
        created_at: timestamptz = a.created_at,
    });
    update!(out, "psp_accounts", 1, "t.version = n.version - 1", accounts.iter().filter(|a| a.version > 1), |a| {
        id: uuid = a.id,
        name: text = &a.name,
        active: boolean = a.active,
        sealed_settings: bytea = &a.sealed_settings,
        version: integer = a.version,
    });
    Ok(())
}

fn keys(out: &mut Vec<Statement>, changes: &[&Change]) {
    insert!(out, "api_keys", all(changes, |c| &c.api_keys), |key| {
        id: uuid = key.id,
        merchant_id: uuid = key.merchant,
        hash: bytea = key.hash,
        hint: text = &key.hint,
        name: text = &key.name,
        scope: text = key.scope.as_str(),
        networks: text = key.networks.join(" "),
        expires_at: timestamptz = key.expires_at,
        revoked_at: timestamptz = key.revoked_at,
        last_used_at: timestamptz = key.last_used_at,
        created_at: timestamptz = key.created_at,
    });
    each!(
        out,
        "UPDATE api_keys t SET revoked_at = n.at FROM {rows} WHERE t.id = n.id AND t.revoked_at IS NULL",
        all(changes, |c| &c.revoked_keys),
        |(id, at)| { id: uuid = *id, at: timestamptz = *at }
    );
    each!(
        out,
        "UPDATE api_keys t SET last_used_at = n.at FROM {rows} WHERE t.id = n.id",
        all(changes, |c| &c.used_keys),
        |(id, at)| { id: uuid = *id, at: timestamptz = *at }
    );
}
