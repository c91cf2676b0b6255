//! Certificates for the managers' API: made for one lab, in memory, and never used for another.

use std::net::IpAddr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use crate::substrate::Trouble;

/// How long they are good for: as long as Swarm's own certificates of its nodes (swarmkit,
/// `ca/certificates.go`, `DefaultNodeCertExpiration`), so that a saved swarm needs new ones no
/// sooner.
const GOOD_FOR: Duration = Duration::days(90);

/// A guest's clock may be behind ours.
const BEFORE: Duration = Duration::days(1);

/// A certificate with its key, both as PEM.
pub(in crate::substrate) struct Pair {
    pub(in crate::substrate) certificate: String,
    pub(in crate::substrate) key: String,
}

/// An authority with one server certificate and one client certificate. The authority's own key is
/// gone once they are made. They are pushed into the guests and kept nowhere else.
pub(in crate::substrate) struct Certificates {
    pub(in crate::substrate) authority: String,
    pub(in crate::substrate) server: Pair,
    pub(in crate::substrate) client: Pair,
}

impl Certificates {
    /// Makes them; the server's is good for these addresses only.
    pub(in crate::substrate) fn make(addresses: &[&str]) -> Result<Self, Trouble> {
        make(addresses).map_err(|why| Trouble(format!("cannot make certificates: {why}")))
    }
}

fn make(addresses: &[&str]) -> Result<Certificates, String> {
    let said = |error: rcgen::Error| error.to_string();
    let mut params = params("seatrial lab authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().map_err(said)?;
    let authority = CertifiedIssuer::self_signed(params, key).map_err(said)?;
    let addresses: Result<Vec<IpAddr>, String> = addresses
        .iter()
        .map(|address| {
            address
                .parse()
                .map_err(|_| format!("`{address}` is no address"))
        })
        .collect();
    let pair = |name: &str, usage, addresses: Vec<IpAddr>| {
        let mut params = self::params(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.subject_alt_names = addresses.into_iter().map(SanType::IpAddress).collect();
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        Ok(Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    };
    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
    Ok(Certificates {
        server: pair("managers' API", ServerAuth, addresses?).map_err(said)?,
        client: pair("operator", ClientAuth, Vec::new()).map_err(said)?,
        authority: authority.pem(),
    })
}

/// What all of them have in common.
fn params(name: &str) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - BEFORE, now + GOOD_FOR);
    params
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

    use super::*;

    const MANAGER: &str = "192.168.150.3";
    const VIRTUAL: &str = "192.168.150.27";

    fn certificates() -> Certificates {
        Certificates::make(&[MANAGER, VIRTUAL]).expect("certificates")
    }

    fn roots(authority: &str) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let der = CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM");
        roots.add(der).expect("an authority");
        Arc::new(roots)
    }

    fn chain(pair: &Pair) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let der = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
        (vec![der], key)
    }

    /// A server that lets in only clients of its authority, as `dockerd --tlsverify` does.
    fn server(own: &Certificates) -> ServerConnection {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = roots(&own.authority);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .expect("a verifier");
        let (chain, key) = chain(&own.server);
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .expect("a certificate and its key");
        ServerConnection::new(Arc::new(config)).expect("a server")
    }

    /// A client that trusts one authority, asks at an address, and may show a certificate.
    fn client(trusts: &Certificates, shows: Option<&Pair>, address: &str) -> ClientConnection {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots(&trusts.authority));
        let config = match shows.map(chain) {
            Some((chain, key)) => config.with_client_auth_cert(chain, key).expect("a pair"),
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from(address.to_owned()).expect("an address");
        ClientConnection::new(Arc::new(config), name).expect("a client")
    }

    /// Shakes hands in memory; the first error of either side.
    fn shake(mut client: ClientConnection, mut server: ServerConnection) -> Result<(), String> {
        for _ in 0..10 {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).expect("memory");
            }
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                server.read_tls(&mut wire).expect("memory");
                server
                    .process_new_packets()
                    .map_err(|error| format!("server: {error}"))?;
            }
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).expect("memory");
            }
            let mut wire = wire.as_slice();
            while !wire.is_empty() {
                client.read_tls(&mut wire).expect("memory");
                client
                    .process_new_packets()
                    .map_err(|error| format!("client: {error}"))?;
            }
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        Ok(())
    }

    #[test]
    fn a_client_of_the_lab_is_let_in_at_a_manager_and_at_the_virtual_address() {
        let lab = certificates();
        for address in [MANAGER, VIRTUAL] {
            let client = client(&lab, Some(&lab.client), address);
            assert_eq!(shake(client, server(&lab)), Ok(()), "{address}");
        }
    }

    #[test]
    fn nobody_else_is() {
        let (lab, other) = (certificates(), certificates());
        let refused = |client| shake(client, server(&lab)).expect_err("let in");
        let nothing_shown = refused(client(&lab, None, MANAGER));
        assert!(nothing_shown.starts_with("server: "), "{nothing_shown}");
        let strange = refused(client(&lab, Some(&other.client), MANAGER));
        assert!(strange.starts_with("server: "), "{strange}");
        let no_client = refused(client(&lab, Some(&lab.server), MANAGER));
        assert!(no_client.starts_with("server: "), "{no_client}");
        let no_such_server = refused(client(&lab, Some(&lab.client), "192.168.150.99"));
        assert!(no_such_server.starts_with("client: "), "{no_such_server}");
        let other_lab = refused(client(&other, Some(&other.client), MANAGER));
        assert!(other_lab.starts_with("client: "), "{other_lab}");
    }

    #[test]
    fn two_labs_share_nothing() {
        let (one, other) = (certificates(), certificates());
        assert_ne!(one.authority, other.authority);
        assert_ne!(one.client.key, other.client.key);
        assert!(Certificates::make(&["server-3"]).is_err());
    }
}
