//! What PostgreSQL stores instead of a password (SCRAM-SHA-256, RFC 5802 and RFC 7677). Made here,
//! so that the password itself is in no statement and so in no log of the server.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnection;

/// PostgreSQL's own default (`SCRAM_SHA_256_DEFAULT_ITERATIONS` in `src/include/common/scram-common.h`).
const ITERATIONS: u32 = 4096;
const HASH_BYTES: usize = 32;

/// The text for `password '…'`: base64 and punctuation, nothing to quote.
pub(super) struct Verifier(String);

impl Verifier {
    /// Makes the verifier of a password, with salt and base64 from the server.
    pub(super) async fn of(
        password: &str,
        connection: &mut PgConnection,
    ) -> Result<Self, sqlx::Error> {
        let salt = sqlx::query_scalar!(r#"select uuid_send(gen_random_uuid()) as "salt!""#)
            .fetch_one(&mut *connection)
            .await?;
        let keys = Keys::of(password.as_bytes(), &salt);
        let encoded = sqlx::query!(
            r#"select encode($1, 'base64') as "salt!", encode($2, 'base64') as "stored!",
                encode($3, 'base64') as "server!""#,
            &salt,
            &keys.stored,
            &keys.server,
        )
        .fetch_one(connection)
        .await?;
        let (salt, stored, server) = (encoded.salt, encoded.stored, encoded.server);
        Ok(Self(format!(
            "SCRAM-SHA-256${ITERATIONS}:{salt}${stored}:{server}"
        )))
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5802, section 3. Passwords are taken as they are: for all that is not ASCII, SASLprep may
/// differ, and PostgreSQL's own clients fall back to the plain bytes as well.
struct Keys {
    stored: Vec<u8>,
    server: Vec<u8>,
}

impl Keys {
    fn of(password: &[u8], salt: &[u8]) -> Self {
        let salted = salted(password, salt);
        let client = hmac(&salted, &[b"Client Key"]);
        Self {
            stored: Sha256::digest(client).to_vec(),
            server: hmac(&salted, &[b"Server Key"]).to_vec(),
        }
    }
}

/// PBKDF2 with one block (RFC 2898, section 5.2), which RFC 5802 calls `Hi`.
fn salted(password: &[u8], salt: &[u8]) -> [u8; HASH_BYTES] {
    let mut round = hmac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = round;
    for _ in 1..ITERATIONS {
        round = hmac(password, &[&round]);
        sum.iter_mut()
            .zip(round)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

/// RFC 2104.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac(key: &[u8], message: &[&[u8]]) -> [u8; HASH_BYTES] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    let mac = message.iter().fold(mac, |mac, part| mac.chain_update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    #[test]
    fn hmac_agrees_with_the_test_vector_of_rfc_4231() {
        assert_eq!(
            HEXLOWER.encode(&hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
