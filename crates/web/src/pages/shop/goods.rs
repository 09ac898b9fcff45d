//! What the demo shop sells, and in which currencies.

/// One thing that can be bought.
pub(super) struct Product {
    /// Its name in forms.
    pub id: &'static str,
    pub name: &'static str,
    pub text: &'static str,
    pub picture: &'static str,
    /// Minor units in EUR, USD and JPY: prices that a shop would set, not converted ones.
    prices: [i64; 3],
}

/// The most of one thing in one order.
pub(super) const MAX_QUANTITY: u32 = 20;

/// The currencies, each with its place among the prices.
pub(super) const CURRENCIES: [&str; 3] = ["EUR", "USD", "JPY"];

pub(super) static PRODUCTS: [Product; 4] = [
    Product {
        id: "beans",
        name: "House blend, 250 g",
        text: "Washed Ethiopian and natural Brazilian. Cocoa, apricot, a long finish.",
        picture: "beans.svg",
        prices: [1250, 1390, 1980],
    },
    Product {
        id: "dripper",
        name: "Pour-over dripper",
        text: "Stoneware with spiral ribs, thrown and glazed by hand. For one or two cups.",
        picture: "dripper.svg",
        prices: [3400, 3750, 5400],
    },
    Product {
        id: "mug",
        name: "Enamel mug",
        text: "Steel under two coats of enamel. Falls well, keeps warm, goes anywhere.",
        picture: "mug.svg",
        prices: [1400, 1550, 2200],
    },
    Product {
        id: "filters",
        name: "Paper filters, 100",
        text: "Unbleached, thick enough to leave the oil in the cup and the grounds out.",
        picture: "filters.svg",
        prices: [490, 540, 780],
    },
];

impl Product {
    /// The price in a currency of the shop.
    pub fn price(&self, currency: &str) -> Option<i64> {
        CURRENCIES.iter().position(|code| *code == currency).map(|place| self.prices[place])
    }
}
