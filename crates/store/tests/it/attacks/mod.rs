//! What the database itself refuses, whoever asks: each attack is tried with a connection of its own and must change nothing.
//!
//! - `pay_in`: merchants, orders, attempts, the journal, events, answers.
//! - `parts`: captures, refunds, disputes with their evidence, claims.
//! - `books`: payouts, statements, places in them, exceptions, corrections, events of payouts.

use crate::builders::*;
use crate::intruder::{Intruder, blob};

/// A world with something to attack, and names for the ids in it.
pub struct Scene {
    w: World,
    names: Vec<(&'static str, [u8; 16])>,
}

impl Scene {
    /// `{m}` is the merchant, `{s}` its PSP account, `{n}` an id that is new.
    fn of(w: World, shop: Shop) -> Self {
        let names = vec![("{m}", *shop.merchant.as_bytes()), ("{s}", *shop.account.as_bytes()), ("{n}", [0xab; 16])];
        Self { w, names }
    }

    fn name(&mut self, name: &'static str, id: &[u8; 16]) {
        self.names.push((name, *id));
    }

    /// Tries each attack, with the ids in place of their names. Of several statements the last one is the attack.
    async fn refuses(&self, attacks: &[&str]) {
        let intruder = Intruder::into(&self.w);
        for attack in attacks {
            let mut sql = (*attack).to_owned();
            for (name, id) in &self.names {
                sql = sql.replace(name, &blob(id));
            }
            intruder.is_refused(&sql);
        }
        self.w.assert_sound().await;
    }
}

macro_rules! attacks {
    ($scene:expr, $($(#[$doc:meta])* $name:ident: [$($sql:literal),* $(,)?])*) => {$(
        $(#[$doc])*
        #[test]
        fn $name() {
            run(async {
                let scene: crate::attacks::Scene = $scene.await;
                scene.refuses(&[$($sql),*]).await;
            });
        }
    )*};
}

use attacks;

mod books;
mod parts;
mod pay_in;
