//! The same plans, as a server makes them that has millions of rows and decides for itself: nothing is switched off.
//!
//! The planner takes the size of a table and of an index from the length of its file, and how many rows there are from how many were on a
//! page when it last looked. So the files of a few thousand rows are made longer, with nothing in them; on disk they take no room. What
//! it plans then, it plans for so many rows. No statement is carried out.

use super::*;

/// How many times longer: three million rows in every table that grows.
const TIMES: u64 = 500;
/// The bytes of a page.
const PAGE: u64 = 8192;
/// A file has no more pages than this; behind it there would be another one.
const MOST_PAGES: u64 = 131_072;

/// The files of what grows, tables and their indexes.
const FILES: &str =
    "SELECT c.relname::text, pg_relation_filepath(c.oid) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_class t ON t.oid = i.indrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i') AND c.relname <> 'schema_migrations'
      AND coalesce(t.relname, c.relname) <> ALL ($1) AND coalesce(t.reltuples, c.reltuples) > 0";

/// Makes the files longer.
async fn grow(connection: &Connection) {
    let data = ducat_test_servers::server().folder.join("data");
    let files = connection.client.query(FILES, &[&SMALL]).await.unwrap();
    assert!(files.len() > 60, "{}", files.len());
    for row in files {
        let (name, path): (String, String) = (row.get(0), row.get(1));
        let file = std::fs::OpenOptions::new().append(true).open(data.join(path)).unwrap();
        let pages = file.metadata().unwrap().len() / PAGE * TIMES;
        assert!(pages < MOST_PAGES, "{name}: {pages}");
        file.set_len(pages * PAGE).unwrap();
    }
    let rows = "SELECT (t.reltuples / t.relpages * (pg_relation_size(t.oid) / 8192))::bigint FROM pg_class t WHERE t.relname = 'payment_orders'";
    let rows: i64 = connection.client.query_one(rows, &[]).await.unwrap().get(0);
    assert!(rows > 2_500_000, "{rows}");
}

/// A server with so many merchants' rows, and the connection through which all was read.
async fn read_by(merchants: u32) -> (Server, Connection) {
    let server = Server::open().await;
    server.run(BOOKED);
    every_read(&server.store).await;
    let connection = server.store.postgres().readers.take().await.unwrap();
    fill(&server, merchants);
    grow(&connection).await;
    (server, connection)
}

/// A plan that is kept is one for anybody's values.
async fn assert_reads_are_short(merchants: u32) {
    let (_server, connection) = read_by(merchants).await;
    connection.client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let plans = assert_short_ways(&connection, merchants).await;
    assert!(plans > 60, "{plans}");
}

/// Before that, each is one for the values that are asked for: here, those of whoever has nine rows of ten.
async fn assert_reads_of_the_largest_are_short(merchants: u32) {
    let (_server, connection) = read_by(merchants).await;
    connection.client.batch_execute("SET plan_cache_mode = force_custom_plan").await.unwrap();
    let plans = assert_short_ways(&connection, merchants).await;
    assert!(plans > 60, "{plans}");
}

#[tokio::test]
async fn every_read_finds_its_rows_by_an_index_among_millions() {
    assert_reads_are_short(FEW).await;
}

#[tokio::test]
async fn every_read_finds_its_rows_by_an_index_among_the_millions_of_many_merchants() {
    assert_reads_are_short(MANY).await;
}

#[tokio::test]
async fn every_read_finds_the_rows_of_the_largest_merchant_by_an_index_among_millions() {
    assert_reads_of_the_largest_are_short(FEW).await;
}

#[tokio::test]
async fn every_read_finds_the_rows_of_the_largest_of_many_merchants_by_an_index_among_millions() {
    assert_reads_of_the_largest_are_short(MANY).await;
}

#[tokio::test]
async fn every_write_finds_its_rows_by_an_index_among_millions() {
    let server = Server::open().await;
    let connection = writer(&server).await;
    fill(&server, MANY);
    grow(&connection).await;
    assert_short_ways(&connection, MANY).await;
}
