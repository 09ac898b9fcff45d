//! One transaction in one flight: everything from BEGIN to COMMIT is sent at once, and the answers are read afterwards. No lock is held
//! while a node thinks, or stands still. Its mark, a row that it writes, tells later whether it was committed.

use super::connect::{Connection, Connections, NoAnswer, Statements, begin};
use super::leg::{Joined, Leg, bears_company, joined};
use super::refusal::{Failure, failure};
use super::statement::Statement;
use super::writer::Turn;
use crate::value::Value;
use ducat_domain::{Chance, random_bytes};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};

/// Refused where the mark is there: then somebody has looked for it already, and was told that this was not committed.
const MARK: &str = "INSERT INTO write_marks (id) VALUES ($1)";
/// Whoever looks writes the mark, if nobody has written it, and beside it one of their own: the answer to a look can be lost, too.
const LOOK: &str = "WITH written AS (INSERT INTO write_marks (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING 1),
                      ours AS (INSERT INTO write_marks (id) SELECT $2 FROM written)
                    SELECT count(*) FROM written";
const OURS: &str = "SELECT count(*) FROM write_marks WHERE id = $1";
/// How long a lost commit is asked after, and how long to wait in between. A server that comes back, or its successor, answers within that.
const LOOK_FOR: Duration = Duration::from_secs(40);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How long a flight may take. The server ends its statements sooner; this is for a server that answers them one by one, and too late.
const LONGEST: Duration = Duration::from_secs(15);

/// What one transaction is known by.
type Mark = [u8; 16];

/// The flight of an answer.
type Answer<'f> = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send + 'f>>;

/// Commits the legs in one transaction. The turn ends when there is nothing left to do but to commit.
pub(super) async fn commit(writers: &Connections, legs: &[Leg], chance: &dyn Chance, turn: Turn) -> Result<(), Failure> {
    let mark: Mark = random_bytes(chance);
    // Nothing was sent yet: whoever cannot be reached has committed nothing.
    let connection = writers.take_patiently().await.map_err(|why| Failure::Refused(crate::CommitError::Unavailable(why)))?;
    let late = |_| Err(Failure::Lost("the server did not answer in time".into()));
    match tokio::time::timeout(LONGEST, send(&connection, mark, legs, turn)).await.unwrap_or_else(late) {
        Err(Failure::Lost(why)) => {
            connection.close();
            look(writers, mark, random_bytes(chance), why).await
        }
        other => other,
    }
}

async fn send(connection: &Connection, mark: Mark, legs: &[Leg], turn: Turn) -> Result<(), Failure> {
    let client = &connection.client;
    let told = |e: NoAnswer| failure(&e);
    let mark = Statement::single(MARK, vec![Value::Id(mark)]);
    let legs = marked(&mark, legs);
    let mut flight: Vec<Answer<'_>> = Vec::with_capacity(legs.len() + 2);
    flight.push(Box::pin(client.batch_execute(begin(connection.statements))));
    match connection.statements {
        Statements::Kept => {
            let mut prepared = Vec::with_capacity(legs.len());
            for leg in &legs {
                prepared.push(connection.answer(client.prepare_cached(&leg.text)).await.map_err(told)?);
            }
            for (statement, leg) in prepared.into_iter().zip(&legs) {
                flight.push(Box::pin(async move { client.execute(&statement, &leg.params).await.map(drop) }));
            }
        }
        Statements::ReadAnew => {
            for leg in &legs {
                let typed: Vec<_> = leg.params.iter().copied().zip(leg.kinds.iter().cloned()).collect();
                flight.push(Box::pin(async move { client.query_typed(&leg.text, &typed).await.map(drop) }));
            }
        }
    }
    flight.push(Box::pin(client.batch_execute("COMMIT")));
    land(connection, flight, turn).await.map_err(told)
}

/// The legs, with the transaction's mark in the first one, or before it.
fn marked<'l>(mark: &'l Statement, legs: &'l [Leg]) -> Vec<Joined<'l>> {
    let (mut first, mut rest) = (vec![mark], legs);
    if let [leg, others @ ..] = legs
        && leg.iter().all(bears_company)
    {
        first.extend(leg);
        rest = others;
    }
    let rest = rest.iter().map(|leg| joined(&leg.iter().collect::<Vec<_>>()));
    std::iter::once(joined(&first)).chain(rest).collect()
}

/// Sends everything, in order, and then reads every answer. The first failure is the one that tells what was wrong: whatever comes after
/// it in the transaction fails because of it. Who does not answer one does not answer those behind it.
async fn land(connection: &Connection, mut flight: Vec<Answer<'_>>, turn: Turn) -> Result<(), NoAnswer> {
    let mut answers = Vec::with_capacity(flight.len());
    // The first look at a statement's future sends it. What is not woken by this look is woken by the next one.
    for leg in &mut flight {
        answers.push(leg.as_mut().poll(&mut Context::from_waker(Waker::noop())));
    }
    let mut first = Ok(());
    let mut turn = Some(turn);
    let mut legs_before_commit = flight.len().saturating_sub(1);
    for (leg, answer) in flight.into_iter().zip(answers) {
        let landed = match answer {
            std::task::Poll::Ready(landed) => landed.map_err(NoAnswer::from),
            std::task::Poll::Pending => connection.answer(leg).await,
        };
        if matches!(landed, Err(NoAnswer::Silent)) {
            return landed;
        }
        if first.is_ok() {
            first = landed;
        }
        legs_before_commit = legs_before_commit.saturating_sub(1);
        if legs_before_commit == 0 {
            drop(turn.take());
        }
    }
    first
}

/// Finds out what became of a transaction whose answer was lost: whoever can write its mark knows that it was not committed, and never
/// will be.
async fn look(writers: &Connections, mark: Mark, ours: Mark, why: String) -> Result<(), Failure> {
    tracing::warn!(why, "the connection was lost during a commit; the database is asked what became of it");
    let end = Instant::now() + LOOK_FOR;
    while Instant::now() < end {
        if let Ok(connection) = writers.take().await {
            match was_committed(&connection, mark, ours).await {
                Ok(true) => return Ok(()),
                // It is as if nothing had been sent.
                Ok(false) => return Err(Failure::Met),
                Err(_) => connection.close(),
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Err(Failure::Refused(crate::CommitError::Unknown(why)))
}

/// Whether the mark was there before anybody looked for it.
async fn was_committed(connection: &Connection, mark: Mark, ours: Mark) -> Result<bool, NoAnswer> {
    if count(connection, LOOK, &[mark, ours]).await? > 0 {
        return Ok(false);
    }
    // Only now: whoever wrote the mark is through, and all that they wrote is seen.
    Ok(count(connection, OURS, &[ours]).await? == 0)
}

async fn count(connection: &Connection, sql: &str, marks: &[Mark]) -> Result<i64, NoAnswer> {
    let marks: Vec<Value> = marks.iter().copied().map(Value::Id).collect();
    let params: Vec<_> = marks.iter().map(|mark| (mark as &(dyn ToSql + Sync), Type::UUID)).collect();
    let rows = connection.answer(connection.client.query_typed(sql, &params)).await?;
    Ok(rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}
