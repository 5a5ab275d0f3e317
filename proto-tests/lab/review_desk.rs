//! The review desk for one database: `mailhold outline` and `mailhold web` with a certificate and people
//! of its own. Never looks into them: only at what they serve.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Tools,
    certificates::{Authority, Certificate, Validity},
    place::random_text,
    ports::free_address,
    program::Program,
    role::{self, Role},
    settings::Settings,
    user::User,
};

/// Somebody who may sign in.
#[derive(Clone, Debug)]
pub struct Sitter {
    /// The name to sign in with.
    pub login: String,
    /// The password.
    pub password: String,
}

/// How a browser gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Over TLS.
    Tls,
    /// As a proxy on this host would.
    Plain,
}

/// Both processes at work.
pub struct ReviewDesk {
    /// Where a browser goes, without a slash at the end.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The file with the settings of both.
    pub settings_file: PathBuf,
    /// Who signed the certificate, and what it is.
    pub certificate: Certificate,
    /// `mailhold outline`.
    pub outline: Role,
    /// `mailhold web`.
    pub web: Role,
}

/// Lines for a password file.
pub struct Passwords {
    tools: Tools,
    lines: String,
}

impl Passwords {
    /// An empty file.
    pub fn new(tools: &Tools) -> Self {
        Self {
            tools: tools.clone(),
            lines: String::new(),
        }
    }

    /// Somebody more, with these roles and this address.
    pub async fn add(&mut self, login: &str, roles: &[&str], address: &str) -> Sitter {
        let password = random_text();
        self.add_with(login, roles, address, &password).await
    }

    /// The same with a password that people can type.
    pub async fn add_with(
        &mut self,
        login: &str,
        roles: &[&str],
        address: &str,
        password: &str,
    ) -> Sitter {
        let mut program = self
            .tools
            .mailhold("password")
            .arguments(["password", login]);
        for role in roles {
            program = program.arguments(["--role", role]);
        }
        let program = program.arguments(["--address", address]);
        self.lines += &program.run(format!("{password}\n").as_bytes()).await;
        Sitter {
            login: login.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The file, for the web alone.
    pub fn write(&self) -> PathBuf {
        let name = format!("passwords-{}", &random_text()[..8]);
        self.tools
            .place
            .file(&name, User::web(), 0o400, &self.lines)
    }
}

impl Door {
    fn listen(self, address: SocketAddr) -> String {
        match self {
            Self::Tls => format!("tls:{address}"),
            Self::Plain => format!("inet:{address}"),
        }
    }

    fn proxy(self) -> &'static str {
        match self {
            Self::Tls => "",
            Self::Plain => "127.0.0.1",
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::Tls => "https",
            Self::Plain => "http",
        }
    }
}

impl ReviewDesk {
    /// Sets one up with the settings of a desk; `adjust` changes them before anything starts.
    pub async fn start(
        tools: &Tools,
        settings: &Settings,
        passwords: &Passwords,
        door: Door,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::start_with(tools, settings, passwords, door, adjust, |web| web).await
    }

    /// The same; `dress` changes how the web is started.
    pub async fn start_with(
        tools: &Tools,
        settings: &Settings,
        passwords: &Passwords,
        door: Door,
        adjust: impl FnOnce(&mut Settings),
        dress: impl FnOnce(Program) -> Program,
    ) -> Self {
        let authority = Authority::make(tools).await;
        let names = "DNS:localhost,IP:127.0.0.1";
        let subject = "/O=lab/CN=localhost";
        let certificate = authority
            .sign(subject, names, User::web(), Validity::Now)
            .await;
        let [address, outline_metrics, web_metrics] =
            [free_address(), free_address(), free_address()];
        let mut settings = settings.clone();
        let path = |path: &PathBuf| path.display().to_string();
        settings
            .set("outline.metrics", outline_metrics.to_string())
            .set("outline.poll", "1s")
            .set("web.metrics", web_metrics.to_string())
            .set("web.socket", door.listen(address))
            .set("web.proxy", door.proxy())
            .set("web.certificate_file", path(&certificate.file))
            .set("web.key_file", path(&certificate.key))
            .set("web.hosts", vec![address.to_string()])
            .set("web.sign_in.backend", "file")
            .set("web.sign_in.file", path(&passwords.write()));
        adjust(&mut settings);
        let name = format!("review-desk-{}", &random_text()[..6]);
        let settings_file = settings.write(&tools.place, &format!("{name}.toml"));
        let program = |role: &str, user| {
            let program = tools.mailhold(&format!("{name}-{role}"));
            role::program(program, &settings_file, role).user(user)
        };
        let (outline, web) = tokio::join!(
            Role::start(
                &tools.starter,
                program("outline", User::milter()),
                outline_metrics
            ),
            Role::start(
                &tools.starter,
                dress(program("web", User::web())),
                web_metrics
            ),
        );
        Self {
            url: format!("{}://{address}", door.scheme()),
            address,
            settings_file,
            certificate,
            outline,
            web,
        }
    }
}
