//! A row of the table: what is driven, against which database, with how many nodes.

use std::fmt;

/// Which database the gateway keeps its payments in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Database {
    /// The one inside.
    Sqlite,
    /// A server beside it.
    Postgres,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// The bare SQL, by `pgbench`: what every other row is compared with.
    Textbook,
    /// Payments flat out.
    FlatOut {
        /// Where they are kept.
        database: Database,
        /// How many gateways share the database.
        nodes: usize,
        /// How many payments are in flight.
        in_flight: usize,
    },
    /// Flat out with many in flight, by a gateway that keeps no balances.
    Summed {
        /// Where they are kept.
        database: Database,
    },
    /// One payment after the other, with nothing else to do.
    Idle {
        /// Where they are kept.
        database: Database,
    },
    /// The events of what was paid flat out leave the outbox.
    Drain {
        /// Where they are kept.
        database: Database,
    },
    /// They are delivered over HTTP.
    Deliver {
        /// Where they are kept.
        database: Database,
    },
    /// At a fixed rate: half of what the same round did flat out.
    Half {
        /// Where they are kept.
        database: Database,
    },
}

/// Few and many payments in flight.
pub const FEW: usize = 32;
pub const MANY: usize = 256;

/// Every row, in the order in which a round goes through them.
pub const ALL: &[Row] = {
    use Database::{Postgres, Sqlite};
    &[
        Row::Textbook,
        Row::FlatOut { database: Sqlite, nodes: 1, in_flight: FEW },
        Row::FlatOut { database: Sqlite, nodes: 1, in_flight: MANY },
        Row::Summed { database: Sqlite },
        Row::Half { database: Sqlite },
        Row::Idle { database: Sqlite },
        Row::Drain { database: Sqlite },
        Row::Deliver { database: Sqlite },
        Row::FlatOut { database: Postgres, nodes: 1, in_flight: FEW },
        Row::FlatOut { database: Postgres, nodes: 1, in_flight: MANY },
        Row::Summed { database: Postgres },
        Row::Half { database: Postgres },
        Row::Idle { database: Postgres },
        Row::Drain { database: Postgres },
        Row::Deliver { database: Postgres },
        Row::FlatOut { database: Postgres, nodes: 2, in_flight: FEW },
        Row::FlatOut { database: Postgres, nodes: 2, in_flight: MANY },
    ]
};

impl Row {
    /// Its database; none of ours for the bare SQL.
    pub fn database(self) -> Option<Database> {
        match self {
            Self::Textbook => None,
            Self::FlatOut { database, .. }
            | Self::Summed { database }
            | Self::Idle { database }
            | Self::Drain { database }
            | Self::Deliver { database }
            | Self::Half { database } => Some(database),
        }
    }

    /// How many gateways there are.
    pub fn nodes(self) -> usize {
        match self {
            Self::Textbook => 0,
            Self::FlatOut { nodes, .. } => nodes,
            Self::Summed { .. } | Self::Idle { .. } | Self::Drain { .. } | Self::Deliver { .. } | Self::Half { .. } => 1,
        }
    }

    /// The rows that must have been measured before in the same round: what it is compared with, and what its rate comes from.
    pub fn needs(self) -> Vec<Row> {
        match self {
            Self::Textbook => Vec::new(),
            Self::Half { database } | Self::Summed { database } => {
                vec![Self::Textbook, Self::FlatOut { database, nodes: 1, in_flight: MANY }]
            }
            Self::FlatOut { .. } | Self::Idle { .. } | Self::Drain { .. } | Self::Deliver { .. } => vec![Self::Textbook],
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Textbook => f.write_str("textbook"),
            Self::FlatOut { database, nodes: 1, in_flight } => write!(f, "{database}-{in_flight}"),
            Self::FlatOut { database, nodes, in_flight } => write!(f, "{database}-{in_flight}-{nodes}-nodes"),
            Self::Summed { database } => write!(f, "{database}-{MANY}-summed"),
            Self::Idle { database } => write!(f, "{database}-idle"),
            Self::Drain { database } => write!(f, "{database}-drain"),
            Self::Deliver { database } => write!(f, "{database}-deliver"),
            Self::Half { database } => write!(f, "{database}-half"),
        }
    }
}

/// The rows of a round, in order: the bare SQL once more before the rows of another database, so that each is compared with what the machine did
/// a moment before.
pub fn of_a_round(rows: &[Row]) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    for row in rows {
        let before = all.last().and_then(|last| last.database());
        if before.is_some() && row.database() != before {
            all.push(Row::Textbook);
        }
        all.push(*row);
    }
    all
}

/// The rows that were asked for with all that they need, in order; all rows, where none was asked for.
pub fn chosen(names: &[String]) -> Result<Vec<Row>, String> {
    let mut wanted = Vec::new();
    for name in names {
        let row = ALL.iter().find(|row| row.to_string() == *name);
        let known = || ALL.iter().map(Row::to_string).collect::<Vec<_>>().join(", ");
        let row = row.ok_or_else(|| format!("there is no row {name}; there are {}", known()))?;
        wanted.push(*row);
        wanted.extend(row.needs());
    }
    Ok(ALL.iter().copied().filter(|row| names.is_empty() || wanted.contains(row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_with_what_it_needs_and_after_it() {
        let names: Vec<_> = chosen(&["sqlite-half".to_owned()]).expect("known").iter().map(Row::to_string).collect();
        assert_eq!(names, ["textbook", "sqlite-256", "sqlite-half"]);
        assert_eq!(chosen(&[]).expect("all").len(), ALL.len());
        assert!(chosen(&["oracle-32".to_owned()]).expect_err("unknown").contains("postgres-256-2-nodes"));
    }

    #[test]
    fn the_bare_sql_runs_before_the_rows_of_each_database() {
        let all: Vec<_> = of_a_round(ALL).iter().map(Row::to_string).collect();
        let beginnings: Vec<_> = all.split(|row| row == "textbook").skip(1).map(|rows| rows[0].as_str()).collect();
        assert_eq!(beginnings, ["sqlite-32", "postgres-32"]);
        assert_eq!(of_a_round(&chosen(&["postgres-half".to_owned()]).expect("known")).len(), 3);
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(Row::to_string).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
