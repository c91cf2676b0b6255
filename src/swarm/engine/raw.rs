//! Specifications in the engine's own words, read, edited and written back.
//!
//! A client's types know only some of a specification, and the engine takes what is missing for
//! what is not wanted: `bollard` looks for `HealthCheck` where the engine says `Healthcheck`, so
//! through its types a mere change of scale would take a service's check away, and Swarm would
//! replace every task.

use bollard::errors::Error;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use serde_json::Value;

use super::{Engine, Way};
use crate::journal::ApiError;

/// What carries them.
pub(super) type Raw = Client<Way, Full<Bytes>>;

impl Engine {
    /// Asks for something: the answer as it came.
    pub(super) async fn read(&self, what: &str, path: &str) -> Result<Value, ApiError> {
        let body = self.exchange(what, Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&body).map_err(|error| self.odd(what, &error.to_string()))
    }

    /// Hands something in, whatever is said of it.
    pub(super) async fn write(&self, what: &str, path: &str, text: &Value) -> Result<(), ApiError> {
        let text = Bytes::from(text.to_string());
        let done = self.exchange(what, Method::POST, path, text);
        done.await.map(drop)
    }

    /// The version that a change of this must name, so that it replaces nobody else's.
    pub(super) fn index(&self, what: &str, thing: &Value) -> Result<u64, ApiError> {
        let index = thing["Version"]["Index"].as_u64();
        index.ok_or_else(|| self.odd(what, "it has no `Version.Index`"))
    }

    /// The specification in an answer.
    pub(super) fn spec(&self, what: &str, thing: &Value) -> Result<Value, ApiError> {
        let spec = thing.get("Spec").filter(|spec| spec.is_object());
        let spec = spec.cloned();
        spec.ok_or_else(|| self.odd(what, "it has no `Spec`"))
    }

    /// All that this engine knows of the overlay networks that it takes part in, and of their
    /// peers: what `docker network inspect --verbose` prints.
    ///
    /// # Errors
    /// When the engine gives no usable answer.
    pub async fn overlay_networks(&self) -> Result<String, ApiError> {
        let what = "networks";
        let listed = self.read(what, "/networks").await?;
        let listed = listed.as_array();
        let listed = listed.ok_or_else(|| self.odd(what, "it is no list"))?;
        let mut networks = Vec::new();
        for network in listed.iter().filter(|one| one["Driver"] == "overlay") {
            let id = network["Id"].as_str();
            let id = id.ok_or_else(|| self.odd(what, "one has no `Id`"))?;
            let path = format!("/networks/{id}?verbose=true");
            networks.push(self.read(what, &path).await?);
        }
        Ok(format!("{:#}\n", Value::Array(networks)))
    }

    async fn exchange(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Content-Type", "application/json")
            .body(Full::new(body))
            .map_err(|error| self.odd(what, &error.to_string()))?;
        let exchanged = async {
            let response = self.raw.request(request).await?;
            let status_code = response.status().as_u16();
            let body = response.into_body().collect().await?.to_bytes();
            if status_code < 400 {
                return Ok(body);
            }
            let said: Option<Value> = serde_json::from_slice(&body).ok();
            let message = said.and_then(|said| Some(said["message"].as_str()?.to_owned()));
            Err(Error::DockerResponseServerError {
                status_code,
                message: message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned()),
            })
        };
        self.call(what, exchanged).await
    }
}
