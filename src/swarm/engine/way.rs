//! Ways to an engine: a TCP port, with or without TLS, or a Unix socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

/// How an engine is reached. Clones lead to the same one.
#[derive(Clone, Debug)]
pub enum Way {
    /// A TCP port where the engine listens without TLS.
    Tcp(SocketAddr),
    /// A Unix socket, its own or one that is forwarded.
    Unix(PathBuf),
    /// A TCP port where it wants TLS and a client's certificate.
    Tls(SocketAddr, Tls),
}

/// Who we are to an engine, and whom we take it for.
#[derive(Clone, Debug)]
pub struct Tls {
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Reads `ca.pem`, `cert.pem` and `key.pem` of a folder, as `DOCKER_CERT_PATH` names one. The
    /// engine's certificate must be for this name or address.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let at = |file: &str| folder.join(file);
        let about = |file: &str, why: &dyn std::fmt::Display| {
            format!("cannot use `{}`: {why}", at(file).display())
        };
        let certificates = |file: &str| {
            let read = CertificateDer::pem_file_iter(at(file)).and_then(Iterator::collect);
            let read: Vec<CertificateDer<'static>> = read.map_err(|why| about(file, &why))?;
            match read.is_empty() {
                true => Err(about(file, &"it holds no certificate")),
                false => Ok(read),
            }
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates("ca.pem")? {
            let added = roots.add(certificate);
            added.map_err(|why| about("ca.pem", &why))?;
        }
        let key = PrivateKeyDer::from_pem_file(at("key.pem"));
        let key = key.map_err(|why| about("key.pem", &why))?;
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|why| why.to_string())?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates("cert.pem")?, key)
            .map_err(|why| about("cert.pem", &why))?;
        let name = ServerName::try_from(name.to_owned());
        let name = name.map_err(|why| format!("no certificate can be for it: {why}"))?;
        Ok(Self {
            name,
            config: Arc::new(config),
        })
    }
}

impl Way {
    /// The way for people: `tcp://127.0.0.1:2375`.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Tcp(at) => at.to_string(),
            Self::Unix(socket) => socket.display().to_string(),
            Self::Tls(at, tls) => format!("{} ({at}, with TLS)", tls.name.to_str()),
        }
    }

    /// The beginning of a request's address, which a socket has none of.
    pub(super) fn base(&self) -> String {
        match self {
            Self::Tcp(at) => format!("http://{at}"),
            Self::Unix(_) | Self::Tls(..) => "http://engine".to_owned(),
        }
    }

    async fn open(self) -> io::Result<Stream> {
        Ok(Stream(match self {
            Self::Tcp(at) => Box::new(TcpStream::connect(at).await?),
            Self::Unix(socket) => Box::new(UnixStream::connect(socket).await?),
            Self::Tls(at, tls) => {
                let open = TcpStream::connect(at).await?;
                let connector = TlsConnector::from(tls.config);
                Box::new(connector.connect(tls.name, open).await?)
            }
        }))
    }
}

impl tower_service::Service<Uri> for Way {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let way = self.clone();
        Box::pin(async move { way.open().await.map(TokioIo::new) })
    }
}

/// What carries bytes both ways.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// One connection.
pub struct Stream(Box<dyn Duplex>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
