//! Where everything is kept: a file, or a server whose address may hold a password.

use ducat_domain::Secret;
use ducat_store::PostgresSettings;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where everything is kept. It is shown without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// In a file, which this process alone owns.
    Sqlite(PathBuf),
    /// On a server: its whole address.
    Postgres(Secret),
}

/// How the address of a server may begin.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

impl Database {
    /// Whether its address holds something that nobody may read over a shoulder.
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(url) => {
                let parts = Parts::of(url.expose());
                parts.login.contains(':') || parts.has_query
            }
        }
    }
}

impl FromStr for Database {
    type Err = String;

    /// Never says what the text was: it may hold a password.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = SCHEMES.iter().find_map(|scheme| text.strip_prefix(scheme)) {
            let good = !rest.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            let wanted = "must be an address such as postgres://ducat:password@db.example.com/ducat; in a password, % and two digits stand for \
                          what an address may not hold";
            let mistake = if good { PostgresSettings::mistake_in(text) } else { Some(wanted.into()) };
            return mistake.map_or_else(|| Ok(Self::Postgres(Secret::new(text))), Err);
        }
        let wanted = "must be sqlite: and a path, such as sqlite:/var/lib/ducat/ducat.db, or the address of a server, such as \
                      postgres://ducat:password@db.example.com/ducat";
        let rest = text.strip_prefix("sqlite:").ok_or(wanted)?;
        // As in an address of a file: two slashes may stand before the path.
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() || path.contains(['\0', '?']) || path == ":memory:" {
            return Err("must name a file after sqlite:, such as sqlite:/var/lib/ducat/ducat.db".into());
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => Parts::of(url.expose()).fmt(f),
        }
    }
}

/// The parts of a server's address.
struct Parts<'a> {
    scheme: &'a str,
    login: &'a str,
    place: &'a str,
    has_query: bool,
}

impl<'a> Parts<'a> {
    /// Where an address can be read in two ways, the part that is shown is the smaller one.
    fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        Self { scheme, login, place, has_query: !query.is_empty() }
    }
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        match self.login.split_once(':') {
            Some((user, _)) => write!(f, "{user}:…@")?,
            None if self.login.is_empty() => {}
            None => write!(f, "{}@", self.login)?,
        }
        // A password may stand in the query, too.
        write!(f, "{}{}", self.place, if self.has_query { "?…" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Database, String> {
        text.parse()
    }

    #[test]
    fn a_database_is_a_file_of_sqlite_or_a_server() {
        assert_eq!(read("sqlite:///var/d.db"), Ok(Database::Sqlite(PathBuf::from("/var/d.db"))));
        assert_eq!(read("sqlite:d.db"), Ok(Database::Sqlite(PathBuf::from("d.db"))));
        for url in ["postgres://x/y", "postgresql://u:p@a:5432,b:5432/y?target_session_attrs=read-write"] {
            assert_eq!(read(url), Ok(Database::Postgres(Secret::new(url))));
        }
        for wrong in [
            "postgres://x/y?sslmode=verify-full",
            "postgres://x:port/y",
            "mysql://x",
            "sqlite:",
            "sqlite::memory:",
            "postgres:x",
            "postgres://",
            "postgres://u:a b@x/y",
            "/var/d.db",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_password_is_shown_wherever_it_stands() {
        let shown = |url: &str| read(url).unwrap().to_string();
        assert_eq!(shown("postgres://ducat:hidden@db:5432/ducat"), "postgres://ducat:…@db:5432/ducat");
        assert_eq!(shown("postgres://ducat@db/ducat"), "postgres://ducat@db/ducat");
        assert_eq!(shown("postgresql://db/ducat?user=ducat&password=hidden"), "postgresql://db/ducat?…");
        for url in ["postgres://u:hi/dd?en@db/d", "postgres://u:hid@hidden@db/d", "postgres://u:hidden@a,b/d?options=x@y"] {
            let database = read(url).unwrap();
            assert!(database.holds_secret() && !format!("{database} {database:?}").contains("hid"), "{database}");
        }
        assert!(!read("postgres://ducat@db/ducat").unwrap().holds_secret());
        assert!(!read("postgre://u:hidden@db/d").unwrap_err().contains("hidden"));
    }
}
