//! Which of an address's hosts takes writes. All of them are asked, each a moment after the one before it, and the first that takes writes is
//! taken. A host that is frozen takes the connection and says nothing more: nobody waits for it while another one answers.

use super::connect::said;
use deadpool_postgres::Connect;
use futures_util::future::select_ok;
use std::pin::Pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long a host is asked alone before the next one is asked too.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection to the host that takes writes, and what keeps it going.
type Reached = (Client, JoinHandle<()>);

/// The way to whichever host takes writes.
pub(super) struct Hosts {
    pub tls: MakeRustlsConnect,
}

impl Connect for Hosts {
    fn connect(&self, config: &Config) -> Pin<Box<dyn Future<Output = Result<Reached, Error>> + Send + '_>> {
        let asked = (0_u32..).zip(each_alone(config));
        let asked: Vec<_> =
            asked.map(|(place, host)| Box::pin(ask(host, self.tls.clone(), HEAD_START.saturating_mul(place)))).collect();
        Box::pin(async { Ok(select_ok(asked).await?.0) })
    }
}

async fn ask(host: Config, tls: MakeRustlsConnect, later: Duration) -> Result<Reached, Error> {
    tokio::time::sleep(later).await;
    let (client, connection) = host.connect(tls).await?;
    let kept = tokio::spawn(async move {
        if let Err(why) = connection.await {
            tracing::warn!(why = said(&why), "a connection to the database is lost");
        }
    });
    Ok((client, kept))
}

/// The same address for each of its hosts alone; the whole where there is one host, or where lists do not fit: the library says so.
fn each_alone(config: &Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let many = hosts.len().max(addresses.len());
    let fits = |n: usize| n <= 1 || n == many;
    if many <= 1 || ![hosts.len(), addresses.len(), ports.len()].into_iter().all(fits) {
        return vec![config.clone()];
    }
    let alone = |place: usize| {
        let mut alone = without_hosts(config);
        match hosts.get(place) {
            Some(Host::Tcp(name)) => drop(alone.host(name)),
            Some(Host::Unix(path)) => drop(alone.host_path(path)),
            None => {}
        }
        addresses.get(place).map(|address| alone.hostaddr(*address));
        ports.get(place).or(ports.first()).map(|port| alone.port(*port));
        alone
    };
    (0..many).map(alone).collect()
}

/// All that an address says but where.
fn without_hosts(config: &Config) -> Config {
    let mut same = Config::new();
    config.get_user().map(|user| same.user(user));
    config.get_password().map(|password| same.password(password));
    config.get_dbname().map(|name| same.dbname(name));
    config.get_options().map(|options| same.options(options));
    config.get_application_name().map(|name| same.application_name(name));
    config.get_connect_timeout().map(|limit| same.connect_timeout(*limit));
    config.get_tcp_user_timeout().map(|limit| same.tcp_user_timeout(*limit));
    config.get_keepalives_interval().map(|interval| same.keepalives_interval(interval));
    config.get_keepalives_retries().map(|retries| same.keepalives_retries(retries));
    same.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .load_balance_hosts(config.get_load_balance_hosts());
    same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_asked_with_all_that_the_address_says() {
        let url = "postgres://shop:secret@one:5433,two:5434/books?target_session_attrs=read-write&sslmode=require&options=-c%20a%3Db\
                   &connect_timeout=3&tcp_user_timeout=4&keepalives_idle=5&keepalives_interval=6&keepalives_retries=7\
                   &application_name=till&channel_binding=require&sslnegotiation=direct&load_balance_hosts=random";
        let alone = each_alone(&url.parse().unwrap());
        let one = url.replace("one:5433,two:5434", "one:5433").parse().unwrap();
        let other = url.replace("one:5433,two:5434", "two:5434").parse().unwrap();
        assert_eq!(alone, [one, other]);
    }

    #[test]
    fn a_port_counts_for_all_hosts_and_lists_that_do_not_fit_are_left_to_the_library() {
        let ports =
            |url: &str| each_alone(&url.parse().unwrap()).iter().map(|host| host.get_ports().to_vec()).collect::<Vec<_>>();
        assert_eq!(ports("host=a,b port=6000"), [[6000], [6000]]);
        assert_eq!(ports("host=a,b,c port=1,2"), [[1, 2]]);
        assert_eq!(ports("postgres:///ducat"), [[0_u16; 0]; 1]);
    }
}
