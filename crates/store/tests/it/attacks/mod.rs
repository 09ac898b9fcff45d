//! What the database itself refuses, whoever asks: each attack is tried with a connection of its own and must change nothing.
//!
//! - `pay_in`: merchants, orders, attempts, the journal, events, answers.
//! - `parts`: captures, refunds, disputes with their evidence, claims.
//! - `archive`: orders that are over, on their way there and back.
//! - `postgres`: what only a server has.
//! - `both_ways`: what a server says of a statement, whichever way it is looked at.
//! - `books`: payouts, statements, places in them, exceptions, corrections, events of payouts.

use crate::builders::*;
use crate::intruder::{Intruder, blob};
use crate::on_server::OnServer;

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

    /// An attack with the ids in place of their names.
    fn named(&self, attack: &str) -> String {
        let mut sql = attack.to_owned();
        for (name, id) in &self.names {
            sql = sql.replace(name, &blob(id));
        }
        sql
    }

    /// Tries each attack. Of several statements the last one is the attack.
    async fn refuses(&self, attacks: &[&str]) {
        if self.w.url.is_empty() {
            let intruder = Intruder::into(&self.w);
            attacks.iter().for_each(|attack| intruder.is_refused(&self.named(attack)));
        } else {
            let intruder = OnServer::into(&self.w).await;
            for attack in attacks.iter().filter(|attack| !attack.starts_with(FILE)) {
                intruder.is_refused_translated(&self.named(attack), &self.named("{m}")).await;
            }
        }
        self.w.assert_sound().await;
    }
}

/// How an attack begins that has a meaning for the embedded database only; a server has its own in `postgres`.
pub const FILE: &str = "/* file */";

macro_rules! attacks {
    ($scene:ident, $($(#[$doc:meta])* $name:ident: $attacks:tt)*) => {
        crate::attacks::attacks!(@on sqlite, async { World::sqlite(WriterMode::Thread) }, $scene, $($(#[$doc])* $name: $attacks)*);
        crate::attacks::attacks!(@on postgres, World::postgres(Statements::Kept), $scene, $($(#[$doc])* $name: $attacks)*);
    };
    (@on $database:ident, $world:expr, $scene:ident, $($(#[$doc:meta])* $name:ident: [$($sql:literal),* $(,)?])*) => {
        mod $database {
            use super::*;
            $($(#[$doc])*
            #[test]
            fn $name() {
                run(async {
                    let scene: crate::attacks::Scene = super::$scene($world.await).await;
                    scene.refuses(&[$($sql),*]).await;
                });
            })*
        }
    };
}

use attacks;

mod archive;
mod books;
mod both_ways;
mod parts;
mod pay_in;
mod postgres;
