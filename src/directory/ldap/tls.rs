//! TLS towards LDAP servers: whom we believe, who we are, and what went wrong. Never skips a check.

use std::{error::Error as StdError, io, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// What protects a connection. Certificates are checked against it, with name and time.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

/// Files that cannot serve for TLS.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct BadTls {
    /// The setting at fault.
    pub setting: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// A certificate of our own.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The certificate, and those between it and its authority.
    pub certificate_file: &'a Path,
    /// Its private key.
    pub key_file: &'a Path,
}

impl Tls {
    /// Reads the files; without `ca_file` the system's store says who is believed.
    ///
    /// # Errors
    /// A file that cannot be read or holds nothing that serves.
    pub fn new(ca_file: Option<&Path>, client: Option<Client<'_>>) -> Result<Self, BadTls> {
        // A provider that is named, so that no other crate's choice can matter.
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad("ca_file", error.to_string()))?
            .with_root_certificates(roots(ca_file)?);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some(client) => {
                let chain = certificates("client_certificate_file", client.certificate_file)?;
                let path = client.key_file.display();
                let unreadable = |error| bad("client_key_file", format!("{path}: {error}"));
                let key = PrivateKeyDer::from_pem_file(client.key_file).map_err(unreadable)?;
                let odd = |error| bad("client_key_file", format!("{path}: {error}"));
                builder.with_client_auth_cert(chain, key).map_err(odd)?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// For the library.
    pub(super) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, BadTls> {
    let (found, place) = match ca_file {
        Some(path) => (certificates("ca_file", path)?, path.display().to_string()),
        // One that cannot be read is passed over: the others still say whom to believe.
        None => {
            let system = rustls_native_certs::load_native_certs();
            (system.certs, "the system's store".to_owned())
        }
    };
    let mut roots = RootCertStore::empty();
    let (n_taken, _) = roots.add_parsable_certificates(found);
    if n_taken == 0 {
        let problem = format!("{place} has no certificate of an authority that can be read");
        return Err(bad("ca_file", problem));
    }
    Ok(roots)
}

fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, BadTls> {
    let place = path.display();
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(bad(setting, format!("{place} has no certificate"))),
        Ok(found) => Ok(found),
        Err(error) => Err(bad(setting, format!("cannot read {place}: {error}"))),
    }
}

fn bad(setting: &'static str, problem: String) -> BadTls {
    BadTls { setting, problem }
}

/// What kept a connection from being protected, in words for an operator; `None` if it is something
/// else that failed.
pub(super) fn fault(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut causes = std::iter::successors(Some(error), |error| inner(*error));
    causes.find_map(|error| {
        if is_cut(error) {
            return Some("the server hung up within the handshake: does it speak TLS there?");
        }
        error.downcast_ref().map(named)
    })
}

/// Whether the other side ended a handshake without a word (`MidHandshake` of tokio-rustls).
fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        error.kind() == io::ErrorKind::UnexpectedEof && error.to_string().contains("tls handshake")
    })
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open, and what is not named here is told by the cause"
)]
fn named(fault: &rustls::Error) -> &'static str {
    match fault {
        rustls::Error::InvalidCertificate(fault) => certificate_fault(fault),
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS",
        rustls::Error::AlertReceived(_) => {
            "the server ended it; does it want a certificate of ours \
             (directory.ldap.client_certificate_file)?"
        }
        _ => "TLS failed",
    }
}

/// The cause of an error; an I/O error hides the one that it was made of.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|inner| inner as _),
        None => error.source(),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's list is open, and what is not named here is told by the cause"
)]
fn certificate_fault(fault: &CertificateError) -> &'static str {
    match fault {
        // A bad signature: an authority of the same name, which is another one.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the server's certificate comes from no authority that we believe \
             (directory.ldap.ca_file)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server's certificate is for another name than the one in directory.ldap.urls"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet"
        }
        CertificateError::Revoked => "the server's certificate was revoked",
        _ => "the server's certificate is not valid",
    }
}
