//! The arithmetic on the server is that of the node: the same asks at the same moments give the same grants.

use super::*;
use redis::Script;

#[tokio::test]
async fn the_script_counts_as_the_node_does() {
    let valkey = Valkey::start();
    let client = redis::Client::open(valkey.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // The server's clock cannot be moved, so the moment is told.
    let text = include_str!("../../src/take.lua");
    let told = text
        .replace("redis.call('TIME')", "{ ARGV[4], ARGV[5] }")
        .replace("'PX', math.ceil(used / rate / 1000) + 1", "'PX', 60000");
    assert!(!told.contains("TIME") && !told.contains("ceil"), "{told}");
    let script = Script::new(&told);
    let cache = Cache::in_memory();
    for (bucket, (per_second, burst)) in [(500, 1_000), (3, 7), (1, 1), (999_983, 1_000_000), (7, 100)].into_iter().enumerate() {
        let node = limiter(&cache, per_second, burst);
        let (began, mut seed, mut micros) = (Instant::now(), 1_u64, 0_u64);
        for step in 0..400 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Mostly so soon that a bucket of this rate is nearly empty.
            micros += (seed >> 40) % (2_000_000 / u64::from(per_second)).max(2);
            let at = 1_795_255_200_000_000 + micros;
            let ask = script
                .key(format!("bucket-{bucket}"))
                .arg(per_second)
                .arg(burst)
                .arg(1)
                .arg(at / 1_000_000)
                .arg(at % 1_000_000)
                .invoke_async::<(u32, u64)>(&mut connection)
                .await
                .unwrap();
            let taken = node.take(NAME, began + Duration::from_micros(micros)).await;
            let remaining = (u64::from(burst) * 1_000_000).saturating_sub(ask.1) / 1_000_000;
            assert_eq!(
                (u32::from(taken.admitted), u64::from(taken.standing.remaining)),
                (ask.0, remaining),
                "{per_second}/s, step {step}"
            );
        }
    }
}
