//! Cases that run on each database.

/// Runs cases that take a world on each database.
macro_rules! on_each_database {
    ($($(#[$doc:meta])* $case:ident)*) => {
        mod sqlite {
            use crate::builders::{World, run};
            $($(#[$doc])* #[test]
            fn $case() {
                run(async { super::$case(World::sqlite(ducat_store::WriterMode::Thread)).await });
            })*
        }
        mod postgres {
            use crate::builders::{World, run};
            $($(#[$doc])* #[test]
            fn $case() {
                run(async { super::$case(World::postgres(ducat_store::Statements::Kept).await).await });
            })*
        }
    };
}
pub(crate) use on_each_database;
