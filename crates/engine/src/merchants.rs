//! Merchants.
use crate::{Engine, Error};
use ducat_domain::{Merchant, MerchantId, Secret};

#[allow(unused_variables, missing_docs)]
/// Records a merchant.
pub async fn create(engine: &Engine, name: &str) -> Result<Merchant, Error> { unreachable!() }
#[allow(unused_variables, missing_docs)]
/// The first merchant, made when there is none.
pub async fn first(engine: &Engine, name: &str) -> Result<Merchant, Error> { unreachable!() }
#[allow(unused_variables, missing_docs)]
/// The secret with which return addresses are signed.
pub async fn return_secret(engine: &Engine, merchant: MerchantId) -> Result<Secret, Error> { unreachable!() }
