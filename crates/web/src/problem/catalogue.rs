//! Every code of a problem, in one table: its status, what it means, and what to do. The pages under `/docs/errors` are made of it.

use axum::http::StatusCode;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Stable, for machines.
    pub code: &'static str,
    /// The HTTP status.
    pub status: StatusCode,
    /// A few words for people.
    pub title: &'static str,
    /// What has happened.
    pub meaning: &'static str,
    /// What the caller can do.
    pub remedy: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal, $meaning:literal, $remedy:literal;)*) => {
        $(pub(crate) static $name: Kind =
            Kind { code: $code, status: StatusCode::$status, title: $title, meaning: $meaning, remedy: $remedy };)*
        /// Every kind there is.
        pub(crate) static KINDS: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    MALFORMED_JSON = "malformed_json", BAD_REQUEST, "The body is not valid JSON",
        "The body could not be read as JSON: a syntax error, a key that stands twice in one object, or more than 32 levels of nesting.",
        "The detail names the line and column, and the param the place. Send exactly one JSON object in UTF-8.";
    UNKNOWN_FIELD = "unknown_field", BAD_REQUEST, "A field is not known",
        "The body has a field that this call does not take. Nothing is ignored in silence, because a misspelt field could be one about money.",
        "Remove or correct the field that the param points to. The detail lists the fields that the call takes.";
    MISSING_FIELD = "missing_field", BAD_REQUEST, "A required field is missing",
        "The body lacks a field that this call needs.", "Add the field that the param points to.";
    INVALID_TYPE = "invalid_type", BAD_REQUEST, "A field has the wrong type",
        "A value is of another JSON type than the field takes. Amounts are whole numbers of minor units: 4999, not \"4999\" and not 49.99.",
        "Send the type that the detail names.";
    INVALID_VALUE = "invalid_value", BAD_REQUEST, "A field has a value it may not have",
        "The type is right, the value is not: too large, too small, too long, or not one of those that there are.",
        "The detail says what is wrong with the value and what would be right.";
    UNKNOWN_CURRENCY = "currency_unknown", BAD_REQUEST, "There is no such currency",
        "The currency is no active code of ISO 4217 in upper case.", "Send a code such as EUR, USD or JPY.";
    CURRENCY_NOT_SUPPORTED = "currency_not_supported", BAD_REQUEST, "The PSP does not take this currency",
        "No PSP account that could take the order takes its currency.", "Use another currency, or add a PSP account that takes this one.";
    AMOUNT_TOO_SMALL = "amount_too_small", BAD_REQUEST, "The amount is too small",
        "The amount is zero, negative, or below what the PSP takes in this currency.", "The detail names the least amount.";
    AMOUNT_TOO_LARGE = "amount_too_large", BAD_REQUEST, "The amount is too large",
        "The amount is beyond what Ducat or the PSP takes in one payment, more than is left to capture or to refund, or more than a line of an entry may have.", "Check the unit: amounts are minor units, cents for EUR. The detail names the largest amount.";
    OUT_OF_RANGE = "out_of_range", BAD_REQUEST, "A number is out of its range",
        "A quantity, a span or a moment is beyond what it may be.", "The detail names the range.";
    TOO_SHORT = "too_short", BAD_REQUEST, "A text is empty", "A text that is needed is empty or only spaces.", "Send a text, or leave the field out where it may be missing.";
    TOO_LONG = "too_long", BAD_REQUEST, "A text is too long", "A text has more characters than are kept.", "The detail names the largest length.";
    TOO_MANY = "too_many", BAD_REQUEST, "There are too many",
        "A list has more entries than are taken, or as many of these objects exist as may exist.", "The detail names the limit.";
    INVALID_TEXT = "invalid_text", BAD_REQUEST, "A text has characters that it may not have",
        "A text holds control characters.", "Remove line breaks, tabs and the like.";
    INVALID_EMAIL = "invalid_email", BAD_REQUEST, "This is no e-mail address", "The customer's e-mail address cannot be one.", "Correct it, or leave it out.";
    INVALID_URL = "invalid_url", BAD_REQUEST, "This is no web address that can be used",
        "An address is not complete, is not http or https, holds a user name, or is longer than 2048 bytes. Addresses such as javascript: are never taken. \
         A webhook endpoint must be an https address of the public internet.",
        "Send a complete address, such as https://shop.example/thanks.";
    EVENT_TYPE_UNKNOWN = "event_type_unknown", BAD_REQUEST, "There is no such type of event",
        "A list of types of events names one that does not exist.", "The detail lists the types that there are.";
    INVALID_NETWORK = "invalid_network", BAD_REQUEST, "This is no network", "A network of an API key cannot be read.", "Write it as 10.0.0.0/8 or 2001:db8::/32.";
    AMOUNT_MISMATCH = "amount_mismatch", BAD_REQUEST, "The amounts do not fit",
        "What was credited and what the bank kept do not sum to what was sent.", "Compare both with the bank's statement. The detail names the sum.";
    ACCOUNT_UNKNOWN = "account_unknown", BAD_REQUEST, "There is no such account",
        "The account is not one of the chart, or belongs to somebody else.", "List the accounts: GET /v1/ledger/accounts. The chart is in the documentation of the books.";
    ENTRY_UNBALANCED = "entry_unbalanced", BAD_REQUEST, "The lines do not balance",
        "The lines of an entry must sum to zero in each currency.", "Debits are positive and credits negative. Correct the amounts.";
    EVIDENCE_REFUSED = "evidence_refused", BAD_REQUEST, "The PSP would not take this evidence",
        "A field is none of the PSP's, a text is too long, or a file is too large or not what its type says.",
        "The detail names the field and the limit. What a PSP takes is in the documentation of its connector.";
    NOT_SUPPORTED = "not_supported", BAD_REQUEST, "The PSP cannot do this",
        "The request asks for something that the payment's PSP does not offer, such as several captures of one payment.",
        "Ask for what it offers: the detail says what that is.";
    PROOF_WRONG = "proof_wrong", BAD_REQUEST, "The proof is not of the order's present status",
        "The proof is wrong, or belongs to another order or an earlier status.",
        "Take it from the return address or from the newest event of the order; or leave it out, and fetch the order with your key.";
    PAYMENT_TYPE_NOT_SUPPORTED = "payment_type_not_supported", BAD_REQUEST, "This payment type is not offered",
        "The payment type is known, but this gateway does not offer it.", "Use SALE.";
    PAYMENT_METHOD_NOT_SUPPORTED = "payment_method_not_supported", BAD_REQUEST, "This payment method is not offered",
        "The payment method is known, but this gateway does not offer it.", "Use APM, which includes cards on the PSP's own page.";
    CAPTURE_NOT_SUPPORTED = "capture_not_supported", BAD_REQUEST, "The PSP cannot capture later",
        "The order asks for manual capture, and no PSP account that could take it can do that.", "Use automatic capture, or another PSP.";
    PSP_UNKNOWN = "psp_unknown", BAD_REQUEST, "There is no such PSP", "Ducat has no connector of this name.", "The detail lists those that there are.";
    PSP_CANNOT = "psp_cannot", BAD_REQUEST, "The PSP cannot do this", "The PSP that is asked for does not offer what the order needs.", "Choose another PSP, or leave the choice to Ducat.";
    API_KEY_WEAK = "api_key_weak", BAD_REQUEST, "The API key is too weak", "A key that is not made by Ducat must be long enough not to be guessed.", "Let Ducat make the key.";
    CURSOR_UNKNOWN = "cursor_unknown", BAD_REQUEST, "There is no event at this cursor",
        "The event from which to read on does not exist, or belongs to another merchant.", "Read on from the id of an event that you have received, or from the beginning.";
    UNKNOWN_PARAMETER = "unknown_parameter", BAD_REQUEST, "A query parameter is not known",
        "The address has a query parameter that this call does not take.", "Remove or correct the parameter. The detail lists those that there are.";
    INVALID_PARAMETER = "invalid_parameter", BAD_REQUEST, "A query parameter has a value it may not have",
        "The value of a query parameter cannot be used, or two parameters exclude each other.", "The detail says what would be right.";
    INVALID_IDEMPOTENCY_KEY = "invalid_idempotency_key", BAD_REQUEST, "The Idempotency-Key cannot be used",
        "The header Idempotency-Key is empty, longer than 255 characters, sent twice, or has characters beyond visible ASCII.",
        "Send 1 to 255 visible ASCII characters, such as a UUID; a new key for each new request.";
    BAD_SIGNATURE = "bad_signature", BAD_REQUEST, "The message is not proved to come from the PSP",
        "The signature of a PSP's message is missing, wrong or too old, or the PSP account has no signing secret.",
        "Compare the signing secret of the PSP account with the one that the PSP shows, and check the clocks of both machines.";
    MALFORMED_MESSAGE = "malformed_message", BAD_REQUEST, "The message cannot be read",
        "The PSP's message is signed as it should be, but does not have the shape of its documentation.",
        "Compare the API version of the webhook endpoint at the PSP with the one that Ducat asks for.";
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "No valid API key",
        "The call has no API key, or the key is unknown, revoked or expired; which of these is not told.",
        "Send the key as Authorization: Bearer dk_…, or as the user name of HTTP Basic.";
    INSUFFICIENT_SCOPE = "insufficient_scope", FORBIDDEN, "The API key may not do this",
        "The key is valid, but its scope does not reach: read looks, payments also takes payments, admin does everything.",
        "Use a key with the scope that the detail names.";
    NETWORK_NOT_ALLOWED = "network_not_allowed", FORBIDDEN, "The API key may not be used from here",
        "The key is bound to networks, and the call comes from another address.",
        "Call from an allowed network, or make a key that allows this one. Behind a proxy, name the proxy as trusted.";
    NOT_FOUND = "not_found", NOT_FOUND, "There is no such thing",
        "There is nothing under this address, or it belongs to another merchant; which of these is not told.",
        "Check the id and the address, and that the key belongs to the right merchant.";
    METHOD_NOT_ALLOWED = "method_not_allowed", METHOD_NOT_ALLOWED, "This address does not take this method",
        "The address exists, but not for this HTTP method.", "Use one of the methods in the Allow header.";
    REQUEST_TIMEOUT = "request_timeout", REQUEST_TIMEOUT, "The body took too long to arrive",
        "The headers came, the whole body did not.", "Send it again, under the same Idempotency-Key.";
    CONFLICT = "conflict", CONFLICT, "It cannot be done as things stand",
        "The request is well formed, but the state of the object does not allow it.", "Fetch the object, look at its status, and decide again.";
    REFERENCE_TAKEN = "reference_taken", CONFLICT, "The reference belongs to an order with other terms",
        "There is already a payment order with this reference, and its amount or currency is another. With the same terms you would have got that order.",
        "Use a reference of its own for each order of your shop; or list the orders with this reference.";
    PAYMENT_ORDER_STATE = "payment_order_state", CONFLICT, "The payment order does not allow this now",
        "The order is in a status from which this cannot be done.", "Fetch the order and look at its status.";
    PAYMENT_ORDER_NOT_CANCELABLE = "payment_order_not_cancelable", CONFLICT, "The payment order can no longer be canceled",
        "The order has ended: it is paid, failed or expired.", "Fetch the order. What is paid can be refunded, not canceled.";
    PAYMENT_ORDER_NOT_REFUNDABLE = "payment_order_not_refundable", CONFLICT, "There is nothing to give back",
        "No money of the order was captured, so none can be refunded.", "Fetch the order. What is only held is let go by canceling the order.";
    PAYMENT_ORDER_DISPUTED = "payment_order_disputed", CONFLICT, "The payment is disputed",
        "The payer disputes the payment, and the PSP has taken the money back. A refund now could pay the customer twice.",
        "Answer the dispute: accept it, or hand evidence in. What is left after it is decided can be refunded.";
    CAPTURE_IN_PROGRESS = "capture_in_progress", CONFLICT, "Another capture is under way",
        "The PSP has not yet confirmed a capture of the same order. One at a time is told to it.", "Wait for the event that tells of it, and ask again.";
    CAPTURE_REFUSED = "capture_refused", CONFLICT, "The PSP refused the capture",
        "The PSP did not take the money. It is still held, unless the hold has lapsed.", "The detail has the PSP's word. Fetch the order, and decide again.";
    REFUND_WINDOW_OVER = "refund_window_over", CONFLICT, "The payment is too old to be refunded",
        "The PSP gives money back only for so long after a payment.", "Pay the customer in another way, such as by a bank transfer.";
    PAYOUT_STATE = "payout_state", CONFLICT, "The payout does not allow this now",
        "The payout has not left the PSP, came back, or its arrival is booked already.", "Fetch the payout and look at its status.";
    ENTRY_NOT_REVERSIBLE = "entry_not_reversible", CONFLICT, "The entry follows from a state",
        "What follows from a payment, a refund, a dispute or a payout is true as long as that is. To book against it would make two truths.",
        "Change what it follows from: refund, cancel, answer. The detail says which.";
    ENTRY_REVERSED = "entry_reversed", CONFLICT, "The entry was reversed before",
        "An entry is reversed once. A second mirror image would move the money again.",
        "List the entries, and look at what took its place; that can be reversed in its turn.";
    BALANCE_OUT_OF_RANGE = "balance_out_of_range", CONFLICT, "A balance would be out of range",
        "With this the balance of an account would no longer fit into 64 bits. Nothing was booked.",
        "Look at the balances: GET /v1/ledger/accounts. An amount far too large stands in the books; reverse its entry.";
    EXCEPTION_CLOSED = "exception_closed", CONFLICT, "The exception is closed",
        "Somebody has noted before how it was settled.", "List the exceptions: the note says who, when and why.";
    DISPUTE_STATE = "dispute_state", CONFLICT, "The dispute does not allow this now",
        "The dispute is decided, or the bank is looking at what was sent.", "Fetch the dispute and look at its status.";
    ALREADY_CLAIMED = "already_claimed", CONFLICT, "Somebody else has claimed the order",
        "The order was taken on before, and is being fulfilled by whoever did. The problem's `claimed_by` and `claimed_at` say who and when.",
        "Do nothing: the order is in good hands.";
    PSP_ACCOUNT_MISSING = "psp_account_missing", CONFLICT, "No PSP account can take this order",
        "The merchant has no active PSP account for it.", "Add or activate a PSP account: POST /v1/psp_accounts.";
    PSP_ACCOUNT_MISCONFIGURED = "psp_account_misconfigured", CONFLICT, "The PSP does not accept the account's credentials",
        "The PSP was reached, and refused the credentials or settings of the PSP account.", "Correct the settings of the PSP account; the detail has the PSP's words.";
    DELIVERY_IS_A_TEST = "delivery_is_a_test", CONFLICT, "A test is sent once",
        "A test delivery is not tried again: its event did not happen.", "Send another test.";
    CHANGED_MEANWHILE = "changed_meanwhile", CONFLICT, "Somebody else changed it meanwhile",
        "Another call changed the same object at the same time.", "Fetch it, look, and decide again.";
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress", CONFLICT, "A request under this key is still running",
        "A first request with the same Idempotency-Key has not been answered yet.", "Wait a second and send the same request again.";
    PAYLOAD_TOO_LARGE = "payload_too_large", PAYLOAD_TOO_LARGE, "The body is too large",
        "A call may carry 256 KiB, a PSP's message 1 MiB.", "Send less.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is not declared as JSON",
        "A body needs the header Content-Type: application/json.", "Add the header, and send JSON.";
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request",
        "A request with the same key but another method, address or body came before. Nothing was done.",
        "Use a new key for a new request; repeat a request only unchanged.";
    RATE_LIMITED = "rate_limited", TOO_MANY_REQUESTS, "Too many calls",
        "This API key has used up its calls for the moment; or so much was asked for without a key, or with one that is not valid, from one \
         address. Nothing was done.",
        "Wait as long as Retry-After says. The RateLimit headers of every answer to a key show what is left.";
    TOO_MANY_DECLINES = "too_many_declines", TOO_MANY_REQUESTS, "Too many payments of this customer were declined",
        "So many payments of this customer were declined in so short a time that it looks like somebody trying out stolen cards. For a while \
         the customer gets no new payment order. Nothing was done.",
        "Wait as long as Retry-After says. Other customers are not affected. Who runs the gateway sets the limits: max_declines_per_customer and its window.";
    INTERNAL_ERROR = "internal_error", INTERNAL_SERVER_ERROR, "Something of ours failed",
        "An error of Ducat, not of the request. It is in the log under the request id.",
        "Repeat the request under the same Idempotency-Key: nothing happens twice. If it stays, give the request id to whoever runs this gateway.";
    PSP_REFUSED = "psp_refused", BAD_GATEWAY, "The PSP refused",
        "The PSP answered, but not with what was asked for.", "The detail has the PSP's words. If they make no sense, look at the PSP's status page.";
    PSP_UNAVAILABLE = "psp_unavailable", BAD_GATEWAY, "The PSP does not answer",
        "The PSP could not be reached, or did not answer in time.", "Try again later; look at the PSP's status page.";
    BUSY = "busy", SERVICE_UNAVAILABLE, "Too much is waiting",
        "More is waiting to be written than can be written soon, more is being sent than can be held, or the program is about to stop. Nothing was done.",
        "Repeat the request under the same Idempotency-Key after Retry-After.";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The database does not answer",
        "The database could not be reached or did not answer in time. Where it was lost while it was writing, nobody can say whether the request was done.",
        "Ask again after Retry-After. What changes something is repeated under the same Idempotency-Key: it is then found done, or is done once. Without a key, look first.";
}

/// The kind with this code.
pub(crate) fn find(code: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_there_once_and_is_a_name() {
        for (i, kind) in KINDS.iter().enumerate() {
            assert!(kind.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", kind.code);
            assert!(KINDS[..i].iter().all(|other| other.code != kind.code), "{}", kind.code);
            assert!(kind.status.is_client_error() || kind.status.is_server_error());
        }
    }
}
