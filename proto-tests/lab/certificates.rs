//! Authorities and certificates, made anew in each run with Debian's openssl. Nothing is kept.

use std::path::PathBuf;

use super::{Tools, place::random_text, program::Program, user::User};

const OPENSSL: &str = "/usr/bin/openssl";

/// An authority of a lab.
pub struct Authority {
    /// Its certificate, which everybody may read.
    pub file: PathBuf,
    key: PathBuf,
    tools: Tools,
}

/// A certificate with all that its owner needs.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The authority that signed it.
    pub ca: PathBuf,
    /// The certificate.
    pub file: PathBuf,
    /// Its key, for its owner alone.
    pub key: PathBuf,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Today.
    Now,
    /// It ended years ago.
    Past,
}

impl Authority {
    /// Makes one that no other is called like.
    pub async fn make(tools: &Tools) -> Self {
        Self::make_called(tools, &random_text()).await
    }

    /// Makes one of this name.
    pub async fn make_called(tools: &Tools, name: &str) -> Self {
        let (file, key) = (path(tools, "ca.pem"), path(tools, "ca.key"));
        let made = openssl(&["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
            .arguments(CURVE)
            .arguments(["-subj", &format!("/CN={name}"), "-addext"])
            .arguments(["keyUsage=critical,keyCertSign,cRLSign", "-keyout"])
            .arguments([&key])
            .arguments(["-out"])
            .arguments([&file]);
        made.run(b"").await;
        super::place::give(&file, User::ROOT, 0o644);
        Self {
            file,
            key,
            tools: tools.clone(),
        }
    }

    /// Signs a certificate of `subject`, such as `/O=lab/CN=slapd`, for `names`, such as
    /// `DNS:localhost,IP:127.0.0.1`; only `owner` can read its key.
    pub async fn sign(
        &self,
        subject: &str,
        names: &str,
        owner: User,
        validity: Validity,
    ) -> Certificate {
        let own = |kind| path(&self.tools, kind);
        let (request, key, file) = (own("csr"), own("key"), own("pem"));
        let asked = openssl(&["req", "-new", "-newkey", "ec", "-nodes", "-subj", subject])
            .arguments(CURVE)
            .arguments(["-addext", &format!("subjectAltName={names}"), "-keyout"])
            .arguments([&key])
            .arguments(["-out"])
            .arguments([&request]);
        asked.run(b"").await;
        let signed = match validity {
            Validity::Now => self.signing("99991231235959Z"),
            Validity::Past => self.signing("20010101000000Z"),
        };
        let signed = signed
            .arguments(["-in"])
            .arguments([&request])
            .arguments(["-out"])
            .arguments([&file]);
        signed.run(b"").await;
        super::place::give(&key, owner, 0o600);
        super::place::give(&file, User::ROOT, 0o644);
        Certificate {
            ca: self.file.clone(),
            file,
            key,
        }
    }

    /// Unlike `openssl x509`, this one can sign for the past.
    fn signing(&self, until: &str) -> Program {
        let home = path(&self.tools, "ca");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("index"), "").unwrap();
        let settings = format!(
            "[ca]\ndefault_ca = own\n[own]\ndatabase = {home}/index\nnew_certs_dir = {home}\n\
             rand_serial = yes\ndefault_md = sha256\npolicy = any\ncopy_extensions = copy\n\
             [any]\norganizationName = optional\ncommonName = supplied\n",
            home = home.display()
        );
        let file = home.join("settings");
        std::fs::write(&file, settings).unwrap();
        openssl(&["ca", "-batch", "-notext", "-startdate", "20000101000000Z"])
            .arguments(["-enddate", until, "-config"])
            .arguments([&file])
            .arguments(["-cert"])
            .arguments([&self.file])
            .arguments(["-keyfile"])
            .arguments([&self.key])
    }
}

const CURVE: [&str; 2] = ["-pkeyopt", "ec_paramgen_curve:prime256v1"];

fn openssl(arguments: &[&str]) -> Program {
    Program::new("openssl", OPENSSL).arguments(arguments)
}

/// A new name below the lab's directory of certificates.
fn path(tools: &Tools, kind: &str) -> PathBuf {
    let home = tools.place.directory("certificates", User::ROOT, 0o755);
    home.join(format!("{}.{kind}", &random_text()[..8]))
}
