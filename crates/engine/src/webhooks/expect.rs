//! Whether a message is worth reading: what is not for an account of ours, or bears no signature, is turned away by its head.

use super::ReceiveError;
use super::receive::look;
use crate::Engine;
use ducat_connectors::is_signed_at_all;
use ducat_domain::PspAccountId;

/// Turns away what its head already gives away. `header` looks a header up by its name in lower case.
pub async fn expect(
    engine: &Engine,
    psp: &str,
    account: PspAccountId,
    header: impl Fn(&str) -> Option<String> + Send,
) -> Result<(), ReceiveError> {
    let opened = look(engine, psp, account).await?;
    Ok(is_signed_at_all(&opened.psp.connector.spec().trust, header)?)
}
